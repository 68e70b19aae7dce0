"""Decide whether a window that would pass shows that the target's memory lasts, or must go on."""

from collections.abc import Callable

from harness.analyse.step.baseline import Baseline
from harness.analyse.step.memory_kills import check_killed_process
from harness.analyse.step.memory_trend import assess_memory, is_surely_filling
from harness.analyse.step.slo import evaluate_slo
from harness.analyse.step.sound_part import select_latest_part, select_sound_part
from harness.analyse.step.window import cut_window
from harness.model import (
    Judgement,
    Limits,
    MemoryTrend,
    Plan,
    Rule,
    Step,
    StepFacts,
    Timing,
)
from harness.model.evidence import MemoryGrows, SloEvaluation


def build_steady_predicate(
    plan: Plan, step: Step, baseline: Baseline | None, limits: Limits
) -> Callable[[StepFacts], bool]:
    """Return a predicate that is true once the window need not go on for the sake of the memory.

    That is so as soon as the memory is known to last, or to be full, as an SLO is surely broken, or at last
    broken while memory is short, or as the kernel has killed a process for lack of memory. It is so at once
    if another size has shown as much memory to last, or if the window would not pass by then. A light step
    does not go on: it is to become the baseline of others. If the search ends with its number of users, that
    number is held again.
    """
    if step.timing.steady_at_most_s == 0 or (baseline is None and step.users < plan.users_limit):
        return _is_always_steady
    return _SteadyPredicate(plan, step, baseline, limits)


def _is_always_steady(_: StepFacts) -> bool:
    return True


class _SteadyPredicate:
    """The predicate of one step; it remembers whether it was called before."""

    def __init__(self, plan: Plan, step: Step, baseline: Baseline | None, limits: Limits) -> None:
        self._slos = plan.slos
        self._precision_ratio = step.choose_precision(plan.search)
        self._timing = step.timing
        self._baseline = baseline
        self._limits = limits
        self._shown_bytes = step.shown_bytes
        self._was_called = False

    def __call__(self, facts: StepFacts) -> bool:
        limits = self._limits
        trend = assess_memory(facts, limits.memory_bytes, self._timing.horizon_s, limits.replicas)
        if trend is None or trend.is_known or self._is_shown(trend) or check_killed_process(facts):
            return True
        if trend.slows_requests and self._breaks_late(facts):
            return True
        broken = [each for each in self._evaluate_slos(facts) if each.value is not None and not each.holds]
        is_over = any(each.is_settled or not self._was_called for each in broken)
        self._was_called = True
        return is_over

    def _is_shown(self, trend: MemoryTrend) -> bool:
        return trend.shortage is None and trend.peak_bytes <= self._shown_bytes

    def _breaks_late(self, facts: StepFacts) -> bool:
        """Return True if an SLO is broken in the latest part of the window, which then fails the step."""
        drain_s = self._timing.drain_s
        part = select_latest_part(select_sound_part(facts, self._slos, drain_s), drain_s)
        evaluations = [] if part is None else self._evaluate_slos(part)
        return any(each.value is not None and not each.holds for each in evaluations)

    def _evaluate_slos(self, facts: StepFacts) -> list[SloEvaluation]:
        drain_s = self._timing.drain_s
        window = cut_window(select_sound_part(facts, self._slos, drain_s), drain_s)
        if window is None or len(window.start_s) == 0:
            return []
        return [evaluate_slo(window, slo, self._baseline, self._precision_ratio) for slo in self._slos]


def check_memory_growth(
    facts: StepFacts, trend: MemoryTrend | None, limits: Limits | None, timing: Timing
) -> Judgement | None:
    """Judge a step whose memory is surely filling: it fails. None for every other step."""
    if trend is None or limits is None or not is_surely_filling(trend, timing):
        return None
    return Judgement(
        Rule.MEMORY_GROWS, MemoryGrows(trend, limits.memory_bytes, facts.users, timing.horizon_s)
    )
