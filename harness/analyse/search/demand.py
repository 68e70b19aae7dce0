"""A demand instead of the whole surface: which sizes sustain N users, by the fewest measurements.

More CPU or more memory never sustains less, so one size that sustains N speaks for all that are larger, and
one that does not for all that are smaller. Walking the staircase between them measures at most rows + columns
- 1 sizes of a matrix; one size off the staircase is measured too, as a check of that assumption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.model import Cell, CellResult, Status

Results = Mapping[str, CellResult]


def next_size(cells: Sequence[Cell], results: Results, users: int) -> Cell | None:
    """The cell whose verdict at `users` says most about the others; None when all have one, and one was
    checked.

    Of those without a verdict the one with the least CPU, and of these the one with the most memory.
    """
    unknown = [cell for cell in cells if is_unmeasured(results[cell.id])]
    open_ = [cell for cell in unknown if inferred(cell, results, users) is None]
    if open_:
        return min(open_, key=lambda cell: (cell.limits.cpu_cores, -cell.limits.memory_bytes))
    return _check(cells, unknown, results)


def is_unmeasured(result: CellResult) -> bool:
    return result.status is Status.RUNNING or result.status is Status.INFERRED


def sustains(result: CellResult, users: int) -> bool | None:
    """What a measured cell says of that many users; None where it says nothing."""
    if result.status in (Status.RUNNING, Status.INFERRED, Status.SKIPPED, Status.INVALID):
        return None
    return result.sustained_users is not None and result.sustained_users >= users


def inferred(cell: Cell, results: Results, users: int) -> CellResult | None:
    """What follows for an unmeasured cell, and from which measurement; None where nothing does."""
    for result in results.values():
        other = result.cell
        holds = sustains(result, users)
        if holds is True and covers(cell, other):
            words = f"sustains ≥ {users}: so does the smaller {_size(other)}"
            return CellResult(cell, Status.INFERRED, sustained_users=users, evidence=words)
        if holds is False and covers(other, cell):
            words = f"does not sustain {users}: nor does the larger {_size(other)}"
            return CellResult(cell, Status.INFERRED, broken_users=users, evidence=words)
    return None


def with_inferred(results: Results, users: int) -> dict[str, CellResult]:
    """The results with what follows from them filled in; what was measured stays as it is."""
    filled = dict(results)
    for cell_id, result in results.items():
        if is_unmeasured(result) and not result.steps:
            filled[cell_id] = inferred(result.cell, results, users) or replace(result, status=Status.RUNNING)
    return filled


def breaches(results: Results, users: int) -> list[tuple[Cell, Cell]]:
    """Measured cells (smaller, larger) of which the smaller sustains the users and the larger does not."""
    measured = [result for result in results.values() if sustains(result, users) is not None]
    return [
        (small.cell, large.cell)
        for small in measured
        for large in measured
        if small is not large
        and covers(large.cell, small.cell)
        and sustains(small, users)
        and not sustains(large, users)
    ]


def _check(cells: Sequence[Cell], unknown: Sequence[Cell], results: Results) -> Cell | None:
    """The largest size, which should sustain the users if any does; None where it was measured, or where the
    staircase already took its rows + columns - 1 steps.
    """
    there = [cell for cell in cells if results[cell.id].status is not Status.SKIPPED]
    rows = {(cell.limits.replicas, cell.limits.cpu_cores) for cell in there}
    columns = {cell.limits.memory_bytes for cell in there}
    largest = max(there, key=lambda cell: cell.limits, default=None)
    spent = len(there) - len(unknown) >= len(rows) + len(columns) - 1
    return largest if largest in unknown and not spent else None


def covers(large: Cell, small: Cell) -> bool:
    """Whether a cell has at least as much of both, within the same repetition."""
    return large.repetition == small.repetition and large.limits.covers(small.limits)


def _size(cell: Cell) -> str:
    return f"{cell.limits.times}{cell.limits.cpu_cores:g} CPU / {cell.limits.memory_bytes / 1024**2:g} MiB"
