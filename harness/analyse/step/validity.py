"""Check that neither the generator nor the host distorted a step.

A step that breaks one of these rules is INVALID, never a FAIL: it says nothing about the target. The
rules with their numbers are listed in docs/method.md.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from harness.analyse.step.littles_law import UnexplainedTime, check_littles_law
from harness.analyse.step.memory_kills import find_companion_kill, find_kill_s
from harness.analyse.step.not_asked import check_target_asked
from harness.analyse.step.scenario_errors import summarize_user_ends
from harness.analyse.step.step_memo import StepMemo
from harness.analyse.step.usage import (
    compute_busy_cores,
    group_by_process,
    is_cpu_full,
    summarize_companions,
    summarize_cpu,
    summarize_generator,
    summarize_host,
)
from harness.analyse.step.window import Window
from harness.model import (
    MIB,
    EndReason,
    GeneratorSample,
    HostSample,
    Judgement,
    Limits,
    Rule,
    Slo,
    StepFacts,
    WorkerSample,
)
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
)
from harness.model.task_evidence import UsersLost

_GENERATOR_CPU_AT_MOST = 0.9
_LOOP_LAG_AT_MOST_S = 0.25
_LOOP_LAG_AT_MOST_RATIO = 0.25
"""The share of the tightest response-time SLO that the lag may reach. Locust measures the lag as part of each
response time.
"""

_LOOP_LAG_AT_LEAST_S = 0.01
"""A shorter lag is always allowed. On a quiet host the 90th percentile of the samples is 1-6 ms."""

_STEAL_AT_MOST = 0.10
_FOREIGN_AT_MOST = 0.10
"""The share of all the host's cores that other programs may use. On a quiet host they use less than 0.3 %. A
program that filled one of two cores raised the target's CPU time per request by more than 40 %.
"""

_GAP_AT_MOST_S = 3.0
"""The longest time between two samples, which are taken once or twice a second."""

_PROXY_AT_MOST_CORES = 0.9
"""The proxy uses 0.23-0.27 ms of CPU for each request. This is a cost of making load, not of the target."""

_HOST_FULL_RATIO = 0.95
"""The host is full if at least this share of all its cores is busy: programs then wait for one another."""

_HOST_MEMORY_AT_LEAST = 64 * MIB
"""If the host has less memory available, its kernel may kill processes whatever their own limits are."""

_TARGET_MEMORY_AT_MOST = 0.8
"""A target that used at most this share of its memory limit did not run out of its own memory. Pages of files
don't count: the kernel drops them before it kills a process.
"""

_EARLY_END_CHECKED_S = 10.0
"""If a step ends early, generator and host are checked in these last seconds of it."""

_EARLY_END_CHECKED_FROM_S = 5.0
"""A shorter step is not checked: counters that are read once a second show too little of it."""

_CLOCK_ERROR_AT_MOST_S = 0.005
"""With a larger error, more requests would be counted into the wrong window."""

_OUT_OF_MEMORY = "out of memory"
"""What the note of a step says of a container whose memory ran out."""

_DISTURBANCES: StepMemo[Judgement | None] = StepMemo()

_ENDINGS = {
    EndReason.GENERATOR_DIED: Rule.GENERATOR,
    EndReason.TARGET_REMOVED: Rule.REMOVED,
    EndReason.USERS_MISSING: Rule.USERS,
}


def judge_validity(
    facts: StepFacts,
    window: Window | None,
    usual: UnexplainedTime | None,
    slos: Sequence[Slo] = (),
    limits: Limits | None = None,
) -> Judgement | None:
    """Return the judgement of the first validity rule that the step breaks; None for a valid step.

    `usual` is the time that users lose at light load. If it is None, Little's law is not checked. If the
    target's `limits` are None, the host's memory is not checked, nor whether the host was full when the step
    ended early.
    """
    if facts.end_reason in _ENDINGS:
        host_memory = (
            check_host_memory(facts, limits) if facts.end_reason is EndReason.GENERATOR_DIED else None
        )
        ends = summarize_user_ends(facts) if facts.end_reason is EndReason.USERS_MISSING else None
        if ends is not None:
            alive = max((sample.users for sample in facts.generator[-1:]), default=0)
            return Judgement(Rule.USERS, UsersLost(alive, facts.users, ends))
        return host_memory or Judgement(_ENDINGS[facts.end_reason], EndedStep(facts.note))
    if facts.end_reason is not EndReason.HELD:
        return _check_early_end(facts, limits)
    if window is None or window.length_s <= 0:
        return None
    return (
        find_disturbance(facts, window.from_s, window.to_s, slos)
        or _check_users(facts, window)
        or check_target_asked(facts, window.from_s, window.to_s)
        or (check_host_memory(facts, limits) if _has_kill(facts) else None)
        or check_littles_law(facts, window, usual)
    )


def _has_kill(facts: StepFacts) -> bool:
    return find_kill_s(facts) is not None or find_companion_kill(facts) is not None


def find_disturbance(
    facts: StepFacts, from_s: float, to_s: float, slos: Sequence[Slo] = ()
) -> Judgement | None:
    """Return the first rule on counters of generator and host that is broken in [from_s, to_s].

    A window in progress asks several times at each look, so the last answer for the same facts is kept.
    """
    by = (from_s, to_s, tuple(slos))
    return _DISTURBANCES.compute_once(facts, by, lambda: _find_disturbance(facts, *by))


def _find_disturbance(facts: StepFacts, from_s: float, to_s: float, slos: Sequence[Slo]) -> Judgement | None:
    return (
        _check_suspension(facts, from_s, to_s)
        or _check_generator(facts, from_s, to_s, _compute_allowed_lag_s(slos))
        or _check_host(facts, from_s, to_s)
    )


def _check_early_end(facts: StepFacts, limits: Limits | None) -> Judgement | None:
    """Check whether generator or host ended a step early; None if the target did.

    If the target or a companion ran out of its own memory, nothing else is checked, because no other program
    can cause this.
    Otherwise the last seconds of the step are checked like a window. The number of users is not checked,
    because they may still have been arriving.
    """
    host_memory = check_host_memory(facts, limits)
    is_companion_out_of_memory = (
        facts.end_reason is EndReason.DEPENDENCY_DIED and _OUT_OF_MEMORY in facts.note
    )
    if host_memory is not None or is_companion_out_of_memory or is_out_of_memory(facts):
        return host_memory
    from_s, to_s = max(facts.ramp_from_s, facts.ended_s - _EARLY_END_CHECKED_S), facts.ended_s
    if to_s - from_s < _EARLY_END_CHECKED_FROM_S:
        return None
    return (
        _check_suspension(facts, from_s, to_s)
        or _check_generator(facts, from_s, to_s, _LOOP_LAG_AT_MOST_S)
        or _check_host(facts, from_s, to_s)
        or check_full_host(facts, from_s, to_s, limits)
    )


def is_out_of_memory(facts: StepFacts) -> bool:
    """Return True if engine or kernel report an OOM kill; the container may have gone on.

    Exit code 137 proves none: it follows any SIGKILL.
    """
    is_in_note = facts.end_reason is EndReason.TARGET_DIED and _OUT_OF_MEMORY in facts.note
    return is_in_note or find_kill_s(facts) is not None


def _check_suspension(facts: StepFacts, from_s: float, to_s: float) -> Judgement | None:
    gap_s = _find_longest_gap_s(facts, from_s, to_s)
    return Judgement(Rule.SUSPENDED, CountersSilent(gap_s)) if gap_s > _GAP_AT_MOST_S else None


def _find_longest_gap_s(facts: StepFacts, from_s: float, to_s: float) -> float:
    """Return the longest time without a reading of the host's or a process's counters.

    It need only begin or end within [from_s, to_s]: requests that were under way waited through all of it.
    What was read before is to be read until `to_s`.
    """
    series: list[Sequence[HostSample | GeneratorSample | WorkerSample]]
    series = [facts.host, facts.generator, *group_by_process(facts).values()]
    instants_s = ([*(sample.at_s for sample in each), max(each[-1].at_s, to_s)] for each in series if each)
    gaps = (gap for each in instants_s for gap in pairwise(each))
    return max((after - before for before, after in gaps if after > from_s and before < to_s), default=0.0)


def _compute_allowed_lag_s(slos: Sequence[Slo]) -> float:
    """Return how much Locust's event loop may lag: a quarter of the tightest response-time SLO.

    It is at least 0.01 s and at most 0.25 s. Without an SLO on response times it is 0.25 s.
    """
    tightest_s = min((slo.at_most for slo in slos if slo.is_response_time), default=math.inf)
    allowed_s = min(_LOOP_LAG_AT_MOST_S, _LOOP_LAG_AT_MOST_RATIO * tightest_s)
    return max(_LOOP_LAG_AT_LEAST_S, allowed_s)


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
    return Judgement(Rule.USERS, UsersLost(fewest, facts.users, summarize_user_ends(facts)))


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
    """Check whether all cores of the host were busy in [from_s, to_s] before the target's quota was used up.

    A failure then shows what the host can do, and not what the size can. Call this for failures only: a
    target that passes on a full host would pass on a larger host too. None without the target's limits or
    counters, and if the target or a companion has used up its own quota.
    """
    busy_cores = compute_busy_cores(facts, from_s, to_s)
    cores, throttled_ratio = summarize_cpu(facts.target, from_s, to_s)
    if limits is None or busy_cores is None or cores is None:
        return None
    used_ratio, host_cores = cores / limits.total_cores, len(facts.host[0].busy_s)
    is_at_quota = is_cpu_full(used_ratio, throttled_ratio or 0.0) or any(
        is_cpu_full(use.cpu_used_cores / use.limits.cpu_cores, use.throttled_ratio or 0.0)
        for use in summarize_companions(facts, from_s, to_s)
        if use.cpu_used_cores is not None
    )
    if busy_cores < _HOST_FULL_RATIO * host_cores or is_at_quota:
        return None
    return Judgement(Rule.HOST_FULL, HostFull(busy_cores, host_cores, used_ratio))


def check_host_memory(facts: StepFacts, limits: Limits | None) -> Judgement | None:
    """Check whether the host ran out of memory, and not the container whose process was killed.

    That is the target, or a companion that died or lost a process. It must have been far below its own limit,
    but if Locust died this doesn't matter: no container's limit ends Locust.
    """
    is_held = facts.end_reason is EndReason.HELD
    from_s = facts.ramp_from_s if is_held else facts.ended_s - _EARLY_END_CHECKED_S
    available = [sample.memory_available_bytes for sample in facts.host if sample.at_s >= from_s]
    if limits is None or not available or min(available) >= _HOST_MEMORY_AT_LEAST:
        return None
    companion = _find_dead_companion(facts)
    samples = facts.companions[companion].samples if companion else facts.target
    limit = facts.companions[companion].limits if companion else limits
    if not samples:
        return None
    used_ratio = max(sample.own_bytes for sample in samples) / limit.memory_bytes
    if used_ratio > _TARGET_MEMORY_AT_MOST and facts.end_reason is not EndReason.GENERATOR_DIED:
        return None
    return Judgement(Rule.HOST_MEMORY, HostOutOfMemory(min(available), used_ratio, companion))


def _find_dead_companion(facts: StepFacts) -> str | None:
    """Return the companion that ended the step, or that lost a process while the target lost none.

    None if there is none, or if nothing was counted of it.
    """
    if facts.end_reason is EndReason.HELD and find_kill_s(facts) is None:
        kill = find_companion_kill(facts)
        return None if kill is None else kill[1]
    if facts.end_reason is not EndReason.DEPENDENCY_DIED:
        return None
    name = facts.note.partition(":")[0]
    return name if name in facts.companions and facts.companions[name].samples else None
