"""Tell at each size which variant is best, and what its choice is worth against a larger size.

Variants of a size are measured one after the other, so a difference between them is one of the target if
their ranges do not overlap and their middles differ by at least 5 %. The range is the 95 % interval at one
speed of the host where both have it, and otherwise the measured bracket.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.result.significance import MIN_CHANGE_RATIO
from harness.analyse.result.sizing import select_worst_repetitions
from harness.model import CampaignResult, CellResult, Limits, Status, Tuning

_Range = tuple[float, float]


def add_tunings(result: CampaignResult) -> CampaignResult:
    """Return the campaign with what the choice of a variant is worth at each size."""
    return replace(result, tunings=find_tunings(result.cells))


def find_tunings(cells: Sequence[CellResult]) -> tuple[Tuning, ...]:
    """Return what variants are worth at each size at which one has an answer, from the smallest size on.

    Of a repeated cell the worst repetition counts.
    """
    worst = [each for each in select_worst_repetitions(cells).values() if not each.is_undecided]
    decided = [each for each in worst if each.cell.limits.variant is not None]
    by_size: dict[Limits, list[CellResult]] = {}
    for each in decided:
        by_size.setdefault(each.cell.limits.drop_variant(), []).append(each)
    return tuple(_compare(size, by_size[size], decided, cells) for size in sorted(by_size))


def _compare(
    size: Limits, variants: Sequence[CellResult], decided: Sequence[CellResult], cells: Sequence[CellResult]
) -> Tuning:
    best, worst = max(variants, key=_rank), min(reversed(variants), key=_rank)  # of equal ones two
    differs = worst is not best and _is_more(_select(cells, best), _select(cells, worst))
    return Tuning(size, best, worst, differs, _find_instead(size, best, worst, decided) if differs else None)


def _rank(result: CellResult) -> tuple[int, float]:
    return result.known_users, result.estimate_users or 0.0


def _select(cells: Sequence[CellResult], result: CellResult) -> list[CellResult]:
    """Return all repetitions of a size with its variant that have an answer."""
    return [each for each in cells if each.cell.limits == result.cell.limits and not each.is_undecided]


def _is_more(best: Sequence[CellResult], worst: Sequence[CellResult]) -> bool:
    """Return True if one variant surely sustains more users than the other, by all their repetitions."""
    at_one_speed = all(each.at_reference is not None for each in (*best, *worst))
    low, _ = high_range = _span([_find_range(each, at_one_speed=at_one_speed) for each in best])
    low_range = _span([_find_range(each, at_one_speed=at_one_speed) for each in worst])
    has_gap = low_range[1] <= low and low > 0
    return has_gap and _find_middle(high_range) >= (1 + MIN_CHANGE_RATIO) * _find_middle(low_range)


def _span(ranges: Sequence[_Range]) -> _Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _find_middle(users: _Range) -> float:
    low, high = users
    return low if math.isinf(high) else math.sqrt(low * high)


def _find_range(result: CellResult, *, at_one_speed: bool) -> _Range:
    """Return the users that are surely sustained, and those that surely are not; infinite if unknown."""
    reference = result.at_reference
    if at_one_speed and reference is not None:
        return reference.low, reference.high
    if result.status is Status.FAILED:
        return 0.0, 1.0
    return float(result.known_users), math.inf if result.broken_users is None else result.broken_users


def _find_instead(
    size: Limits, best: CellResult, worst: CellResult, decided: Sequence[CellResult]
) -> CellResult | None:
    """Return the smallest larger size at which the worst variant sustains as many users, by its estimate.

    Brackets of variants that are not the best are coarse.
    """
    users = best.known_users
    larger = [
        each
        for each in decided
        if each.cell.limits.variant == worst.cell.limits.variant
        and each.cell.limits.drop_variant() > size
        and (each.sustains(users) or (each.estimate_users or 0.0) >= users)
    ]
    return min(larger, key=lambda each: each.cell.limits, default=None)
