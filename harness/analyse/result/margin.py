"""Predict what a size sustains above the users that were measured, and what it has to spare.

Load never exceeds the users limit. So the capacity of a size that sustains the limit is not measured: it
follows from what the size used. The CPU gives N = (cores / D)·(Z + R) by the utilisation law (see
`search.prediction`), corrected by what other sizes of the campaign sustained; the share of slow requests says
the same, where there are enough of them. The memory is taken to grow with the users from what the target
needs without any. The lower one counts. A limit of the target's own, as its number of workers, shows only
under more load, so a predicted margin holds as far as CPU and memory decide.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist, stdev

from harness.analyse.intervals import NORMAL_975
from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    combine_estimates,
    estimate_from_slow_share,
    find_percentile_slo,
)
from harness.analyse.search.capacity_fit import estimate_variance_ratio
from harness.analyse.search.limit_shape import compare_steepness
from harness.analyse.search.prediction import (
    collect_corrections,
    estimate_from_cpu_per_request,
    find_capacity_users,
    find_response_limit,
)
from harness.model import CellResult, Margin, Slo, Status, StepResult, Verdict

_MEMORY_SIGMA = 0.1
"""The standard deviation of the ln of the users that fill the memory."""

_RUN_SIGMA = 0.03
"""The standard deviation of the ln of a target's speed between container runs on one host."""

_FEWEST_SLOW = 5
"""Fewer slow requests don't tell how near the capacity is."""


def find_margin(
    result: CellResult,
    users: int,
    needed: int,
    others: Sequence[CellResult] = (),
    slos: Sequence[Slo] = (),
) -> Margin | None:
    """Return what a size has to spare at a number of users that it sustains; None if nothing tells it.

    `needed` are the users with their headroom. `others` are the campaign's sizes, with or without this one.
    They correct the prediction and show how much the host's speed differs.
    """
    everyone = [result, *(other for other in others if other is not result)]
    corrections = collect_corrections(everyone, find_response_limit(slos))
    return _build_margin(result, users, needed, everyone, slos, corrections, _measure_host_sigma(everyone))


def find_margins(
    results: Sequence[CellResult], users: int, needed: int, slos: Sequence[Slo]
) -> list[Margin | None]:
    """Return the margin of each size of a campaign; None for those that do not sustain the users.

    See `find_margin`. What all sizes have in common is computed once.
    """
    corrections = collect_corrections(results, find_response_limit(slos))
    host_sigma = _measure_host_sigma(results)
    return [
        _build_margin(result, users, needed, results, slos, corrections, host_sigma)
        if result.sustains(users)
        else None
        for result in results
    ]


def _build_margin(
    result: CellResult,
    users: int,
    needed: int,
    everyone: Sequence[CellResult],
    slos: Sequence[Slo],
    corrections: Sequence[float],
    host_sigma: float,
) -> Margin | None:
    measured = _read_capacity(result)
    capacity = measured or _predict_capacity(result, everyone, slos, corrections)
    if capacity is None:
        return None
    sigma = math.hypot(capacity.sigma, _RUN_SIGMA, host_sigma)
    return Margin(
        capacity_users=capacity.users,
        is_predicted=measured is None,
        spare_cpu_ratio=_compute_spare_cpu(result, users, everyone),
        spare_memory_ratio=_compute_spare_memory(result, users),
        probability=NormalDist().cdf(math.log(capacity.users / users) / sigma),
        headroom_probability=NormalDist().cdf(math.log(capacity.users / needed) / sigma),
    )


def _read_capacity(result: CellResult) -> LogNormalEstimate | None:
    """Return the capacity of a bracketed size, with its interval; None for every other."""
    low, high, users = result.sustained_users, result.broken_users, find_capacity_users(result)
    if result.status is not Status.BRACKETED or not low or not high or not users:
        return None
    width = math.log((result.estimate_high or high) / (result.estimate_low or low))
    return LogNormalEstimate(users, width / (2 * NORMAL_975))


def _predict_capacity(
    result: CellResult, everyone: Sequence[CellResult], slos: Sequence[Slo], corrections: Sequence[float]
) -> LogNormalEstimate | None:
    """Return the lower one of the capacities by CPU and by memory; at least the users that passed.

    None if neither is known.
    """
    step = _choose_step(result)
    by_cpu = combine_estimates(
        [
            estimate_from_cpu_per_request(
                result.cell, result.steps, everyone, find_response_limit(slos), corrections
            ),
            _estimate_from_slow_requests(step, slos),
        ]
    )
    known = [each for each in (by_cpu, _estimate_from_memory(result, step)) if each is not None]
    lowest = min(known, key=lambda each: each.users, default=None)
    if lowest is None:
        return None
    return LogNormalEstimate(max(lowest.users, result.sustained_users or 0), lowest.sigma)


def _choose_step(result: CellResult) -> StepResult | None:
    """Return the soak if it passed, otherwise the last pass at the most users; None without one."""
    soak = result.soak.step if result.soak is not None else None
    if soak is not None and soak.verdict is Verdict.PASS:
        return soak
    passed = [step for step in result.steps if step.verdict is Verdict.PASS]
    return max(reversed(passed), key=lambda step: step.users, default=None)


def _estimate_from_slow_requests(step: StepResult | None, slos: Sequence[Slo]) -> LogNormalEstimate | None:
    if step is None or (step.latency.slow_ratio or 0.0) * step.requests < _FEWEST_SLOW:
        return None
    steepness = compare_steepness([step], step.users, estimate_variance_ratio([step]))
    return estimate_from_slow_share(step, find_percentile_slo(slos), steepness)


def _estimate_from_memory(result: CellResult, step: StepResult | None) -> LogNormalEstimate | None:
    """Return the users that fill the memory, by the line from that of none; None if it does not rise."""
    if step is None or step.memory is None:
        return None
    start_bytes = _find_start_bytes(result, step)
    rise_bytes = step.memory.expected_bytes - start_bytes
    if rise_bytes <= 0:
        return None
    room_bytes = result.cell.limits.memory_bytes - start_bytes
    return LogNormalEstimate(step.users * room_bytes / rise_bytes, _MEMORY_SIGMA)


def _find_start_bytes(result: CellResult, step: StepResult) -> float:
    """Return the least memory at the start of any step: that of the target without users."""
    trends = [each.memory for each in (*result.steps, step) if each.memory is not None]
    return float(min(trend.start_bytes for trend in trends))


def _compute_spare_cpu(result: CellResult, users: int, everyone: Sequence[CellResult]) -> float | None:
    """Return the share of the CPU that the users leave, in proportion to those of a measured step.

    A size without steps is taken to use what another size uses.
    """
    steps = (_choose_step(each) for each in (result, *everyone))
    step = next((step for step in steps if step is not None and step.target.cpu_cores is not None), None)
    if step is None:
        return None
    used_cores = (step.target.cpu_cores or 0.0) * users / step.users
    return max(0.0, 1 - used_cores / result.cell.limits.total_cores)


def _compute_spare_memory(result: CellResult, users: int) -> float | None:
    """Return the share of the memory that the users leave, in proportion to those of a measured step."""
    step = _choose_step(result)
    if step is None or step.memory is None:
        return None
    start_bytes = _find_start_bytes(result, step)
    used_bytes = start_bytes + (step.memory.expected_bytes - start_bytes) * users / step.users
    return max(0.0, 1 - used_bytes / result.cell.limits.memory_bytes)


def _measure_host_sigma(results: Iterable[CellResult]) -> float:
    """Return how much the host's pace differed between valid windows, as a standard deviation of its ln."""
    logs = [
        math.log(step.host.work_s)
        for result in results
        for step in result.steps
        if step.host.work_s and step.verdict is not Verdict.INVALID
    ]
    return stdev(logs) if len(logs) > 1 else 0.0
