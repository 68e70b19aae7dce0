"""Compute the charts of a comparison: the curves of each size before and after, over each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CellResult, Difference
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
    list_points,
    read_p95,
    read_rps,
)
from harness.report.view import text


@dataclass(frozen=True, slots=True)
class ComparisonChart:
    """A size that both campaigns measured. `description` reads both shapes to those who don't see it."""

    size: str
    lines: tuple[Line, ...]
    description: str


@dataclass(frozen=True, slots=True)
class ComparisonCharts:
    """All sizes that both campaigns measured, on the same scales."""

    sizes: tuple[ComparisonChart, ...]
    axes: Axes


def build_comparison_charts(differences: Sequence[Difference]) -> ComparisonCharts:
    """Draw the curves of every size that has some before and after; of repetitions the first."""
    pairs = [(each, _find_curve(each.base), _find_curve(each.head)) for each in differences]
    known = [(each, base, head) for each, base, head in pairs if base is not None and head is not None]
    results = [result for _, base, head in known for result in (base, head)]
    scales = build_scales(PANEL, results, max((step.users for r in results for step in r.steps), default=1))
    sizes = tuple(
        ComparisonChart(
            text.format_size(each.limits),
            (*_draw_size("before", base, scales), *_draw_size("after", head, scales)),
            f"p95, RPS and CPU against users of {text.format_size(each.limits)}, before and after",
        )
        for each, base, head in known
    )
    return ComparisonCharts(sizes, build_axes(scales, (), find_light_rate(results)))


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
