"""Build the step of a trial: what is held, for how long, and how fast the users of a burst come."""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.search.step_timing import fit_step
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.burst_recovery import STEADY_FOR_S, find_steady_after_s
from harness.campaign.step_spec import build_step_spec
from harness.errors import UsageError
from harness.measure.burst import BurstSpec
from harness.measure.step import ProgressCallback, StepSpec
from harness.model import LONGEST_CYCLE_S, Cell, Plan, Purpose, Step, StepResult
from harness.model.trials import BurstAsk, TrialAsk

BEFORE_S = 30.0
"""For how long the users are held before a burst, at least: what is usual is measured then."""

WATCH_AT_MOST_S = 300.0
"""For how long a target is watched after a burst, until it is steady again."""

_ARRIVE_WITHIN_S, _ARRIVE_WITHIN_RATIO = 5.0, 0.25
"""The users of a burst come within these seconds, and this share of it, or faster if the matrix says so."""

_LOOKS = 60
_BYTES_PER_REQUEST = 80
_MOST_BYTES = 400 * 1024 * 1024
"""The most that the requests and pauses of a step may take as text: a larger file would not be read again."""


def count_burst_users(users: int, factor: float) -> int:
    """Return so many times the users, and at least one more."""
    return max(users + 1, math.ceil(round(users * factor, 6)))


def build_trial_spec(
    plan: Plan,
    cell: Cell,
    users: int,
    ask: TrialAsk,
    index: int,
    baseline: Baseline | None,
    steps: Sequence[StepResult],
    report_progress: ProgressCallback,
) -> StepSpec:
    """Build the step number `index` of a cell for a trial with these users.

    `steps` are all that the campaign has held: they tell the users' cycle.
    """
    if isinstance(ask, BurstAsk):
        step = fit_step(plan, Step(users, plan.timing, Purpose.BURST), steps)
        spec = build_step_spec(plan, step, index, baseline, cell.limits, report_progress)
        return replace(spec, burst=_build_burst(plan, step, ask))
    timing = replace(
        plan.timing, window_at_least_s=ask.for_s, window_at_most_s=ask.for_s, steady_at_most_s=0.0
    )
    step = fit_step(plan, Step(users, timing, Purpose.LONG_SOAK), steps)
    step = replace(step, timing=replace(step.timing, window_at_most_s=ask.for_s))
    spec = build_step_spec(plan, step, index, baseline, cell.limits, report_progress, is_last_try=True)
    return replace(spec, look_every_s=max(spec.look_every_s, ask.for_s / _LOOKS))


def _build_burst(plan: Plan, step: Step, ask: BurstAsk) -> BurstSpec:
    """Return the burst of a step; users with a long cycle are watched for several of them."""
    users = count_burst_users(step.users, ask.factor)
    arrival_s = min(_ARRIVE_WITHIN_S, _ARRIVE_WITHIN_RATIO * ask.for_s)
    cycle_s = min(step.cycle_s, LONGEST_CYCLE_S)
    return BurstSpec(
        users,
        max(plan.spawn_rate, (users - step.users) / arrival_s),
        before_s=BEFORE_S,
        for_s=ask.for_s,
        watch_at_most_s=max(WATCH_AT_MOST_S, 10 * cycle_s),
        is_steady=lambda facts: find_steady_after_s(facts) is not None,
    )


def estimate_trial_s(plan: Plan, ask: TrialAsk) -> float:
    """Return about how long a trial takes if the target is steady again at once after a burst."""
    begin_s = 20.0 + plan.timing.settle_s
    return begin_s + ask.for_s + (BEFORE_S + STEADY_FOR_S if isinstance(ask, BurstAsk) else 0.0)


def check_size_of_facts(steps: Sequence[StepResult], users: int, for_s: float) -> None:
    """Raise UsageError if so many users would make more requests than one step's file may hold.

    The rate of a user is the highest that some step has shown.
    """
    rates = [step.rps / step.users for step in steps if step.rps is not None and step.users]
    per_s = users * max(rates, default=0.0)
    if per_s * for_s * _BYTES_PER_REQUEST > _MOST_BYTES:
        most_minutes = max(1, int(_MOST_BYTES / (per_s * _BYTES_PER_REQUEST) / 60))
        raise UsageError(
            f"{users} users make about {per_s:.0f} requests a second, and every one of them is stored: "
            f"so many as come in {for_s / 60:.0f} minutes are too many for one file",
            f"hold them for {most_minutes} minutes at most, with --for {most_minutes}m, or hold fewer users",
        )
