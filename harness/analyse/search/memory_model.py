"""How much memory the target's users take: what a memory limit should sustain, before it is measured.

A service holds something for every user it serves (connections, sessions, buffers, caches), so its working
set is close to a straight line in the number of users, whatever its limits are.
"""

from collections.abc import Sequence

import numpy as np

from harness.model import Cell, CellResult, StepResult, Verdict

NEARLY_FULL = 0.95
"""Of the limit: beyond, the kernel holds the working set down, and it no longer shows what is needed."""

RISE_AT_LEAST = 0.1
"""Of the smallest working set seen; a flatter line is noise and predicts nothing."""


def users_by_memory(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> float | None:
    """The users at whose working set the cell's memory is full; None where nothing is known of a rise."""
    points = _points(cell, steps)
    for result in neighbours:
        points += _points(result.cell, result.steps)
    users = np.array([users for users, _ in points], dtype=np.float64)
    bytes_used = np.array([used for _, used in points], dtype=np.float64)
    if len(points) < 2 or users.max() < 2 * users.min():
        return None
    if np.ptp(bytes_used) < RISE_AT_LEAST * bytes_used.min():
        return None
    slope, base = np.polyfit(users, bytes_used, 1)
    if slope <= 0:
        return None
    return max(1.0, float((cell.limits.memory_bytes - base) / slope) * cell.limits.replicas)


def _points(cell: Cell, steps: Sequence[StepResult]) -> list[tuple[float, int]]:
    """Users of each replica and the working set of the fullest one, of steps held with memory to spare."""
    most = NEARLY_FULL * cell.limits.memory_bytes
    return [
        (step.users / cell.limits.replicas, step.memory_peak_bytes)
        for step in steps
        if step.verdict is Verdict.PASS and step.memory_peak_bytes and step.memory_peak_bytes < most
    ]
