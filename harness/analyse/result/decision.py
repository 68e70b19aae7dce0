"""Tell how precise the answer of each size must be: most precise around the decision which one to take.

The decision lies between the cheapest size that sustains the users with headroom and the largest of the
cheaper sizes that don't. What is known of the other sizes so far tells on which side of it a size may lie. As
long as nothing tells it, the size counts as one around the decision. At one size the variants are decided
between: what another one sustains says how precise the next must be (see `rival`). See docs/method.md.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from harness.analyse.result.rival import choose_aim, find_variant_precision
from harness.analyse.result.sizing import compute_hour_price, recommend_size
from harness.analyse.search.demand import covers
from harness.analyse.search.memory_model import is_memory_failure
from harness.analyse.search.search import choose_next_step
from harness.analyse.search.shown_memory import (
    believe_any_memory,
    believe_shown_memory,
    find_shown_bytes,
    find_shown_memory,
)
from harness.model import (
    CampaignResult,
    Cell,
    CellResult,
    Limits,
    Plan,
    Status,
    Step,
    StepResult,
)


def choose_precise_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult] = ()
) -> Step | None:
    """Choose a cell's next step (see `choose_next_step`), and how precise its answer must become.

    A cell away from the decision need not wait for memory that another cell has shown to last, and a variant
    that is not taken for none.
    """
    aim = choose_aim(plan, cell, steps, neighbours)
    precision_ratio = find_precision(plan, cell, neighbours)
    if aim is not None:
        precision_ratio = max(precision_ratio, aim.precision_ratio)
    search = replace(plan.search, precision_ratio=precision_ratio)
    is_elsewhere = precision_ratio > plan.search.precision_ratio
    is_spared = aim is not None and aim.is_worse and not any(map(is_memory_failure, steps))
    known = steps
    if is_spared:
        known = believe_any_memory(steps)
    elif is_elsewhere:
        known = believe_shown_memory(plan, cell, steps, neighbours)
    aim_users = aim.users if aim is not None else None
    step = choose_next_step(replace(plan, search=search), cell, known, neighbours, aim_users)
    if step is None:
        return None
    shown_bytes = find_shown_bytes(plan, cell, step.users, steps, neighbours) if is_elsewhere else 0
    return replace(
        step,
        precision_ratio=precision_ratio,
        shown_bytes=cell.limits.memory_bytes if is_spared else shown_bytes,
        draws_curve=aim is None,
        is_quick=aim is not None,
    )


def find_precision(plan: Plan, cell: Cell, results: Sequence[CellResult]) -> float:
    """Return the precision that a cell's answer needs, by what is known of the other cells."""
    return build_precision_finder(plan, results)(cell)


def build_precision_finder(plan: Plan, results: Sequence[CellResult]) -> Callable[[Cell], float]:
    """Return `find_precision` for many cells of the same results: what they share is computed once."""

    @cache
    def find_taken() -> Cell | None:
        return _find_taken(plan, results)

    @cache
    def list_too_small() -> list[Cell]:
        cells = (result.cell for result in results if _is_too_small(result))
        return sorted(cells, key=lambda cell: cell.limits, reverse=True)

    @cache
    def find(cell: Cell) -> float:
        search = plan.search
        is_precise = plan.users_required is not None
        if is_precise or _is_decisive(plan, cell, list_too_small(), find_taken()):
            usual_ratio = search.precision_ratio
        else:
            usual_ratio = search.coarse_ratio
        return max(usual_ratio, find_variant_precision(plan, cell, results) or 0.0)

    return find


def add_asked_precision(result: CampaignResult, plan: Plan) -> CampaignResult:
    """Return the result, in which every cell knows the precision that was asked of it.

    A cell away from the decision also knows which other size spared it the wait for its memory.
    """
    find = build_precision_finder(plan, result.cells)

    def add(cell: CellResult) -> CellResult:
        asked = find(cell.cell)
        is_elsewhere = asked > plan.search.precision_ratio
        shown = find_shown_memory(plan, cell, result.cells) if is_elsewhere else None
        return replace(cell, asked_precision_ratio=asked, shown_memory=shown)

    return replace(result, cells=tuple(map(add, result.cells)))


def _find_taken(plan: Plan, results: Sequence[CellResult]) -> Cell | None:
    """Return the cell that would be recommended so far; None if none sustains the users with headroom."""
    sizing = recommend_size(results, plan.users_limit, plan.headroom_ratio, plan.price, plan.slos)
    return sizing.recommended.cell if sizing.recommended is not None and sizing.keeps_headroom else None


def _is_decisive(plan: Plan, cell: Cell, too_small: Iterable[Cell], taken: Cell | None) -> bool:
    """Return True unless other cells show that the decision lies elsewhere.

    It does if a cheaper size can be taken. It also does if a larger size is known to be too small, which no
    size that can be taken lies beyond.
    """
    if taken is not None and _rank(plan, taken) < _rank(plan, cell):
        return False
    is_below_taken = taken is not None and taken.limits.covers(cell.limits)
    return not any(
        other.id != cell.id
        and covers(other, cell)
        and (not is_below_taken or (taken is not None and taken.limits.covers(other.limits)))
        for other in too_small
    )


def _is_too_small(result: CellResult) -> bool:
    """Return True if a cell is known not to sustain the users limit, also while it is still searched."""
    return result.broken_users is not None or result.status in (Status.NONE, Status.FAILED)


def _rank(plan: Plan, cell: Cell) -> tuple[float, Limits]:
    """Return what the sizes are sorted by: their price, then their limits. Without a price they come last.

    All variants of a size are alike.
    """
    price = compute_hour_price(plan.price, cell)
    return math.inf if price is None else price, cell.limits.drop_variant()
