"""Derive a cell's answer from its container runs and judged steps.

The answer is derived again whenever it is needed, and is never stored as truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analyse.result.estimate import Estimate, estimate_capacity
from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.search.bracket import (
    Bracket,
    find_bracket,
    find_inconclusive_step,
    is_invalid_twice,
    is_scenario_broken,
)
from harness.analyse.search.constant_errors import find_constant_errors
from harness.analyse.search.host_pace import drop_superseded_steps
from harness.analyse.step.scenario_errors import is_scenarios_fault
from harness.model import (
    Cell,
    CellResult,
    ContainerRun,
    Factor,
    FailureKind,
    Judgement,
    Rule,
    Slo,
    Status,
    StepResult,
    Verdict,
    is_same_request,
)
from harness.model.cell_evidence import CellEvidence
from harness.model.evidence import (
    NeverBroke,
    NothingMeasured,
    NotReady,
    Skipped,
    StopReason,
)
from harness.model.rare_requests import NameFailed, TooFewRequests


@dataclass(frozen=True, slots=True)
class Attempt:
    """One search of a cell: its container runs and its judged steps in order, and whether it is done.

    `is_demand`: the search is for one number of users only, so a failure there is the whole answer.
    """

    runs: Sequence[ContainerRun]
    steps: Sequence[StepResult]
    is_done: bool
    is_demand: bool = False

    def find_last_step(self, users: int | None, verdict: Verdict) -> StepResult | None:
        """Return the last step that counts with this verdict at this number of users; None without one."""
        counted = reversed(drop_superseded_steps(self.steps))
        return next((step for step in counted if (step.users, step.verdict) == (users, verdict)), None)


def build_cell_result(
    cell: Cell, users_limit: int, slos: Sequence[Slo], attempt: Attempt, skipped: str | None = None
) -> CellResult:
    """Return the cell's answer. Until the search is done its status is RUNNING, and it holds what is known.

    `skipped` is the reason why the plan leaves the cell out; None if it is to be measured.
    """
    steps, runs = attempt.steps, attempt.runs
    bracket = find_bracket(steps)
    status = Status.SKIPPED if skipped is not None else _decide_status(bracket, users_limit, attempt)
    sustained = attempt.find_last_step(bracket.sustained_users, Verdict.PASS)
    broken = attempt.find_last_step(bracket.broken_users, Verdict.FAIL)
    factor, evidence = _find_cause(cell, status, bracket, attempt)
    is_bracketed = status is Status.BRACKETED
    counted = drop_superseded_steps(steps)
    fitted = _estimate(sustained, broken, slos, counted, factor) if is_bracketed else None
    result = CellResult(
        cell=cell,
        status=status,
        sustained_users=bracket.sustained_users,
        broken_users=bracket.broken_users,
        estimate_users=fitted.users if fitted else None,
        estimate_low=fitted.low if fitted else None,
        estimate_high=fitted.high if fitted else None,
        precision_ratio=fitted.precision_ratio if fitted else None,
        limiting_factor=factor,
        evidence=Skipped(skipped) if skipped is not None else evidence,
        ready_after_s=next((run.ready_after_s for run in runs if run.ready_after_s is not None), None),
        companions_ready_after_s=_find_longest_start(runs),
        load_s=sum(step.load_s for step in steps),
        steps=tuple(steps),
        superseded_steps=tuple(sorted({step.index for step in steps} - {step.index for step in counted})),
        stop_reason=_find_stop_reason(attempt) if is_bracketed else None,
    )
    return set_load_numbers(result, sustained)


def set_load_numbers(result: CellResult, sustained: StepResult | None) -> CellResult:
    """Return the result with the numbers of load of this step; with none of them if there is no such step."""
    return replace(
        result,
        rps=sustained.rps if sustained else None,
        p95_s=sustained.latency.p95_s if sustained else None,
        error_ratio=sustained.failures.ratio if sustained else None,
        cpu_used_cores=sustained.target.cpu_cores if sustained else None,
        throttled_ratio=sustained.target.throttled_ratio if sustained else None,
        memory_peak_bytes=sustained.target.memory_peak_bytes if sustained else None,
    )


def _find_longest_start(runs: Sequence[ContainerRun]) -> float | None:
    """Return the longest time in seconds until all companions were ready; None without companions."""
    times_s = (run.companions_ready_after_s for run in runs)
    return max((time_s for time_s in times_s if time_s is not None), default=None)


def is_hopeless(attempt: Attempt) -> bool:
    """Return True if another container run would not help.

    A target that has never come up is not started again. A target that came up before is started once more.
    """
    return _has_never_come_up(attempt) or (bool(attempt.steps) and len(_list_failures(attempt)) > 1)


def _has_never_come_up(attempt: Attempt) -> bool:
    """Return True if a run failed and none gave a step, or if every request of the first step failed."""
    if not attempt.steps:
        return bool(_list_failures(attempt))
    first = attempt.steps[0].judgement
    return first.rule is Rule.ALL_FAILED and not isinstance(first.evidence, NameFailed)


def _list_failures(attempt: Attempt) -> list[str]:
    return [run.failure for run in attempt.runs if run.failure]


def _find_stop_reason(attempt: Attempt) -> StopReason | None:
    """Return why the search ended early; None if it is complete.

    A search also ended early if no step passed, and a step below the lowest failure had too few requests.
    """
    if is_invalid_twice(attempt.steps):
        return attempt.steps[-1].judgement
    failures = _list_failures(attempt)
    if attempt.steps and len(failures) > 1:
        return NotReady(failures[-1], was_ready_before=True)
    inconclusive = _find_inconclusive_step(attempt)
    return None if inconclusive is None else inconclusive.judgement


def _find_inconclusive_step(attempt: Attempt) -> StepResult | None:
    return None if attempt.is_demand else find_inconclusive_step(attempt.steps)


def _decide_status(bracket: Bracket, users_limit: int, attempt: Attempt) -> Status:
    if not attempt.is_done:
        return Status.RUNNING
    if _has_never_come_up(attempt):
        return Status.FAILED
    if bracket.sustained_users == users_limit:
        return Status.CENSORED
    if bracket.sustained_users is not None and bracket.broken_users is not None:
        return Status.BRACKETED
    if bracket.broken_users is None or _find_stop_reason(attempt):
        return Status.INVALID
    return Status.NONE


def _estimate(
    sustained: StepResult | None,
    broken: StepResult | None,
    slos: Sequence[Slo],
    steps: Sequence[StepResult],
    factor: Factor | None,
) -> Estimate | None:
    if sustained is None or broken is None:
        return None
    return estimate_capacity(sustained, broken, slos, steps, is_cpu_bound=factor is Factor.CPU)


def _find_cause(
    cell: Cell, status: Status, bracket: Bracket, attempt: Attempt
) -> tuple[Factor | None, CellEvidence | None]:
    """Return the limiting factor of the cell, and the evidence for its answer; None for what is unknown."""
    if status is Status.FAILED:
        return _find_cause_of_failure(attempt)
    if status is Status.INVALID:
        return _find_cause_of_invalidity(attempt)
    broken = attempt.find_last_step(bracket.broken_users, Verdict.FAIL)
    if broken is None:
        return None, NeverBroke() if status is Status.CENSORED else None
    if (errors := find_constant_errors(attempt.steps)) is not None:
        return Factor.ERRORS, errors
    limit = find_limiting_factor(cell, broken, attempt.steps)
    return limit.factor, limit.evidence


def _find_cause_of_failure(attempt: Attempt) -> tuple[Factor | None, CellEvidence]:
    failed = next((run for run in attempt.runs if run.failure), None)
    if failed is None:
        return Factor.ERRORS, attempt.steps[0].judgement
    return (Factor.MEMORY if failed.failure_kind is FailureKind.OOM else None), NotReady(failed.failure or "")


def _find_cause_of_invalidity(attempt: Attempt) -> tuple[Factor | None, CellEvidence]:
    last = next((step for step in reversed(attempt.steps) if step.verdict is Verdict.INVALID), None)
    is_final = is_invalid_twice(attempt.steps) or any(is_scenario_broken(step) for step in attempt.steps[-1:])
    invalid = last if is_final else _find_inconclusive_step(attempt) or last
    if invalid is None:
        return None, _find_stop_reason(attempt) or NothingMeasured()
    factor = None if is_scenarios_fault(invalid.judgement) else invalid.rule.at_fault
    return factor, invalid.judgement


def explain_lack_of_requests(results: Sequence[CellResult], users_limit: int) -> list[CellResult]:
    """Return the results, in which every cell that lacks requests says what the users limit would make.

    How many requests users make belongs to the scenario. So once one cell has shown that they are too few,
    the search holds no step of the others, and these have the same reason. A cell that breaks below the limit
    keeps the users of its own step.
    """
    named = [_name_users(_look_in_all_windows(result, results), users_limit) for result in results]
    reason = next((each.evidence for each in named if _find_lack(each) is not None), None)
    return [
        replace(each, evidence=reason) if reason and each.evidence == NothingMeasured() else each
        for each in named
    ]


def _look_in_all_windows(result: CellResult, results: Sequence[CellResult]) -> CellResult:
    """Return the result; if no request of its window had the SLO's name, with what all windows show of it."""
    lack = _find_lack(result)
    if lack is None or not lack.names or lack.slo.request_name is None:
        return result
    steps = [step for each in results for step in each.steps]
    seen = [stats for step in steps for stats in step.by_name]
    count = sum(stats.requests for stats in seen if is_same_request(lack.slo.request_name, stats.name))
    names = () if count else tuple(dict.fromkeys((*lack.names, *(stats.name for stats in seen))))
    user_s = sum(step.users * step.window_s for step in steps)
    found = replace(
        lack, all_requests=max(lack.all_requests, sum(step.requests for step in steps)), names=names
    )
    if count and user_s > 0:
        found = replace(found, requests=count, window_s=user_s / lack.users if lack.users else user_s)
    return replace(result, evidence=Judgement(Rule.TOO_FEW_REQUESTS, found))


def explain_shared_errors(results: Sequence[CellResult]) -> list[CellResult]:
    """Return the results, in which a cell says that its errors are those of another cell at any load.

    Once one cell has shown this, a single step of the others is enough.
    """
    return [
        replace(each, evidence=errors)
        if each.status is Status.NONE and (errors := find_constant_errors(each.steps, results)) is not None
        else each
        for each in results
    ]


def _name_users(result: CellResult, users_limit: int) -> CellResult:
    lack = _find_lack(result)
    if lack is None or result.broken_users is not None:
        return result
    judgement = Judgement(Rule.TOO_FEW_REQUESTS, replace(lack, users_at=users_limit))
    return replace(result, evidence=judgement)


def _find_lack(result: CellResult) -> TooFewRequests | None:
    """Return which SLO has too few requests, if this is why the cell has no answer."""
    if result.status is not Status.INVALID or not isinstance(result.evidence, Judgement):
        return None
    evidence = result.evidence.evidence
    return evidence if isinstance(evidence, TooFewRequests) else None
