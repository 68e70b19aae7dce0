"""The other way round: which size sustains so many users, and whether a requirement is met.

Only measured sizes are answers. Between two of them, where the CPU is what stops the smaller one, a size is
interpolated, and called so: throughput is proportional to the CPU quota (utilisation law).
"""

import itertools
import math
from collections.abc import Sequence

from harness.model import CellResult, Check, Factor, Interpolated, Limits, Requirement, Sizing, Status

ANSWERED = (Status.BRACKETED, Status.CENSORED, Status.NONE, Status.FAILED, Status.INFERRED)
SUSTAINING = (Status.BRACKETED, Status.CENSORED, Status.INFERRED)

Sizes = dict[Limits, list[CellResult]]


def size_for(cells: Sequence[CellResult], users: int, headroom_ratio: float = 0.0) -> Sizing:
    """Smaller means fewer CPU first, then less memory. A repeated size is as good as its worst repetition."""
    needed = math.ceil(round(users * (1 + headroom_ratio), 6))
    worst = _worst(cells)
    good = [limits for limits in sorted(worst) if _users(worst[limits]) >= needed]
    take = worst[good[0]] if good else None
    answered = [result for _, result in sorted(worst.items()) if result.status in ANSWERED]
    return Sizing(
        users=users,
        needed=needed,
        take=take,
        below=_below(worst, take),
        best=max(answered, key=_users, default=None),
        interpolated=_interpolated(worst, needed, take),
        open_sizes=tuple(
            limits
            for limits, result in sorted(worst.items())
            if result.status not in ANSWERED and (take is None or limits < take.cell.limits)
        ),
    )


def _worst(cells: Sequence[CellResult]) -> dict[Limits, CellResult]:
    sizes: Sizes = {}
    for result in cells:
        sizes.setdefault(result.cell.limits, []).append(result)
    return {limits: min(results, key=_rank) for limits, results in sizes.items()}


def _rank(result: CellResult) -> tuple[bool, int]:
    """An answer speaks for its size before a repetition without one does."""
    return result.status not in ANSWERED, _users(result)


def _users(result: CellResult) -> int:
    return result.sustained_users or 0 if result.status in SUSTAINING else 0


def _below(worst: dict[Limits, CellResult], take: CellResult | None) -> CellResult | None:
    if take is None:
        return None
    size = take.cell.limits
    smaller = [
        result
        for limits, result in sorted(worst.items(), reverse=True)
        if result.status in ANSWERED and limits != size and size.covers(limits)
    ]
    return max(smaller, key=_users, default=None)


def _interpolated(
    worst: dict[Limits, CellResult], needed: int, take: CellResult | None
) -> Interpolated | None:
    """The least CPU between two neighbours of one memory column, in hundredths of a core, rounded up."""
    found = [
        each
        for memory in sorted({limits.memory_bytes for limits in worst})
        for each in _in_column(
            [result for limits, result in sorted(worst.items()) if limits.memory_bytes == memory], needed
        )
    ]
    best = min(found, key=lambda each: each.limits, default=None)
    return best if best is not None and (take is None or best.limits < take.cell.limits) else None


def _in_column(column: Sequence[CellResult], needed: int) -> list[Interpolated]:
    found = []
    for small, large in itertools.pairwise(column):
        low, high = _users(small), _users(large)
        if small.limiting_factor is Factor.CPU and 0 < low < needed <= high:
            from_, to = small.cell.limits.cpu_cores, large.cell.limits.cpu_cores
            cpu = math.ceil(round(100 * (from_ + (to - from_) * (needed - low) / (high - low)), 6)) / 100
            if cpu < to:
                found.append(Interpolated(Limits(cpu, large.cell.limits.memory_bytes), small, large))
    return found


def checked(cells: Sequence[CellResult], requirement: Requirement) -> Check:
    within = [result for result in cells if requirement.most.covers(result.cell.limits)]
    found = size_for(within, requirement.users)
    if found.take is not None:
        return Check(requirement, True, found.take)
    is_open = found.best is None or bool(found.open_sizes) or _is_open(within, requirement.users)
    return Check(requirement, None if is_open else False, found.best)


def _is_open(cells: Sequence[CellResult], users: int) -> bool:
    """Whether some size sustained all it was asked for, but was asked for fewer."""
    return any(result.status is Status.CENSORED and _users(result) < users for result in cells)
