"""Compute the chart of the users that sizes sustain against their price.

A size is on the front if no size of the same or a lower price sustains as many users.
"""

from dataclasses import dataclass

from harness.model import Cost
from harness.report.html.scales import Tick, build_linear_scale
from harness.report.view import text
from harness.report.view.view import View

WIDTH, HEIGHT = 480.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 466.0, 14.0, 214.0


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A size that sustains some users; `is_open`: it may sustain more."""

    x: float
    y: float
    label: str
    description: str
    cell_id: str
    is_open: bool
    is_on_front: bool


@dataclass(frozen=True, slots=True)
class CostChart:
    """Users over the price per hour.

    `front` is a path along the sizes on the front, the cheapest first. `users_limit_y` is the place of the
    campaign's users.
    """

    points: tuple[CostPoint, ...]
    front: str
    users_limit_y: float
    price_ticks: tuple[Tick, ...]
    user_ticks: tuple[Tick, ...]
    price_unit: str


def build_cost_chart(view: View) -> CostChart | None:
    """Return the chart; None without prices, or while no size with a price sustains any users."""
    costs = [cost for cost in view.costs if cost.users]
    if not costs:
        return None
    x = build_linear_scale(max(cost.hour for cost in costs) * 1.08, LEFT, RIGHT)
    y = build_linear_scale(max([view.users_limit, *(cost.users or 0 for cost in costs)]) * 1.05, BOTTOM, TOP)
    cells = {cell.result.cell.limits: cell.id for cell in reversed(view.cells)}
    points = tuple(
        CostPoint(
            x(cost.hour),
            y(cost.users or 0),
            text.format_size(cost.limits),
            _describe_point(cost, view.currency),
            cells[cost.limits],
            cost.is_at_most,
            cost.is_on_front,
        )
        for cost in costs
    )
    front = [point for point in points if point.is_on_front]
    path = "M" + "".join(f"{p.x:g} {p.y:g}" if not i else f"H{p.x:g}V{p.y:g}" for i, p in enumerate(front))
    unit = f"{view.currency} an hour".strip()
    return CostChart(points, path, y(view.users_limit), x.place_ticks(), y.place_ticks(), unit)


def _describe_point(cost: Cost, currency: str) -> str:
    size, price = text.format_size(cost.limits), text.format_money(cost.hour, currency)
    at_least = "at least " if cost.is_at_most else ""
    front = ", on the front" if cost.is_on_front else ""
    return f"{size}: {price} an hour, {at_least}{text.format_users(cost.users)}{front}"
