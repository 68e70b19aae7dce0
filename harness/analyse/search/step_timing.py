"""Fit a step to what earlier steps have shown of the scenario: its users' cycle, and its rare requests.

A size's first ramp beyond light load is slow enough to be measured as a curve.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.search.rare_requests import find_window_s
from harness.model import LONGEST_CYCLE_S, Plan, Purpose, SearchStrategy, Step, StepResult
from harness.model.plan import SETTLE_CYCLES

_SLOW_RAMP_AT_MOST_S = 30.0
_CURVE_ANSWERS = 40
"""Twice as many answers as a p95 needs, so that its begin and its end tell something else."""

_FEWEST_ANSWERS = 20
"""A ramp with fewer answers shows no response times."""

_LIGHT_USERS_RATIO = 0.2
"""Users at light load are a part of a curve if they are more than this share of its most users."""


def fit_step(plan: Plan, step: Step, results: Sequence[StepResult]) -> Step:
    """Return the step with the users' cycle, and with a window that rare requests need.

    `results` are steps of the same scenario, of any cell. The cycle is that of the undisturbed result with
    the most requests; without one it is unknown.
    """
    windows_s = [find_window_s(plan, slo, step.users, results) for slo in plan.slos]
    timing = replace(step.timing, window_at_most_s=max([step.timing.window_at_most_s, *windows_s]))
    return replace(step, timing=timing, cycle_s=_find_cycle_s(results))


def _find_cycle_s(results: Sequence[StepResult]) -> float:
    shown = [result for result in results if result.cycle_s is not None and result.is_undisturbed]
    best = max(shown, key=lambda result: result.requests, default=None)
    return 0.0 if best is None or best.cycle_s is None else best.cycle_s


def slow_first_ramp(plan: Plan, step: Step, own: Sequence[StepResult]) -> Step:
    """Return the step, with a slow ramp if it is the first of its size after the one at light load, if any.

    That one has a slow ramp too if its users are not few among those of the plan. `own` are the size's steps
    so far. A ramp is not measured if the generator or the host was at fault, so the next one is slow too. The
    strategies that start with few users need no such ramp, and a variant that is no better than another one
    of its size needs no finer curve than its windows and usual ramps show.
    """
    if step.purpose is not Purpose.SEARCH or not measures_ramps(plan) or not step.draws_curve:
        return step
    held, first_users = [each.users for each in own if each.is_undisturbed], plan.search.first_users
    is_light = not held and step.users == first_users <= _LIGHT_USERS_RATIO * plan.users_limit
    was_measured = len(held) > 1 or any(users != first_users for users in held)
    ramp_s = find_slow_ramp_s(plan, step.users, step.cycle_s)
    has_answers = step.users * ramp_s / 2 >= _FEWEST_ANSWERS * step.cycle_s
    return replace(step, ramp_s=ramp_s) if has_answers and not (is_light or was_measured) else step


def starts_above_curve(step: Step, users: int) -> bool:
    """Return True if the measured ramp of a step would miss the lower fifth of its curve and more.

    So many `users` are there already, if the container of the step before goes on.
    """
    return step.ramp_s > 0 and users > _LIGHT_USERS_RATIO * step.users


def measures_ramps(plan: Plan) -> bool:
    """Return True if the first ramp of each size leads to about its capacity at once."""
    return plan.users_required is not None or plan.search.strategy is SearchStrategy.PREDICT


def find_slow_ramp_s(plan: Plan, users: int, cycle_s: float = 0.0) -> float:
    """Return the seconds of a ramp that is measured: about a shortest window, and two cycles of a user.

    Few users need longer for their response times. On a ramp half of the users are there on average.
    """
    cycles_s = SETTLE_CYCLES * min(cycle_s, LONGEST_CYCLE_S)
    curve_s = max(plan.timing.window_at_least_s, 2 * _CURVE_ANSWERS * cycle_s / users)
    return max(min(curve_s, _SLOW_RAMP_AT_MOST_S), cycles_s)
