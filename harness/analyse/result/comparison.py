"""Two campaigns size by size: which capacities really differ.

A difference is real where the measured brackets do not overlap and the capacities differ by a minimum factor;
what two runs of the same differ by anyway is no difference (see method: 4 % between sessions).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CellResult, Change, Difference, Limits, Status

LEAST_CHANGE = 0.05


@dataclass(frozen=True, slots=True)
class Range:
    """Users that a size sustains: surely `low`, surely not `high` (infinite where it never broke)."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The geometric mean; the low end of an open range."""
        if math.isinf(self.high):
            return self.low
        return math.sqrt(self.low * self.high) if self.low else self.high / 2


def compared(
    base: Sequence[CellResult], head: Sequence[CellResult], least_ratio: float = LEAST_CHANGE
) -> tuple[Difference, ...]:
    """Every size of either campaign, in order of CPU and memory. Repetitions of a size speak together."""
    sizes = sorted({result.cell.limits for result in (*base, *head)})
    return tuple(_difference(limits, _of(base, limits), _of(head, limits), least_ratio) for limits in sizes)


def _of(results: Sequence[CellResult], limits: Limits) -> tuple[CellResult, ...]:
    return tuple(result for result in results if result.cell.limits == limits)


def _difference(
    limits: Limits, base: tuple[CellResult, ...], head: tuple[CellResult, ...], least_ratio: float
) -> Difference:
    if not base or not head:
        return Difference(limits, base, head, Change.ADDED if head else Change.REMOVED)
    before, after = sustained_range(base), sustained_range(head)
    if before is None or after is None:
        return Difference(limits, base, head, Change.UNKNOWN)
    change, ratio = _change(before, after, least_ratio), _ratio(base, head, before, after)
    return Difference(limits, base, head, change, ratio)


def _change(before: Range, after: Range, least_ratio: float) -> Change:
    factor = 1 + least_ratio
    if after.high <= before.low and after.middle * factor <= before.middle:
        return Change.LESS
    if after.low >= before.high and after.middle >= before.middle * factor:
        return Change.MORE
    return Change.SAME


def _ratio(
    base: Sequence[CellResult], head: Sequence[CellResult], before: Range, after: Range
) -> float | None:
    """By the estimates; open ends have none."""
    if math.isinf(before.high) or math.isinf(after.high) or not before.low or not after.low:
        return None
    return _estimate(head, after) / _estimate(base, before)


def _estimate(results: Sequence[CellResult], known: Range) -> float:
    users = [result.estimate_users for result in results if result.estimate_users is not None]
    return statistics.median(users) if users else known.middle


def sustained_range(results: Sequence[CellResult]) -> Range | None:
    """What all repetitions of a size allow; None where one of them is not known."""
    ranges = [_range(result) for result in results]
    known = [each for each in ranges if each is not None]
    if not known or len(known) < len(ranges):
        return None
    return Range(min(each.low for each in known), max(each.high for each in known))


def _range(result: CellResult) -> Range | None:
    low, high = result.sustained_users, result.broken_users
    match result.status:
        case Status.CENSORED:
            return Range(float(low or 0), math.inf)
        case Status.BRACKETED | Status.INFERRED:
            return Range(float(low or 0), math.inf if high is None else float(high))
        case Status.NONE:
            return Range(0.0, float(high or 1))
        case Status.FAILED:
            return Range(0.0, 1.0)
        case _:
            return None
