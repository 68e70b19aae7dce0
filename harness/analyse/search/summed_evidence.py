"""Decide by all windows together what one number of users shows, and which end of a bracket to hold again.

A load becomes a bound by the sum of its trials, not by the first that fails (RFC 9971, MLRsearch).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import (
    compute_allowed_slow_share,
    find_percentile_slo,
    find_shortfall_limit,
)
from harness.analyse.search.capacity_fit import fit_capacity
from harness.analyse.search.host_pace import compute_slowdown, drop_superseded_steps
from harness.analyse.search.limit_shape import select_near
from harness.analyse.search.shown_shares import select_share, sum_slow
from harness.model import IndicatorKind, Limits, Plan, SearchStrategy, Slo, Step, StepResult, Verdict

_MOST_HOLDS = 2
"""No end of a bracket is held more often than this."""

_MOST_LIGHT_HOLDS = 3
_CHANCE_RATIO = 2.0
_CHANCE_QUANTILE = 3.29
"""A failure at light load is doubtful if less than this times the allowed share of its requests was slow, or
if the 99.9 % interval of the share (by this normal quantile) reaches down to the allowed one.
"""

_QUOTA_USED_AT_LEAST = 0.85
"""A target that uses this share of its CPU quota is stopped by it (see `result.limiting_factor`)."""


def is_sustained_by_sum(steps: Sequence[StepResult]) -> bool:
    """Return True if valid steps at one number of users pass together.

    Steps that contradict one another pass together if they failed by nothing but shares of slow requests, of
    all of them or of one name, and if the shares of each percentile over all windows are allowed. Otherwise
    one failure is enough.
    """
    failed = [step for step in steps if step.verdict is Verdict.FAIL]
    if not failed or len(failed) == len(steps):
        return not failed
    broken = {step.judgement.broken_slo for step in failed}
    further = {share.slo for step in failed for share in step.further_shares}
    return all(slo is not None and _is_allowed_in_sum(steps, slo) for slo in broken | further)


def _is_allowed_in_sum(steps: Sequence[StepResult], slo: Slo) -> bool:
    shown = [select_share(step, slo) for step in steps]
    known = [step for step in shown if step is not None]
    slow, requests = sum_slow(known)
    return len(known) == len(steps) and slow <= compute_allowed_slow_share(slo) * requests


def is_outvoted_by_more(steps: Sequence[StepResult], users: int) -> bool:
    """Return True if windows with more users show that the failure of valid steps at `users` was chance.

    The share of slow requests does not fall as users are added. So if these steps pass in sum together with
    all up to some larger number of users, they do not bound the capacity.
    """
    loads = {step.users for step in steps if step.users > users}
    return any(is_sustained_by_sum([step for step in steps if users <= step.users <= most]) for most in loads)


def choose_heavier_check(plan: Plan, limits: Limits, steps: Sequence[StepResult]) -> Step | None:
    """Choose twice the users of a light step that may have failed by chance, to outvote it; or None.

    They make twice as many requests in as much time, and pass if the slow ones wait for nothing. If they fail
    by chance as well, twice as many are held once more. It is None if more users than these were held
    already, or if they used up their CPU quota: they waited for it then.
    """
    counted = [step for step in drop_superseded_steps(steps) if step.verdict is not Verdict.INVALID]
    users = max((step.users for step in counted), default=plan.users_limit)
    held = [step for step in counted if step.users == users]
    slo = _find_broken_percentile(held)
    if plan.search.strategy is not SearchStrategy.PREDICT or slo is None or users >= plan.users_limit:
        return None
    if any(_uses_quota(step, limits) for step in held):
        return None
    if not (_may_be_chance(plan, held, slo) or _may_both_be_chance(plan, counted, slo)):
        return None
    return Step(min(2 * users, plan.users_limit), plan.timing)


def choose_doubtful_end(
    plan: Plan, limits: Limits, steps: Sequence[StepResult], sustained: int, broken: int
) -> Step | None:
    """Choose the end of a bracket that all windows together contradict, to hold it again; None if they don't.

    `steps` are all of a cell with these limits. The end is held for as long as a window may be, once. A
    failure at light load ends the search far below a capacity that other windows can't show. So if it may be
    chance, it is held twice more.
    """
    counted = drop_superseded_steps(steps)
    failed = [step for step in counted if step.users == broken and step.verdict is Verdict.FAIL]
    slo = _find_broken_percentile(failed)
    if plan.search.strategy is not SearchStrategy.PREDICT or slo is None:
        return None
    held = [step for step in counted if step.users == broken]
    if _count_holds(steps, broken) < _MOST_LIGHT_HOLDS and _may_be_chance(plan, held, slo):
        return _hold_for_long(plan, broken)
    if slo != find_percentile_slo(plan.slos):
        return None
    users = _find_contradicted_end(plan, limits, counted, slo, (sustained, broken))
    if users is None or not 0 < _count_holds(steps, users) < _MOST_HOLDS:
        return None
    return _hold_for_long(plan, users)


def _find_broken_percentile(steps: Sequence[StepResult]) -> Slo | None:
    """Return the SLO on a percentile that each of the steps broke; None if there is none."""
    broken = {step.judgement.broken_slo for step in steps}
    slo = broken.pop() if len(broken) == 1 else None
    return slo if slo is not None and slo.kind is IndicatorKind.PERCENTILE else None


def _count_holds(steps: Sequence[StepResult], users: int) -> int:
    """Return how often these users were held, also while the host was too slow for the window to count."""
    return sum(step.users == users for step in steps)


def _uses_quota(step: StepResult, limits: Limits) -> bool:
    return (step.target.cpu_cores or 0.0) >= _QUOTA_USED_AT_LEAST * limits.total_cores


def _hold_for_long(plan: Plan, users: int) -> Step:
    return Step(users, replace(plan.timing, window_at_least_s=plan.timing.window_at_most_s))


def _may_be_chance(plan: Plan, held: Sequence[StepResult], slo: Slo) -> bool:
    """Return True if steps at one light load failed together by few more slow requests than are allowed.

    A window may end early because it happens to show many, so what is few depends on the requests.
    """
    shown = [share for step in held if (share := select_share(step, slo)) is not None]
    if held[0].users > plan.search.first_users or len(shown) < len(held):
        return False
    slow, requests = sum_slow(shown)
    allowed = compute_allowed_slow_share(slo)
    least, _ = compute_wilson_interval(slow / requests, requests, _CHANCE_QUANTILE)
    return slow < _CHANCE_RATIO * allowed * requests or least <= allowed


def _may_both_be_chance(plan: Plan, counted: Sequence[StepResult], slo: Slo) -> bool:
    """Return True if a light step and twice its users have failed, and their sum may be chance.

    Two failures are seldom chance: so the 95 % interval of the share must reach down to the allowed one.
    """
    loads = {step.users for step in counted}
    if loads != {plan.search.first_users, 2 * plan.search.first_users}:
        return False
    shown = [share for step in counted if (share := select_share(step, slo)) is not None]
    if _find_broken_percentile(counted) != slo or len(shown) < len(counted):
        return False
    slow, requests = sum_slow(shown)
    return compute_wilson_interval(slow / requests, requests)[0] <= compute_allowed_slow_share(slo)


def _find_contradicted_end(
    plan: Plan, limits: Limits, counted: Sequence[StepResult], slo: Slo, ends: tuple[int, int]
) -> int | None:
    """Return the end beyond which the fitted capacity lies by more than half of the precision; or None.

    If the CPU stops the size, an end that was held while the host was faster than on average counts as one of
    fewer users, in proportion.
    """
    sustained, broken = ends
    around_users = compute_geometric_mean(ends)
    at_end = [step for step in counted if step.users == broken and step.verdict is Verdict.FAIL]
    is_cpu_bound = all(_uses_quota(step, limits) for step in at_end)
    fit = fit_capacity(
        counted,
        slo,
        around_users,
        is_cpu_bound=False,
        shortfall_limit=find_shortfall_limit(plan.slos),
    )
    if fit is None:
        return None

    def weigh(users: int) -> float:
        held = [step for step in counted if step.users == users]
        near = select_near(counted, around_users)
        return users * (compute_slowdown(held, near) if is_cpu_bound else 1.0)

    margin = math.sqrt(1 + plan.search.precision_ratio)
    if fit.users > weigh(broken) * margin:
        return broken
    return sustained if fit.users < weigh(sustained) / margin else None
