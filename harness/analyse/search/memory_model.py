"""Estimate how many users fit into a memory limit, before the cell is measured.

A service holds something for every user it serves (connections, sessions, buffers, caches). So its working
set is close to a straight line in the number of users, whatever its limits are.
"""

from collections.abc import Sequence

import numpy as np

from harness.model import Cell, CellResult, StepResult, Verdict

_NEARLY_FULL_RATIO = 0.95
"""From this share of the limit on, the kernel holds the working set down, and it no longer shows the need."""

_MIN_RISE_RATIO = 0.1
"""A line that rises by less than this share of the smallest working set is noise and predicts nothing."""


def estimate_users_in_memory(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> float | None:
    """Estimate the users, over all replicas, at whose working set each replica's memory is full; at least 1.

    `steps` are the cell's own. None without two numbers of users that differ by a factor of 2 and a clear
    rise of the working set between them.
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
    """Collect users of each replica and the fullest one's working set from steps with memory to spare."""
    most = _NEARLY_FULL_RATIO * cell.limits.memory_bytes
    points = []
    for step in steps:
        used_bytes = step.target.memory_peak_bytes
        if step.verdict is Verdict.PASS and used_bytes and used_bytes < most:
            points.append((step.users / cell.limits.replicas, used_bytes))
    return points
