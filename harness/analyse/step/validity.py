"""Check that neither the generator nor the host distorted a step.

A step that breaks one of these rules is INVALID, never a FAIL: it says nothing about the target. The
rules with their numbers are listed in docs/method.md.
"""

import numpy as np

from harness.analyse.step.usage import group_by_process, summarize_generator, summarize_host
from harness.analyse.step.window import Window
from harness.model import EndReason, Judgement, Rule, StepFacts
from harness.model.evidence import (
    ClockUncertain,
    CountersSilent,
    CpuStolen,
    EndedStep,
    ForeignLoad,
    GeneratorBusy,
    LoopLate,
    ProxyBusy,
    TimeUnexplained,
    UsersLost,
)

_GENERATOR_CPU_AT_MOST = 0.9
_LOOP_LAG_AT_MOST_S = 0.25
_UNEXPLAINED_AT_MOST = 0.05
_STEAL_AT_MOST = 0.10
_FOREIGN_AT_MOST = 0.10
"""The share of all the host's cores that other programs may use. On a quiet host they use less than 0.3 %. A
program that filled one of two cores raised the target's CPU time per request by more than 40 %.
"""

_GAP_AT_MOST_S = 3.0
"""The longest time between two samples, which are taken once or twice a second."""

_PROXY_AT_MOST_CORES = 0.9
"""The proxy uses 0.23-0.27 ms of CPU for each request. This is a cost of making load, not of the target."""

_CLOCK_ERROR_AT_MOST_S = 0.005
"""With a larger error, more requests would be counted into the wrong window."""

_ENDINGS = {
    EndReason.GENERATOR_DIED: Rule.GENERATOR,
    EndReason.TARGET_REMOVED: Rule.REMOVED,
    EndReason.USERS_MISSING: Rule.USERS,
}


def judge_validity(facts: StepFacts, window: Window | None, usual_ratio: float | None) -> Judgement | None:
    """Return the judgement of the first validity rule that the step breaks; None for a valid step.

    `usual_ratio` is the unexplained share of the users' time at light load. If it is None, Little's law is
    not checked.
    """
    if facts.end_reason in _ENDINGS:
        return Judgement(_ENDINGS[facts.end_reason], EndedStep(facts.note))
    if window is None or facts.end_reason is not EndReason.HELD:
        return None
    gap_s = _find_longest_gap_s(facts, window)
    if gap_s > _GAP_AT_MOST_S:
        return Judgement(Rule.SUSPENDED, CountersSilent(gap_s))
    return (
        _check_generator(facts, window)
        or _check_host(facts, window)
        or _check_littles_law(window, usual_ratio)
    )


def _find_longest_gap_s(facts: StepFacts, window: Window) -> float:
    """Return the longest time in the window without a reading of the host's or a process's counters."""
    series = [[sample.at_s for sample in facts.host], [sample.at_s for sample in facts.generator]]
    series += [[sample.at_s for sample in samples] for samples in group_by_process(facts).values()]
    inside = [np.array([at for at in each if window.from_s <= at <= window.to_s]) for each in series]
    return max((float(np.diff(each).max()) for each in inside if len(each) > 1), default=0.0)


def _check_generator(facts: StepFacts, window: Window) -> Judgement | None:
    use = summarize_generator(facts, window.from_s, window.to_s)
    if use.busiest_cpu_ratio is not None and use.busiest_cpu_ratio > _GENERATOR_CPU_AT_MOST:
        process = use.process if use.workers > 1 else None
        busy = GeneratorBusy(process, use.busiest_cpu_ratio, _GENERATOR_CPU_AT_MOST)
        return Judgement(Rule.GENERATOR_CPU, busy)
    if use.loop_lag_s is not None and use.loop_lag_s > _LOOP_LAG_AT_MOST_S:
        return Judgement(Rule.LOOP_LAG, LoopLate(use.loop_lag_s))
    if use.fewest_users is not None and use.fewest_users < facts.users:
        return Judgement(Rule.USERS, UsersLost(use.fewest_users, facts.users))
    if use.clock_error_s > _CLOCK_ERROR_AT_MOST_S:
        return Judgement(Rule.CLOCKS, ClockUncertain(use.clock_error_s, _CLOCK_ERROR_AT_MOST_S))
    return None


def _check_host(facts: StepFacts, window: Window) -> Judgement | None:
    use = summarize_host(facts, window.from_s, window.to_s)
    cores = len(facts.host[0].busy_s) if facts.host else 0
    if use.steal_ratio is not None and use.steal_ratio > _STEAL_AT_MOST:
        return Judgement(Rule.STEAL, CpuStolen(use.steal_ratio))
    if use.foreign_cores is not None and use.foreign_cores > _FOREIGN_AT_MOST * cores:
        return Judgement(Rule.FOREIGN_LOAD, ForeignLoad(use.foreign_cores, cores, _FOREIGN_AT_MOST))
    if use.proxy_cores is not None and use.proxy_cores > _PROXY_AT_MOST_CORES:
        return Judgement(Rule.PROXY, ProxyBusy(use.proxy_cores, _PROXY_AT_MOST_CORES))
    return None


def _check_littles_law(window: Window, usual_ratio: float | None) -> Judgement | None:
    if usual_ratio is None:
        return None
    residual = compute_unexplained_ratio(window) - usual_ratio
    if abs(residual) <= _UNEXPLAINED_AT_MOST:
        return None
    return Judgement(Rule.LITTLES_LAW, TimeUnexplained(residual, _UNEXPLAINED_AT_MOST))


def compute_unexplained_ratio(window: Window) -> float:
    """Return the share of the window's user-seconds that were neither thinking nor waiting for an answer.

    For N users in a window of length T, N·T must equal the sum of all think and response times in the window
    (J. D. C. Little, 1961). A difference comes from missing users, a stalled generator, or pauses within the
    tasks of the scenario.
    """
    return 1 - (window.thinking_s + window.waiting_s) / (window.users * window.length_s)
