"""Predict what a size sustains above the users that were measured, and what it has to spare.

Load never exceeds the users limit. So the capacity of a size that sustains the limit is not measured: it
follows from what the size used. The CPU gives N = (cores / D)·(Z + R) by the utilisation law (see
`search.prediction`), corrected by what other sizes of the campaign sustained; the share of slow requests says
the same, where there are enough of them. Sizes with the same CPU that differ by chance have the mean of what
their CPUs say. The memory is taken to grow with the users from what the target needs without any, and so is
the CPU that each companion uses. A size that was not measured itself is taken to need the memory of the
smaller one that it follows from. The lowest one counts. A limit of the target's own, as its number of
workers, shows only under more load, so a predicted margin holds as far as these decide.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, stdev

from harness.analyse.intervals import NORMAL_975
from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    combine_estimates,
    estimate_from_slow_share,
    find_percentile_slo,
)
from harness.analyse.search.capacity_fit import estimate_variance_ratio
from harness.analyse.search.known_capacities import find_capacity_users
from harness.analyse.search.limit_shape import compare_steepness
from harness.analyse.search.prediction import collect_corrections, estimate_from_cpu_per_request
from harness.analyse.search.usable_cpu import find_response_limit
from harness.model import CellResult, Drift, Margin, Slo, Status, StepResult, Verdict

_MEMORY_SIGMA = 0.1
"""The standard deviation of the ln of the users that fill the memory."""

_COMPANION_SIGMA = 0.15
"""The standard deviation of the ln of the users that use up a companion's CPU, as for the target's own."""

_RUN_SIGMA = 0.03
"""The standard deviation of the ln of a target's speed between container runs on one host."""

_ANOTHER_RUN_SIGMA = 0.04
"""The same of another run, which is to sustain the users: its speed, and chance in its verdict."""

_SAME_WITHIN_SIGMAS = 2.0
"""Two sizes with the same CPU that differ by no more than this are taken to sustain the same by their CPU."""

_LEAST_USERS = 1e-3
"""A smaller capacity is none."""

_FEWEST_SLOW = 5
"""Fewer slow requests don't tell how near the capacity is."""


def find_margin(
    result: CellResult,
    users: int,
    needed: int,
    others: Sequence[CellResult] = (),
    slos: Sequence[Slo] = (),
    drift: Drift | None = None,
) -> Margin | None:
    """Return what a size has to spare at a number of users that it sustains; None if nothing tells it.

    `needed` are the users with their headroom. `others` are the campaign's sizes, with or without this one.
    They correct the prediction. With the campaign's drift check they show how much the speed differs.
    """
    everyone = [result, *(other for other in others if other is not result)]
    own = _select_variant(everyone, result.cell.limits.variant)
    corrections = collect_corrections(own, find_response_limit(slos))
    return _build_margin(result, users, needed, own, slos, corrections, _measure_sigma(everyone, drift))


def find_margins(
    results: Sequence[CellResult],
    users: int,
    needed: int,
    slos: Sequence[Slo],
    drift: Drift | None = None,
) -> list[Margin | None]:
    """Return the margin of each size of a campaign; None for those that do not sustain the users.

    See `find_margin`. What all sizes have in common is computed once.
    """
    limit, run_sigma = find_response_limit(slos), _measure_sigma(results, drift)
    names = dict.fromkeys(result.cell.limits.variant for result in results)
    own = {name: _select_variant(results, name) for name in names}
    corrections = {name: collect_corrections(own[name], limit) for name in names}

    def build(result: CellResult) -> Margin | None:
        name = result.cell.limits.variant
        return _build_margin(result, users, needed, own[name], slos, corrections[name], run_sigma)

    return [build(result) if result.sustains(users) else None for result in results]


def _select_variant(results: Sequence[CellResult], variant: str | None) -> list[CellResult]:
    """Return the results of one variant: what a request costs another one tells nothing about it."""
    return [result for result in results if result.cell.limits.variant == variant]


def _build_margin(
    result: CellResult,
    users: int,
    needed: int,
    everyone: Sequence[CellResult],
    slos: Sequence[Slo],
    corrections: Sequence[float],
    run_sigma: float,
) -> Margin | None:
    """Return the margin of a size; `everyone` are the sizes of its variant, with itself."""
    companion: str | None = None
    measured = _read_capacity(result)
    capacity = measured or _predict_capacity(result, everyone, slos, corrections, run_sigma)
    if capacity is None or not capacity.users > _LEAST_USERS:
        return None
    if measured is None and (full := _find_full_companion(result, everyone)) is not None:
        estimate, name = full
        if estimate.users < capacity.users:
            capacity, companion = _raise_to_sustained(estimate, result), name
    sigma = math.hypot(capacity.sigma, run_sigma, _ANOTHER_RUN_SIGMA)
    return Margin(
        capacity_users=round(capacity.users, 6),
        is_predicted=measured is None,
        spare_cpu_ratio=_compute_spare_cpu(result, users, everyone),
        spare_memory_ratio=_compute_spare_memory(result, users, everyone),
        probability=NormalDist().cdf(math.log(capacity.users / users) / sigma),
        headroom_probability=NormalDist().cdf(math.log(capacity.users / needed) / sigma),
        companion=companion,
    )


def _read_capacity(result: CellResult) -> LogNormalEstimate | None:
    """Return the capacity of a bracketed size, with its interval; None for every other."""
    low, high, users = result.sustained_users, result.broken_users, find_capacity_users(result)
    if result.status is not Status.BRACKETED or not low or not high or not users:
        return None
    ends = result.estimate_low or low, result.estimate_high or high
    if not all(_LEAST_USERS < each < math.inf for each in (users, *ends)):
        return None
    width = abs(math.log(ends[1] / ends[0]))
    return LogNormalEstimate(users, width / (2 * NORMAL_975))


def _predict_capacity(
    result: CellResult,
    everyone: Sequence[CellResult],
    slos: Sequence[Slo],
    corrections: Sequence[float],
    run_sigma: float,
) -> LogNormalEstimate | None:
    """Return the lower one of the capacities by CPU and by memory; at least the users that passed.

    None if that by the CPU is unknown: what the memory allows is then no more than an upper bound.
    """
    limit = find_response_limit(slos)

    def estimate(each: CellResult) -> LogNormalEstimate | None:
        by_request = estimate_from_cpu_per_request(each.cell, each.steps, everyone, limit, corrections)
        return combine_estimates([by_request, _estimate_from_slow_requests(_choose_step(each), slos)])

    by_cpu = estimate(result)
    if by_cpu is None:
        return None
    twins = [estimate(each) for each in everyone if _has_same_cpu(each, result)]
    by_cpu = _average_alike(by_cpu, twins, run_sigma)
    by_memory = _estimate_from_memory(result, everyone)
    is_memory_less = by_memory is not None and by_memory.users < by_cpu.users
    return _raise_to_sustained(by_memory if by_memory is not None and is_memory_less else by_cpu, result)


def _has_same_cpu(other: CellResult, result: CellResult) -> bool:
    """Return True if another size was measured with the same CPU and replicas, and was not stopped either."""
    one, two = other.cell.limits, result.cell.limits
    is_same = (one.cpu_cores, one.replicas) == (two.cpu_cores, two.replicas)
    return is_same and other is not result and other.status is Status.CENSORED and bool(other.steps)


def _average_alike(
    own: LogNormalEstimate, others: Iterable[LogNormalEstimate | None], run_sigma: float
) -> LogNormalEstimate:
    """Return an estimate, averaged with others that differ from it by no more than runs of one target do.

    Memory changes nothing until it runs out. So chance alone does not make one of two sizes the better one.
    """
    most = _SAME_WITHIN_SIGMAS * math.sqrt(2) * run_sigma
    logs = [math.log(other.users / own.users) for other in others if other is not None]
    alike = [each for each in logs if abs(each) <= most]
    return replace(own, users=own.users * math.exp(sum(alike) / (len(alike) + 1)))


def _raise_to_sustained(estimate: LogNormalEstimate, result: CellResult) -> LogNormalEstimate:
    return replace(estimate, users=max(estimate.users, result.sustained_users or 0))


def _find_full_companion(
    result: CellResult, everyone: Sequence[CellResult]
) -> tuple[LogNormalEstimate, str] | None:
    """Return the users at which the first companion has used up its CPU, and its name; None without any.

    They are in proportion to those of a measured step. A size without steps has those of another one, which
    has a load balancer too or has none: what companions do for a user does not depend on the target's size.
    """
    has_balancer = result.cell.limits.replicas > 1
    alike = [each for each in everyone if (each.cell.limits.replicas > 1) == has_balancer]
    steps = (_choose_step(each) for each in (result, *alike))
    step = next((step for step in steps if step is not None), None)
    if step is None:
        return None
    found = [
        (step.users * use.limits.total_cores / use.cpu_used_cores, use.name)
        for use in step.companions
        if use.cpu_used_cores is not None and use.cpu_used_cores > 0
    ]
    users, name = min(found, default=(0.0, ""))
    return (LogNormalEstimate(users, _COMPANION_SIGMA), name) if users > 0 else None


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


def _estimate_from_memory(result: CellResult, everyone: Sequence[CellResult]) -> LogNormalEstimate | None:
    """Return the users that fill the memory, by the line from that of none; None if it does not rise."""
    line = _find_memory_line(result, everyone)
    if line is None or line.bytes_per_user <= 0:
        return None
    room_bytes = result.cell.limits.memory_bytes - line.start_bytes
    return LogNormalEstimate(room_bytes / line.bytes_per_user, _MEMORY_SIGMA)


@dataclass(frozen=True, slots=True)
class _MemoryLine:
    """The memory that a replica needs without users, and for each of those over all replicas."""

    start_bytes: float
    bytes_per_user: float


def _find_memory_line(result: CellResult, everyone: Sequence[CellResult]) -> _MemoryLine | None:
    """Return the memory by the users, from a measured step; None if none tells it.

    A size without steps is taken to need what one that it covers needs, that with most users: what users hold
    in memory hardly depends on the CPU.
    """
    covered = [each for each in everyone if result.cell.limits.covers(each.cell.limits)]
    known = [(each, step) for each in (result, *covered) if (step := _choose_step(each)) is not None]
    source, step = max(known, key=lambda each: (each[0] is result, each[1].users), default=(result, None))
    if step is None or step.memory is None:
        return None
    trends = [each.memory for each in (*source.steps, step) if each.memory is not None]
    start_bytes = float(min(trend.start_bytes for trend in trends))
    users_per_replica = step.users / source.cell.limits.replicas
    bytes_per_user = (step.memory.expected_bytes - start_bytes) / users_per_replica
    return _MemoryLine(start_bytes, bytes_per_user / result.cell.limits.replicas)


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


def _compute_spare_memory(result: CellResult, users: int, everyone: Sequence[CellResult]) -> float | None:
    """Return the share of the memory that the users leave, in proportion to those of a measured step."""
    line = _find_memory_line(result, everyone)
    if line is None:
        return None
    used_bytes = line.start_bytes + line.bytes_per_user * users
    return max(0.0, 1 - used_bytes / result.cell.limits.memory_bytes)


def _measure_sigma(results: Iterable[CellResult], drift: Drift | None) -> float:
    """Return how much the speed differs between runs, as a standard deviation of its ln.

    It is that between container runs, with the host's pace or the drift of the campaign, whichever is more.
    """
    changed = drift.cpu_per_request_ratio if drift is not None and drift.is_marked else None
    # two values that are ln(1 + drift) apart have this standard deviation
    drift_sigma = abs(math.log1p(changed)) / math.sqrt(2) if changed is not None and changed > -1 else 0.0
    return math.hypot(_RUN_SIGMA, max(_measure_host_sigma(results), drift_sigma))


def _measure_host_sigma(results: Iterable[CellResult]) -> float:
    """Return how much the host's pace differed between valid windows, as a standard deviation of its ln."""
    logs = [
        math.log(step.host.work_s)
        for result in results
        for step in result.steps
        if step.host.work_s and step.verdict is not Verdict.INVALID
    ]
    return stdev(logs) if len(logs) > 1 else 0.0
