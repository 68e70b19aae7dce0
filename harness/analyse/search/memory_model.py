"""Estimate how many users fit into a memory limit, before the cell is measured or after it failed.

A service holds memory for every user (connections, sessions, buffers, caches). So the memory that it comes to
need is close to a straight line in the number of users, whatever its limits are.
"""

import math
from collections.abc import Sequence

import numpy as np

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import LogNormalEstimate
from harness.model import (
    NEARLY_FULL_RATIO,
    Cell,
    CellResult,
    Factor,
    MemoryOutlook,
    Rule,
    Status,
    StepResult,
    Verdict,
)
from harness.model.evidence import MemoryGrows
from harness.model.stalls import OFTEN_THROTTLED_RATIO

_MIN_RISE_RATIO = 0.1
"""If the memory rises by less than this share of its smallest value, the rise is taken as noise."""

_LONG_STEP_S = 60.0
"""A step that was watched for a shorter time does not show where its growth would end."""

_SHARE_AFTER_SHORT_STEP = 0.5
_MOST_SHARE_AFTER_FULL = 0.85
"""After a step that filled the memory, the users are estimated as at most this share of those that failed; as
the smaller share if the step was short. So the search does not creep down.
"""

_REFUTED_FROM_SIGMAS = 1.5
"""A failure refutes what other sizes say if its users are so many standard deviations below that."""

_FEWEST_POINTS = 3
_LEAST_SIGMA, _MOST_SIGMA = 0.06, 0.2
"""Bounds of the standard deviation of ln N of what a straight line predicts for another size."""

_APART_RATIO = 1.3
"""Failures show how memory depends on the users if the most users are this multiple of the fewest."""

_STANDARD_ERRORS = 2.0
"""A 95 % interval reaches about so many standard errors to either side."""

_Point = tuple[float, float]
"""Users, and the bytes that they come to need."""


def estimate_users_in_memory(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> LogNormalEstimate | None:
    """Estimate how many users, over all replicas, fill the memory of each replica; at least 1.

    `steps` are the cell's own. The memory axis is learned once: steps of any size count, and so does the
    capacity of sizes that their memory stopped. Return None unless the most users are at least twice the
    fewest, and the memory rises clearly with the users.
    """
    points = _collect_points(cell, steps)
    for result in neighbours:
        points += [*_collect_points(result.cell, result.steps), *_read_capacity(result)]
    users = np.array([users for users, _ in points], dtype=np.float64)
    bytes_used = np.array([used for _, used in points], dtype=np.float64)
    if len(points) < 2 or users.max() < 2 * users.min():
        return None
    if np.ptp(bytes_used) < _MIN_RISE_RATIO * bytes_used.min():
        return None
    slope, base = np.polyfit(users, bytes_used, 1)
    if slope <= 0:
        return None
    fitting = max(1.0, float((cell.limits.memory_bytes - base) / slope))
    scatter = bytes_used - (base + slope * users)
    sigma = _measure_sigma(users, scatter / slope, fitting)
    return LogNormalEstimate(fitting * cell.limits.replicas, sigma)


def _measure_sigma(users: np.ndarray, scatter: np.ndarray, at_users: float) -> float:
    """Return the standard deviation of ln N where a line through points reaches the limit, at `at_users`.

    It is that of inverse prediction (Draper and Smith, Applied Regression Analysis, ch. 3). `scatter` is how
    far the points are from the line, in users. Two points don't tell it.
    """
    count = len(users)
    if count < _FEWEST_POINTS:
        return _MOST_SIGMA
    distance = (at_users - users.mean()) ** 2 / ((users - users.mean()) ** 2).sum()
    variance = (scatter**2).sum() / (count - 2) * (1 + 1 / count + distance)
    return float(np.clip(math.sqrt(variance) / at_users, _LEAST_SIGMA, _MOST_SIGMA))


def _read_capacity(result: CellResult) -> list[_Point]:
    """Return the users at which a size's memory was full, if its memory stopped it; otherwise nothing."""
    if result.status is not Status.BRACKETED or result.limiting_factor is not Factor.MEMORY:
        return []
    ends = (result.sustained_users or 1, result.broken_users or 1)
    users = compute_geometric_mean(ends) / result.cell.limits.replicas
    return [(users, float(result.cell.limits.memory_bytes))]


def estimate_users_in_own_memory(
    cell: Cell, steps: Sequence[StepResult], expected: LogNormalEstimate | None = None
) -> float | None:
    """Estimate how many users fit into the cell's memory from its own steps; at least 1.

    A step shows what memory its users come to need. That is taken as a straight line in the users. The
    lightest step whose memory surely grew shows most, then the highest pass, then the lightest step that
    filled the memory. None unless a step failed for lack of memory.

    `expected` is what other sizes say. Steps that filled the memory show only that fewer users fit. So None
    too if there are no other steps, unless they failed with far fewer users than that.
    """
    failed = [step for step in steps if is_memory_failure(step)]
    if not failed:
        return None
    starts = (step.memory.start_bytes for step in steps if step.memory is not None)
    start = (0.0, float(min(starts, default=0)))
    grown = [_get_point(step) for step in failed if _has_grown(step)]
    passed = [_get_point(step) for step in steps if step.verdict is Verdict.PASS and _is_lasting(step)]
    if grown:
        return max(1.0, _solve_line(_select_grown(start, grown), cell.limits.memory_bytes))
    lightest = min(failed, key=lambda step: step.users)
    if expected is not None and not passed and not _is_refuted(expected, lightest.users):
        return None
    points = [max(passed)] if passed else [_get_point(lightest)] if _is_long(lightest) else []
    users = (
        _solve_line([start, *points], NEARLY_FULL_RATIO * cell.limits.memory_bytes) if points else math.inf
    )
    share = _MOST_SHARE_AFTER_FULL if _is_long(lightest) else _SHARE_AFTER_SHORT_STEP
    return max(1.0, users if passed else min(users, lightest.users * share))


def _is_refuted(expected: LogNormalEstimate, failed_users: int) -> bool:
    return failed_users < expected.users * math.exp(-_REFUTED_FROM_SIGMAS * expected.sigma)


def _select_grown(start: _Point, grown: Sequence[_Point]) -> Sequence[_Point]:
    """Return the points of the line on which memory grows with the users.

    They are those of the steps that grew, if their users differ enough: so a leak that does not depend on the
    users leads to 1 user at once. Otherwise they are the memory without users and the lightest step.
    """
    lightest = min(grown)
    is_apart = max(grown)[0] >= _APART_RATIO * lightest[0]
    return grown if is_apart else (start, lightest)


def _has_grown(step: StepResult) -> bool:
    return step.rule is Rule.MEMORY_GROWS and not _rose_to_full(step)


def _is_long(step: StepResult) -> bool:
    return step.memory is not None and step.memory.observed_s >= _LONG_STEP_S


def _is_lasting(step: StepResult) -> bool:
    return step.memory is not None and step.memory.outlook is MemoryOutlook.LASTS


def _get_point(step: StepResult) -> _Point:
    """Return the step's point: what its memory came to need if it grew, otherwise what it is expected to."""
    if step.memory is None:
        return float(step.users), 0.0
    is_grown = step.verdict is not Verdict.PASS
    return float(step.users), step.memory.projected_bytes if is_grown else step.memory.expected_bytes


def compute_growth_error(step: StepResult) -> float:
    """Return the standard error of the users that fit until the horizon, as a logarithm.

    The growth is known to within its interval, and is extrapolated to the horizon. What memory comes to hold
    above its start is taken as proportional to the users: if these bytes are wrong by a tenth, so are the
    users. 0 for a step that did not fail because its memory grows, and for one whose memory was seen to be
    full: nothing is extrapolated then.
    """
    evidence = step.judgement.evidence
    if not isinstance(evidence, MemoryGrows) or evidence.trend.rose_to_full:
        return 0.0
    trend = evidence.trend
    left_s = max(0.0, evidence.horizon_s - trend.observed_s)
    error_bytes = (trend.growth_bytes_per_s - trend.growth_low) / _STANDARD_ERRORS * left_s
    held_bytes = trend.projected_bytes - trend.start_bytes
    return error_bytes / held_bytes if held_bytes > 0 else 0.0


def is_memory_failure(step: StepResult) -> bool:
    """Return True if the step failed for lack of memory while all of its users were there."""
    if step.users_reached < step.users or step.verdict is not Verdict.FAIL:
        return False
    is_full = step.rule in (Rule.DIED, Rule.STALLED, Rule.OOM_KILL) and _rose_to_full(step)
    is_slow = step.rule is Rule.SLO_BROKEN and _is_slowed_by_memory(step)
    return step.rule is Rule.MEMORY_GROWS or step.target.is_out_of_memory or is_full or is_slow


def _is_slowed_by_memory(step: StepResult) -> bool:
    """Return True if requests waited for pages that are needed again, and not for the CPU's quota."""
    is_throttled = (step.target.throttled_ratio or 0.0) >= OFTEN_THROTTLED_RATIO
    return step.memory is not None and step.memory.slows_requests and not is_throttled


def _rose_to_full(step: StepResult) -> bool:
    return step.memory is not None and step.memory.rose_to_full


def _solve_line(points: Sequence[_Point], limit_bytes: float) -> float:
    """Return the users at which the line through the points reaches the limit; 0 if it does not rise."""
    users = np.array([users for users, _ in points])
    bytes_used = np.array([used for _, used in points])
    slope, base = np.polyfit(users, bytes_used, 1)
    return float((limit_bytes - base) / slope) if slope > 0 else 0.0


def _collect_points(cell: Cell, steps: Sequence[StepResult]) -> list[_Point]:
    """Collect (users per replica, the fullest replica's memory) of passed steps with memory to spare.

    The memory is what the users are expected to need in the end. Where steps show their memory over time,
    only those count that were watched for long enough, and the memory at the begin of the first step is that
    of no user.
    """
    nearly_full_bytes = NEARLY_FULL_RATIO * cell.limits.memory_bytes
    points, starts = [], []
    for step in steps:
        used_bytes = step.target.memory_peak_bytes
        if step.memory is not None:
            starts.append(step.memory.start_bytes)
        if step.verdict is not Verdict.PASS or not used_bytes or used_bytes >= nearly_full_bytes:
            continue
        if step.memory is None:
            points.append((step.users / cell.limits.replicas, float(used_bytes)))
        elif _is_lasting(step) and step.memory.observed_s >= _LONG_STEP_S:
            points.append((step.users / cell.limits.replicas, step.memory.expected_bytes))
    return [*points, (0.0, float(min(starts)))] if starts else points
