"""What sizes cost against what they sustain, as a chart: the front is where nobody pays too much."""

from dataclasses import dataclass

from harness.model import Cost
from harness.report.html.scales import Tick, linear
from harness.report.view import text
from harness.report.view.view import View

WIDTH, HEIGHT = 480.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 466.0, 14.0, 214.0


@dataclass(frozen=True, slots=True)
class Point:
    """A size that sustains something. `is_open`: it may sustain more."""

    x: float
    y: float
    label: str
    text: str
    cell: str
    is_open: bool
    on_front: bool


@dataclass(frozen=True, slots=True)
class CostChart:
    """Users over money an hour. `front` is a path along the sizes on the front, cheapest first."""

    points: tuple[Point, ...]
    front: str
    needed: float
    hours: tuple[Tick, ...]
    users: tuple[Tick, ...]
    unit: str


def cost_chart(view: View) -> CostChart | None:
    """None without prices, or while no size with a price sustains anything."""
    costs = [cost for cost in view.costs if cost.users]
    if not costs:
        return None
    x = linear(max(cost.hour for cost in costs) * 1.08, LEFT, RIGHT)
    y = linear(max([view.users_limit, *(cost.users or 0 for cost in costs)]) * 1.05, BOTTOM, TOP)
    cells = {cell.result.cell.limits: cell.id for cell in reversed(view.cells)}
    points = tuple(
        Point(
            x(cost.hour),
            y(cost.users or 0),
            text.size(cost.limits),
            _told(cost, view.currency),
            cells[cost.limits],
            cost.is_at_most,
            cost.on_front,
        )
        for cost in costs
    )
    front = [point for point in points if point.on_front]
    path = "M" + "".join(f"{p.x:g} {p.y:g}" if not i else f"H{p.x:g}V{p.y:g}" for i, p in enumerate(front))
    unit = f"{view.currency} an hour".strip()
    return CostChart(points, path, y(view.users_limit), x.placed_ticks(), y.placed_ticks(), unit)


def _told(cost: Cost, currency: str) -> str:
    at_least = "at least " if cost.is_at_most else ""
    said = (
        f"{text.size(cost.limits)}: {text.money(cost.hour, currency)} an hour, {at_least}{cost.users} users"
    )
    return f"{said}, on the front" if cost.on_front else said
