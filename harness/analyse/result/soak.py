"""Choose the size to hold at the end for minutes, and take what this shows into the size's answer.

A window of the search lasts as long as its verdict needs, often less than a minute. What fills up shows
later. So the recommended size is held at the campaign's users before it is recommended for good. A soak that
is held by command after the campaign counts too (see `choose_counting_soak`).
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.result.capacity import set_load_numbers
from harness.analyse.result.consistency import Recheck
from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.result.sizing import recommend_size
from harness.analyse.search.bracket import find_bracket, is_invalid_twice
from harness.analyse.search.host_pace import is_slower
from harness.model import (
    Cell,
    CellResult,
    Plan,
    Purpose,
    Rule,
    Search,
    Soak,
    Status,
    Step,
    StepResult,
    Verdict,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import FactorEvidence, NotReady
from harness.model.trials import LongSoak

_WHOLE_RATIO = 0.99
"""A soak of this share of the length that was asked for has lasted long enough: samples end its window."""

_ENDINGS = (Rule.DIED, Rule.DEPENDENCY_DIED, Rule.STALLED, Rule.ALL_FAILED)


def choose_soak(plan: Plan, results: Sequence[CellResult]) -> tuple[Cell, Step] | None:
    """Return the cell of the recommended size, and the step to hold at it in a fresh container.

    None if no size is recommended, if its soak is done, or if the plan wants none. `results` are all done,
    and know the soaks so far: a size whose soak failed is no longer recommended. Of a repeated size one cell
    is enough, since all are alike.
    """
    if not plan.search.soak_s:
        return None
    recommended = recommend_size(
        results, plan.users_limit, plan.headroom_ratio, plan.price, plan.slos
    ).recommended
    if recommended is None or recommended.soak is not None:
        return None
    return recommended.cell, _build_step(plan)


def _build_step(plan: Plan) -> Step:
    """Return a step whose window lasts for exactly the plan's soak, whatever its verdict."""
    soak_s, timing = plan.search.soak_s, plan.timing
    timing = replace(
        timing,
        window_at_least_s=soak_s,
        window_at_most_s=soak_s,
        steady_at_most_s=min(timing.steady_at_most_s, soak_s),
    )
    return Step(plan.users_limit, timing, Purpose.SOAK)


def assess_soak(check: Recheck, users_limit: int) -> Soak | None:
    """Return what the soak of a cell has shown; None if it must still be held, or held again.

    An invalid soak is held again once, and so is one that broke an SLO while the host was slower than in the
    search (see `host_pace`). If that is invalid twice, the one that broke the SLO counts.
    """
    if not check.is_done or _needs_faster_host(check):
        return None
    load_s = sum(step.load_s for step in check.steps)
    if check.failure is not None:
        return Soak(users_limit, None, NotReady(check.failure), load_s)
    *before, step = _list_valid(check) or check.steps
    failed = (each for each in before if each.verdict is Verdict.FAIL)
    return Soak(step.users, step, step.judgement, load_s, next(failed, None))


def _list_valid(check: Recheck) -> list[StepResult]:
    return [step for step in check.steps if step.verdict is not Verdict.INVALID]


def _needs_faster_host(check: Recheck) -> bool:
    """Return True if the only valid step broke an SLO on a host slower than in the search.

    If it was held again since, that was not invalid twice.
    """
    valid = _list_valid(check)
    if len(valid) != 1 or valid[0].rule is not Rule.SLO_BROKEN or check.failure is not None:
        return False
    if is_invalid_twice(check.steps):
        return False
    passed = (step for step in check.cell.steps if step.users == valid[0].users)
    return any(step.verdict is Verdict.PASS and is_slower(valid[0], step) for step in passed)


def add_counting_soak(plan: Plan, check: Recheck, trials: Sequence[LongSoak]) -> CellResult:
    """Return the answer of a cell with the soak that counts: the campaign's `check`, or one of the trials."""
    own = assess_soak(check, plan.users_limit)
    return add_soak(check.cell, choose_counting_soak(plan, check.cell, own, trials))


def choose_counting_soak(
    plan: Plan, result: CellResult, own: Soak | None, trials: Sequence[LongSoak]
) -> Soak | None:
    """Return the soak that counts for a cell: the campaign's `own`, or one that was held by command later.

    A failure counts before all others, at the campaign's users or fewer; it does not if an SLO was broken on
    a host slower than where these users passed. A pass counts if the campaign's own soak tells nothing, if it
    had as many users, and if it lasted as long (five minutes if the campaign wants none).
    """
    if own is not None and own.verdict is Verdict.FAIL:
        return own
    later = [each for each in trials if each.cell.id == result.cell.id]
    failed = next((each for each in later if _breaks_size(plan, result, own, each.step)), None)
    if failed is not None:
        return _take_later(failed, own)
    if own is not None and own.verdict is Verdict.PASS:
        return own
    passed = [each for each in later if _confirms_size(plan, result, each.step)]
    return _take_later(passed[-1], own) if passed else own


def _breaks_size(plan: Plan, result: CellResult, own: Soak | None, step: StepResult | None) -> bool:
    if step is None or step.verdict is not Verdict.FAIL or step.users > plan.users_limit:
        return False
    known = [*result.steps, own.step if own is not None else None]
    passed = [each for each in known if each is not None and each.verdict is Verdict.PASS]
    was_slow = any(is_slower(step, each) for each in passed if each.users >= step.users)
    return _may_sustain(result, step.users) and not (step.rule is Rule.SLO_BROKEN and was_slow)


def _confirms_size(plan: Plan, result: CellResult, step: StepResult | None) -> bool:
    if step is None or step.verdict is not Verdict.PASS or step.users < plan.users_limit:
        return False
    least_s = plan.search.soak_s or Search().soak_s
    return step.window_s >= _WHOLE_RATIO * least_s and _may_sustain(result, plan.users_limit)


def _take_later(trial: LongSoak, own: Soak | None) -> Soak:
    """Return a soak that was held later; its load is none of the campaign's."""
    load_s = own.load_s if own is not None else 0.0
    return Soak(trial.users, trial.step, trial.evidence, load_s, is_later=True)


def add_soak(result: CellResult, soak: Soak | None) -> CellResult:
    """Return the cell's answer with its soak; a soak that failed is a failure at its number of users.

    What the search found below remains, and was held only as long as its windows. There is no estimate within
    such a bracket: its two ends were measured in different ways.
    """
    if soak is None:
        return result
    result, step = replace(result, soak=soak), soak.step
    if step is None or step.verdict is not Verdict.FAIL or not _may_sustain(result, soak.users):
        return result
    sustained = find_bracket([each for each in result.steps if each.users < soak.users]).sustained_users
    limit = find_limiting_factor(result.cell, step, result.steps)
    broken = replace(
        result,
        status=Status.NONE if sustained is None else Status.BRACKETED,
        sustained_users=sustained,
        broken_users=soak.users,
        estimate_users=None,
        estimate_low=None,
        estimate_high=None,
        precision_ratio=None,
        limiting_factor=limit.factor,
        evidence=_build_evidence(result.steps, step, limit.evidence),
    )
    return set_load_numbers(broken, _find_pass(result.steps, sustained))


def _may_sustain(result: CellResult, users: int) -> bool:
    """Return True if the cell sustains the users by its search, or was never searched because it follows."""
    is_unmeasured = result.status is Status.RUNNING and not result.steps
    return is_unmeasured or result.sustains(users)


def _build_evidence(steps: Sequence[StepResult], soak_step: StepResult, cause: FactorEvidence) -> BrokeInSoak:
    passing = [step for step in steps if step.verdict is Verdict.PASS and step.users >= soak_step.users]
    passed = min(reversed(passing), key=lambda step: step.users, default=None)
    has_ended = soak_step.rule in _ENDINGS
    return BrokeInSoak(
        soak_step.users,
        passed.window_s if passed else None,
        soak_step.load_s if has_ended else soak_step.window_s,
        has_ended,
        cause,
        passed.users if passed is not None and passed.users > soak_step.users else None,
    )


def _find_pass(steps: Sequence[StepResult], users: int | None) -> StepResult | None:
    """Return the last step that passed at this number of users; None if there is none."""
    passed = (step for step in reversed(steps) if (step.users, step.verdict) == (users, Verdict.PASS))
    return next(passed, None)
