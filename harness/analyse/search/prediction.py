"""Predict a cell's capacity from other measurements: a place to start the search, never an answer.

In a closed system N = X·(Z + R) (Little's law: users, throughput, think time and response time), and a
CPU-bound target answers at most X = cpu_cores / D requests a second (utilisation law; D is the CPU time per
request). So D, measured in one step at light load, roughly predicts what every CPU size sustains. The ratio
of measured to predicted capacity of finished cells corrects the next prediction. A step that failed by its
response time shows the saturated X itself.

At its capacity a target is not quite saturated. Where n requests share the CPU, each takes n times as long as
alone. If their CPU times are exponential, as in an M/M/1 queue, a share p of them takes longer than
-ln(p)·D / (cores - used cores). So a limit L on that percentile leaves -ln(p) / L requests a second unused,
whatever D is. A closed workload queues less, and CPU times that differ less do too.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    combine_estimates,
    compute_allowed_slow_share,
    estimate_from_slow_share,
    find_percentile_slo,
)
from harness.analyse.search.known_capacities import collect_capacities, find_capacity_users
from harness.analyse.search.memory_model import (
    estimate_users_in_memory,
    estimate_users_in_own_memory,
    is_memory_failure,
)
from harness.analyse.search.variant_ratio import estimate_from_variants
from harness.model import Cell, CellResult, Factor, IndicatorKind, Rule, Slo, Status, StepResult, Verdict

_MEAN_TO_LIMIT_RATIO = 0.3
"""The mean response time when the p95 is at its limit, as a share of the limit; finished cells correct it."""

_UNUSED_RATIO = 2 / 3
"""What a closed workload leaves unused, relative to independent arrivals. Simulated targets that can serve
20, 40 and 80 requests a second leave 2.1, 1.8 and 1.1 unused under p95 <= 1 s; by this ratio it is 2.0.
"""

_MOST_UNUSED_RATIO = 0.5
_EXPONENTIAL_P95 = 3.0
"""The p95 of an exponential distribution, relative to its mean; of constant values it is 1."""

# Standard deviations (of the logarithm of users) of estimates by the kind of their evidence.
_CPU_PER_REQUEST_SIGMA = 0.15
_CORRECTED_SIGMA = 0.06
_SATURATION_SIGMA = 0.05
_NEIGHBOUR_SIGMA = 0.04
_DEATH_SIGMA = 0.04
_OWN_MEMORY_SIGMA = 0.06
_SHARED_MEMORY_SIGMA = 0.1

_USERS_AT_DEATH_RATIO = 0.98
"""If a target died while users arrived, it is taken to sustain this share of the users that had arrived."""

_COLLAPSED_BELOW_RATIO = 0.9
"""A saturated target answers about as many requests with more users; one that collapses answers fewer."""


@dataclass(frozen=True, slots=True)
class ResponseLimit:
    """The tightest limit on a response time.

    `unused_rps` is how many requests a second each replica leaves unused at the limit, if CPU times are
    exponential; 0 unless the limit is on a percentile of all requests.
    """

    limit_s: float
    unused_rps: float = 0.0


def predict_capacity(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], slos: Sequence[Slo]
) -> LogNormalEstimate | None:
    """Predict the cell's capacity from its own steps and from other cells' results; None without evidence.

    There are up to five estimates: by the CPU, by the memory, by the cell's own memory once it was full, by
    a death while users arrived, and by the throughput shortfall. Each of them bounds the capacity, so the
    lowest is the prediction. Other variants count only for the first (see `_estimate_from_cpu`).
    """
    limit = find_response_limit(slos)
    slo = find_percentile_slo(slos)
    shown = _leave_out_collapses(steps)
    by_cpu = combine_estimates(
        [
            _estimate_from_cpu(cell, shown, neighbours, limit),
            _estimate_from_saturation(shown, limit.limit_s),
            *(estimate_from_slow_share(step, slo) for step in shown),
        ]
    )
    own = _select_variant(cell, neighbours)
    by_memory = (
        _estimate_from_same_memory(cell, own)
        or _estimate_from_failures_of_same_memory(cell, own)
        or estimate_users_in_memory(cell, steps, own)
    )
    estimates = (
        by_cpu,
        by_memory,
        _estimate_from_own_memory(cell, steps, by_memory),
        _estimate_from_death(steps),
        _estimate_from_shortfall(shown, slos),
    )
    known = [estimate for estimate in estimates if estimate is not None]
    return min(known, key=lambda estimate: estimate.users, default=None)


def _leave_out_collapses(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps whose throughput and response times tell of the CPU.

    A step that failed for lack of memory tells of the memory alone. A failure with clearly less throughput
    than a pass with fewer users has collapsed: it does not show what the target can do.
    """
    passed = [(step.users, step.rps or 0.0) for step in steps if step.verdict is Verdict.PASS]
    return [
        step
        for step in steps
        if step.verdict is not Verdict.FAIL or not (is_memory_failure(step) or _has_collapsed(step, passed))
    ]


def _has_collapsed(step: StepResult, passed: Sequence[tuple[int, float]]) -> bool:
    most_rps = max((rps for users, rps in passed if users < step.users), default=0.0)
    return (step.rps or 0.0) < _COLLAPSED_BELOW_RATIO * most_rps


def _estimate_from_cpu(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], limit: ResponseLimit
) -> LogNormalEstimate | None:
    """Estimate from a cell with the same CPU and another memory, otherwise from the CPU time per request.

    Both are of the cell's own variant. The same size with another variant is combined with the second, and
    stands alone if the own variant has shown nothing yet. If a step of the cell is saturated, neither is
    used: `_estimate_from_saturation` is then more accurate.
    """
    own = _select_variant(cell, neighbours)
    from_same_cpu = _estimate_from_same_cpu(cell, own)
    if from_same_cpu is not None or any(_is_saturated(step) for step in steps):
        return from_same_cpu
    corrections = collect_corrections(own, limit)
    by_request = estimate_from_cpu_per_request(cell, steps, own, limit, corrections)
    by_variant = estimate_from_variants(cell.limits, collect_capacities(neighbours))
    if by_request is None and by_variant is None:
        corrections = collect_corrections(neighbours, limit)
        return estimate_from_cpu_per_request(cell, steps, neighbours, limit, corrections)
    return combine_estimates([by_request, by_variant])


def _select_variant(cell: Cell, neighbours: Sequence[CellResult]) -> list[CellResult]:
    """Return the results of the cell's own variant; without variants all of them."""
    return [result for result in neighbours if result.cell.limits.variant == cell.limits.variant]


def find_response_limit_s(slos: Sequence[Slo]) -> float:
    """Return the lowest limit on a response time in seconds; 1 if no SLO limits one."""
    return min((slo.at_most for slo in slos if slo.is_response_time), default=1.0)


def find_response_limit(slos: Sequence[Slo]) -> ResponseLimit:
    """Return the tightest limit on a response time, and what it leaves unused."""
    limit_s = find_response_limit_s(slos)
    slo = find_percentile_slo(slos)
    if slo is None or slo.at_most > limit_s or limit_s <= 0:
        return ResponseLimit(limit_s)
    return ResponseLimit(limit_s, -_UNUSED_RATIO * math.log(compute_allowed_slow_share(slo)) / limit_s)


def _estimate_from_failures_of_same_memory(
    cell: Cell, neighbours: Sequence[CellResult]
) -> LogNormalEstimate | None:
    """Estimate from failures for lack of memory at other CPUs with the same memory, if nothing else is known.

    So also a size that is still searched tells the others, and one that its CPU stops at fewer users.
    """
    steps = [step for result in neighbours if _has_same_memory(result.cell, cell) for step in result.steps]
    users = estimate_users_in_own_memory(cell, steps)
    deaths = [
        step.users_reached * _USERS_AT_DEATH_RATIO
        for step in steps
        if step.target.is_out_of_memory and 0 < step.users_reached < step.users
    ]
    known = [*deaths, *([users] if users is not None else [])]
    return LogNormalEstimate(min(known), _SHARED_MEMORY_SIGMA) if known else None


def _has_same_memory(cell: Cell, other: Cell) -> bool:
    one, two = cell.limits, other.limits
    return one.memory_bytes == two.memory_bytes and one.replicas == two.replicas


def _estimate_from_death(steps: Sequence[StepResult]) -> LogNormalEstimate | None:
    """Estimate from a target that died while users were arriving: it sustains fewer than had arrived.

    A process of the target that the kernel killed for lack of memory counts as a death.
    """
    deaths = [
        step.users_reached
        for step in steps
        if step.rule in (Rule.DIED, Rule.OOM_KILL) and not is_memory_failure(step)
    ]
    if not deaths or min(deaths) <= 0:
        return None
    return LogNormalEstimate(min(deaths) * _USERS_AT_DEATH_RATIO, _DEATH_SIGMA)


def _estimate_from_own_memory(
    cell: Cell, steps: Sequence[StepResult], expected: LogNormalEstimate | None
) -> LogNormalEstimate | None:
    users = estimate_users_in_own_memory(cell, steps, expected)
    return None if users is None else LogNormalEstimate(users, _OWN_MEMORY_SIGMA)


def _estimate_from_saturation(steps: Sequence[StepResult], limit_s: float) -> LogNormalEstimate | None:
    """Estimate from the throughput of the saturated step with the fewest users; None without such a step."""
    failed = [step for step in steps if _is_saturated(step)]
    if not failed:
        return None
    step = min(failed, key=lambda step: step.users)
    mean_s, rps = step.latency.mean_s or 0.0, step.rps or 0.0
    spread = (step.latency.p95_s or mean_s) / mean_s
    mean_at_limit_s = min(limit_s / spread, mean_s)
    return LogNormalEstimate(rps * (_compute_cycle_s(step) + mean_at_limit_s - mean_s), _SATURATION_SIGMA)


def _estimate_from_shortfall(steps: Sequence[StepResult], slos: Sequence[Slo]) -> LogNormalEstimate | None:
    """Estimate from the step with the fewest users that broke an SLO on the shortfall; None without one.

    With fewer users the saturated throughput stays what it is, and the one that they want is in proportion to
    them. So N · (1 - shortfall) stays the same.
    """
    limit = min((slo.at_most for slo in slos if slo.kind is IndicatorKind.SHORTFALL), default=1.0)
    broken = [step for step in steps if _is_saturated(step) and limit < (step.shortfall_ratio or 0.0) < 1]
    if not broken:
        return None
    step = min(broken, key=lambda step: step.users)
    users = step.users * (1 - (step.shortfall_ratio or 0.0)) / (1 - limit)
    return LogNormalEstimate(users, _SATURATION_SIGMA)


def _is_saturated(step: StepResult) -> bool:
    """Return True if the step failed by slow answers, and not by errors or for lack of memory.

    The throughput of a step that failed by errors need not be all that the target can do.
    """
    if step.verdict is not Verdict.FAIL or step.rule in (Rule.OOM_KILL, Rule.MEMORY_GROWS, Rule.ALL_FAILED):
        return False
    slo = step.judgement.broken_slo
    if slo is not None and slo.kind in (IndicatorKind.ERRORS, IndicatorKind.ADDED_ERRORS):
        return False
    return bool(step.rps and step.latency.mean_s and step.think_s)


def _compute_cycle_s(step: StepResult) -> float:
    """Return the seconds from one request of a user to its next, by Little's law; 0 without throughput.

    They include thinking, waiting for the response and everything else that the user does.
    """
    return step.users / (step.rps or math.inf)


def _estimate_from_same_cpu(cell: Cell, neighbours: Sequence[CellResult]) -> LogNormalEstimate | None:
    """Estimate from the same CPU with the nearest other memory: memory changes nothing until it runs out."""
    return _estimate_from_nearest(
        [
            result
            for result in neighbours
            if result.cell.limits.cpu_cores == cell.limits.cpu_cores
            and result.cell.limits.replicas == cell.limits.replicas
        ],
        lambda result: abs(result.cell.limits.memory_bytes - cell.limits.memory_bytes),
    )


def _estimate_from_same_memory(cell: Cell, neighbours: Sequence[CellResult]) -> LogNormalEstimate | None:
    """Estimate from the same memory with the nearest other CPU, if memory was its limiting factor."""
    return _estimate_from_nearest(
        [
            result
            for result in neighbours
            if _has_same_memory(result.cell, cell) and result.limiting_factor is Factor.MEMORY
        ],
        lambda result: abs(result.cell.limits.cpu_cores - cell.limits.cpu_cores),
    )


def _estimate_from_nearest(
    candidates: Sequence[CellResult], distance: Callable[[CellResult], float]
) -> LogNormalEstimate | None:
    finished = [result for result in candidates if find_capacity_users(result) is not None]
    nearest = min(finished, key=distance, default=None)
    users = find_capacity_users(nearest) if nearest is not None else None
    return None if users is None else LogNormalEstimate(users, _NEIGHBOUR_SIGMA)


def estimate_from_cpu_per_request(
    cell: Cell,
    steps: Sequence[StepResult],
    neighbours: Sequence[CellResult],
    limit: ResponseLimit,
    corrections: Sequence[float],
) -> LogNormalEstimate | None:
    """Estimate from the CPU seconds per request of the busiest step of this cell, otherwise of any cell.

    The median of the `corrections` (see `collect_corrections`) corrects the prediction.
    """
    users = _predict_from_cpu_per_request(cell, steps, limit)
    if users is None:
        neighbours_steps = [step for result in neighbours for step in result.steps]
        users = _predict_from_cpu_per_request(cell, neighbours_steps, limit)
    if users is None:
        return None
    if not corrections:
        return LogNormalEstimate(users, _CPU_PER_REQUEST_SIGMA)
    return LogNormalEstimate(users * statistics.median(corrections), _CORRECTED_SIGMA)


def _predict_from_cpu_per_request(
    cell: Cell, steps: Sequence[StepResult], limit: ResponseLimit
) -> float | None:
    """Return N = (cores / D - unused)·(Z + R at the limit) with D and Z of the busiest valid step.

    The cores are those of all replicas of the cell. None without such a step.
    """
    valid = [step for step in steps if _is_undisturbed(step) and _has_cpu_per_request(step)]
    if not valid:
        return None
    step = max(valid, key=lambda step: step.target.cpu_cores or 0.0)
    cpu_per_request_s = step.target.cpu_per_request_s or math.inf
    think_s = max(0.0, _compute_cycle_s(step) - (step.latency.mean_s or 0.0))
    most_rps = cell.limits.total_cores / cpu_per_request_s
    unused_rps = limit.unused_rps * _measure_spread(valid) * cell.limits.replicas
    rps = most_rps - min(unused_rps, _MOST_UNUSED_RATIO * most_rps)
    return rps * (think_s + _MEAN_TO_LIMIT_RATIO * limit.limit_s)


def _measure_spread(steps: Sequence[StepResult]) -> float:
    """Return how much CPU times differ, from a third (they are all alike) to 1 (they are exponential).

    The lightest step tells it by its p95 and its mean, less what requests wait for besides the CPU. 0 if it
    is unknown.
    """
    lightest = min(steps, key=lambda step: step.users)
    cpu_s, p95_s = lightest.target.cpu_per_request_s, lightest.latency.p95_s
    if not cpu_s or p95_s is None:
        return 0.0
    relative_p95 = (p95_s - (lightest.latency.mean_s or 0.0) + cpu_s) / cpu_s
    return min(max(relative_p95, 1.0), _EXPONENTIAL_P95) / _EXPONENTIAL_P95


def _is_undisturbed(step: StepResult) -> bool:
    """Return True unless generator or host disturbed the step. Too few requests still show their CPU time."""
    return step.verdict is not Verdict.INVALID or step.rule.lacks_requests


def _has_cpu_per_request(step: StepResult) -> bool:
    return bool(step.target.cpu_per_request_s and step.rps) and step.latency.mean_s is not None


def collect_corrections(neighbours: Sequence[CellResult], limit: ResponseLimit) -> list[float]:
    """Return measured over predicted capacity of each bracketed cell whose limiting factor was the CPU."""
    ratios = []
    for result in neighbours:
        if result.status is not Status.BRACKETED or result.limiting_factor is not Factor.CPU:
            continue
        predicted_users = _predict_from_cpu_per_request(result.cell, result.steps, limit)
        capacity_users = find_capacity_users(result)
        if predicted_users and capacity_users:
            ratios.append(capacity_users / predicted_users)
    return ratios
