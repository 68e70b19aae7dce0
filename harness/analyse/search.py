"""The ask/tell seam: given a cell's steps so far and its neighbours' answers, which step next, or none.

Pure and without memory of its own: the same steps always give the same answer, so a resumed campaign asks
nothing twice. Neighbours and models say where to look; both ends of a bracket are always measured in the cell
itself.
"""

import itertools
import math
from collections.abc import Sequence

from harness.analyse.bracket import Bracket, bracket, spoiled_twice
from harness.analyse.predict import predicted
from harness.model import Cell, CellResult, Plan, Search, Step, StepResult, Verdict

GALLOP = 1.12
NEARLY_FULL = 0.9
SURE_OF_LIMIT = 1.1


def next_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult] = ()
) -> Step | None:
    """The step that a cell needs next, or None when its search is done."""
    if spoiled_twice(steps):
        return None
    if steps and steps[-1].verdict is Verdict.INVALID:
        return Step(steps[-1].users, plan.timing)
    known = bracket(steps)
    if is_done(plan.search, plan.users_limit, known):
        return None
    if plan.users_required is not None:
        return _at_required(plan, plan.users_required, steps, neighbours)
    if plan.search.strategy == "predict":
        belief = predicted(cell, steps, neighbours, plan.slos)
        guess = None if belief is None else belief.users
        misses = misses_in_a_row(cell, steps)
        users: int | None = near_guess(plan.search, plan.users_limit, known, guess, misses)
    else:
        users = next_users(plan.search, plan.users_limit, known)
    return None if users is None else Step(users, plan.timing)


def _at_required(
    plan: Plan, users: int, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """One window at the users required; before the very first one a light step, as the reference of all."""
    if not steps and not neighbours:
        return Step(min(plan.search.first_users, users), plan.timing)
    return None if bracket(steps).broken_users is not None else Step(users, plan.timing)


def is_done(search: Search, limit: int, known: Bracket) -> bool:
    return known.sustained_users == limit or known.broken_users == 1 or known.narrow(search.precision_ratio)


def next_users(search: Search, limit: int, known: Bracket) -> int | None:
    """How many users to try next under a plain strategy; None when nothing is left to learn."""
    if is_done(search, limit, known):
        return None
    return _ladder(search, limit, known) if search.strategy == "ladder" else _bisect(search, limit, known)


def _ladder(search: Search, limit: int, known: Bracket) -> int | None:
    """Steps of equal height up to the first failure; what lies between two rungs is not asked."""
    if known.broken_users is not None:
        return None
    return min(limit, (known.sustained_users or 0) + search.ladder_users)


def _bisect(search: Search, limit: int, known: Bracket) -> int:
    """Double until something breaks (halve until something holds), then take geometric means."""
    if known.sustained_users is None and known.broken_users is None:
        return min(limit, search.first_users)
    if known.broken_users is None:
        assert known.sustained_users is not None
        return min(limit, 2 * known.sustained_users)
    if known.sustained_users is None:
        return known.broken_users // 2
    return known.middle()


def near_guess(search: Search, limit: int, known: Bracket, guess: float | None, misses: int) -> int:
    """The number of users that most likely becomes one end of a narrow bracket around the guess.

    `misses` is how often in a row the guess was on the wrong side: the more, the farther from the last step.
    """
    if guess is None:
        return _bisect(search, limit, known)
    if known.broken_users is None and guess > limit * SURE_OF_LIMIT:
        return limit
    width = 1 + search.precision_ratio
    low, high = known.sustained_users, known.broken_users
    if low is None and high is None:
        return _within(guess / math.sqrt(width), 1, limit)
    if high is None:
        assert low is not None
        return _within(max(_up(low, guess, width), low * gallop(misses)), low + 1, limit)
    if low is None:
        return _within(min(_down(high, guess, width), high / gallop(misses)), 1, high - 1)
    return known.middle() if misses > 1 else _between(low, high, guess, width)


def _up(low: int, guess: float, width: float) -> float:
    """Above a pass: the other end of a narrow bracket, or towards the guess when that is well above.

    A pass too many is cheap (the container lives on), a failure too far is not: so just short of the guess.
    """
    narrow = math.floor(low * width)
    return narrow if guess < low * width**2 else guess / width


def _down(high: int, guess: float, width: float) -> float:
    """Below a failure: the other end of a narrow bracket, or just below the guess when that is farther."""
    narrow = math.ceil(high / width)
    return narrow if guess * math.sqrt(width) >= narrow else guess / math.sqrt(width)


def _between(low: int, high: int, guess: float, width: float) -> int:
    """Inside a bracket still too wide: the end that the guess makes likely, so that one step may finish
    it.
    """
    if low < guess <= low * width:
        return _within(math.floor(low * width), low + 1, high - 1)
    if high / width <= guess < high:
        return _within(math.ceil(high / width), low + 1, high - 1)
    if low * width < guess < high / width:
        return _within(guess / math.sqrt(width), low + 1, high - 1)
    return Bracket(low, high).middle()


def misses_in_a_row(cell: Cell, steps: Sequence[StepResult]) -> int:
    """How many of the last steps ended alike; two fewer while the CPU is so full that the guess is near."""
    last = steps[-1] if steps else None
    if last is None:
        return 0
    alike = sum(1 for _ in itertools.takewhile(lambda step: step.verdict is last.verdict, reversed(steps)))
    is_full = (last.cpu_used_cores or 0.0) >= NEARLY_FULL * cell.limits.cpu_cores
    return max(0, alike - 2) if is_full else alike


def gallop(misses: int) -> float:
    """The factor after so many misses: 1 after none or one, then 1.12, 1.12³, 1.12⁷ … 1.12³¹."""
    return float(GALLOP ** (2 ** min(5, max(0, misses - 1)) - 1))


def _within(users: float, low: int, high: int) -> int:
    return min(max(round(users), low), high)
