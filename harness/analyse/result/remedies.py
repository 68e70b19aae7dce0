"""Tell what would help each size: the next larger size in the matrix, or more memory by what a user needs."""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.model import CampaignResult, CellResult, Factor, Status
from harness.model.curves import Remedy

_FEWEST_USERS_APART = 0.2
"""Windows whose users differ by less than this share of the most tell no memory for each user."""

_KNOWN = (Status.BRACKETED, Status.CENSORED)


def add_remedies(result: CampaignResult) -> CampaignResult:
    """Return the result with what would help each size that something stopped."""
    cells = tuple(replace(cell, remedies=find_remedies(cell, result.cells)) for cell in result.cells)
    return replace(result, cells=cells)


def find_remedies(cell: CellResult, cells: Sequence[CellResult]) -> tuple[Remedy, ...]:
    """Return the next larger CPU and the next larger memory that were measured, with the users they add.

    If memory stops the size and no larger one was measured, twice its memory is inferred from what a user
    needs. Both are empty unless the size is bracketed.
    """
    if cell.status is not Status.BRACKETED or cell.sustained_users is None:
        return ()
    more_memory = _find_next(cell, cells, is_memory=True)
    more_cpu = _find_next(cell, cells, is_memory=False)
    found = [_compare(cell, other) for other in (more_memory, more_cpu) if other is not None]
    if more_memory is None and cell.limiting_factor is Factor.MEMORY:
        found += _infer_memory(cell)
    return tuple(sorted(found, key=lambda remedy: -remedy.more_users))


def _find_next(cell: CellResult, cells: Sequence[CellResult], *, is_memory: bool) -> CellResult | None:
    """Return the next larger size with an answer that differs in memory only, or in CPU only."""
    here = cell.cell.limits

    def fits(other: CellResult) -> bool:
        there = other.cell.limits
        same_cpu, same_memory = (
            there.cpu_cores == here.cpu_cores,
            there.memory_bytes == here.memory_bytes,
        )
        if (there.replicas, there.variant) != (here.replicas, here.variant):
            return False
        if other.status not in _KNOWN or other.sustained_users is None:
            return False
        if is_memory:
            return same_cpu and there.memory_bytes > here.memory_bytes
        return same_memory and there.cpu_cores > here.cpu_cores

    return min((other for other in cells if fits(other)), key=lambda other: other.cell.limits, default=None)


def _compare(cell: CellResult, other: CellResult) -> Remedy:
    more = (other.sustained_users or 0) - (cell.sustained_users or 0)
    return Remedy(other.cell.limits, more, is_measured=True, is_at_least=other.status is Status.CENSORED)


def _infer_memory(cell: CellResult) -> list[Remedy]:
    """Return twice the memory with as many more users as it holds, by a straight line through the windows.

    Pages of files don't count where they can be told apart: they fill what is left.
    """
    steps = [
        (step.users, used_bytes)
        for step in cell.steps
        if (used_bytes := step.target.own_memory_peak_bytes or step.target.memory_peak_bytes)
        and step.rps is not None
        and not step.target.is_out_of_memory
    ]
    if len(steps) < 2 or cell.sustained_users is None:
        return []
    low, high = min(steps), max(steps)
    if high[0] - low[0] < _FEWEST_USERS_APART * high[0] or high[1] <= low[1]:
        return []
    per_user = (high[1] - low[1]) / (high[0] - low[0])
    limits = cell.cell.limits
    more = math.floor(limits.memory_bytes / per_user)
    larger = replace(limits, memory_bytes=2 * limits.memory_bytes)
    return [Remedy(larger, more, is_measured=False)]
