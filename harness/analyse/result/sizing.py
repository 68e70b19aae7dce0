"""The other way round: which size sustains so many users, what it costs, and whether a requirement is met.

Only measured sizes are answers. Between two of them, where the CPU is what stops the smaller one, a size is
interpolated, and called so: throughput is proportional to the CPU quota (utilisation law).
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.analyse.result.pricing import costs, hour_price, users_of
from harness.model import (
    CampaignResult,
    CellResult,
    Check,
    Factor,
    Interpolated,
    Limits,
    Price,
    Requirement,
    Sizing,
    Status,
)

Sizes = Mapping[Limits, CellResult]
Rank = Callable[[Limits], tuple[float, Limits]]


def decided(result: CampaignResult) -> CampaignResult:
    """The campaign with which of its sizes to take for its users, and what they cost."""
    return replace(
        result,
        sizing=size_for(result.cells, result.users_limit, price=result.price),
        costs=costs(worst_by_size(result.cells), result.price),
    )


def size_for(
    cells: Sequence[CellResult], users: int, headroom_ratio: float = 0.0, price: Price | None = None
) -> Sizing:
    """Smaller means fewer CPU first, then less memory; a size without a price is dearer than any with one."""
    needed = math.ceil(round(users * (1 + headroom_ratio), 6))
    sizes = worst_by_size(cells)

    def rank(limits: Limits) -> tuple[float, Limits]:
        hour = hour_price(price, sizes[limits].cell)
        return math.inf if hour is None else hour, limits

    enough = [limits for limits in sorted(sizes) if sizes[limits].sustains(needed)]
    smallest, take = min(enough, default=None), min(enough, key=rank, default=None)
    return Sizing(
        users=users,
        needed=needed,
        take=sizes[take] if take else None,
        smallest=sizes[smallest] if smallest else None,
        below=_next_smaller(sizes, take) if take else None,
        best=_best(sizes),
        interpolated=_interpolated(sizes, needed, smallest),
        open_sizes=_better_if(sizes, take, rank),
        all_sustain=bool(sizes) and len(enough) == len(sizes),
    )


def worst_by_size(cells: Sequence[CellResult]) -> Sizes:
    """The repetition that promises least; an open one only where no other is left to speak for its size."""
    repeated: dict[Limits, list[CellResult]] = {}
    for result in cells:
        repeated.setdefault(result.cell.limits, []).append(result)
    return {
        limits: min(results, key=lambda result: (result.is_open, users_of(result)))
        for limits, results in repeated.items()
    }


def _next_smaller(sizes: Sizes, take: Limits) -> CellResult | None:
    """The neighbour with fewer CPU, else with less memory, else what is next smaller and has an answer."""
    smaller = [
        limits for limits in sorted(sizes, reverse=True) if limits < take and not sizes[limits].is_open
    ]
    alike = [limits for limits in smaller if limits.replicas == take.replicas]
    fewer_cpu = [limits for limits in alike if limits.memory_bytes == take.memory_bytes]
    less_memory = [limits for limits in alike if limits.cpu_cores == take.cpu_cores]
    found = next(iter(fewer_cpu or less_memory or smaller), None)
    return sizes[found] if found else None


def _best(sizes: Sizes) -> CellResult | None:
    """The most users; among equals the smallest size. Where nothing was sustained, the largest size."""
    answered = [sizes[limits] for limits in sorted(sizes) if not sizes[limits].is_open]
    best = max(answered, key=users_of, default=None)
    return best if best is None or users_of(best) else answered[-1]


def _better_if(sizes: Sizes, take: Limits | None, rank: Rank) -> tuple[Limits, ...]:
    """The sizes without an answer that would be taken instead if they sustained the users."""
    unknown = [limits for limits in sorted(sizes) if sizes[limits].is_open]
    return tuple(limits for limits in unknown if take is None or rank(limits) < rank(take))


def _interpolated(sizes: Sizes, needed: int, smallest: Limits | None) -> Interpolated | None:
    """The least CPU between two neighbours of one memory column, in hundredths of a core, rounded up."""
    found = [
        each
        for column in sorted({(limits.memory_bytes, limits.replicas) for limits in sizes})
        for each in _in_column(
            [sizes[size] for size in sorted(sizes) if (size.memory_bytes, size.replicas) == column], needed
        )
    ]
    best = min(found, key=lambda each: each.limits, default=None)
    return best if best is not None and (smallest is None or best.limits < smallest) else None


def _in_column(column: Sequence[CellResult], needed: int) -> list[Interpolated]:
    found = []
    for small, large in itertools.pairwise(column):
        low, high = users_of(small), users_of(large)
        if small.limiting_factor is Factor.CPU and 0 < low < needed <= high:
            from_, to = small.cell.limits.cpu_cores, large.cell.limits.cpu_cores
            cpu = math.ceil(round(100 * (from_ + (to - from_) * (needed - low) / (high - low)), 6)) / 100
            if cpu < to:
                found.append(Interpolated(replace(large.cell.limits, cpu_cores=cpu), small, large))
    return found


def checked(cells: Sequence[CellResult], requirement: Requirement) -> Check:
    most = requirement.most
    within = [
        result
        for result in cells
        if result.cell.limits.all_cores <= most.all_cores and result.cell.limits.all_bytes <= most.all_bytes
    ]
    found = size_for(within, requirement.users)
    if found.take is not None:
        return Check(requirement, True, found.take)
    is_open = found.best is None or bool(found.open_sizes) or _is_open(within, requirement.users)
    return Check(requirement, None if is_open else False, found.best)


def _is_open(cells: Sequence[CellResult], users: int) -> bool:
    """Whether some size sustained all it was asked for, but was asked for fewer."""
    return any(result.status is Status.CENSORED and users_of(result) < users for result in cells)
