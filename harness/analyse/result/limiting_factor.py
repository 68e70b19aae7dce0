"""Find the limiting factor of a cell: rules over the step that broke it, each with its evidence.

Lighter steps of the same cell show what is usual: the CPU time of a request, and its response time without a
queue.
"""

from collections.abc import Sequence

from harness.analyse.step.usage import is_cpu_full, is_often_throttled
from harness.model import Cell, Factor, IndicatorKind, Limits, Rule, StepResult, Verdict
from harness.model.evidence import (
    CompanionFull,
    CpuQuotaUsed,
    LimitingFactor,
    MemoryFull,
    OutOfMemory,
    OwnConcurrency,
    RequestErrors,
    Thrashing,
)

_MEMORY_USED_AT_LEAST = 0.90
_THRASHING_COST_AT_LEAST = 1.5
"""CPU time per request at the memory limit over that of a lighter step. From this ratio on, the CPU time is
spent on the kernel reading back pages of the program, and not on requests.
"""

_RESETS = ("RemoteDisconnected", "ConnectionReset", "Connection reset", "ConnectionAborted", "BrokenPipe")
_RESET_LATENCY_AT_MOST_S = 0.05
"""A request on a connection that the server has closed fails within this time."""


def find_limiting_factor(cell: Cell, broken: StepResult, steps: Sequence[StepResult] = ()) -> LimitingFactor:
    """Return the factor of the first rule that fires on `broken`, the step at the cell's broken users.

    `steps` are all steps of the cell.
    """
    light = _find_lightest_pass(broken, steps)
    return (
        _check_memory(cell.limits, broken, light)
        or _check_dead_companion(broken)
        or _check_errors(broken)
        or _check_cpu(cell.limits, broken)
        or _check_companions(broken)
        or LimitingFactor(Factor.TARGET, _measure_concurrency(cell.limits, broken, light))
    )


def _find_lightest_pass(broken: StepResult, steps: Sequence[StepResult]) -> StepResult | None:
    """Return the passing step with the fewest users below `broken`; None if there is none."""
    passed = [step for step in steps if step.verdict is Verdict.PASS and step.users < broken.users]
    return min(passed, key=lambda step: step.users, default=None)


def _check_memory(limits: Limits, step: StepResult, light: StepResult | None) -> LimitingFactor | None:
    if step.rule is Rule.OOM_KILL:
        return LimitingFactor(Factor.MEMORY, step.judgement)
    if step.target.is_out_of_memory:
        return LimitingFactor(Factor.MEMORY, OutOfMemory(limits.memory_bytes, step.users))
    used_ratio = (step.target.memory_peak_bytes or 0) / limits.memory_bytes
    if used_ratio < _MEMORY_USED_AT_LEAST:
        return None
    full = MemoryFull(used_ratio, limits.memory_bytes)
    if step.rule in (Rule.DIED, Rule.STALLED):
        return LimitingFactor(Factor.MEMORY, full)
    cost_ratio = _compute_cost_ratio(step, light)
    if light is not None and cost_ratio is not None and cost_ratio >= _THRASHING_COST_AT_LEAST:
        return LimitingFactor(Factor.MEMORY, Thrashing(full, cost_ratio, light.users))
    return None


def _compute_cost_ratio(step: StepResult, light: StepResult | None) -> float | None:
    """Return the CPU time per request over that of the lighter step; None if either is unknown."""
    if light is None or not light.target.cpu_per_request_s or step.target.cpu_per_request_s is None:
        return None
    return step.target.cpu_per_request_s / light.target.cpu_per_request_s


def _check_dead_companion(step: StepResult) -> LimitingFactor | None:
    if step.rule is not Rule.DEPENDENCY_DIED:
        return None
    return LimitingFactor(Factor.DEPENDENCY, step.judgement)


def _check_errors(step: StepResult) -> LimitingFactor | None:
    """Return errors as the factor, if they broke their SLO or the target died or failed every request."""
    if not (_is_broken_by_errors(step) or step.rule in (Rule.DIED, Rule.ALL_FAILED)):
        return None
    failures = step.failures
    if not failures.counts:
        return LimitingFactor(Factor.ERRORS, step.judgement)
    error, count = max(failures.counts.items(), key=lambda item: item[1])
    evidence = RequestErrors(failures.ratio or 0.0, error, count, failures.first_after_s, _are_resets(step))
    return LimitingFactor(Factor.ERRORS, evidence)


def _is_broken_by_errors(step: StepResult) -> bool:
    slo = step.judgement.broken_slo
    return slo is not None and slo.kind is IndicatorKind.ERRORS


def _are_resets(step: StepResult) -> bool:
    """Return True if most failed requests failed at once, on connections that the server had closed.

    The step must have broken an SLO on errors: a target that died closes its connections too.
    """
    failures = step.failures
    resets = sum(count for text, count in failures.counts.items() if any(word in text for word in _RESETS))
    latency_s = failures.median_latency_s
    are_at_once = latency_s is not None and latency_s <= _RESET_LATENCY_AT_MOST_S
    return _is_broken_by_errors(step) and are_at_once and 2 * resets > sum(failures.counts.values())


def _check_cpu(limits: Limits, step: StepResult) -> LimitingFactor | None:
    cores, throttled_ratio = step.target.cpu_cores, step.target.throttled_ratio or 0.0
    used_ratio = cores / limits.total_cores if cores is not None else 0.0
    if not is_cpu_full(used_ratio, throttled_ratio):
        return None
    is_throttled = is_often_throttled(throttled_ratio)
    used = CpuQuotaUsed(used_ratio, limits.total_cores, throttled_ratio if is_throttled else None)
    return LimitingFactor(Factor.CPU, used)


def _check_companions(step: StepResult) -> LimitingFactor | None:
    """Return the companion with the fullest CPU quota, if it is used up as a target's would be."""
    uses = [
        CompanionFull(
            use.name,
            use.limits.cpu_cores,
            use.cpu_used_cores / use.limits.cpu_cores,
            use.throttled_ratio or 0.0,
        )
        for use in step.companions
        if use.cpu_used_cores is not None
    ]
    full = [use for use in uses if is_cpu_full(use.used_ratio, use.throttled_ratio)]
    if not full:
        return None
    fullest = max(full, key=lambda use: (use.used_ratio, use.throttled_ratio))
    return LimitingFactor(Factor.DEPENDENCY, fullest)


def _measure_concurrency(limits: Limits, step: StepResult, light: StepResult | None) -> OwnConcurrency:
    cores = step.target.cpu_cores
    used_ratio = None if cores is None else cores / limits.total_cores
    if used_ratio is None or light is None or not light.latency.p50_s or not step.rps:
        return OwnConcurrency(step.judgement, used_ratio)
    return OwnConcurrency(step.judgement, used_ratio, step.rps, step.rps * light.latency.p50_s)
