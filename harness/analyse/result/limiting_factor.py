"""Find the limiting factor of a cell: rules over the step that broke it, each with its evidence.

Lighter steps of the same cell show what is usual: the CPU time of a request, and its response time without a
queue.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.result.stalls import find_companion_stall, find_disk_stall
from harness.analyse.step.memory_shortage import find_memory_shortage
from harness.analyse.step.usage import is_cpu_full, is_cpu_used_up, is_often_throttled
from harness.model import (
    Cell,
    CompanionUse,
    Factor,
    IndicatorKind,
    Limits,
    Rule,
    StepResult,
    TargetUse,
    Verdict,
)
from harness.model.evidence import (
    CompanionFull,
    CompanionMemoryFull,
    CpuQuotaUsed,
    LimitingFactor,
    MemoryFull,
    OutOfMemory,
    OwnConcurrency,
    ProcessKilled,
    RequestErrors,
    Thrashing,
)
from harness.model.memory import AT_LIMIT_RATIO
from harness.model.rare_requests import NameFailed
from harness.model.stalls import DiskStalled, MemoryShort

_THRASHING_COST_AT_LEAST = 1.5
"""CPU time per request at the memory limit over that of a lighter step. From this ratio on, the CPU time is
spent on the kernel reading back pages of the program, and not on requests.
"""

_OWN_MEMORY_AT_LEAST = 0.5
"""If less than this share of a full memory is the program's own, the rest are pages of files. A cache of
files fills any memory, so it is no limit unless the kernel's counters show that memory is short.
"""

_SATURATED_FROM_SHORTFALL = 0.15
"""From this shortfall on a target is saturated: with more users its throughput hardly rises any more."""

_FLAT_RPS, _MORE_USERS = 1.05, 1.5
"""So is one whose throughput is at most this multiple of that of so many times fewer users. Users without
think time have no shortfall.
"""

_QUOTA_TIME_AT_LEAST = 0.5
"""If the quota alone stretches a request to this share of its response time, it waits for the quota."""

_BUSY_CORES_BELOW, _BUSY_CORES_ABOVE = 0.08, 0.03
"""How many cores less or more than their number threads may use that are always busy."""

_RESETS = ("RemoteDisconnected", "ConnectionReset", "Connection reset", "ConnectionAborted", "BrokenPipe")
_RESET_LATENCY_AT_MOST_S = 0.05
"""A request on a connection that the server has closed fails within this time."""


def find_limiting_factor(cell: Cell, broken: StepResult, steps: Sequence[StepResult] = ()) -> LimitingFactor:
    """Return the factor of the first rule that fires on `broken`, the step at the cell's broken users.

    `steps` are all steps of the cell.
    """
    light = _find_lightest_pass(broken, steps)
    disk = _find_target_disk_stall(broken, light)
    return (
        _check_ended_companion(broken)
        or _check_memory(cell.limits, broken, light)
        or _check_killed_companion(broken)
        or _check_errors(broken)
        or _check_cpu(cell.limits, broken, steps, disk)
        or (LimitingFactor(Factor.DISK, disk) if disk is not None else None)
        or _check_companions(broken)
        or _check_companions_stalls(broken, light)
        or _check_companions_memory(broken, light)
        or _find_rest(cell.limits, broken, light, steps)
    )


def _find_target_disk_stall(step: StepResult, light: StepResult | None) -> DiskStalled | None:
    if light is None:
        return find_disk_stall(step.target.stalls, None, None)
    return find_disk_stall(step.target.stalls, light.target.stalls, light.users)


def _find_lightest_pass(broken: StepResult, steps: Sequence[StepResult]) -> StepResult | None:
    """Return the passing step with the fewest users below `broken`; None if there is none."""
    passed = [step for step in steps if step.verdict is Verdict.PASS and step.users < broken.users]
    return min(passed, key=lambda step: step.users, default=None)


def _check_memory(limits: Limits, step: StepResult, light: StepResult | None) -> LimitingFactor | None:
    if step.rule in (Rule.MEMORY_GROWS, Rule.OOM_KILL):
        return LimitingFactor(Factor.MEMORY, step.judgement)
    if step.target.is_out_of_memory:
        return LimitingFactor(Factor.MEMORY, OutOfMemory(limits.memory_bytes, step.users))
    cost_ratio = _compute_cost_ratio(step, light)
    short = _find_own_shortage(step, limits)
    is_slowed = short is not None and short.slows_requests
    if short is not None and is_slowed and not _is_cpu_used_up_as_usual(limits, step, cost_ratio):
        return LimitingFactor(Factor.MEMORY, short)
    used_ratio = _compute_memory_ratio(step.target, limits)
    if used_ratio < AT_LIMIT_RATIO or _is_mere_cache(step.target, limits):
        return None
    full = MemoryFull(used_ratio, limits.memory_bytes)
    if step.rule in (Rule.DIED, Rule.STALLED):
        return LimitingFactor(Factor.MEMORY, full)
    if light is not None and cost_ratio is not None and cost_ratio >= _THRASHING_COST_AT_LEAST:
        thrashing = Thrashing(full, cost_ratio, light.users, step.target.stalls.memory_ratio)
        return LimitingFactor(Factor.MEMORY, thrashing)
    return None


def _find_shortage(use: TargetUse | CompanionUse, limits: Limits) -> MemoryShort | None:
    return find_memory_shortage(use.stalls, limits.memory_bytes, use.memory_peak_bytes, limits.replicas)


def _find_own_shortage(step: StepResult, limits: Limits) -> MemoryShort | None:
    """Return how short the target's memory was in the window, or in the step's latest third.

    Memory that becomes short within a window stalls the window as a whole for less of its time.
    """
    late = step.memory.shortage if step.memory is not None else None
    known = [each for each in (_find_shortage(step.target, limits), late) if each is not None]
    return next((each for each in known if each.slows_requests), known[0] if known else None)


def _is_cpu_used_up_as_usual(limits: Limits, step: StepResult, cost_ratio: float | None) -> bool:
    """Return True if the quota is used up by requests that cost as much CPU time as at light load.

    Then work waits for memory meanwhile, but the CPU would stop it all the same.
    """
    is_usual = cost_ratio is not None and cost_ratio < _THRASHING_COST_AT_LEAST
    return is_usual and is_cpu_used_up(_compute_used_ratio(limits, step) or 0.0)


def _compute_cost_ratio(step: StepResult, light: StepResult | None) -> float | None:
    """Return the CPU time per request over that of the lighter step; None if either is unknown."""
    if light is None or not light.target.cpu_per_request_s or step.target.cpu_per_request_s is None:
        return None
    return step.target.cpu_per_request_s / light.target.cpu_per_request_s


def _check_ended_companion(step: StepResult) -> LimitingFactor | None:
    """Return the companion that failed the step: it died, or the kernel killed a process of it."""
    evidence = step.judgement.evidence
    has_lost_process = isinstance(evidence, ProcessKilled) and evidence.companion is not None
    if step.rule is not Rule.DEPENDENCY_DIED and not has_lost_process:
        return None
    return LimitingFactor(Factor.DEPENDENCY, step.judgement)


def _check_killed_companion(step: StepResult) -> LimitingFactor | None:
    """Return the companion of which the kernel killed a process: requests then fail, or wait for it."""
    killed = next((use for use in step.companions if use.is_out_of_memory), None)
    if killed is None:
        return None
    used_ratio = _compute_memory_ratio(killed, killed.limits)
    full = CompanionMemoryFull(killed.name, killed.limits.memory_bytes, used_ratio)
    return LimitingFactor(Factor.DEPENDENCY, full)


def _check_errors(step: StepResult) -> LimitingFactor | None:
    """Return errors as the factor, if they broke their SLO or the target died or failed every request."""
    if not (_is_broken_by_errors(step) or step.rule in (Rule.DIED, Rule.ALL_FAILED)):
        return None
    failures = step.failures
    if not failures.counts or isinstance(step.judgement.evidence, NameFailed):
        return LimitingFactor(Factor.ERRORS, step.judgement)
    error, count = max(failures.counts.items(), key=lambda item: item[1])
    evidence = RequestErrors(failures.ratio or 0.0, error, count, failures.first_after_s, _are_resets(step))
    return LimitingFactor(Factor.ERRORS, evidence)


def _is_broken_by_errors(step: StepResult) -> bool:
    slo = step.judgement.broken_slo
    return slo is not None and slo.kind in (IndicatorKind.ERRORS, IndicatorKind.ADDED_ERRORS)


def _are_resets(step: StepResult) -> bool:
    """Return True if most failed requests failed at once, on connections that the server had closed.

    The step must have broken an SLO on errors: a target that died closes its connections too.
    """
    failures = step.failures
    resets = sum(count for text, count in failures.counts.items() if any(word in text for word in _RESETS))
    latency_s = failures.median_latency_s
    are_at_once = latency_s is not None and latency_s <= _RESET_LATENCY_AT_MOST_S
    return _is_broken_by_errors(step) and are_at_once and 2 * resets > sum(failures.counts.values())


def _check_cpu(
    limits: Limits, step: StepResult, steps: Sequence[StepResult], disk: DiskStalled | None
) -> LimitingFactor | None:
    """Return the CPU as the factor, if its quota is used up, or if requests wait because of throttling.

    Throttling alone is no evidence: a target with few workers, which wait for other things most of the time,
    is throttled whenever they compute. But such a target does not use up its quota however many users it has.
    Nor is it evidence for a target whose work waited longer for its `disk` than for a core.
    """
    throttled_ratio = step.target.throttled_ratio or 0.0
    used_ratio = _compute_used_ratio(limits, step) or 0.0
    is_throttled = is_often_throttled(throttled_ratio)
    stalled_ratio = step.target.stalls.cpu_ratio
    waits_for_disk = disk is not None and disk.stalled_ratio > (stalled_ratio or 0.0)
    is_limit = is_cpu_used_up(used_ratio) or (
        not waits_for_disk
        and (
            (is_cpu_full(used_ratio, throttled_ratio) and not _is_saturated_below_quota(limits, step, steps))
            or (is_throttled and _is_stretched_by_quota(limits, step))
        )
    )
    if not is_limit:
        return None
    shown_ratio = throttled_ratio if is_throttled else None
    used = CpuQuotaUsed(used_ratio, limits.total_cores, shown_ratio, stalled_ratio)
    return LimitingFactor(Factor.CPU, used)


def _compute_used_ratio(limits: Limits, step: StepResult) -> float | None:
    """Return the share of its CPU quota that the target used; None without counters."""
    cores = step.target.cpu_cores
    return None if cores is None else cores / limits.total_cores


def _is_saturated_below_quota(limits: Limits, broken: StepResult, steps: Sequence[StepResult]) -> bool:
    """Return True if the target was overloaded in some step and still left a part of its quota unused."""
    overloaded = [step for step in _list_failures(broken, steps) if _is_saturated(step, steps)]
    used_ratios = [_compute_used_ratio(limits, step) for step in overloaded]
    return any(used is not None and not is_cpu_used_up(used) for used in used_ratios)


def _is_saturated(step: StepResult, steps: Sequence[StepResult]) -> bool:
    passed = [each for each in steps if each.verdict is Verdict.PASS]
    fewer_rps = [each.rps or 0.0 for each in passed if _MORE_USERS * each.users <= step.users]
    is_flat = step.rps is not None and step.rps <= _FLAT_RPS * max(fewer_rps, default=0.0)
    return is_flat or (step.shortfall_ratio or 0.0) >= _SATURATED_FROM_SHORTFALL


def _list_failures(broken: StepResult, steps: Sequence[StepResult]) -> list[StepResult]:
    """Return `broken` and the steps with at least as many users that broke an SLO."""
    return [broken, *(each for each in steps if each.users >= broken.users and each.rule is Rule.SLO_BROKEN)]


def _is_stretched_by_quota(limits: Limits, step: StepResult) -> bool:
    """Return True if a request takes long because its CPU time is more than the quota gives at once.

    A single user can show this: its requests are throttled, although it thinks most of the time and uses
    little of the quota.
    """
    cpu_s, mean_s = step.target.cpu_per_request_s, step.latency.mean_s
    if not cpu_s or not mean_s:
        return False
    return cpu_s / limits.cpu_cores >= _QUOTA_TIME_AT_LEAST * mean_s


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


def _check_companions_stalls(step: StepResult, light: StepResult | None) -> LimitingFactor | None:
    stall = find_companion_stall(step, light)
    return None if stall is None else LimitingFactor(Factor.DEPENDENCY, stall)


def _check_companions_memory(step: StepResult, light: StepResult | None) -> LimitingFactor | None:
    """Return the companion with the fullest memory as the factor, unless it was as full at light load.

    A memory that is full at light load may hold a cache. It is the factor only if each request then costs the
    companion 1.5 times the CPU time that it does at light load. Memory that is short was looked at before.
    """
    full = [
        CompanionMemoryFull(use.name, use.limits.memory_bytes, used_ratio)
        for use in step.companions
        if (used_ratio := _compute_memory_ratio(use, use.limits)) >= AT_LIMIT_RATIO
        and (light is None or _is_filled_by_load(use, step, light))
        and not _is_mere_cache(use, use.limits)
    ]
    if not full:
        return None
    return LimitingFactor(Factor.DEPENDENCY, max(full, key=lambda use: use.used_ratio))


def _compute_memory_ratio(use: TargetUse | CompanionUse, limits: Limits) -> float:
    """Return the share of its memory limit that a container's working set came to."""
    return (use.memory_peak_bytes or 0) / limits.memory_bytes


def _is_mere_cache(use: TargetUse | CompanionUse, limits: Limits) -> bool:
    """Return True if most of the memory are pages of files, and nothing shows that these are needed again."""
    own_bytes = use.own_memory_peak_bytes
    has_room = own_bytes is not None and own_bytes < _OWN_MEMORY_AT_LEAST * limits.memory_bytes
    return has_room and _find_shortage(use, limits) is None


def _is_filled_by_load(use: CompanionUse, step: StepResult, light: StepResult) -> bool:
    before = next((each for each in light.companions if each.name == use.name), None)
    if before is None or _compute_memory_ratio(before, before.limits) < AT_LIMIT_RATIO:
        return True
    if use.cpu_used_cores is None or not before.cpu_used_cores or not step.rps or not light.rps:
        return False
    cost_ratio = (use.cpu_used_cores / step.rps) / (before.cpu_used_cores / light.rps)
    return cost_ratio >= _THRASHING_COST_AT_LEAST


def _find_rest(
    limits: Limits, step: StepResult, light: StepResult | None, steps: Sequence[StepResult]
) -> LimitingFactor:
    """Return the target itself as the factor, or none if CPU or memory may be it and were not counted.

    A target that keeps a core busy is slow by itself, whatever the memory does beside it.
    """
    evidence = _measure_concurrency(limits, step, light, steps)
    if evidence.cpu_used_ratio is None or evidence.is_throttling_unknown:
        return LimitingFactor(None, evidence)
    short = _find_own_shortage(step, limits)
    if short is not None and short.is_unclear and evidence.busy_cores is None:
        return LimitingFactor(None, short)
    return LimitingFactor(Factor.TARGET, evidence)


def _is_throttling_unknown(limits: Limits, step: StepResult) -> bool:
    """Return True if throttling was not counted, of the target or a companion, and would decide.

    If all periods were throttled, the CPU would then be the factor. Podman's API counts no periods.
    """
    used_ratio = _compute_used_ratio(limits, step)
    is_targets = step.target.throttled_ratio is None and (
        (used_ratio is not None and is_cpu_full(used_ratio, 1.0)) or _is_stretched_by_quota(limits, step)
    )
    return is_targets or any(
        use.throttled_ratio is None
        and use.cpu_used_cores is not None
        and is_cpu_full(use.cpu_used_cores / use.limits.cpu_cores, 1.0)
        for use in step.companions
    )


def _measure_concurrency(
    limits: Limits, step: StepResult, light: StepResult | None, steps: Sequence[StepResult]
) -> OwnConcurrency:
    throttled_ratio = step.target.throttled_ratio or 0.0
    evidence = OwnConcurrency(
        step.judgement,
        _compute_used_ratio(limits, step),
        busy_cores=_find_busy_cores(limits, step, steps),
        limit_cores=limits.cpu_cores,
        throttled_ratio=throttled_ratio if is_often_throttled(throttled_ratio) else None,
        is_throttling_unknown=_is_throttling_unknown(limits, step),
        io_ratio=step.target.stalls.io_ratio,
    )
    if evidence.cpu_used_ratio is None or light is None or not light.latency.p50_s or not step.rps:
        return evidence
    return replace(evidence, rps=step.rps, requests_at_once=step.rps * light.latency.p50_s)


def _find_busy_cores(limits: Limits, broken: StepResult, steps: Sequence[StepResult]) -> int | None:
    """Return how many whole cores of each replica are always busy, though it has more; None if none is.

    Threads that always compute use one core each, and no more however many users there are. Two cores or more
    count only if a step was overloaded: any other target may happen to use about as much.
    """
    failures = _list_failures(broken, steps)
    used = [step.target.cpu_cores for step in failures if step.target.cpu_cores is not None]
    if not used:
        return None
    cores = max(used) / limits.replicas
    busy = round(cores)
    is_whole = busy - _BUSY_CORES_BELOW <= cores <= busy + _BUSY_CORES_ABOVE
    is_sure = busy == 1 or any(_is_saturated(step, steps) for step in failures)
    return busy if busy >= 1 and is_whole and is_sure and busy < limits.cpu_cores else None
