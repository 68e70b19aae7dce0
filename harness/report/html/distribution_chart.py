"""Compute the chart of a size's response times at its last pass and its first failure, over each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.html.curve_paths import RtLimit, place_rt_limits
from harness.report.html.scales import Tick, build_log_scale
from harness.report.view.cells import CellView, select_decisive_steps
from harness.report.view.steps import StepView
from harness.report.view.text import format_users

WIDTH, HEIGHT = 360.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 340.0, 12.0, 122.0
_LOWEST, _HIGHEST = 10.0, 99.9
_PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Distribution:
    """The response times of one window: a path over the percentages."""

    users: int
    verdict: str
    path: str


@dataclass(frozen=True, slots=True)
class DistributionChart:
    """Response time over the share of requests that it covers, on an axis that widens towards the slowest."""

    distributions: tuple[Distribution, ...]
    percent_ticks: tuple[Tick, ...]
    rt_ticks: tuple[Tick, ...]
    rt_limits: tuple[RtLimit, ...]
    description: str


def build_distribution_chart(
    cell: CellView, rt_limits: Sequence[tuple[str, float]]
) -> DistributionChart | None:
    """Return the chart of a size; None if no decisive window tells its response times."""
    steps = [step for step in select_decisive_steps(cell) if _list_percentiles(step)]
    if not steps:
        return None
    seconds = [value for step in steps for _, value in _list_percentiles(step)]
    y = build_log_scale([*seconds, *(at_s for _, at_s in rt_limits)], BOTTOM, TOP)
    distributions = []
    for step in steps:
        places = [f"{place_percent(percent):g} {y(value):g}" for percent, value in _list_percentiles(step)]
        distributions.append(Distribution(step.users, step.verdict, "M" + "L".join(places)))
    words = " and ".join(f"{format_users(step.users)} ({step.verdict})" for step in steps)
    return DistributionChart(
        tuple(distributions),
        tuple(Tick(place_percent(percent), f"{percent:g} %") for percent in _PERCENTS),
        y.place_ticks(),
        place_rt_limits(rt_limits, y),
        f"Response time of each share of the requests at {words}",
    )


def place_percent(percent: float) -> float:
    """Return the place of a percentage: each tenth of the requests that are still slower is as wide."""
    low, high = (math.log10(100 - end) for end in (_LOWEST, _HIGHEST))
    share = (low - math.log10(100 - percent)) / (low - high)
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _list_percentiles(step: StepView) -> list[tuple[float, float]]:
    curves = step.result.curves
    return [] if curves is None else [pair for pair in curves.percentiles if pair[1] > 0]
