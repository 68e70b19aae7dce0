"""Tell what another variant of a cell's size says about the cell: how precise it must be, and where to look.

Of the variants of a size only the best is taken. So of the ones measured after it, it is enough to know that
they sustain less than it by 5 %, or that they differ by no more than that. Both need two windows if these are
held where the better variant ends: a little below the users that it sustains, and a little above those that
broke it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analyse.result.significance import MIN_CHANGE_RATIO
from harness.analyse.search.bracket import Bracket, find_bracket
from harness.analyse.search.capacity_estimate import LogNormalEstimate, find_probability
from harness.analyse.search.prediction import predict_capacity
from harness.model import Cell, CellResult, Plan, SearchStrategy, StepResult

_MIN_PROBABILITY = 0.4
"""A step that may finish the search is held if it does so with at least this probability."""

_ALIKE_FACTOR = 1 + MIN_CHANGE_RATIO


@dataclass(frozen=True, slots=True)
class Rival:
    """Another variant of a size: it sustains `low` users, and `high` broke it (infinite if none did)."""

    low: int
    high: float

    @property
    def least_alike(self) -> int:
        """The most users whose failure shows that a variant sustains less than this one, by 5 %."""
        return max(1, math.floor(self.low / _ALIKE_FACTOR))

    @property
    def most_alike(self) -> float:
        """The fewest users whose pass shows that a variant sustains more than this one, by 5 %."""
        return math.inf if math.isinf(self.high) else math.ceil(self.high * _ALIKE_FACTOR)

    @property
    def alike_ratio(self) -> float:
        """How wide the bracket of a variant may be that is neither better nor worse by 5 %."""
        return self.most_alike / self.least_alike - 1

    def is_better(self, broken_users: float) -> bool:
        """Return True if this one sustains more users than so many, by 5 %."""
        return self.low >= _ALIKE_FACTOR * broken_users

    def is_alike(self, sustained_users: int | None, broken_users: int | None) -> bool:
        """Return True if both ends of a bracket show that the variant is neither better nor worse by 5 %."""
        if sustained_users is None or broken_users is None:
            return False
        return sustained_users >= self.least_alike and broken_users <= self.most_alike < math.inf


@dataclass(frozen=True, slots=True)
class Aim:
    """How the search of a variant goes on beside its rival: how precisely, and with how many users.

    `users` are None where the estimate is to tell them. If it `is_worse`, the variant is not taken.
    """

    precision_ratio: float
    users: int | None = None
    is_worse: bool = False


def find_rival(cell: Cell, results: Iterable[CellResult]) -> Rival | None:
    """Return the variant that sustains most of the others of the cell's size and repetition.

    None if none is known to sustain any users.
    """
    if cell.limits.variant is None:
        return None
    size = cell.limits.drop_variant(), cell.repetition
    others = [
        each
        for each in results
        if each.known_users
        and each.cell.limits != cell.limits
        and (each.cell.limits.drop_variant(), each.cell.repetition) == size
    ]
    best = max(others, key=lambda each: each.known_users, default=None)
    return None if best is None else Rival(best.known_users, best.broken_users or math.inf)


def find_variant_precision(plan: Plan, cell: Cell, results: Sequence[CellResult]) -> float | None:
    """Return how precise the answer of a variant must be beside its rival; None if that changes nothing.

    The cell is one of the `results`, or not searched yet.
    """
    rival, search = _find_usable_rival(plan, cell, results), plan.search
    own = next((each for each in results if each.cell.id == cell.id), None)
    if rival is None or own is None:
        return None
    if own.broken_users is not None and rival.is_better(own.broken_users):
        return search.worse_variant_ratio
    return rival.alike_ratio if rival.is_alike(own.sustained_users, own.broken_users) else None


def _find_usable_rival(plan: Plan, cell: Cell, results: Iterable[CellResult]) -> Rival | None:
    """Return the cell's rival; None if all sizes are to be equally precise, or for a demand."""
    if plan.search.is_equally_precise or plan.users_required is not None:
        return None
    return find_rival(cell, results)


def choose_aim(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Aim | None:
    """Choose how the search of a variant goes on beside its rival; None if it goes on as any other.

    `steps` are the cell's own, `neighbours` the results of other cells.
    """
    rival, search = _find_usable_rival(plan, cell, neighbours), plan.search
    if rival is None:
        return None
    bracket = find_bracket(steps)
    if bracket.broken_users is not None and rival.is_better(bracket.broken_users):
        return Aim(search.worse_variant_ratio, is_worse=True)
    if rival.is_alike(bracket.sustained_users, bracket.broken_users):
        return Aim(rival.alike_ratio)
    if search.strategy is not SearchStrategy.PREDICT:
        return None
    estimate = predict_capacity(cell, steps, neighbours, plan.slos)
    if estimate is None:
        return None
    if estimate.users < rival.least_alike:
        return _aim_below(rival, bracket, estimate, search.worse_variant_ratio)
    users = _choose_alike_users(rival, bracket, estimate)
    return None if users is None else Aim(search.coarse_ratio, min(users, plan.users_limit))


def _aim_below(rival: Rival, bracket: Bracket, estimate: LogNormalEstimate, ratio: float) -> Aim | None:
    """Aim at a coarse bracket that ends where the variant is worse by 5 %, or below; None if it can't be.

    A pass comes first, so that the container is kept for the failure.
    """
    low, least, factor = bracket.sustained_users or 0, rival.least_alike, 1 + ratio
    if low >= least:
        return None
    if rival.is_better(max(math.sqrt(factor) * estimate.users, factor * low)):
        return Aim(ratio, is_worse=True)
    passing_users = math.ceil(least / factor)
    return Aim(ratio, passing_users if low < passing_users else least, is_worse=True)


def _choose_alike_users(rival: Rival, bracket: Bracket, estimate: LogNormalEstimate) -> int | None:
    """Choose the users that show whether a variant is worse, and then whether it is better, by 5 %.

    None if it is expected to be neither, or if this is known.
    """
    low, high, most = bracket.sustained_users or 0, bracket.broken_users or math.inf, rival.most_alike
    if math.isinf(most) or low >= most:
        return None
    if low < rival.least_alike:
        is_open = high >= _ALIKE_FACTOR * rival.least_alike
        return rival.least_alike if estimate.users <= most and is_open else None
    known_high = None if math.isinf(high) else high
    if high <= most or find_probability(estimate, low, known_high, low, most) < _MIN_PROBABILITY:
        return None
    return int(most)
