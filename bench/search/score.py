"""Score trials by their load, by the error of their answers, and by the correctness of their brackets."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bench.search.ground_truth import GroundTruth
from bench.search.trial import MAX_STEPS, Strategy
from bench.simulation.container_run import NOMINAL_WORK_S
from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.time_estimate import estimate_step_s
from harness.model import CellResult, Plan, Status, StepResult, Verdict

_NEAR_RATIO = 0.5
"""Windows with at least this share of the sustained users are near the capacity."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The score of one cell in one trial.

    `is_first`: the cell had no neighbour. `lower_bound_s` is the least load of any strategy in seconds (see
    `compute_lower_bound_s`).

    `error` is the relative error of the strategy's answer, `middle_error` that of the bracket's geometric
    mean. Both are None if the true capacity is 0 or above the users limit, or without a bracket.

    `is_pass_wrong` and `is_failure_wrong`: the bracket's end lies on the wrong side of the true capacity, by
    more than the precision asked for. `has_false_pass` and `has_false_failure`: by more than the precision
    that the result itself reports (`precision_ratio`; the precision asked for if it reports none).
    `is_covered`: the true capacity lies within the interval that the strategy reports; None without an
    interval. All of these compare with the true capacity at the speed that the host had in the windows
    concerned (see `_move_to_host_speed`). `is_missed`: the cell has another status than the true capacity
    gives, or the search did not end. `held` are its steps, in words.
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
    has_false_pass: bool
    has_false_failure: bool
    precision_ratio: float
    is_covered: bool | None
    is_missed: bool
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The averages of many outcomes.

    `load_s` and `steps` are means of all outcomes. `lower_bound_ratio` is the load of all outcomes over their
    lower bounds. `precision_ratio` is the median. `coverage_ratio` is the share of the outcomes with an
    interval, the other ratios are shares of all outcomes. Errors are of the outcomes that have an error. What
    has no outcome is NaN.
    """

    outcome_count: int
    load_s: float
    steps: float
    lower_bound_ratio: float
    rms_middle_error: float
    rms_error: float
    worst_error: float
    coverage_ratio: float
    precision_ratio: float
    wrong_ratio: float
    false_pass_ratio: float
    false_failure_ratio: float
    missed_ratio: float


def score_cell(
    result: CellResult, truth: GroundTruth, lower_bound_s: float, strategy: Strategy, *, is_first: bool
) -> Outcome:
    """Score a cell's result against its true capacity."""
    low, high = result.sustained_users, result.broken_users
    middle = compute_geometric_mean([low, high]) if low and high else None
    answers = {"estimate": result.estimate_users or middle, "middle": middle, "highest": low}
    asked, reached = strategy.search.precision_ratio, _find_precision(result, strategy)
    near = _move_to_host_speed(
        truth, (step for step in result.steps if step.users >= _NEAR_RATIO * (low or 1))
    )
    at_low = _move_to_host_speed(truth, (step for step in result.steps if step.users == low))
    at_high = _move_to_host_speed(truth, (step for step in result.steps if step.users == high))
    return Outcome(
        cell_id=result.cell.id,
        is_first=is_first,
        status=result.status,
        load_s=result.load_s,
        steps=len(result.steps),
        lower_bound_s=lower_bound_s,
        middle_error=_compute_error(middle, near),
        error=_compute_error(answers[strategy.answer], near),
        is_pass_wrong=_is_pass_above(low, at_low, asked),
        is_failure_wrong=_is_failure_below(high, at_high, asked),
        has_false_pass=_is_pass_above(low, at_low, reached),
        has_false_failure=_is_failure_below(high, at_high, reached),
        precision_ratio=reached,
        is_covered=_is_covered(result, near, strategy),
        is_missed=result.status is not _find_true_status(truth) or len(result.steps) >= MAX_STEPS,
        held=tuple(f"{step.users} {step.rule} {step.window_s:.0f} s" for step in result.steps),
    )


def _move_to_host_speed(truth: GroundTruth, steps: Iterable[StepResult]) -> GroundTruth:
    """Return the true capacity at the speed that the host had in the valid windows of these steps.

    A size that the CPU stops sustains as many times fewer users as the host is slower (see
    `harness.analyse.result.host_speed`). At nominal speed, or without a window that shows the speed, the
    truth stays what it is.
    """
    paces_s = [step.host.work_s for step in steps if step.verdict is not Verdict.INVALID and step.host.work_s]
    if not paces_s or truth.is_censored:
        return truth
    return replace(
        truth, crossing_users=truth.crossing_users * NOMINAL_WORK_S / compute_geometric_mean(paces_s)
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
    covered = [each.is_covered for each in outcomes if each.is_covered is not None]
    return Score(
        outcome_count=count,
        load_s=load_s / count,
        steps=sum(each.steps for each in outcomes) / count,
        lower_bound_ratio=load_s / sum(each.lower_bound_s for each in outcomes),
        rms_middle_error=_compute_rms(middle_errors),
        rms_error=_compute_rms(errors),
        worst_error=max(errors, key=abs, default=math.nan),
        coverage_ratio=sum(covered) / len(covered) if covered else math.nan,
        precision_ratio=statistics.median(each.precision_ratio for each in outcomes),
        false_pass_ratio=sum(each.has_false_pass for each in outcomes) / count,
        false_failure_ratio=sum(each.has_false_failure for each in outcomes) / count,
        wrong_ratio=sum(each.is_pass_wrong or each.is_failure_wrong for each in outcomes) / count,
        missed_ratio=sum(each.is_missed for each in outcomes) / count,
    )


def _compute_error(users: float | None, truth: GroundTruth) -> float | None:
    if users is None or truth.is_censored or truth.users == 0:
        return None
    return users / truth.crossing_users - 1


def _find_precision(result: CellResult, strategy: Strategy) -> float:
    """Return the precision that the harness reports of its result; for other strategies the one asked for."""
    asked = strategy.search.precision_ratio
    return asked if strategy.answer != "estimate" else result.precision_ratio or asked


def _is_pass_above(low: int | None, truth: GroundTruth, precision_ratio: float) -> bool:
    return low is not None and not truth.is_censored and low > truth.crossing_users * (1 + precision_ratio)


def _is_failure_below(high: int | None, truth: GroundTruth, precision_ratio: float) -> bool:
    return high is not None and high < truth.crossing_users / (1 + precision_ratio)


def _is_covered(result: CellResult, truth: GroundTruth, strategy: Strategy) -> bool | None:
    """Return True if the interval of the strategy's answer holds the true capacity; None without one.

    The interval is that of the estimate, or else the bracket.
    """
    low: float | None = result.sustained_users
    high: float | None = result.broken_users
    if strategy.answer == "estimate" and result.estimate_low is not None:
        low, high = result.estimate_low, result.estimate_high
    if low is None or high is None or truth.is_censored:
        return None
    return low <= truth.crossing_users <= high


def _find_true_status(truth: GroundTruth) -> Status:
    if truth.is_censored:
        return Status.CENSORED
    return Status.BRACKETED if truth.users else Status.NONE


def _compute_rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.nan
