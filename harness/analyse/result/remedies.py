"""Tell what would help each size: larger sizes in the matrix, or more memory by what a user needs.

What is measured counts: a larger size that does not clearly sustain more is no help, and what is inferred
never contradicts a size that was measured.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.analyse.result.comparison import compare_size
from harness.model import CampaignResult, CellResult, Change, Factor, HostSpeed, Limits, Status
from harness.model.curves import Remedy
from harness.model.memory import NEARLY_FULL_RATIO

_FEWEST_USERS_APART = 0.2
"""Windows whose users differ by less than this share of the most tell no memory for each user."""

_STOPPED = (Status.BRACKETED, Status.NONE, Status.FAILED)
_MEASURED = (*_STOPPED, Status.CENSORED)


def add_remedies(result: CampaignResult) -> CampaignResult:
    """Return the result with what would help each size that something stopped."""
    cells = tuple(
        replace(cell, remedies=find_remedies(cell, result.cells, result.host_speed)) for cell in result.cells
    )
    return replace(result, cells=cells)


def find_remedies(
    cell: CellResult, cells: Sequence[CellResult], speed: HostSpeed | None = None
) -> tuple[Remedy, ...]:
    """Return the next larger CPU and the next larger memory that were measured, with the users they add.

    If neither clearly helps, the next size with more of both is added if that does. If memory stops the size
    and no larger one was measured, twice its memory is inferred from what a user needs. All are empty unless
    something stopped the size. `speed` is that of the host, at which sizes are compared.
    """
    if cell.status not in _STOPPED:
        return ()

    def find(fits: Callable[[Limits, Limits], bool]) -> list[Remedy]:
        other = _find_next(cell, cells, fits)
        return [] if other is None else [_compare(cell, other, speed)]

    more_memory = find(lambda here, there: there == replace(here, memory_bytes=there.memory_bytes))
    found = [*more_memory, *find(lambda here, there: there == replace(here, cpu_cores=there.cpu_cores))]
    if not more_memory and cell.limiting_factor is Factor.MEMORY:
        found += _infer_memory(cell, cells)
    if not any(remedy.is_clear and remedy.more_users > 0 for remedy in found):
        both = find(lambda here, there: there.replicas == here.replicas and _has_more_of_both(here, there))
        found += [remedy for remedy in both if remedy.is_clear]
    return tuple(sorted(found, key=lambda remedy: -remedy.more_users))


def _has_more_of_both(here: Limits, there: Limits) -> bool:
    return there.cpu_cores > here.cpu_cores and there.memory_bytes > here.memory_bytes


def _find_next(
    cell: CellResult, cells: Sequence[CellResult], fits: Callable[[Limits, Limits], bool]
) -> CellResult | None:
    """Return the smallest larger size that was measured and whose limits fit; None without one."""
    here = cell.cell.limits
    larger = [
        other
        for other in cells
        if other.status in _MEASURED and other.cell.limits != here and other.cell.limits.covers(here)
    ]
    return min(
        (other for other in larger if fits(here, other.cell.limits)),
        key=lambda other: other.cell.limits,
        default=None,
    )


def _compare(cell: CellResult, other: CellResult, speed: HostSpeed | None) -> Remedy:
    difference = compare_size(cell.cell.limits, (cell,), (other,), speed=speed)
    return Remedy(
        other.cell.limits,
        _count_users(other) - _count_users(cell),
        is_measured=True,
        is_at_least=other.status is Status.CENSORED,
        is_clear=difference.change is Change.MORE,
    )


def _count_users(result: CellResult) -> int:
    return result.sustained_users or 0


def _infer_memory(cell: CellResult, cells: Sequence[CellResult]) -> list[Remedy]:
    """Return twice the memory with as many more users as it holds, by a straight line through the windows.

    They are no more than the CPU serves at the CPU time of a user, and than a size with at least as much of
    both broke at; and no fewer than a size with at most as much of both sustained.
    """
    per_user, limits = _measure_memory_per_user(cell), cell.cell.limits
    if per_user is None or not cell.sustained_users:
        return []
    larger = replace(limits, memory_bytes=2 * limits.memory_bytes)
    users = [cell.sustained_users + math.floor(limits.memory_bytes / per_user)]
    if cell.cpu_used_cores:
        users.append(math.floor(cell.sustained_users * limits.total_cores / cell.cpu_used_cores))
    users += [
        other.broken_users - 1
        for other in cells
        if other.broken_users is not None and other.cell.limits.covers(larger)
    ]
    least = [other.known_users for other in cells if larger.covers(other.cell.limits)]
    more = max(min(users), *least) - cell.sustained_users
    return [Remedy(larger, max(0, more), is_measured=False, is_clear=more > 0)]


def _measure_memory_per_user(cell: CellResult) -> float | None:
    """Return the bytes that a user needs, by windows whose memory was not full; None if they are alike.

    Pages of files don't count where they can be told apart: they fill what is left.
    """
    full_bytes = NEARLY_FULL_RATIO * cell.cell.limits.memory_bytes
    steps = [
        (step.users, used_bytes)
        for step in cell.steps
        if (used_bytes := step.target.own_memory_peak_bytes or step.target.memory_peak_bytes)
        and used_bytes < full_bytes
        and step.rps is not None
        and not step.target.is_out_of_memory
    ]
    if len(steps) < 2:
        return None
    (few, least_bytes), (many, most_bytes) = min(steps), max(steps)
    if many - few < _FEWEST_USERS_APART * many or most_bytes <= least_bytes:
        return None
    return (most_bytes - least_bytes) / (many - few)
