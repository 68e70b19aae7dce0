"""Fit a step to what earlier steps have shown of the scenario: how fast its users may arrive."""

from collections.abc import Iterable
from dataclasses import replace

from harness.model import Step, StepResult, Verdict


def fit_step(step: Step, results: Iterable[StepResult]) -> Step:
    """Return the step with the cycle that the undisturbed result with the most requests has shown.

    `results` are steps of the same scenario, of any cell. Without one of them the cycle is unknown.
    """
    shown = [
        result
        for result in results
        if result.cycle_s is not None
        and (result.verdict is not Verdict.INVALID or result.rule.lacks_requests)
    ]
    best = max(shown, key=lambda result: result.requests, default=None)
    return step if best is None or best.cycle_s is None else replace(step, cycle_s=best.cycle_s)
