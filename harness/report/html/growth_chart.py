"""Compute the picture of what the size to take costs, for each number of users."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.html.cost_chart import BOTTOM, LEFT, RIGHT, TOP
from harness.report.html.scales import Scale, Tick, build_linear_scale
from harness.report.view.growth import GrowthStep, GrowthView


@dataclass(frozen=True, slots=True)
class GrowthChart:
    """The cost over the users: a path for each kind of ground, and thin ones where one step becomes the next.

    `beyond_x` is where the measurements end. `scale` are the ends of the users' scale, for the script: the
    places of no users and of the most.
    """

    paths: tuple[tuple[str, str], ...]
    risers: str
    beyond_x: float
    now_x: float
    user_ticks: tuple[Tick, ...]
    cost_ticks: tuple[Tick, ...]
    month_ticks: tuple[Tick, ...]
    unit: str
    scale: tuple[float, float]


def build_growth_chart(view: GrowthView | None, currency: str) -> GrowthChart | None:
    """Return the picture; None without steps, or while none of them has a cost."""
    if view is None or not view.steps:
        return None
    x = build_linear_scale(view.most_users, LEFT, RIGHT, about_ticks=6)
    y = build_linear_scale(max(step.cost for step in view.steps) * 1.05, BOTTOM, TOP)
    grounds = dict.fromkeys(step.ground for step in view.steps)
    return GrowthChart(
        paths=tuple(
            (ground, _draw_steps([step for step in view.steps if step.ground == ground], x, y))
            for ground in grounds
        ),
        risers=_draw_risers(view.steps, x, y),
        beyond_x=x(view.measured_users),
        now_x=x(view.users),
        user_ticks=x.place_ticks(),
        cost_ticks=y.place_ticks(),
        month_ticks=tuple(Tick(x(users), label) for users, label in view.month_marks),
        unit=f"{currency} an hour".strip() if view.cost_heading == "Price an hour" else "relative cost",
        scale=(LEFT, RIGHT),
    )


def _draw_steps(steps: Sequence[GrowthStep], x: Scale, y: Scale) -> str:
    return "".join(f"M{x(step.from_users):g} {y(step.cost):g}H{x(step.until_users):g}" for step in steps)


def _draw_risers(steps: Sequence[GrowthStep], x: Scale, y: Scale) -> str:
    return "".join(
        f"M{x(later.from_users):g} {y(step.cost):g}V{y(later.cost):g}"
        for step, later in itertools.pairwise(steps)
        if later.from_users == step.until_users
    )
