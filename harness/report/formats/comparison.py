"""Compare two campaigns for readers: a sentence, a table, a page, Markdown, and JSON for other programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from harness.model import CampaignResult, CellResult, Change, Difference, Doubt
from harness.report.formats.markdown import escape_markdown
from harness.report.html.comparison_charts import build_comparison_charts
from harness.report.html.page import build_security_policy, load_templates, read_asset
from harness.report.view import cell_text, text
from harness.report.view.checks import describe_drift
from harness.report.view.curves import list_rt_limits
from harness.report.view.explanations import explain_doubt, name_part
from harness.report.view.speed import explain_speed
from harness.report.view.variant_text import describe_changed_variants

_FORMAT = 1
_SYMBOLS = {
    Change.MORE: "▲",
    Change.LESS: "▼",
    Change.SAME: "=",
    Change.UNKNOWN: "?",
    Change.ADDED: "+",
    Change.REMOVED: "−",
}
_MEANINGS = {
    Change.MORE: "sustains more",
    Change.LESS: "sustains less",
    Change.SAME: "no difference shown",
    Change.UNKNOWN: "inconclusive",
    Change.ADDED: "only in the second",
    Change.REMOVED: "only in the first",
}


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A size with its answers in both campaigns, in words; `change_kind` is a value of `Change`.

    `change` is as measured, `at_one_speed` at one speed of the host, and `counts_from` the smallest change
    that counts.
    """

    size: str
    base: str
    head: str
    symbol: str
    difference: str
    change: str
    at_one_speed: str
    counts_from: str
    factor: str
    change_kind: str


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """A comparison as people read it.

    `remarks` say what the host's speed did, `doubts` why the two campaigns are not comparable. `rt_limits`
    are the SLOs on the response time of all requests that both were judged by, each with its seconds.
    """

    base: str
    head: str
    target: str
    sentence: str
    changed: tuple[str, ...]
    remarks: tuple[str, ...]
    doubts: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]
    has_regression: bool
    rt_limits: tuple[tuple[str, float], ...] = ()


def build_comparison(
    base: CampaignResult,
    head: CampaignResult,
    differences: Sequence[Difference],
    changed_parts: Sequence[str],
    doubts: Sequence[Doubt],
) -> ComparisonView:
    """Put into words how two campaigns differ, and why they may not be comparable."""
    return ComparisonView(
        base=text.clean_text(base.campaign),
        head=text.clean_text(head.campaign),
        target=text.clean_text(head.target),
        sentence=_summarise(differences),
        changed=(
            *(text.clean_text(name_part(each)) for each in changed_parts),
            *describe_changed_variants(differences),
        ),
        remarks=(*explain_speed(differences), *_describe_drifts(base, head)),
        doubts=tuple(text.clean_text(explain_doubt(each)) for each in doubts),
        rows=tuple(_build_row(each) for each in differences),
        has_regression=any(each.change is Change.LESS for each in differences),
        rt_limits=list_rt_limits(slo for slo in head.slos if slo in base.slos),
    )


def _summarise(differences: Sequence[Difference]) -> str:
    """Return which sizes sustain less or more, or that none does, and how many have no answer."""
    common = [each for each in differences if each.change not in (Change.ADDED, Change.REMOVED)]
    parts = [
        f"{len(changed)} of {len(common)} sizes {_choose_verb(change, len(changed))}: {_list_sizes(changed)}"
        for change in (Change.LESS, Change.MORE)
        if (changed := [each for each in common if each.change is change])
    ]
    unknown = sum(each.change is Change.UNKNOWN for each in common)
    if not common:
        return "No size is in both campaigns."
    if not parts:
        same = len(common) - unknown
        parts = [f"no difference shown at {same} of {len(common)} sizes"]
    if unknown:
        parts.append(
            f"{unknown} without an answer, with too few users asked for, or broken on a slower host, in one "
            "of the two"
        )
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _choose_verb(change: Change, count: int) -> str:
    verb = "sustain" if count != 1 else "sustains"
    return f"{verb} {'less' if change is Change.LESS else 'more'}"


def _list_sizes(differences: Sequence[Difference]) -> str:
    return text.list_first(
        [
            f"{text.format_size(each.limits)} {_format_brackets(each.base)} → {_format_brackets(each.head)}"
            for each in differences
        ]
    )


def _describe_drifts(base: CampaignResult, head: CampaignResult) -> Iterator[str]:
    """Yield a sentence for each of the two campaigns whose drift check is marked."""
    for result in (base, head):
        if result.drift is not None and result.drift.is_marked:
            yield f"{text.clean_text(result.campaign)}: {describe_drift(result.drift)}"


def _build_row(difference: Difference) -> ComparisonRow:
    return ComparisonRow(
        size=text.format_size(difference.limits),
        base=_format_brackets(difference.base),
        head=_format_brackets(difference.head),
        symbol=_SYMBOLS[difference.change],
        difference=_MEANINGS[difference.change],
        change=_format_change(difference.ratio),
        at_one_speed=_format_change(difference.reference_ratio),
        counts_from=text.format_ratio(difference.counts_from_ratio, 0),
        factor=_describe_factors(difference),
        change_kind=difference.change.value,
    )


def _format_change(ratio: float | None) -> str:
    known = text.keep_finite(ratio)
    return text.NO_DATA if known is None else text.format_change(known - 1)


def _list_columns(row: ComparisonRow) -> tuple[str, ...]:
    difference = f"{row.symbol} {row.difference}"
    return row.size, row.base, row.head, difference, row.change, row.at_one_speed, row.counts_from, row.factor


def _format_brackets(results: Sequence[CellResult]) -> str:
    return "; ".join(cell_text.format_bracket(result) for result in results) or text.NO_DATA


def _describe_factors(difference: Difference) -> str:
    """Return the limiting factors of the repetitions, or `before → after` if they changed."""
    before, after = (
        ", ".join(
            dict.fromkeys(cell_text.name_factor(result) for result in results if result.limiting_factor)
        )
        for results in (difference.base, difference.head)
    )
    if before == after or not difference.base or not difference.head:
        return after or before or text.NO_DATA
    return f"{before or 'nothing'} → {after or 'nothing'}"


def render_comparison_table(view: ComparisonView) -> str:
    """Return the table for a terminal."""
    rows = [_list_columns(row) for row in view.rows]
    headings = ("size", "before", "after", "", "change", "at one speed", "counts from", "limited by")
    alignment = ("left", "right", "right", "left", "right", "right", "right", "left")
    return tabulate(rows, headings, tablefmt="simple", disable_numparse=True, colalign=alignment)


def render_comparison(view: ComparisonView, differences: Sequence[Difference]) -> dict[str, str]:
    """Return every file of a comparison, by its name."""
    page = load_templates().get_template("comparison.html.j2")
    return {
        "comparison.html": page.render(
            view=view,
            charts=build_comparison_charts(differences, view.rt_limits),
            style=read_asset("style.css"),
            policy=build_security_policy(),
        ),
        "comparison.md": _render_markdown(view),
        "comparison.json": json.dumps(_build_json(view, differences), indent=2, ensure_ascii=False) + "\n",
    }


def _render_markdown(view: ComparisonView) -> str:
    """Return the sentence, the doubts, and the table, for a pull request."""
    heading = (
        f"### {escape_markdown(view.target)}: {escape_markdown(view.base)} → {escape_markdown(view.head)}"
    )
    return "\n".join([heading, "", f"**{escape_markdown(view.sentence)}**", "", *list_markdown_lines(view)])


def list_markdown_lines(view: ComparisonView) -> list[str]:
    """Return the lines of a comparison in Markdown, without its heading and its sentence."""
    rows = [_list_columns(row) for row in view.rows]
    changed = escape_markdown("; ".join(view.changed))
    return [
        *(line for doubt in view.doubts for line in (f"> Warning: {escape_markdown(doubt)}", "")),
        "| size | before | after | difference | change | at one speed | counts from | limited by |",
        "|:--|--:|--:|:--|--:|--:|--:|:--|",
        *("| " + " | ".join(escape_markdown(column) for column in row) + " |" for row in rows),
        "",
        *(line for remark in view.remarks for line in (escape_markdown(remark), "")),
        f"Changed between the two: {changed or 'nothing that was recorded'}.",
        "",
    ]


def _build_json(view: ComparisonView, differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "base": view.base,
        "head": view.head,
        "regression": view.has_regression,
        "changed": list(view.changed),
        "doubts": list(view.doubts),
        "sizes": [
            {
                "cpu_cores": each.limits.cpu_cores,
                "memory_bytes": each.limits.memory_bytes,
                "replicas": each.limits.replicas,
                "variant": text.clean_text(each.limits.variant) if each.limits.variant is not None else None,
                "change": each.change.value,
                "ratio": text.keep_finite(each.ratio),
                "reference_ratio": text.keep_finite(each.reference_ratio),
                "slowdown_ratio": text.keep_finite(each.slowdown_ratio),
                "counts_from_ratio": text.keep_finite(each.counts_from_ratio),
                "base": [_build_cell(result) for result in each.base],
                "head": [_build_cell(result) for result in each.head],
            }
            for each in differences
        ],
    }


def _build_cell(result: CellResult) -> dict[str, Any]:
    return {
        "id": text.clean_text(result.cell.id),
        "status": result.status.value,
        "sustained_users": result.sustained_users,
        "broken_users": result.broken_users,
    }
