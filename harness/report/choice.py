"""Which size to buy: the smallest that sustains the users, its smaller neighbour, and what is still open."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CellResult, Limits, Status
from harness.report.outcome import is_open, sustains

Sizes = dict[Limits, tuple[CellResult, ...]]


@dataclass(frozen=True, slots=True)
class Choice:
    """`take` is None where no size sustains the users.

    `neighbour` is the next smaller size with an answer, or without a `take` the best of all. `unknown` are
    the sizes that nobody judged and that would be a better answer if they sustained the users.
    """

    take: CellResult | None
    neighbour: CellResult | None
    unknown: tuple[Limits, ...]
    all_sustain: bool


def choose(cells: Sequence[CellResult], users: int) -> Choice:
    """Smaller means fewer CPU first, then less memory. A repeated size is as good as its worst repetition."""
    sizes = by_size(cells)
    worst = {limits: _worst(results) for limits, results in sizes.items()}
    good = [limits for limits in sorted(worst) if sustains(worst[limits], users)]
    take = good[0] if good else None
    neighbour = _next_smaller(worst, take) if take else _best(worst)
    unknown = [
        limits for limits in sorted(worst) if is_open(worst[limits]) and (take is None or limits < take)
    ]
    return Choice(
        take=worst[take] if take else None,
        neighbour=worst[neighbour] if neighbour else None,
        unknown=tuple(unknown),
        all_sustain=bool(worst) and len(good) == len(worst),
    )


def by_size(cells: Sequence[CellResult]) -> Sizes:
    sizes: Sizes = {}
    for cell in cells:
        sizes[cell.cell.limits] = (*sizes.get(cell.cell.limits, ()), cell)
    return sizes


def _worst(results: tuple[CellResult, ...]) -> CellResult:
    """The repetition that promises least; an open one only where no other is left to speak for the size."""
    answered = [result for result in results if not is_open(result)]
    return min(answered or results, key=lambda result: (result.sustained_users or 0, -_is_measured(result)))


def _is_measured(result: CellResult) -> bool:
    return result.status not in (Status.FAILED, Status.SKIPPED)


def _next_smaller(worst: dict[Limits, CellResult], take: Limits) -> Limits | None:
    """The neighbour with fewer CPU, else with less memory, else what is next smaller and has an answer."""
    smaller = [
        limits for limits in sorted(worst, reverse=True) if limits < take and not is_open(worst[limits])
    ]
    fewer_cpu = [limits for limits in smaller if limits.memory_bytes == take.memory_bytes]
    less_memory = [limits for limits in smaller if limits.cpu_cores == take.cpu_cores]
    return next(iter(fewer_cpu or less_memory or smaller), None)


def _best(worst: dict[Limits, CellResult]) -> Limits | None:
    """The most users; among equals the smallest size. Where nothing was sustained, the largest size."""
    answered = [limits for limits in sorted(worst) if not is_open(worst[limits])]
    if not answered:
        return None
    top = max(worst[limits].sustained_users or 0 for limits in answered)
    return (
        next(limits for limits in answered if (worst[limits].sustained_users or 0) == top)
        if top
        else answered[-1]
    )
