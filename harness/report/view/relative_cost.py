"""Compare what sizes cost where the matrix has no prices: by their CPU and their memory."""

import math
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
    return {limits: format_relative_cost(cost / least) for limits, cost in costs.items()}


def format_relative_cost(times: float) -> str:
    """Return a multiple of the smallest size's cost with at most one decimal, halves rounded up: `2.1 ×`."""
    return f"{text.format_number(math.floor(times * 10 + 0.5) / 10)} ×"


def estimate_cost(limits: Limits) -> float:
    """Return the cost of a size in cores."""
    return limits.total_cores + limits.total_bytes / GIB / GIB_PER_CPU
