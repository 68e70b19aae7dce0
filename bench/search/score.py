"""What a trial is worth: what it cost, how far it was off, and whether it certified anything false."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.search.trial import Strategy
from bench.search.ground_truth import GroundTruth
from harness.analyse.search.time_estimate import estimate_step_s
from harness.model import CellResult, Plan, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell of one trial.

    Errors are relative, and None where there is nothing to compare: the cell is censored in truth, or no
    bracket was found. `middle_error` is of the bracket's geometric mean, `error` of the answer that the
    strategy gives. `floor_s` are the load seconds of two shortest windows, of
    one for a censored cell. `first`: no neighbour was known. `missed`: not bracketed, or not found censored.
    """

    cell: str
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


def score_cell(result: CellResult, truth: GroundTruth, lower_bound_s: float, strategy: Strategy, *, is_first: bool) -> Outcome:
    low, high = result.sustained_users, result.broken_users
    middle = math.sqrt(low * high) if low and high else None
    answers = {"estimate": result.estimate_users or middle, "middle": middle, "highest": low}
    width = 1 + strategy.search.precision_ratio
    return Outcome(
        cell=result.cell.id,
        is_first=is_first,
        status=result.status,
        load_s=result.load_s,
        steps=len(result.steps),
        lower_bound_s=lower_bound_s,
        middle_error=_compute_error(middle, truth),
        error=_compute_error(answers[strategy.answer], truth),
        is_pass_wrong=low is not None and not truth.censored and low > truth.crossing * width,
        is_failure_wrong=high is not None and high < truth.crossing / width,
        is_missed=result.status is not (Status.CENSORED if truth.censored else Status.BRACKETED),
    )


def _compute_error(users: float | None, true: GroundTruth) -> float | None:
    return None if users is None or true.censored else users / true.crossing - 1


def compute_lower_bound_s(plan: Plan, truth: GroundTruth) -> float:
    """A pass just below the capacity and a failure just above it, in one container life, both settled at
    once.
    """
    users = max(1, truth.users)
    if truth.censored:
        return estimate_step_s(plan, users)
    timing = plan.timing
    return estimate_step_s(plan, users) + timing.settle_s + timing.window_at_least_s + timing.drain_s


@dataclass(frozen=True, slots=True)
class Score:
    """Many outcomes as one row. `cells` counts them; ratios are of all, errors of those that have one."""

    cells: int
    load_s: float
    steps: float
    lower_bound_ratio: float
    rms_middle_error: float
    rms_error: float
    worst_error: float
    wrong_ratio: float
    missed_ratio: float


def summarize(outcomes: Sequence[Outcome]) -> Score:
    count = len(outcomes)
    load_s = sum(each.load_s for each in outcomes)
    errors = [each.error for each in outcomes if each.error is not None]
    middles = [each.middle_error for each in outcomes if each.middle_error is not None]
    return Score(
        cells=count,
        load_s=load_s / count,
        steps=sum(each.steps for each in outcomes) / count,
        lower_bound_ratio=load_s / sum(each.lower_bound_s for each in outcomes),
        rms_middle_error=_compute_rms(middles),
        rms_error=_compute_rms(errors),
        worst_error=max((abs(error) for error in errors), default=math.nan),
        wrong_ratio=sum(each.is_pass_wrong or each.is_failure_wrong for each in outcomes) / count,
        missed_ratio=sum(each.is_missed for each in outcomes) / count,
    )


def _compute_rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.nan
