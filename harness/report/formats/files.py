"""The answer for other programs: CSV for spreadsheets, Markdown for pull requests, JUnit XML for CI."""

import csv
import io
import re
from typing import Any
from xml.etree import ElementTree

from harness.model import CampaignResult, Status
from harness.report.formats.summary_json import summary_json
from harness.report.view import text
from harness.report.view.cells import CellView
from harness.report.view.recommendation import sentence
from harness.report.view.view import View, view

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]|~$]|(?<=www)\.|:(?=//))")
MENTION = re.compile(r"([@#])(?=\w)")
PRICE_COLUMNS = ("price an hour", "per 100 users")
ZERO_WIDTH_SPACE = "\u200b"
COLUMNS = ("size", "users", "RPS", "p95", "CPU used", "throttled", "memory peak")


def csv_text(result: CampaignResult) -> str:
    """The cells of summary.json, a line each; no data is an empty field. No text is taken for a formula."""
    cells: list[dict[str, Any]] = summary_json(result)["cells"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(cells[0] if cells else ("id",))
    writer.writerows([_field(value) for value in cell.values()] for cell in cells)
    return out.getvalue()


def _field(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def markdown(view: View) -> str:
    """The sentence, the table, and what it was measured against; looks right in a pull request."""
    lines = [
        f"### {plain_markdown(view.target)}: which size for {view.users_limit} users?",
        "",
        *([f"_{plain_markdown(view.progress)}_", ""] if view.progress else []),
        f"**{plain_markdown(sentence(view))}**",
        "",
        *(line for warning in view.warnings for line in (f"> Beware: {plain_markdown(warning)}", "")),
        *_table(view),
        "",
        f"SLOs: {plain_markdown(', '.join(view.slos)) or 'none'}. "
        "Users: highest sustained – lowest broken, both measured; ≥ is open upwards. "
        f"Campaign {plain_markdown(view.campaign)}, {plain_markdown(view.started_at)}.",
        "",
    ]
    return "\n".join(lines)


def _table(view: View) -> list[str]:
    """With prices only where there are any."""
    is_priced = any(cell.price for cell in view.cells)
    headings = (*COLUMNS, *(PRICE_COLUMNS if is_priced else ()), "why it stopped")
    return [
        "| " + " | ".join(headings) + " |",
        "|:--|" + "--:|" * (len(headings) - 2) + ":--|",
        *(_row(cell, is_priced=is_priced) for cell in view.cells),
    ]


def _row(cell: CellView, *, is_priced: bool) -> str:
    cpu, memory = (
        amount if amount == text.NO_DATA else f"{amount} ({share})"
        for amount, share in ((cell.cpu_used, cell.cpu_share), (cell.memory_peak, cell.memory_share))
    )
    size = f"**{plain_markdown(cell.size)}**" if cell.is_taken else plain_markdown(cell.size)
    named = f"{size} ({plain_markdown(cell.name)})" if cell.name else size
    prices = (cell.price or text.NO_DATA, cell.price_per_100 or text.NO_DATA) if is_priced else ()
    texts = (cell.bracket, cell.rps, cell.p95, cpu, cell.throttled, memory, *prices, cell.why)
    return "| " + " | ".join((named, *(plain_markdown(text) for text in texts))) + " |"


def plain_markdown(text: str) -> str:
    """Text without any meaning to Markdown or HTML, and no mention of a person or an issue.

    Mentions are found in the rendered text, so that a backslash does not stop them.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    quiet = MENTION.sub(rf"\1{ZERO_WIDTH_SPACE}", escaped)
    return MARKDOWN_SPECIAL.sub(r"\\\1", quiet)


def junit_xml(result: CampaignResult) -> str:
    """A case a size. `failed` and `invalid` sizes are errors, `skipped` and unfinished ones skipped.

    All others pass: a small capacity is an answer and no failure. Requirements are another command's job.
    """
    shown = view(result)
    suite = ElementTree.Element("testsuite", name=f"{shown.target} capacity")
    for cell in shown.cells:
        suite.append(_case(cell, shown.target))
    suite.set("tests", str(len(shown.cells)))
    suite.set("failures", "0")
    for kind, attribute in (("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("time", f"{sum(cell.result.load_s for cell in shown.cells):.3f}")
    if result.started_at:
        suite.set("timestamp", text.inert(result.started_at))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _case(cell: CellView, target: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=target, name=cell.id, time=f"{cell.result.load_s:.3f}")
    said = cell.why or cell.bracket
    match cell.result.status:
        case Status.FAILED | Status.INVALID:
            ElementTree.SubElement(case, "error", message=said, type=cell.status)
        case Status.SKIPPED | Status.RUNNING:
            ElementTree.SubElement(case, "skipped", message=said)
        case _:
            ElementTree.SubElement(case, "system-out").text = f"{cell.size}: {cell.bracket} users. {said}"
    return case
