"""Whether a step says anything about the target at all: checks of the generator and the host.

A step that breaks one of these rules is INVALID, never a FAIL: it says nothing about the target.
"""

import math
from collections.abc import Sequence

import numpy as np

from harness.analyse.step.usage import (
    count_busy_cores,
    group_by_process,
    is_cpu_full,
    summarize_companions,
    summarize_cpu,
    summarize_generator,
    summarize_host,
)
from harness.analyse.step.window import Window
from harness.model import MIB, EndReason, EventKind, Judgement, Limits, Rule, Slo, StepFacts
from harness.model.evidence import (
    ClockUncertain,
    CountersSilent,
    CpuStolen,
    EndedStep,
    ForeignLoad,
    GeneratorBusy,
    HostFull,
    HostOutOfMemory,
    LoopLate,
    ProxyBusy,
    TimeUnexplained,
    UsersLost,
)

_GENERATOR_CPU_AT_MOST = 0.9
_LOOP_LAG_AT_MOST_S = 0.25
_LOOP_LAG_AT_MOST_RATIO = 0.25
"""Of the tightest limit on a response time: the lag is part of each response time that Locust sees."""

_USUAL_LOOP_LAG_S = 0.01
"""A lag up to this makes no step invalid: on a quiet host, nine tenths of the samples were below 1-6 ms."""

_UNEXPLAINED_AT_MOST = 0.05
_STEAL_AT_MOST = 0.10
_FOREIGN_AT_MOST = 0.10
"""Of all the host's cores. On a quiet host it is under 0.3 %; a program that fills one of two cores raised
the target's CPU time per request by more than 40 %.
"""

_GAP_AT_MOST_S = 3.0
"""Between two samples, which are taken once or twice a second."""

_PROXY_AT_MOST_CORES = 0.9
"""The proxy uses 0.23-0.27 ms of CPU a request, which the generator causes and not the target."""

_BUSY_HOST_RATIO = 0.95
"""From this share of all cores on, whoever wants to run has to wait for another."""

_HOST_MEMORY_AT_LEAST = 64 * MIB
"""With less available memory the host's own out-of-memory killer is about to choose a victim."""

_TARGET_MEMORY_AT_MOST = 0.8
"""The share of its own limit below which a target did not run out of it."""

_BEFORE_END_S = 10.0
"""What generator and host did in these last seconds may have ended a step early."""

_SHORTEST_LOOK_S = 5.0
"""Counters that are read once a second say too little of a shorter time."""

_CLOCK_ERROR_AT_MOST_S = 0.005
"""With a larger error, more requests would be counted into the wrong window."""

_ENDINGS = {
    EndReason.GENERATOR_DIED: Rule.GENERATOR,
    EndReason.TARGET_REMOVED: Rule.REMOVED,
    EndReason.USERS_MISSING: Rule.USERS,
}


def judge_validity(
    facts: StepFacts,
    window: Window | None,
    usual_ratio: float | None,
    slos: Sequence[Slo] = (),
    limits: Limits | None = None,
) -> Judgement | None:
    """Return the judgement of the first rule of validity that the step breaks; None for a valid step.

    `usual_ratio` is the unexplained share of the users' time at light load. Without it Little's law is not
    checked, and without the target's `limits` the host's memory is not.
    """
    if facts.ended in _ENDINGS:
        return Judgement(_ENDINGS[facts.ended], EndedStep(facts.note))
    if facts.ended is not EndReason.HELD:
        return _check_early_end(facts, limits)
    if window is None:
        return None
    return (
        _check_suspension(facts, window.from_s, window.to_s)
        or _check_generator(facts, window.from_s, window.to_s, _allowed_lag_s(slos))
        or _check_users(facts, window)
        or _check_host(facts, window.from_s, window.to_s)
        or (_check_host_memory(facts, limits) if has_oom_event(facts) else None)
        or _check_time(window, usual_ratio)
    )


def _check_early_end(facts: StepFacts, limits: Limits | None) -> Judgement | None:
    """Check what may have ended a step early other than the target; None where the target did.

    A target that ran out of its own memory did so whatever else kept the host busy. Otherwise the last
    seconds of the step are checked as a window is, but for users who may still have been arriving.
    """
    exhausted = _check_host_memory(facts, limits)
    if exhausted is not None or is_out_of_memory(facts):
        return exhausted
    from_s, to_s = max(facts.ramp_from_s, facts.ended_s - _BEFORE_END_S), facts.ended_s
    if to_s - from_s < _SHORTEST_LOOK_S:
        return None
    return (
        _check_suspension(facts, from_s, to_s)
        or _check_generator(facts, from_s, to_s, _LOOP_LAG_AT_MOST_S)
        or _check_host(facts, from_s, to_s)
        or check_full_host(facts, from_s, to_s, limits)
    )


def is_out_of_memory(facts: StepFacts) -> bool:
    """Return True if the engine reported it. Exit code 137 alone proves nothing: any SIGKILL gives it."""
    is_noted = facts.ended is EndReason.TARGET_DIED and "out of memory" in facts.note
    return is_noted or has_oom_event(facts)


def has_oom_event(facts: StepFacts) -> bool:
    """Return True if the kernel killed a process of the target, perhaps not its first one."""
    return any(event.kind is EventKind.OOM for event in facts.events)


def _check_suspension(facts: StepFacts, from_s: float, to_s: float) -> Judgement | None:
    gap_s = _longest_gap_s(facts, from_s, to_s)
    return Judgement(Rule.SUSPENDED, CountersSilent(gap_s)) if gap_s > _GAP_AT_MOST_S else None


def _longest_gap_s(facts: StepFacts, from_s: float, to_s: float) -> float:
    """Return the longest time in [from_s, to_s] in which the host's or a process's counters were not read."""
    series = [[sample.at_s for sample in facts.host], [sample.at_s for sample in facts.generator]]
    series += [[sample.at_s for sample in samples] for samples in group_by_process(facts).values()]
    inside = [np.array([at for at in each if from_s <= at <= to_s]) for each in series]
    return max((float(np.diff(each).max()) for each in inside if len(each) > 1), default=0.0)


def _allowed_lag_s(slos: Sequence[Slo]) -> float:
    """Return how late Locust's event loop may come: a quarter of the tightest limit on a response time.

    It is 0.25 s at most, and 0.01 s at least.
    """
    tightest_s = min((slo.at_most for slo in slos if slo.is_response_time), default=math.inf)
    allowed_s = min(_LOOP_LAG_AT_MOST_S, _LOOP_LAG_AT_MOST_RATIO * tightest_s)
    return max(_USUAL_LOOP_LAG_S, allowed_s)


def _check_generator(facts: StepFacts, from_s: float, to_s: float, allowed_lag_s: float) -> Judgement | None:
    use = summarize_generator(facts, from_s, to_s)
    if use.busiest_cpu_ratio is not None and use.busiest_cpu_ratio > _GENERATOR_CPU_AT_MOST:
        process = use.process if use.workers > 1 else None
        busy = GeneratorBusy(process, use.busiest_cpu_ratio, _GENERATOR_CPU_AT_MOST)
        return Judgement(Rule.GENERATOR_CPU, busy)
    if use.loop_lag_s is not None and use.loop_lag_s > allowed_lag_s:
        return Judgement(Rule.LOOP_LAG, LoopLate(use.loop_lag_s, allowed_lag_s))
    if use.clock_error_s > _CLOCK_ERROR_AT_MOST_S:
        return Judgement(Rule.CLOCKS, ClockUncertain(use.clock_error_s, _CLOCK_ERROR_AT_MOST_S))
    return None


def _check_users(facts: StepFacts, window: Window) -> Judgement | None:
    fewest = summarize_generator(facts, window.from_s, window.to_s).fewest_users
    if fewest is None or fewest >= facts.users:
        return None
    return Judgement(Rule.USERS, UsersLost(fewest, facts.users))


def _check_host(facts: StepFacts, from_s: float, to_s: float) -> Judgement | None:
    use = summarize_host(facts, from_s, to_s)
    cores = len(facts.host[0].busy_s) if facts.host else 0
    if use.steal_ratio is not None and use.steal_ratio > _STEAL_AT_MOST:
        return Judgement(Rule.STEAL, CpuStolen(use.steal_ratio))
    if use.foreign_cores is not None and use.foreign_cores > _FOREIGN_AT_MOST * cores:
        return Judgement(Rule.FOREIGN_LOAD, ForeignLoad(use.foreign_cores, cores, _FOREIGN_AT_MOST))
    if use.proxy_cores is not None and use.proxy_cores > _PROXY_AT_MOST_CORES:
        return Judgement(Rule.PROXY, ProxyBusy(use.proxy_cores, _PROXY_AT_MOST_CORES))
    return None


def check_full_host(facts: StepFacts, from_s: float, to_s: float, limits: Limits | None) -> Judgement | None:
    """Check whether target and load together filled the host before the target's quota was used up.

    Such a failure says what the host can do, not what the size can. A pass on a full host holds all the more
    elsewhere, so this is asked of failures only. None without the target's limits, without its counters, and
    where the target or a companion is at its own quota.
    """
    busy = count_busy_cores(facts, from_s, to_s)
    cores, throttled_ratio = summarize_cpu(facts.target, from_s, to_s)
    if limits is None or busy is None or cores is None:
        return None
    used_ratio, host_cores = cores / limits.all_cores, len(facts.host[0].busy_s)
    companions = summarize_companions(facts, from_s, to_s)
    is_at_quota = is_cpu_full(used_ratio, throttled_ratio or 0.0) or any(
        is_cpu_full(use.cpu_used_cores / use.limits.cpu_cores, use.throttled_ratio or 0.0)
        for use in companions
        if use.cpu_used_cores is not None
    )
    if busy < _BUSY_HOST_RATIO * host_cores or is_at_quota:
        return None
    return Judgement(Rule.HOST_FULL, HostFull(busy, host_cores, used_ratio))


def _check_host_memory(facts: StepFacts, limits: Limits | None) -> Judgement | None:
    """Check whether the host ran out of memory while the target was far below its own limit."""
    from_s = facts.ended_s - _BEFORE_END_S if facts.ended is not EndReason.HELD else facts.ramp_from_s
    available = [sample.memory_available_bytes for sample in facts.host if sample.at_s >= from_s]
    used = [sample.working_set_bytes for sample in facts.target]
    if limits is None or not available or not used:
        return None
    used_ratio = max(used) / limits.memory_bytes
    if min(available) >= _HOST_MEMORY_AT_LEAST or used_ratio > _TARGET_MEMORY_AT_MOST:
        return None
    return Judgement(Rule.HOST_MEMORY, HostOutOfMemory(min(available), used_ratio))


def _check_time(window: Window, usual_ratio: float | None) -> Judgement | None:
    if usual_ratio is None:
        return None
    residual = unexplained_ratio(window) - usual_ratio
    if abs(residual) <= _UNEXPLAINED_AT_MOST:
        return None
    return Judgement(Rule.LITTLES_LAW, TimeUnexplained(residual, _UNEXPLAINED_AT_MOST))


def unexplained_ratio(window: Window) -> float:
    """Return the share of the window's user-seconds that were neither thinking nor waiting for an answer.

    N·T must equal the sum of all think and response times within the window (J. D. C. Little, 1961). The rest
    is missing users, a stalled generator, or pauses of the scenario's own within its tasks.
    """
    return 1 - (window.thinking_s + window.waiting_s) / (window.users * window.length_s)
