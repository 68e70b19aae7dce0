"""Score trials: what they cost, how far off their answers were, and whether an end of a bracket was wrong."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.search.ground_truth import GroundTruth
from bench.search.trial import Strategy
from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.time_estimate import estimate_step_s
from harness.model import CellResult, Plan, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """The score of one cell in one trial.

    Errors are relative. They are None if the true capacity lies above the users limit, or if no bracket was
    found. `middle_error` is the error of the bracket's geometric mean, `error` that of the strategy's answer.
    `lower_bound_s` are the load seconds of two shortest windows, and of one if the true capacity lies above
    the users limit. `is_first`: the cell had no neighbour. An end of a bracket is wrong if it is on the other
    side of the true capacity by more than the precision. `is_missed`: the cell is not bracketed, or not
    censored, as it should be.
    """

    cell_id: str
    is_first: bool
    status: Status
    load_s: float
    steps: int
    lower_bound_s: float
    middle_error: float | None
    error: float | None
    is_pass_wrong: bool
    is_failure_wrong: bool
    is_missed: bool


@dataclass(frozen=True, slots=True)
class Score:
    """The averages of many outcomes.

    `cells` counts the outcomes. Ratios are shares of all outcomes, errors are of the outcomes that have one.
    """

    outcome_count: int
    load_s: float
    steps: float
    lower_bound_ratio: float
    rms_middle_error: float
    rms_error: float
    worst_error: float
    wrong_ratio: float
    missed_ratio: float


def score_cell(
    result: CellResult, truth: GroundTruth, lower_bound_s: float, strategy: Strategy, *, is_first: bool
) -> Outcome:
    """Score a cell's result against its true capacity."""
    low, high = result.sustained_users, result.broken_users
    middle = compute_geometric_mean([low, high]) if low and high else None
    answers = {"estimate": result.estimate_users or middle, "middle": middle, "highest": low}
    width = 1 + strategy.search.precision_ratio
    return Outcome(
        cell_id=result.cell.id,
        is_first=is_first,
        status=result.status,
        load_s=result.load_s,
        steps=len(result.steps),
        lower_bound_s=lower_bound_s,
        middle_error=_compute_error(middle, truth),
        error=_compute_error(answers[strategy.answer], truth),
        is_pass_wrong=low is not None and not truth.is_censored and low > truth.crossing_users * width,
        is_failure_wrong=high is not None and high < truth.crossing_users / width,
        is_missed=result.status is not (Status.CENSORED if truth.is_censored else Status.BRACKETED),
    )


def compute_lower_bound_s(plan: Plan, truth: GroundTruth) -> float:
    """Return the least load seconds that any strategy needs for a cell.

    They are a pass just below the capacity and a failure just above it, in one container run and both settled
    at once; only the pass if the capacity lies above the users limit.
    """
    users = max(1, truth.users)
    if truth.is_censored:
        return estimate_step_s(plan, users)
    timing = plan.timing
    return estimate_step_s(plan, users) + timing.settle_s + timing.window_at_least_s + timing.drain_s


def summarize(outcomes: Sequence[Outcome]) -> Score:
    """Average at least one outcome; all count alike."""
    count = len(outcomes)
    load_s = sum(each.load_s for each in outcomes)
    errors = [each.error for each in outcomes if each.error is not None]
    middles = [each.middle_error for each in outcomes if each.middle_error is not None]
    return Score(
        outcome_count=count,
        load_s=load_s / count,
        steps=sum(each.steps for each in outcomes) / count,
        lower_bound_ratio=load_s / sum(each.lower_bound_s for each in outcomes),
        rms_middle_error=_compute_rms(middles),
        rms_error=_compute_rms(errors),
        worst_error=max((abs(error) for error in errors), default=math.nan),
        wrong_ratio=sum(each.is_pass_wrong or each.is_failure_wrong for each in outcomes) / count,
        missed_ratio=sum(each.is_missed for each in outcomes) / count,
    )


def _compute_error(users: float | None, truth: GroundTruth) -> float | None:
    return None if users is None or truth.is_censored else users / truth.crossing_users - 1


def _compute_rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.nan
