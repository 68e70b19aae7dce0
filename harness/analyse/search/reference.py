"""Find out whether a step can be the reference of the throughput shortfall, and choose one that can."""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.model import IndicatorKind, Plan, Step, StepResult, Verdict
from harness.model.light_load import NoShortfall

_LIGHT_WAIT_AT_MOST = 0.12
"""If users wait for at most this share of their time, a queue cannot have cost them more throughput."""

_ANY_CPU_WAIT_AT_MOST = 0.06
_LIGHT_CPU_AT_MOST = 0.5
"""Up to this share of its CPU quota, at most half of the time at a target is queueing (processor sharing: an
answer takes 1 / (1 - u) times as long as alone). If users wait for even less of their time, as in the line
before, it doesn't matter how busy the CPU is.
"""

_COMPARED = (IndicatorKind.SHORTFALL, IndicatorKind.ADDED_ERRORS)
"""Indicators that compare a step with a light one."""

_MOST_SPREAD = 2
"""A name is not looked for at fewer users if it was missing at half as many as made it."""

_REFERENCE_REQUESTS = 50
"""The window of a single user is long enough for about so many requests, if a window may be as long."""


def is_light_load(users: int, wait_ratio: float, cpu_ratio: float = 0.0) -> bool:
    """Return True if users hardly wait for one another: a single user, or users who hardly wait at all.

    `cpu_ratio` is the share of its CPU quota that the target used, or its busiest companion.
    """
    most = _LIGHT_WAIT_AT_MOST if cpu_ratio <= _LIGHT_CPU_AT_MOST else _ANY_CPU_WAIT_AT_MOST
    return users == 1 or wait_ratio <= most


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


def choose_reference_step(plan: Plan, steps: Sequence[StepResult], *, is_first: bool = True) -> Step | None:
    """Choose a light step if an SLO has none to compare with; None if none is needed.

    After a lightest step that is not light it is a single user, once. After a step whose users make requests
    that no light step has shown it is one of fewer users, of whom some still make them (see
    `_choose_rarer`). If the cell is not the campaign's first (`is_first`), others may have a light step.
    """
    if not any(slo.kind in _COMPARED for slo in plan.slos):
        return None
    known = [step for step in steps if step.wait_ratio is not None]
    if not known or any(step.users == 1 for step in steps):
        return _choose_rarer(plan, known)
    lightest = min(known, key=lambda step: step.users)
    is_light = is_light_load(lightest.users, lightest.wait_ratio or 0.0) or not is_first
    has_gap = any(_has_gap(step, NoShortfall.NOT_LIGHT) for step in known)
    if (is_light and not has_gap) or not lightest.rps:
        return _choose_rarer(plan, known)
    return lengthen_window(plan, 1, lightest)


def _choose_rarer(plan: Plan, steps: Sequence[StepResult]) -> Step | None:
    """Choose a step between the fewest users that make an unseen request and the most that don't; or None.

    It is None once the former are no more than twice the latter.
    """
    doubtful = [step for step in steps if _has_gap(step, NoShortfall.UNSEEN)]
    if not doubtful:
        return None
    lightest = min(doubtful, key=lambda step: step.users)
    assert lightest.shortfall_gap is not None
    fewer = [step.users for step in steps if step.users < lightest.users]
    most = max([*fewer, lightest.shortfall_gap.users if not fewer else 0])
    if lightest.users <= _MOST_SPREAD * most:
        return None
    return lengthen_window(plan, round(math.sqrt(lightest.users * most)), lightest)


def _has_gap(step: StepResult, reason: NoShortfall) -> bool:
    return step.shortfall_gap is not None and step.shortfall_gap.reason is reason


def lengthen_window(plan: Plan, users: int, step: StepResult) -> Step:
    """Return a step of fewer users, with a window for about 50 requests at the rate of those of `step`."""
    timing = plan.timing
    length_s = _REFERENCE_REQUESTS * step.users / (step.rps * users) if step.rps else 0.0
    at_least_s = min(max(timing.window_at_least_s, length_s), timing.window_at_most_s)
    return Step(users, replace(timing, window_at_least_s=at_least_s))
