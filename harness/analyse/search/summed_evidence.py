"""Decide by all windows together what one number of users shows, and which end of a bracket to hold again.

A load becomes a bound by the sum of its trials, not by the first that fails (RFC 9971, MLRsearch).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import (
    compute_allowed_slow_share,
    find_percentile_slo,
    find_shortfall_limit,
    is_broken_by,
)
from harness.analyse.search.capacity_fit import CapacityFit, fit_capacity
from harness.model import Plan, SearchStrategy, Slo, Step, StepResult, Verdict
from harness.model.evidence import SlosHold

_MOST_HOLDS = 2
"""No end of a bracket is held more often than this."""

_MOST_LIGHT_HOLDS = 3
_CHANCE_RATIO = 2.0
"""A failure at light load is doubtful if less than this times the allowed share of its requests was slow."""


def is_sustained_by_sum(steps: Sequence[StepResult]) -> bool:
    """Return True if valid steps at one number of users pass together.

    Steps that contradict one another pass together if they failed by nothing but the share of slow requests,
    and if this share over all their requests is allowed. Otherwise one failure is enough.
    """
    failed = [step for step in steps if step.verdict is Verdict.FAIL]
    if not failed or len(failed) == len(steps):
        return not failed
    slo = failed[0].judgement.broken_slo
    if slo is None or not all(_shows_share_of(step, slo) for step in steps):
        return False
    slow = sum(step.requests * (step.latency.slow_ratio or 0.0) for step in steps)
    return slow <= compute_allowed_slow_share(slo) * sum(step.requests for step in steps)


def choose_doubtful_end(plan: Plan, steps: Sequence[StepResult], sustained: int, broken: int) -> Step | None:
    """Choose the end of a bracket that all windows together contradict, to hold it again; None if they don't.

    The end is held for as long as a window may be, once. A failure at light load ends the search far below a
    capacity that other windows can't show. So if it may be chance, it is held twice more.
    """
    slo = find_percentile_slo(plan.slos)
    if plan.search.strategy is not SearchStrategy.PREDICT or slo is None:
        return None
    failed = [step for step in steps if step.users == broken and step.verdict is Verdict.FAIL]
    if not all(is_broken_by(step, slo) for step in failed):
        return None
    held = [step for step in steps if step.users == broken]
    if _may_be_chance(plan, held, slo) and len(held) < _MOST_LIGHT_HOLDS:
        return _hold_for_long(plan, broken)
    fit = fit_capacity(
        steps,
        slo,
        compute_geometric_mean((sustained, broken)),
        is_cpu_bound=False,
        shortfall_limit=find_shortfall_limit(plan.slos),
    )
    users = (
        None if fit is None else _find_contradicted_end(fit, sustained, broken, plan.search.precision_ratio)
    )
    if users is None or not 0 < sum(step.users == users for step in steps) < _MOST_HOLDS:
        return None
    return _hold_for_long(plan, users)


def _hold_for_long(plan: Plan, users: int) -> Step:
    return Step(users, replace(plan.timing, window_at_least_s=plan.timing.window_at_most_s))


def _may_be_chance(plan: Plan, held: Sequence[StepResult], slo: Slo) -> bool:
    """Return True if steps at one light load failed together by few more slow requests than are allowed."""
    if held[0].users > plan.search.first_users or not all(_shows_share_of(step, slo) for step in held):
        return False
    slow = sum(step.requests * (step.latency.slow_ratio or 0.0) for step in held)
    return slow < _CHANCE_RATIO * compute_allowed_slow_share(slo) * sum(step.requests for step in held)


def _find_contradicted_end(
    fit: CapacityFit, sustained: int, broken: int, precision_ratio: float
) -> int | None:
    """Return the end beyond which the fitted capacity lies by more than half of the precision."""
    margin = math.sqrt(1 + precision_ratio)
    if fit.users > broken * margin:
        return broken
    return sustained if fit.users < sustained / margin else None


def _shows_share_of(step: StepResult, slo: Slo) -> bool:
    """Return True if the step's share of slow requests is that of the SLO, and decided its verdict."""
    if step.latency.slow_ratio is None or step.requests == 0:
        return False
    evidence = step.judgement.evidence
    if isinstance(evidence, SlosHold):
        return find_percentile_slo(each.slo for each in evidence.evaluations) == slo
    return slo.request_name is None and is_broken_by(step, slo)
