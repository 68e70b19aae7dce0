"""Find out whether a step can be the reference of the throughput shortfall, and choose one that can."""

from collections.abc import Sequence
from dataclasses import replace

from harness.model import IndicatorKind, Plan, Step, StepResult, Verdict

_LIGHT_WAIT_AT_MOST = 0.12
"""If users wait for at most this share of their time, a queue cannot have cost them more throughput."""

_REFERENCE_REQUESTS = 50
"""The window of a single user is long enough for about so many requests, if a window may be as long."""


def is_light_load(users: int, wait_ratio: float) -> bool:
    """Return True if users hardly wait for one another: a single user, or users who hardly wait at all."""
    return users == 1 or wait_ratio <= _LIGHT_WAIT_AT_MOST


def leave_out_empty_references(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps without a single user that lacks requests and was measured as a reference only.

    It was if a step of more users had passed or lacked requests too, and none had failed: the search itself
    does not go down then.
    """
    return [step for i, step in enumerate(steps) if not _is_empty_reference(step, steps[:i])]


def _is_empty_reference(step: StepResult, before: Sequence[StepResult]) -> bool:
    if step.users > 1 or not step.rule.lacks_requests:
        return False
    has_failed = any(each.verdict is Verdict.FAIL for each in before)
    return not has_failed and any(
        each.users > 1 and (each.verdict is Verdict.PASS or each.rule.lacks_requests) for each in before
    )


def choose_reference_step(plan: Plan, steps: Sequence[StepResult]) -> Step | None:
    """Choose a step of a single user if an SLO on the shortfall has no light step to compare with.

    None if the lightest step is light, or if a single user was measured already.
    """
    if not any(slo.kind is IndicatorKind.SHORTFALL for slo in plan.slos):
        return None
    known = [step for step in steps if step.wait_ratio is not None]
    if not known or any(step.users == 1 for step in steps):
        return None
    lightest = min(known, key=lambda step: step.users)
    if is_light_load(lightest.users, lightest.wait_ratio or 0.0) or not lightest.rps:
        return None
    return lengthen_window(plan, 1, lightest)


def lengthen_window(plan: Plan, users: int, step: StepResult) -> Step:
    """Return a step of fewer users, with a window for about 50 requests at the rate of those of `step`."""
    timing = plan.timing
    length_s = _REFERENCE_REQUESTS * step.users / (step.rps * users) if step.rps else 0.0
    at_least_s = min(max(timing.window_at_least_s, length_s), timing.window_at_most_s)
    return Step(users, replace(timing, window_at_least_s=at_least_s))
