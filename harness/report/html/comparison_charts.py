"""Compute the charts of a comparison: the curves of each size before and after, over each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CellResult, Difference, Limits
from harness.report.html.curve_paths import (
    PANEL,
    Axes,
    Line,
    Scales,
    build_axes,
    build_scales,
    draw_path,
    find_light_rate,
    join_points,
    list_p95s,
    list_points,
    read_p95,
    read_rps,
)
from harness.report.view import text
from harness.report.view.curves import describe_shape


@dataclass(frozen=True, slots=True)
class ComparisonChart:
    """A size that both campaigns measured, with the words for its curve before and after.

    `description` reads both to those who don't see the chart.
    """

    size: str
    lines: tuple[Line, ...]
    before: str
    after: str
    description: str


@dataclass(frozen=True, slots=True)
class ComparisonCharts:
    """All sizes that both campaigns measured, on the same scales."""

    sizes: tuple[ComparisonChart, ...]
    axes: Axes


def build_comparison_charts(
    differences: Sequence[Difference], rt_limits: Sequence[tuple[str, float]] = ()
) -> ComparisonCharts:
    """Draw the curves of every size that has some before and after; of repetitions the first.

    `rt_limits` are the SLOs on the response time that both campaigns were judged by.
    """
    pairs = [(each, _find_curve(each.base), _find_curve(each.head)) for each in differences]
    known = [(each, base, head) for each, base, head in pairs if base is not None and head is not None]
    results = [result for _, base, head in known for result in (base, head)]
    most_users = max((step.users for result in results for step in result.steps), default=1)
    seconds = [*(at_s for _, at_s in rt_limits), *list_p95s(results)]
    scales = build_scales(PANEL, results, most_users, seconds)
    sizes = tuple(_build_chart(each.limits, base, head, scales) for each, base, head in known)
    return ComparisonCharts(sizes, build_axes(scales, rt_limits, find_light_rate(results)))


def _build_chart(limits: Limits, base: CellResult, head: CellResult, scales: Scales) -> ComparisonChart:
    size, before, after = text.format_size(limits), describe_shape(base), describe_shape(head)
    return ComparisonChart(
        size,
        (*_draw_size("before", base, scales), *_draw_size("after", head, scales)),
        before,
        after,
        f"p95, RPS and CPU against users of {size}. Before: {before or 'unknown'}. "
        f"After: {after or 'unknown'}.",
    )


def _find_curve(results: Sequence[CellResult]) -> CellResult | None:
    return next((result for result in results if list_points(result)), None)


def _draw_size(kind: str, result: CellResult, scales: Scales) -> tuple[Line, ...]:
    points, cores = join_points(list_points(result)), result.cell.limits.total_cores
    return (
        Line(kind, draw_path(points, read_p95, scales.users, scales.rt)),
        Line(kind, draw_path(points, read_rps, scales.users, scales.rps)),
        Line(
            kind,
            draw_path(
                points,
                lambda point: None if point.cpu_cores is None else point.cpu_cores / cores,
                scales.users,
                scales.shares,
            ),
        ),
    )
