"""Score trials by their load, by the error of their answers, and by the correctness of their brackets."""

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

    `is_first`: the cell had no neighbour. `lower_bound_s` is the least load of any strategy in seconds (see
    `compute_lower_bound_s`).

    `error` is the relative error of the strategy's answer, `middle_error` that of the bracket's geometric
    mean. Both are None if the true capacity lies above the users limit, or without a bracket.

    `is_pass_wrong` and `is_failure_wrong`: the bracket's end lies on the wrong side of the true capacity, by
    more than the precision. `is_missed`: the cell should be censored and is not, or should be bracketed and
    is not.
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

    `load_s` and `steps` are means of all outcomes. `lower_bound_ratio` is the load of all outcomes over their
    lower bounds. The other ratios are shares of all outcomes. Errors are of the outcomes that have an error,
    and NaN if there is no such outcome.
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
    precision_factor = 1 + strategy.search.precision_ratio
    highest_right_pass = truth.crossing_users * precision_factor
    lowest_right_failure = truth.crossing_users / precision_factor
    return Outcome(
        cell_id=result.cell.id,
        is_first=is_first,
        status=result.status,
        load_s=result.load_s,
        steps=len(result.steps),
        lower_bound_s=lower_bound_s,
        middle_error=_compute_error(middle, truth),
        error=_compute_error(answers[strategy.answer], truth),
        is_pass_wrong=low is not None and not truth.is_censored and low > highest_right_pass,
        is_failure_wrong=high is not None and high < lowest_right_failure,
        is_missed=result.status is not (Status.CENSORED if truth.is_censored else Status.BRACKETED),
    )


def compute_lower_bound_s(plan: Plan, truth: GroundTruth) -> float:
    """Return the least load seconds that any strategy needs for a cell.

    It needs a pass just below the capacity and a failure just above it, both with the shortest settling and
    window, in one container run. If the capacity lies above the users limit, it needs the pass alone.
    """
    users = max(1, truth.users)
    if truth.is_censored:
        return estimate_step_s(plan, users)
    timing = plan.timing
    return estimate_step_s(plan, users) + timing.settle_s + timing.window_at_least_s + timing.drain_s


def summarize(outcomes: Sequence[Outcome]) -> Score:
    """Average the outcomes, of which there must be at least one."""
    count = len(outcomes)
    load_s = sum(each.load_s for each in outcomes)
    errors = [each.error for each in outcomes if each.error is not None]
    middle_errors = [each.middle_error for each in outcomes if each.middle_error is not None]
    return Score(
        outcome_count=count,
        load_s=load_s / count,
        steps=sum(each.steps for each in outcomes) / count,
        lower_bound_ratio=load_s / sum(each.lower_bound_s for each in outcomes),
        rms_middle_error=_compute_rms(middle_errors),
        rms_error=_compute_rms(errors),
        worst_error=max((abs(error) for error in errors), default=math.nan),
        wrong_ratio=sum(each.is_pass_wrong or each.is_failure_wrong for each in outcomes) / count,
        missed_ratio=sum(each.is_missed for each in outcomes) / count,
    )


def _compute_error(users: float | None, truth: GroundTruth) -> float | None:
    return None if users is None or truth.is_censored else users / truth.crossing_users - 1


def _compute_rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.nan
