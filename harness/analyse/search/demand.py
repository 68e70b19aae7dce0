"""Find out with few measurements which sizes sustain N users, without measuring any size's capacity.

More CPU or more memory is assumed never to sustain less. So if a size sustains N users, all larger sizes do;
if a size does not, no smaller one does. In a matrix, the border between the two kinds is a staircase. To
follow it takes at most rows + columns - 1 measured sizes. If fewer were enough, the largest size is measured
too, to check the assumption. Each variant of the target has a staircase of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.model import Cell, CellResult, Status
from harness.model.evidence import BrokenByLarger, SustainedBySmaller

_Results = Mapping[str, CellResult]


def choose_next_cell(cells: Sequence[Cell], results: _Results, users: int) -> Cell | None:
    """Choose the cell whose verdict at `users` decides most about the others; None if no cell is left.

    Of the cells without a measured or inferred verdict, it is the one with the least CPU of each replica, and
    among equals the one with the most memory. When every cell has a verdict, the largest size is chosen as a
    check. `results` has one result for every cell, by the cell's id.
    """
    unmeasured = [cell for cell in cells if _is_unmeasured(results[cell.id])]
    undecided = [cell for cell in unmeasured if infer_result(cell, results, users) is None]
    if undecided:
        return min(undecided, key=lambda cell: (cell.limits.cpu_cores, -cell.limits.memory_bytes))
    return _choose_check(cells, results)


def _is_unmeasured(result: CellResult) -> bool:
    """Return True if the cell has no measured result yet; an inferred one does not count."""
    return result.status is Status.RUNNING or result.status is Status.INFERRED


def infer_result(cell: Cell, results: _Results, users: int) -> CellResult | None:
    """Infer an unmeasured cell's result from a measured cell; None if no measured cell implies one."""
    for result in results.values():
        other = result.cell
        is_sustained = _is_sustained(result, users)
        if is_sustained is True and covers(cell, other):
            evidence = SustainedBySmaller(users, other.limits)
            return CellResult(cell, Status.INFERRED, sustained_users=users, evidence=evidence)
        if is_sustained is False and covers(other, cell):
            broken = BrokenByLarger(users, other.limits)
            return CellResult(cell, Status.INFERRED, broken_users=users, evidence=broken)
    return None


def add_inferred_results(results: _Results, users: int) -> dict[str, CellResult]:
    """Return the results with a result inferred for every unmeasured cell that a measured one implies.

    Measured results stay. An inferred result that is no longer implied becomes RUNNING again.
    """
    filled = dict(results)
    for cell_id, result in results.items():
        if _is_unmeasured(result) and not result.steps:
            inferred = infer_result(result.cell, results, users)
            filled[cell_id] = replace(inferred or replace(result, status=Status.RUNNING), soak=result.soak)
    return filled


def find_monotonicity_violations(results: _Results, users: int) -> list[tuple[Cell, Cell]]:
    """Find the pairs (smaller, larger) of measured cells where only the smaller cell sustains the users."""
    measured = [result for result in results.values() if _is_sustained(result, users) is not None]
    return [
        (small.cell, large.cell)
        for small in measured
        for large in measured
        if small is not large
        and covers(large.cell, small.cell)
        and _is_sustained(small, users)
        and not _is_sustained(large, users)
    ]


def covers(large: Cell, small: Cell) -> bool:
    """Return True if both cells are of one repetition and the limits of `large` cover those of `small`.

    See `Limits.covers`: as many replicas, and at least as much CPU and memory for each.
    """
    return large.repetition == small.repetition and large.limits.covers(small.limits)


def _is_sustained(result: CellResult, users: int) -> bool | None:
    """Return True if a measured cell sustains the users; None if it has no valid measured result."""
    if result.status in (Status.RUNNING, Status.INFERRED, Status.SKIPPED, Status.INVALID):
        return None
    return result.sustained_users is not None and result.sustained_users >= users


def _choose_check(cells: Sequence[Cell], results: _Results) -> Cell | None:
    """Choose the largest size of a variant, which should sustain the users if any size of it does."""
    for variant in dict.fromkeys(cell.limits.variant for cell in cells):
        own = [cell for cell in cells if cell.limits.variant == variant]
        if (check := _choose_own_check(own, results)) is not None:
            return check
    return None


def _choose_own_check(cells: Sequence[Cell], results: _Results) -> Cell | None:
    """Choose the largest of these cells, which are of one variant.

    None if it was measured, or if rows + columns - 1 of their sizes were measured already.
    """
    measurable = [cell for cell in cells if results[cell.id].status is not Status.SKIPPED]
    unmeasured = [cell for cell in cells if _is_unmeasured(results[cell.id])]
    rows = {(cell.limits.replicas, cell.limits.cpu_cores) for cell in measurable}
    columns = {cell.limits.memory_bytes for cell in measurable}
    largest = max(measurable, key=lambda cell: cell.limits, default=None)
    measured_count = len(measurable) - len(unmeasured)
    may_measure_more = measured_count < len(rows) + len(columns) - 1
    return largest if largest in unmeasured and may_measure_more else None
