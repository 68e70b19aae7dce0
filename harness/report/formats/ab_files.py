"""Write a comparison of two versions: a text for the terminal, a page, Markdown, and JSON for programs."""

import json
from collections.abc import Iterator
from typing import Any

from tabulate import tabulate

from harness.model.ab import AbRecord, Estimate
from harness.report.formats.markdown import escape_markdown
from harness.report.html.ab_page import render_ab_page
from harness.report.view.ab import AbRow, AbView, build_ab_view
from harness.report.view.text import clean_text, keep_finite

_FORMAT = 1
_HEADINGS = ("", "base", "head", "change", "interval", "")


def render_ab_text(view: AbView) -> str:
    """Return the answer for a terminal."""
    parts = [view.sentence]
    if view.rows:
        rows = [_list_columns(row) for row in view.rows]
        alignment = ("left", "right", "right", "right", "left", "left")
        table = tabulate(rows, _HEADINGS, tablefmt="simple", disable_numparse=True, colalign=alignment)
        parts.insert(0, "\n".join(line.rstrip() for line in table.splitlines()))
    return "\n\n".join([*parts, *(["\n".join(view.remarks)] if view.remarks else [])])


def render_ab(record: AbRecord) -> dict[str, str]:
    """Return every file of a comparison, by its name in the campaign's folder."""
    answer = record.answer
    view = build_ab_view(answer)
    document = json.dumps(_build_json(record, view), indent=2, ensure_ascii=False, allow_nan=False)
    return {
        "ab.json": document + "\n",
        "ab.md": "\n".join(_list_markdown_lines(view)),
        "ab.html": render_ab_page(record),
    }


def _list_columns(row: AbRow) -> tuple[str, ...]:
    return row.name, row.base, row.head, row.change, row.interval, row.meaning


def _list_markdown_lines(view: AbView) -> Iterator[str]:
    yield f"### {escape_markdown(view.title)}"
    yield ""
    yield f"**{escape_markdown(view.sentence)}**"
    yield ""
    yield from list_ab_table(view)


def list_ab_table(view: AbView) -> Iterator[str]:
    """Yield the table of measures and the remarks in Markdown, line by line."""
    if view.rows:
        yield "| | base | head | change | interval | |"
        yield "|:--|--:|--:|--:|:--|:--|"
        for row in view.rows:
            yield "| " + " | ".join(escape_markdown(column) for column in _list_columns(row)) + " |"
        yield ""
    for remark in view.remarks:
        yield escape_markdown(remark)
        yield ""


def _build_json(record: AbRecord, view: AbView) -> dict[str, Any]:
    answer, test = record.answer, record.answer.test
    return {
        "format": _FORMAT,
        "campaign": clean_text(record.campaign),
        "target": clean_text(record.target),
        "base": clean_text(test.base),
        "head": clean_text(test.head),
        "same_image": test.is_same_image,
        "cpu_cores": test.limits.cpu_cores,
        "memory_bytes": test.limits.memory_bytes,
        "replicas": test.limits.replicas,
        "users": test.users,
        "within_s": test.within_s,
        "least_ratio": test.least_ratio,
        "outcome": answer.outcome.value,
        "worse": answer.is_worse,
        "over": answer.is_over,
        "sentence": view.sentence,
        "pairs": answer.pairs,
        "left_out": answer.left_out,
        "spent_s": answer.spent_s,
        "needed_s": keep_finite(answer.needed_s),
        "pace": None if answer.pace is None else answer.pace.value,
        "measures": [_build_measure(each) for each in answer.estimates],
    }


def _build_measure(estimate: Estimate) -> dict[str, Any]:
    return {
        "measure": estimate.measure.value,
        "base": keep_finite(estimate.base),
        "head": keep_finite(estimate.head),
        "change": keep_finite(estimate.change),
        "low": keep_finite(estimate.low),
        "high": keep_finite(estimate.high),
        "confidence": estimate.confidence,
        "kind": estimate.kind.value,
    }
