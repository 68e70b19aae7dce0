"""Compare what sizes cost where the matrix has no prices: by their CPU and their memory."""

from collections.abc import Sequence

from harness.model import GIB, CellResult, Limits
from harness.report.view import text

GIB_PER_CPU = 8.0
"""A core costs about as much as so much memory: clouds charge 7 to 9 GiB for it."""


def compare_costs(results: Sequence[CellResult]) -> dict[Limits, str]:
    """Return how many times the smallest size each size costs: `1 ×`, `2.1 ×`."""
    costs = {result.cell.limits: estimate_cost(result.cell.limits) for result in results}
    least = min(costs.values(), default=0.0)
    if least <= 0:
        return {}
    return {limits: f"{text.format_number(round(cost / least, 1))} ×" for limits, cost in costs.items()}


def estimate_cost(limits: Limits) -> float:
    """Return the cost of a size in cores."""
    return limits.total_cores + limits.total_bytes / GIB / GIB_PER_CPU
