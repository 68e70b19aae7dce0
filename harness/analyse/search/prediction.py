"""Predict a cell's capacity from other measurements: a place to start the search, never an answer.

In a closed system N = X·(Z + R) (Little's law: users, throughput, think time and response time), and a
CPU-bound target answers at most X = cpu_cores / D requests a second (utilisation law; D is the CPU time per
request). So D, measured in one step at light load, roughly predicts what every CPU size sustains. The ratio
of measured to predicted capacity of finished cells corrects the next prediction. A step that failed by its
response time shows the saturated X itself. What a limit leaves usable of it, `usable_cpu` tells.
"""

import math
import statistics
from collections.abc import Callable, Sequence

from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    combine_estimates,
    estimate_from_slow_share,
    find_percentile_slo,
    is_broken_by,
)
from harness.analyse.search.known_capacities import collect_capacities, find_capacity_users
from harness.analyse.search.memory_model import (
    estimate_users_in_memory,
    estimate_users_in_own_memory,
    is_memory_failure,
)
from harness.analyse.search.shown_shares import select_share
from harness.analyse.search.usable_cpu import (
    ResponseLimit,
    compute_usable_rps,
    compute_wait_share,
    find_response_limit,
    has_cpu_per_request,
)
from harness.analyse.search.variant_ratio import estimate_from_variants
from harness.model import Cell, CellResult, Factor, IndicatorKind, Rule, Slo, Status, StepResult, Verdict

_MEAN_TO_LIMIT_RATIO = 0.3
"""The mean response time when the p95 is at its limit, as a share of the limit; finished cells correct it."""

_FULL_CPU_RATIO = 0.85
"""A target that uses this share of its CPU quota is stopped by it (see `result.limiting_factor`)."""

_REFUTED_FROM_SIGMAS = 3.0
"""Windows of the cell refute the capacity of another one so many standard deviations away."""

# Standard deviations (of the logarithm of users) of estimates by the kind of their evidence.
_CPU_PER_REQUEST_SIGMA = 0.15
_CORRECTED_SIGMA = 0.06
_CORRECTED_BY_VARIANT_SIGMA = 0.1
_SATURATION_SIGMA = 0.05
_NEIGHBOUR_SIGMA = 0.04
_DEATH_SIGMA = 0.04
_OWN_MEMORY_SIGMA = 0.06
_SHARED_MEMORY_SIGMA = 0.1

_USERS_AT_DEATH_RATIO = 0.98
"""If a target died while users arrived, it is taken to sustain this share of the users that had arrived."""

_COLLAPSED_BELOW_RATIO = 0.9
"""A saturated target answers about as many requests with more users; one that collapses answers fewer."""


def predict_capacity(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], slos: Sequence[Slo]
) -> LogNormalEstimate | None:
    """Predict the cell's capacity from its own steps and from other cells' results; None without evidence.

    There are up to six kinds of estimates: by the CPU, by the memory, by the cell's own memory once it was
    full, by a death while users arrived, by the throughput shortfall, and by percentiles that broke, but for
    the first one of all requests, which belongs to the CPU. Each of them bounds the capacity, so the lowest
    is the prediction. Other variants count only for the first (see `_estimate_from_cpu`).
    """
    limit = find_response_limit(slos)
    slo = find_percentile_slo(slos)
    shown = _leave_out_collapses(steps)
    by_cpu = combine_estimates(
        [
            _estimate_from_cpu(cell, shown, neighbours, limit),
            _estimate_from_saturation(cell, shown, limit),
            *(estimate_from_slow_share(step, slo) for step in shown),
        ]
    )
    own = _select_variant(cell, neighbours)
    by_memory = (
        _drop_refuted(_estimate_from_same_memory(cell, own), _select_for_memory(steps))
        or _estimate_from_failures_of_same_memory(cell, own)
        or estimate_users_in_memory(cell, steps, own)
    )
    estimates = (
        by_cpu,
        by_memory,
        _estimate_from_own_memory(cell, steps, by_memory),
        _estimate_from_death(steps),
        _estimate_from_shortfall(shown, slos),
        *_estimate_from_further_percentiles(shown, slos),
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
    from_same_cpu = _drop_refuted(_estimate_from_same_cpu(cell, own), steps)
    if from_same_cpu is not None or any(_is_slowed(step, limit.limit_s) for step in steps):
        return from_same_cpu
    corrections = collect_corrections(own, limit)
    by_request = estimate_from_cpu_per_request(cell, steps, own, limit, corrections)
    if by_request is not None and not corrections:
        by_request = _correct_by_variants(by_request, cell, neighbours, limit)
    factors = {result.cell.limits: result.limiting_factor for result in neighbours}
    by_variant = estimate_from_variants(cell.limits, collect_capacities(neighbours), factors)
    if by_request is None and by_variant is None:
        corrections = collect_corrections(neighbours, limit)
        return estimate_from_cpu_per_request(cell, steps, neighbours, limit, corrections)
    return combine_estimates([by_request, by_variant])


def _drop_refuted(
    estimate: LogNormalEstimate | None, steps: Sequence[StepResult]
) -> LogNormalEstimate | None:
    """Return what another cell says of this one; None if steps of this one passed far above or failed far
    below.
    """
    if estimate is None:
        return None
    passed = max((step.users for step in steps if step.verdict is Verdict.PASS), default=0)
    failed = (step.users for step in steps if step.verdict is Verdict.FAIL and step.users > passed)
    factor = math.exp(_REFUTED_FROM_SIGMAS * estimate.sigma)
    is_refuted = passed > estimate.users * factor or min(failed, default=math.inf) * factor < estimate.users
    return None if is_refuted else estimate


def _select_for_memory(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps that passed, or failed for lack of memory."""
    return [step for step in steps if step.verdict is Verdict.PASS or is_memory_failure(step)]


def _correct_by_variants(
    predicted: LogNormalEstimate, cell: Cell, neighbours: Sequence[CellResult], limit: ResponseLimit
) -> LogNormalEstimate:
    """Return the prediction, corrected by other variants of the size that have shown how wrong it is."""
    size = cell.limits.drop_variant()
    others = [result for result in neighbours if result.cell.limits.drop_variant() == size]
    corrections = collect_corrections(others, limit)
    if not corrections:
        return predicted
    return LogNormalEstimate(predicted.users * statistics.median(corrections), _CORRECTED_BY_VARIANT_SIGMA)


def _select_variant(cell: Cell, neighbours: Sequence[CellResult]) -> list[CellResult]:
    """Return the results of the cell's own variant; without variants all of them."""
    return [result for result in neighbours if result.cell.limits.variant == cell.limits.variant]


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


def _estimate_from_saturation(
    cell: Cell, steps: Sequence[StepResult], limit: ResponseLimit
) -> LogNormalEstimate | None:
    """Estimate from the throughput of the slowed step with the fewest users; None without such a step.

    If it used up its CPU, a little less is sustained (see `compute_usable_rps`).
    """
    failed = [step for step in steps if _is_slowed(step, limit.limit_s)]
    if not failed:
        return None
    step = min(failed, key=lambda step: step.users)
    mean_s, rps, cycle_s = step.latency.mean_s or 0.0, step.rps or 0.0, _compute_cycle_s(step)
    spread = (step.latency.p95_s or mean_s) / mean_s
    cycle_at_limit_s = cycle_s + compute_wait_share(step) * (min(limit.limit_s / spread, mean_s) - mean_s)
    used_ratio = (step.target.cpu_cores or 0.0) / cell.limits.total_cores
    if used_ratio >= _FULL_CPU_RATIO:
        most_rps = rps / min(used_ratio, 1.0)
        rps = min(rps, compute_usable_rps(cell, most_rps, cycle_at_limit_s, limit, steps))
    return LogNormalEstimate(rps * cycle_at_limit_s, _SATURATION_SIGMA)


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


def _estimate_from_further_percentiles(
    steps: Sequence[StepResult], slos: Sequence[Slo]
) -> list[LogNormalEstimate | None]:
    """Estimate from the slow shares of each percentile that broke, but for the first one of all requests."""
    first = find_percentile_slo(slos)
    percentiles = [slo for slo in slos if slo.kind is IndicatorKind.PERCENTILE and slo != first]
    return [
        _estimate_from_percentile(steps, slo)
        for slo in percentiles
        if any(is_broken_by(step, slo) for step in steps)
    ]


def _estimate_from_percentile(steps: Sequence[StepResult], slo: Slo) -> LogNormalEstimate | None:
    shown = [select_share(step, slo) for step in steps]
    return combine_estimates(estimate_from_slow_share(step, slo) for step in shown if step is not None)


def _is_slowed(step: StepResult, limit_s: float) -> bool:
    """Return True if the step is saturated, and its requests wait longer than the limit allows.

    Where they don't, as after a failure by a rare name or by the shortfall, users lose no throughput by it.
    """
    slowest_s = step.latency.p95_s or step.latency.mean_s or 0.0
    return _is_saturated(step) and slowest_s > limit_s


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
    valid = [step for step in steps if step.is_undisturbed and has_cpu_per_request(step)]
    if not valid:
        return None
    step = max(valid, key=lambda step: step.target.cpu_cores or 0.0)
    cpu_per_request_s = step.target.cpu_per_request_s or math.inf
    share = compute_wait_share(step)
    think_s = max(0.0, _compute_cycle_s(step) - share * (step.latency.mean_s or 0.0))
    cycle_s = think_s + share * _MEAN_TO_LIMIT_RATIO * limit.limit_s
    most_rps = cell.limits.total_cores / cpu_per_request_s
    return compute_usable_rps(cell, most_rps, cycle_s, limit, steps) * cycle_s


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
