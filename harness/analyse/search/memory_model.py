"""Estimate how many users fit into a memory limit, before the cell is measured.

A service holds memory for every user (connections, sessions, buffers, caches). So its working set is close to
a straight line in the number of users, whatever its limits are.
"""

from collections.abc import Sequence

import numpy as np

from harness.model import Cell, CellResult, StepResult, Verdict

_NEARLY_FULL_RATIO = 0.95
"""From this share of the limit on, the kernel keeps the working set below what the target would use."""

_MIN_RISE_RATIO = 0.1
"""If the working set rises by less than this share of its smallest value, the rise is taken as noise."""


def estimate_users_in_memory(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> float | None:
    """Estimate how many users, over all replicas, fill the memory of each replica; at least 1.

    `steps` are the cell's own. Return None unless the most users of a step are at least twice the fewest, and
    the working set rises clearly with the users.
    """
    points = _collect_points(cell, steps)
    for result in neighbours:
        points += _collect_points(result.cell, result.steps)
    users = np.array([users for users, _ in points], dtype=np.float64)
    bytes_used = np.array([used for _, used in points], dtype=np.float64)
    if len(points) < 2 or users.max() < 2 * users.min():
        return None
    if np.ptp(bytes_used) < _MIN_RISE_RATIO * bytes_used.min():
        return None
    slope, base = np.polyfit(users, bytes_used, 1)
    if slope <= 0:
        return None
    return max(1.0, float((cell.limits.memory_bytes - base) / slope) * cell.limits.replicas)


def _collect_points(cell: Cell, steps: Sequence[StepResult]) -> list[tuple[float, int]]:
    """Collect (users per replica, the fullest replica's working set) of passed steps with memory to spare."""
    nearly_full_bytes = _NEARLY_FULL_RATIO * cell.limits.memory_bytes
    points = []
    for step in steps:
        used_bytes = step.target.memory_peak_bytes
        if step.verdict is Verdict.PASS and used_bytes and used_bytes < nearly_full_bytes:
            points.append((step.users / cell.limits.replicas, used_bytes))
    return points
