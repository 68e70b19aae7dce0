"""Find errors whose share is the same at any load, and choose the step that shows it.

Errors that load causes become rarer with fewer users. If they don't, no smaller load passes, so the search
ends and says so.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from harness.analyse.intervals import NORMAL_975, compute_wilson_interval
from harness.analyse.search.reference import is_light_load, lengthen_window
from harness.model import (
    CellResult,
    IndicatorKind,
    Plan,
    RequestFailure,
    SearchStrategy,
    Slo,
    Step,
    StepResult,
    Verdict,
    is_same_request,
)
from harness.model.cell_evidence import ErrorsAtAnyLoad

_Failures = Mapping[tuple[str, str], RequestFailure]
"""Failures by their request name and error."""


def find_constant_errors(
    steps: Sequence[StepResult], neighbours: Iterable[CellResult] = ()
) -> ErrorsAtAnyLoad | None:
    """Return the errors that break an SLO at any load of a cell; None if load may cause them.

    An error counts if a neighbour has shown it for any load, and it is no more frequent here. Otherwise the
    step with the fewest users must be light, and the same error of the same request name no rarer there than
    with the next number of users. A single user is enough, because there is no smaller load. None if a step
    has passed.
    """
    valid = sorted(
        (step for step in steps if step.verdict is not Verdict.INVALID), key=lambda step: step.users
    )
    slo = _find_broken_slo(valid[0]) if valid else None
    if slo is None or any(step.verdict is Verdict.PASS for step in valid):
        return None
    low = valid[0]
    more = next((step for step in valid if step.users > low.users), None)
    constant = _collect(low, slo) if low.users == 1 else {}
    if low.users > 1 and more is not None and _is_light(low):
        constant = _keep_shared(_collect(low, slo), low, more, slo)
    if not constant:
        known = (find_constant_errors(neighbour.steps) for neighbour in neighbours)
        constant = _keep_known(_collect(low, slo), [each for each in known if each is not None])
    ratio = sum(each.count for each in constant.values()) / max(1, _count_requests(low, slo))
    if not constant or ratio <= slo.at_most or not _is_sure(constant.values(), low, slo):
        return None
    compared = [low] if more is None else [low, more]
    return ErrorsAtAnyLoad(
        slo,
        max(constant.values(), key=lambda each: each.count),
        tuple((step.users, _compute_ratio(step, slo)) for step in compared),
    )


def choose_error_check(plan: Plan, steps: Sequence[StepResult]) -> Step | None:
    """Choose a second, lighter step if the light step of the search failed by errors; None otherwise.

    After a light step half of its users are enough to compare with. After any other it is a single user,
    since even half of the users may overload the target.
    """
    valid = [step for step in steps if step.verdict is not Verdict.INVALID]
    if plan.search.strategy is SearchStrategy.LADDER or len({step.users for step in valid}) != 1:
        return None
    last = valid[-1]
    if not 1 < last.users <= plan.search.first_users or _find_broken_slo(last) is None:
        return None
    return lengthen_window(plan, last.users // 2 if _is_light(last) else 1, last)


def _find_broken_slo(step: StepResult) -> Slo | None:
    """Return the SLO on errors that the step broke; None if it did not."""
    slo = step.judgement.broken_slo
    return slo if slo is not None and slo.kind is IndicatorKind.ERRORS else None


def _is_light(step: StepResult) -> bool:
    return is_light_load(step.users, 1.0 if step.wait_ratio is None else step.wait_ratio)


def _collect(step: StepResult, slo: Slo) -> _Failures:
    """Return the step's failures to which the SLO applies."""
    return {
        (each.name, each.error): each
        for each in step.failures.by_name
        if slo.request_name is None or is_same_request(slo.request_name, each.name)
    }


def _count_requests(step: StepResult, slo: Slo) -> int:
    if slo.request_name is None:
        return step.requests
    return sum(each.requests for each in step.by_name if is_same_request(slo.request_name, each.name))


def _compute_ratio(step: StepResult, slo: Slo) -> float:
    failed = sum(each.count for each in _collect(step, slo).values())
    return failed / max(1, _count_requests(step, slo))


def _keep_shared(failures: _Failures, low: StepResult, more: StepResult, slo: Slo) -> _Failures:
    """Return the failures that are as frequent among more users, and no less than in proportion to the users.

    Two shares count as equal if they differ by less than two standard errors.
    """
    others, kept = _collect(more, slo), {}
    for key, each in failures.items():
        other = others.get(key)
        if other is None or _is_rarer(each, other):
            continue
        proportional = other.count / other.requests * low.users / more.users
        if _compute_lower_bound(each.count, each.requests) > proportional:
            kept[key] = each
    return kept


def _keep_known(failures: _Failures, known: Sequence[ErrorsAtAnyLoad]) -> _Failures:
    """Return the failures that another size has shown at any load, and that are no more frequent here."""
    pairs = {(each.failure.name, each.failure.error): each.failure for each in known}
    return {key: each for key, each in failures.items() if key in pairs and not _is_rarer(pairs[key], each)}


def _is_rarer(one: RequestFailure, other: RequestFailure) -> bool:
    """Return True if the first share is smaller than the second by more than two standard errors."""
    pooled = (one.count + other.count) / (one.requests + other.requests)
    error = math.sqrt(pooled * (1 - pooled) * (1 / one.requests + 1 / other.requests))
    return other.count / other.requests - one.count / one.requests > NORMAL_975 * error + 1e-9


def _is_sure(failures: Iterable[RequestFailure], step: StepResult, slo: Slo) -> bool:
    """Return True if the failures alone surely break the SLO."""
    return (
        _compute_lower_bound(sum(each.count for each in failures), _count_requests(step, slo)) > slo.at_most
    )


def _compute_lower_bound(count: int, n: int) -> float:
    """Return the lower end of Wilson's 95 % interval of a share; 0 without requests."""
    if n == 0:
        return 0.0
    return compute_wilson_interval(count / n, n)[0]
