"""Estimate how many users fit into a memory limit, before the cell is measured or after it failed.

A service holds memory for every user (connections, sessions, buffers, caches). So the memory that it comes to
need is close to a straight line in the number of users, whatever its limits are.
"""

from collections.abc import Sequence

import numpy as np

from harness.model import NEARLY_FULL_RATIO, Cell, CellResult, MemoryOutlook, Rule, StepResult, Verdict

_MIN_RISE_RATIO = 0.1
"""If the memory rises by less than this share of its smallest value, the rise is taken as noise."""

_LONG_STEP_S = 60.0
"""A failed step that was watched for a shorter time does not show where its growth would have ended."""

_SHARE_AFTER_SHORT_STEP = 0.5
"""After such a step, the users are estimated as this share of those that failed."""


def estimate_users_in_memory(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> float | None:
    """Estimate how many users, over all replicas, fill the memory of each replica; at least 1.

    `steps` are the cell's own. Return None unless the most users of a step are at least twice the fewest, and
    the memory rises clearly with the users.
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


def estimate_users_in_own_memory(cell: Cell, steps: Sequence[StepResult]) -> float | None:
    """Estimate how many users fit into the cell's memory from its own steps; at least 1.

    A step shows what memory its users come to need. That is taken as a straight line in the users: through
    the memory without users and the highest pass, or through the failures if there are several. So a leak
    that does not depend on the users leads to 1 user at once. None unless a step failed for lack of memory.
    """
    failed = [step for step in steps if is_memory_failure(step)]
    if not failed:
        return None
    passed = [step for step in steps if step.verdict is Verdict.PASS and _is_lasting(step)]
    shown = [step for step in failed if step.memory is not None and step.memory.observed_s >= _LONG_STEP_S]
    points = [_get_point(step) for step in passed]
    if len({step.users for step in shown}) > 1 or not passed:
        points += [_get_point(step) for step in shown]
    if not points:
        return max(1.0, min(step.users for step in failed) * _SHARE_AFTER_SHORT_STEP)
    if len(points) == 1 or passed:
        points.append((0.0, float(min(step.memory.start_bytes for step in steps if step.memory is not None))))
    return max(1.0, _solve_line(points, NEARLY_FULL_RATIO * cell.limits.memory_bytes))


def _is_lasting(step: StepResult) -> bool:
    return step.memory is not None and step.memory.outlook is MemoryOutlook.LASTS


def _get_point(step: StepResult) -> tuple[float, float]:
    return float(step.users), 0.0 if step.memory is None else step.memory.projected_bytes


def is_memory_failure(step: StepResult) -> bool:
    """Return True if the step failed for lack of memory while all of its users were there."""
    if step.users_reached < step.users:
        return False
    is_dead = step.rule in (Rule.DIED, Rule.STALLED, Rule.OOM_KILL)
    return step.rule is Rule.MEMORY_GROWS or (is_dead and _is_out_of_memory(step))


def _is_out_of_memory(step: StepResult) -> bool:
    return step.target.is_out_of_memory or (step.memory is not None and step.memory.rose_to_full)


def _solve_line(points: Sequence[tuple[float, float]], limit_bytes: float) -> float:
    """Return the users at which the line through the points reaches the limit; 0 if it does not rise."""
    users = np.array([users for users, _ in points])
    bytes_used = np.array([used for _, used in points])
    slope, base = np.polyfit(users, bytes_used, 1)
    return float((limit_bytes - base) / slope) if slope > 0 else 0.0


def _collect_points(cell: Cell, steps: Sequence[StepResult]) -> list[tuple[float, float]]:
    """Collect (users per replica, the fullest replica's memory) of passed steps with memory to spare.

    The memory is what the users come to need within the horizon. Steps that do not show it are left out.
    """
    nearly_full_bytes = NEARLY_FULL_RATIO * cell.limits.memory_bytes
    points = []
    for step in steps:
        used_bytes = step.target.memory_peak_bytes
        if step.verdict is not Verdict.PASS or not used_bytes or used_bytes >= nearly_full_bytes:
            continue
        if step.memory is None or _is_lasting(step):
            needed_bytes = used_bytes if step.memory is None else step.memory.projected_bytes
            points.append((step.users / cell.limits.replicas, needed_bytes))
    return points
