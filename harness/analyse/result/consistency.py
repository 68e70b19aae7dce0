"""A campaign's checks on itself: cells that contradict each other, a host that changed, runs that differ.

More CPU and more memory never sustain less, so a larger cell that seems to is measured once more; if it still
does, it is flagged. The reference cell is held once more at the end: hosts drift while they look idle. Both
only mark; nothing that was measured is corrected or pooled.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.analyse.search import demand
from harness.analyse.search.bracket import spoiled_twice
from harness.analyse.search.order import measuring_order
from harness.model import (
    Agreement,
    Cell,
    CellResult,
    ContainerRun,
    Drift,
    Limits,
    Plan,
    Purpose,
    Status,
    Step,
    StepResult,
    Verdict,
)

Results = Mapping[str, CellResult]

DRIFT_AT_MOST = 0.05
"""Change of the CPU time per request: on a quiet cloud it varies by 4 % between sessions (see method)."""
HARD_ENDINGS = ("died", "stalled", "all-failed")
"""Failures that are no matter of chance. A response time just above its limit is: a window at the highest
number of users that passed fails now and then on an unchanged host.
"""

WORTH_CONFIRMING = 3
"""With fewer cells measured a campaign is over before a host has time to drift."""


def second_attempt(plan: Plan, results: Results) -> Cell | None:
    """The larger cell of a breach that was measured only once; None where there is none."""
    suspects = {large.id for _, large in breaches(plan, results) if results[large.id].first is None}
    return next((cell for cell in measuring_order(plan.cells) if cell.id in suspects), None)


def with_breaches(plan: Plan, results: Results) -> dict[str, CellResult]:
    """The results, each that lies below a smaller cell's with the one of these that sustains most."""
    flagged = dict(results)
    for small, large in breaches(plan, results):
        rival, users = flagged[large.id].breach, results[small.id].sustained_users or 0
        if rival is None or users > (results[rival.id].sustained_users or 0):
            flagged[large.id] = replace(flagged[large.id], breach=small)
    return flagged


def breaches(plan: Plan, results: Results) -> list[tuple[Cell, Cell]]:
    """Measured cells (smaller, larger) of which the larger breaks where the smaller still sustains.

    By more than the precision asked for; where a demand was asked, at the users required.
    """
    if plan.users_required is not None:
        return demand.breaches(results, plan.users_required)
    width = 1 + plan.search.precision_ratio
    return [
        (small.cell, large.cell)
        for large in results.values()
        for small in results.values()
        if small is not large
        and demand.covers(large.cell, small.cell)
        and (most := _breaks_at(large)) is not None
        and most * width < _sustains(small)
    ]


def _breaks_at(result: CellResult) -> int | None:
    """The number of users that a measured cell does not sustain: none at all where it never came up."""
    if result.status is Status.FAILED:
        return 0
    return result.broken_users if result.status in (Status.BRACKETED, Status.NONE) else None


def _sustains(result: CellResult) -> int:
    return result.sustained_users or 0 if result.status in (Status.BRACKETED, Status.CENSORED) else 0


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What was held again of a cell whose answer is known: no part of its search."""

    cell: CellResult
    lives: Sequence[ContainerRun]
    steps: Sequence[StepResult]


def next_confirmation(
    plan: Plan, results: Iterable[CellResult], held: Confirmation | None, *, is_shared: bool = False
) -> tuple[Cell, Step] | None:
    """The reference cell and the step that confirms it, in a fresh container; None where there is nothing to
    confirm, or no need any more.

    `results` are in the order of measuring, all of them done. A spoiled step is held once more. With several
    engines (`is_shared`) it is held on each, however few the cells: are they alike?
    """
    is_asked_for = is_shared or plan.users_required is None
    if not plan.search.confirm or not is_asked_for or (held and _is_settled(held)):
        return None
    chosen = held.cell if held else _reference_cell(list(results), 1 if is_shared else WORTH_CONFIRMING)
    if chosen is None or chosen.sustained_users is None:
        return None
    return chosen.cell, Step(chosen.sustained_users, plan.timing, Purpose.CONFIRM)


def _is_settled(held: Confirmation) -> bool:
    sound = any(step.verdict is not Verdict.INVALID for step in held.steps)
    return sound or spoiled_twice(held.steps) or any(life.failure for life in held.lives)


def _reference_cell(results: Sequence[CellResult], fewest: int) -> CellResult | None:
    """The cell that was measured first, rather one whose first attempt still counts."""
    if sum(bool(result.steps) for result in results) < fewest:
        return None
    found = [result for result in results if result.status in (Status.BRACKETED, Status.CENSORED)]
    return next((result for result in found if result.first is None), found[0] if found else None)


def drift(held: Confirmation | None) -> Drift | None:
    """What became of the reference cell; None where it was not held again or has nothing to compare with."""
    failure = next((life.failure for life in held.lives if life.failure), None) if held else None
    if held is None or (not held.steps and failure is None):
        return None
    cell, after = held.cell, held.steps[-1] if held.steps else None
    engine = held.lives[0].engine if held.lives else ""
    if failure is not None or after is None:
        users = cell.sustained_users or 0
        return Drift(
            cell.cell, users, Verdict.FAIL, failure or "", is_marked=True, engine=engine, against=cell.engine
        )
    before = _before(cell.steps, after.users)
    if before is None:
        return None
    return replace(_compared(cell.cell, before, after), engine=engine, against=cell.engine)


def _before(steps: Sequence[StepResult], users: int) -> StepResult | None:
    """The sound step of the search at so many users: one that passed, if any did."""
    sound = [step for step in steps if step.users == users and step.verdict is not Verdict.INVALID]
    return max(sound, key=lambda step: (step.verdict is Verdict.PASS, step.index), default=None)


def _compared(cell: Cell, before: StepResult, after: StepResult) -> Drift:
    told = Drift(cell, after.users, after.verdict, after.reason, load_s=after.load_s)
    if after.verdict is Verdict.INVALID:
        return told
    cpu_ratio, allowed_ratio = (
        _change(before.cpu_per_request_s, after.cpu_per_request_s),
        _chance(before, after),
    )
    fails_now = before.verdict is Verdict.PASS and after.verdict is Verdict.FAIL
    beyond_chance = after.rule in HARD_ENDINGS or cpu_ratio is None
    return replace(
        told,
        cpu_per_request_ratio=cpu_ratio,
        rps_ratio=_change(before.rps, after.rps),
        p95_ratio=_change(before.p95_s, after.p95_s),
        allowed_ratio=allowed_ratio,
        is_marked=(fails_now and beyond_chance) or (cpu_ratio is not None and abs(cpu_ratio) > allowed_ratio),
    )


def _change(before: float | None, after: float | None) -> float | None:
    return after / before - 1 if before and after is not None else None


def _chance(before: StepResult, after: StepResult) -> float:
    """Which change of the CPU time per request is not news: 5 %, or what two short windows differ by anyway.

    Two standard errors of a ratio of means over so many requests, whose costs vary by half of their mean.
    """
    fewest = min(before.requests, after.requests)
    return max(DRIFT_AT_MOST, math.sqrt(1 / before.requests + 1 / after.requests)) if fewest else math.inf


def agreements(results: Iterable[CellResult]) -> tuple[Agreement, ...]:
    """The sizes that were measured repeatedly, each repetition for itself beside their spread."""
    sizes: dict[Limits, list[CellResult]] = {}
    for result in results:
        sizes.setdefault(result.cell.limits, []).append(result)
    return tuple(
        Agreement(limits, tuple(cells), _spread(cells)) for limits, cells in sizes.items() if len(cells) > 1
    )


def _spread(cells: Sequence[CellResult]) -> float | None:
    """The coefficient of variation (sample standard deviation over mean) of capacities that are all known."""
    if any(cell.status is not Status.BRACKETED for cell in cells):
        return None
    users = [cell.estimate_users or _middle(cell) for cell in cells]
    return statistics.stdev(users) / statistics.mean(users)


def _middle(cell: CellResult) -> float:
    return math.sqrt((cell.sustained_users or 0) * (cell.broken_users or 0))
