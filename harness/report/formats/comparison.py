"""Two campaigns side by side: a sentence, a table, a page, and JSON for other programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from harness.model import CampaignResult, CellResult, Change, Difference
from harness.report.formats.files import plain_markdown
from harness.report.html.page import environment_of_templates, policy, source
from harness.report.view import cell_text, text
from harness.report.view.checks import signed

FORMAT = 1
SYMBOLS = {
    Change.MORE: "▲",
    Change.LESS: "▼",
    Change.SAME: "=",
    Change.UNKNOWN: "?",
    Change.ADDED: "+",
    Change.REMOVED: "−",
}
MEANINGS = {
    Change.MORE: "sustains more",
    Change.LESS: "sustains less",
    Change.SAME: "no difference shown",
    Change.UNKNOWN: "not known",
    Change.ADDED: "only in the second",
    Change.REMOVED: "only in the first",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One size, in words."""

    size: str
    base: str
    head: str
    symbol: str
    change: str
    ratio: str
    factor: str
    kind: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a reader sees. `doubts` are why the two should not be compared, where somebody did anyway."""

    base: str
    head: str
    target: str
    sentence: str
    changed: tuple[str, ...]
    doubts: tuple[str, ...]
    rows: tuple[Row, ...]
    has_regression: bool


def comparison(
    base: CampaignResult,
    head: CampaignResult,
    differences: Sequence[Difference],
    changed: Sequence[str],
    doubts: Sequence[str],
) -> Comparison:
    return Comparison(
        base=text.inert(base.campaign),
        head=text.inert(head.campaign),
        target=text.inert(head.target),
        sentence=_sentence(differences),
        changed=tuple(text.inert(each) for each in changed),
        doubts=tuple(text.inert(each) for each in doubts),
        rows=tuple(_row(each) for each in differences),
        has_regression=any(each.change is Change.LESS for each in differences),
    )


def _sentence(differences: Sequence[Difference]) -> str:
    """What got worse first, then what got better; and when nothing can be told apart."""
    common = [each for each in differences if each.change not in (Change.ADDED, Change.REMOVED)]
    parts = [
        f"{len(found)} of {len(common)} sizes {_verb(change, len(found))}: {_listed(found)}"
        for change in (Change.LESS, Change.MORE)
        if (found := [each for each in common if each.change is change])
    ]
    unknown = sum(each.change is Change.UNKNOWN for each in common)
    if not parts:
        same = len(common) - unknown
        parts = [f"no difference shown at {same} of {len(common)} sizes"]
    if unknown:
        parts.append(f"{unknown} without an answer in one of the two")
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _verb(change: Change, count: int) -> str:
    verb = "sustain" if count != 1 else "sustains"
    return f"{verb} {'less' if change is Change.LESS else 'more'}"


def _listed(found: Sequence[Difference]) -> str:
    shown = [f"{text.size(each.limits)} {_brackets(each.base)} → {_brackets(each.head)}" for each in found]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(shown[:3]) + more


def _row(each: Difference) -> Row:
    return Row(
        size=text.size(each.limits),
        base=_brackets(each.base),
        head=_brackets(each.head),
        symbol=SYMBOLS[each.change],
        change=MEANINGS[each.change],
        ratio=text.NO_DATA if text.known(each.ratio) is None else signed((each.ratio or 0) - 1),
        factor=_factors(each),
        kind=each.change.value,
    )


def _brackets(results: Sequence[CellResult]) -> str:
    return "; ".join(cell_text.bracket(result) for result in results) or text.NO_DATA


def _factors(each: Difference) -> str:
    """What stops it, before and after where that changed."""
    before, after = (
        ", ".join(dict.fromkeys(cell_text.factor(result) for result in results if result.limiting_factor))
        for results in (each.base, each.head)
    )
    if before == after or not each.base or not each.head:
        return after or before or text.NO_DATA
    return f"{before or 'nothing'} → {after or 'nothing'}"


def comparison_table(shown: Comparison) -> str:
    rows = [
        (row.size, row.base, row.head, f"{row.symbol} {row.change}", row.ratio, row.factor)
        for row in shown.rows
    ]
    headings = ("size", "before", "after", "", "change", "limited by")
    return tabulate(
        rows, headings, tablefmt="simple", disable_numparse=True, colalign=("left",) + ("right",) * 2
    )


def draw_comparison(shown: Comparison, differences: Sequence[Difference]) -> dict[str, str]:
    """Every file of a comparison, by its name."""
    page = environment_of_templates().get_template("comparison.html.j2")
    return {
        "comparison.html": page.render(view=shown, style=source("style.css"), policy=policy()),
        "comparison.md": comparison_markdown(shown),
        "comparison.json": json.dumps(_json(shown, differences), indent=2, ensure_ascii=False) + "\n",
    }


def comparison_markdown(shown: Comparison) -> str:
    """For a pull request: the sentence, what stands against it, and the table."""
    rows = [
        (row.size, row.base, row.head, f"{row.symbol} {row.change}", row.ratio, row.factor)
        for row in shown.rows
    ]
    lines = [
        f"### {plain_markdown(shown.target)}: {plain_markdown(shown.base)} → {plain_markdown(shown.head)}",
        "",
        f"**{plain_markdown(shown.sentence)}**",
        "",
        *(line for doubt in shown.doubts for line in (f"> Beware: {plain_markdown(doubt)}", "")),
        "| size | before | after | difference | change | limited by |",
        "|:--|--:|--:|:--|--:|:--|",
        *("| " + " | ".join(plain_markdown(text) for text in row) + " |" for row in rows),
        "",
        f"Changed between the two: {plain_markdown('; '.join(shown.changed)) or 'nothing that is known of'}.",
        "",
    ]
    return "\n".join(lines)


def _json(shown: Comparison, differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "base": shown.base,
        "head": shown.head,
        "regression": shown.has_regression,
        "changed": list(shown.changed),
        "doubts": list(shown.doubts),
        "sizes": [
            {
                "cpu_cores": each.limits.cpu_cores,
                "memory_bytes": each.limits.memory_bytes,
                "replicas": each.limits.replicas,
                "change": each.change.value,
                "ratio": text.known(each.ratio),
                "base": [_ends(result) for result in each.base],
                "head": [_ends(result) for result in each.head],
            }
            for each in differences
        ],
    }


def _ends(result: CellResult) -> dict[str, Any]:
    return {
        "id": text.inert(result.cell.id),
        "status": result.status.value,
        "sustained_users": result.sustained_users,
        "broken_users": result.broken_users,
    }
