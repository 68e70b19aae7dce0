"""Fit a step to what earlier steps have shown of the scenario: its users' cycle, and its rare requests."""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.search.rare_requests import find_window_s
from harness.model import Plan, Step, StepResult, Verdict


def fit_step(plan: Plan, step: Step, results: Sequence[StepResult]) -> Step:
    """Return the step with the users' cycle, and with a window that rare requests need.

    `results` are steps of the same scenario, of any cell. The cycle is that of the undisturbed result with
    the most requests; without one it is unknown.
    """
    windows_s = [find_window_s(plan, slo, step.users, results) for slo in plan.slos]
    timing = replace(step.timing, window_at_most_s=max([step.timing.window_at_most_s, *windows_s]))
    return replace(step, timing=timing, cycle_s=_find_cycle_s(results))


def _find_cycle_s(results: Sequence[StepResult]) -> float:
    shown = [
        result
        for result in results
        if result.cycle_s is not None
        and (result.verdict is not Verdict.INVALID or result.rule.lacks_requests)
    ]
    best = max(shown, key=lambda result: result.requests, default=None)
    return 0.0 if best is None or best.cycle_s is None else best.cycle_s
