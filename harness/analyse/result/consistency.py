"""Check a campaign for cells that contradict each other, a host that changed, and repetitions that differ.

More CPU and more memory never sustain fewer users. So a larger cell that seems to sustain fewer is measured
once more, and flagged if it still does. The reference cell is held once more at the end, because even a host
that looks idle may drift. These checks only mark cells: no measured number is corrected or pooled.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.analyse.means import compute_change
from harness.analyse.result.decision import build_precision_finder
from harness.analyse.result.demand_spread import measure_demand_spread
from harness.analyse.search import demand
from harness.analyse.search.bracket import is_invalid_twice
from harness.analyse.search.known_capacities import find_capacity_users
from harness.analyse.search.search import order_cells
from harness.model import (
    FEWEST_CELLS_TO_CHECK_DRIFT,
    Cell,
    CellResult,
    ContainerRun,
    Drift,
    Limits,
    Plan,
    Purpose,
    Repeatability,
    Status,
    Step,
    StepResult,
    Verdict,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import NotReady, SloBroken

Results = Mapping[str, CellResult]

_DRIFT_AT_MOST = 0.05
"""The allowed change of the CPU time per request. On a quiet cloud host it varies by 4 % between sessions."""

_NARROW_AT_MOST = 1.5
"""An SLO that is broken by no more than this multiple of its limit may be broken by chance. Near the capacity
1 % more users are 3 to 4 % more p95, so this is what some 12 % more users would do.
"""


# Monotonicity


def choose_second_attempt(plan: Plan, results: Results) -> Cell | None:
    """Return the larger cell of a monotonicity violation, if it was measured only once; None without one."""
    suspects = {
        large.id
        for _, large in find_monotonicity_violations(plan, results)
        if results[large.id].first is None
    }
    return next((cell for cell in order_cells(plan.cells) if cell.id in suspects), None)


def flag_monotonicity_violations(plan: Plan, results: Results) -> dict[str, CellResult]:
    """Return the results, each with the smaller cell that contradicts it: of several, that of most users."""
    flagged = dict(results)
    for small, large in find_monotonicity_violations(plan, results):
        current, users = flagged[large.id].monotonicity_violation, results[small.id].sustained_users or 0
        if current is None or users > (results[current.id].sustained_users or 0):
            flagged[large.id] = replace(flagged[large.id], monotonicity_violation=small)
    return flagged


def find_monotonicity_violations(plan: Plan, results: Results) -> list[tuple[Cell, Cell]]:
    """Return pairs of measured cells (smaller, larger) in which the larger cell sustains fewer users.

    Differences within the coarser precision of both do not count. In a search for the demand, cells are
    compared only at the required users. A cell that broke in its soak contradicts none: the smaller one was
    not held as long.
    """
    if plan.users_required is not None:
        pairs = demand.find_monotonicity_violations(results, plan.users_required)
        return [(small, large) for small, large in pairs if not _broke_in_soak(results[large.id])]
    find = build_precision_finder(plan, list(results.values()))
    return [
        (small.cell, large.cell)
        for large in results.values()
        if not _broke_in_soak(large)
        for small in results.values()
        if small is not large
        and demand.covers(large.cell, small.cell)
        and _is_clearly_less(large, small, find)
    ]


def _is_clearly_less(large: CellResult, small: CellResult, find_precision: Callable[[Cell], float]) -> bool:
    """Return True if the larger cell surely sustains fewer users than the smaller one, to their precision."""
    broken, sustained = _find_broken_users(large), _find_sustained_users(small)
    if broken is None or broken >= sustained:
        return False
    precision_ratio = max(find_precision(each.cell) for each in (large, small))
    return broken * (1 + precision_ratio) < sustained


def _broke_in_soak(result: CellResult) -> bool:
    return isinstance(result.evidence, BrokeInSoak)


def _find_broken_users(result: CellResult) -> int | None:
    """Return the lowest users that a cell surely does not sustain: 0 if it never came up, None if unknown."""
    if result.status is Status.FAILED:
        return 0
    return result.broken_users if result.status in (Status.BRACKETED, Status.NONE) else None


def _find_sustained_users(result: CellResult) -> int:
    return result.sustained_users or 0 if result.status in (Status.BRACKETED, Status.CENSORED) else 0


# Drift


@dataclass(frozen=True, slots=True)
class Recheck:
    """A cell that was held once more after all searches, and the container runs and steps of this."""

    cell: CellResult
    runs: Sequence[ContainerRun]
    steps: Sequence[StepResult]

    @property
    def failure(self) -> str | None:
        """Why the target did not come up again; None if it did."""
        return next((run.failure for run in self.runs if run.failure), None)

    @property
    def is_done(self) -> bool:
        """True if no further step is needed: one was valid, two were invalid, or no target came up."""
        has_valid_step = any(step.verdict is not Verdict.INVALID for step in self.steps)
        return has_valid_step or is_invalid_twice(self.steps) or self.failure is not None


def choose_drift_check(
    plan: Plan, results: Iterable[CellResult], check: Recheck | None, *, is_shared: bool = False
) -> tuple[Cell, Step] | None:
    """Return the reference cell and the step to hold at it in a fresh container; None if none is needed.

    `results` are of the search, all done, in the order of measuring. `check` holds the steps of the check so
    far; an invalid one is repeated once. If several engines share the campaign (`is_shared`), the cell is
    held on each of them, even in a small campaign, to see whether the engines are alike.
    """
    is_wanted = plan.search.confirm and (is_shared or plan.users_required is None)
    if not is_wanted or (check and check.is_done):
        return None
    fewest = 1 if is_shared else FEWEST_CELLS_TO_CHECK_DRIFT
    reference = check.cell if check else _choose_reference(list(results), fewest)
    if reference is None or reference.sustained_users is None:
        return None
    return reference.cell, Step(reference.sustained_users, plan.timing, Purpose.CONFIRM)


def _choose_reference(results: Sequence[CellResult], fewest: int) -> CellResult | None:
    """Return the first cell with a capacity, preferring cells that were measured only once.

    None if there is no such cell, or if fewer than `fewest` cells have steps.
    """
    if sum(bool(result.steps) for result in results) < fewest:
        return None
    known = [result for result in results if result.status in (Status.BRACKETED, Status.CENSORED)]
    return next((result for result in known if result.first is None), known[0] if known else None)


def assess_drift(check: Recheck | None) -> Drift | None:
    """Return how the reference cell changed; None if it was not held again at users of its search.

    A target that did not come up again is a change too.
    """
    if check is None or (not check.steps and check.failure is None):
        return None
    cell, engine = check.cell, check.runs[0].engine if check.runs else None
    if check.failure is not None or not check.steps:
        evidence = NotReady(check.failure or "")
        drift = Drift(cell.cell, cell.sustained_users or 0, Verdict.FAIL, evidence, is_marked=True)
        return replace(drift, engine=engine, against=cell.engine)
    after = check.steps[-1]
    before = _find_search_step(cell.steps, after.users)
    if before is None:
        return None
    is_soak = any(run.purpose is Purpose.SOAK for run in check.runs)
    drift = _compare_steps(cell.cell, before, after)
    return replace(drift, engine=engine, against=cell.engine, is_soak=is_soak)


def _find_search_step(steps: Sequence[StepResult], users: int) -> StepResult | None:
    """Return the last valid step of the search at this number of users, preferring steps that passed."""
    valid = [step for step in steps if step.users == users and step.verdict is not Verdict.INVALID]
    return max(valid, key=lambda step: (step.verdict is Verdict.PASS, step.index), default=None)


def _compare_steps(cell: Cell, before: StepResult, after: StepResult) -> Drift:
    drift = Drift(cell, after.users, after.verdict, after.judgement, load_s=after.load_s)
    if after.verdict is Verdict.INVALID:
        return drift
    cpu_ratio = compute_change(before.target.cpu_per_request_s, after.target.cpu_per_request_s)
    allowed_ratio = _compute_allowed_change(before, after)
    fails_now = before.verdict is Verdict.PASS and after.verdict is Verdict.FAIL
    is_beyond_chance = cpu_ratio is None or not _is_narrow(after)
    has_changed = cpu_ratio is not None and abs(cpu_ratio) > allowed_ratio
    return replace(
        drift,
        cpu_per_request_ratio=cpu_ratio,
        rps_ratio=compute_change(before.rps, after.rps),
        p95_ratio=compute_change(before.latency.p95_s, after.latency.p95_s),
        pace_ratio=compute_change(before.host.work_s, after.host.work_s),
        foreign_cores=_pair(before.host.foreign_cores, after.host.foreign_cores),
        allowed_ratio=allowed_ratio,
        is_marked=(fails_now and is_beyond_chance) or has_changed,
    )


def _pair(before: float | None, after: float | None) -> tuple[float, float] | None:
    return None if before is None or after is None else (before, after)


def _is_narrow(step: StepResult) -> bool:
    """Return True if chance may have failed the step: an SLO is broken, and not clearly or not by much."""
    evidence = step.judgement.evidence
    if not isinstance(evidence, SloBroken):
        return False
    evaluation = evidence.evaluation
    value = math.inf if evaluation.value is None else evaluation.value
    return not evaluation.is_settled or value <= _NARROW_AT_MOST * evaluation.slo.at_most


def _compute_allowed_change(before: StepResult, after: StepResult) -> float:
    """Return the change of CPU time per request that may be noise: at least 5 %, more if requests are few.

    It is two standard errors of the ratio of both means, if the standard deviation of a request's CPU time is
    half of its mean. A step that lasted several times as long as the other shows by how much parts as long as
    the shorter one differ; then it is also two standard errors by these. It is infinite without requests.
    """
    if not min(before.requests, after.requests):
        return math.inf
    allowed_ratio = max(_DRIFT_AT_MOST, math.sqrt(1 / before.requests + 1 / after.requests))
    shorter, longer = sorted((before, after), key=lambda step: step.window_s)
    spread = measure_demand_spread(longer, shorter.window_s)
    if spread is None:
        return allowed_ratio
    parts = longer.window_s / shorter.window_s
    return max(allowed_ratio, math.expm1(2 * spread * math.sqrt(1 + 1 / parts)))


# Repeatability


def assess_repeatability(results: Iterable[CellResult]) -> tuple[Repeatability, ...]:
    """Return each size that was measured repeatedly, with its repetitions and their spread."""
    sizes: dict[Limits, list[CellResult]] = {}
    for result in results:
        sizes.setdefault(result.cell.limits, []).append(result)
    return tuple(
        Repeatability(limits, tuple(cells), _compute_spread_ratio(cells))
        for limits, cells in sizes.items()
        if len(cells) > 1
    )


def _compute_spread_ratio(cells: Sequence[CellResult]) -> float | None:
    """Return the coefficient of variation of the cells' capacities; None if a bracket does not tell one."""
    users = [find_capacity_users(cell) or 0.0 for cell in cells if cell.status is Status.BRACKETED]
    if len(users) < len(cells) or not all(users):
        return None
    return statistics.stdev(users) / statistics.mean(users)
