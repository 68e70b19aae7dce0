"""The ask/tell seam: given a cell's steps so far and its neighbours' answers, which step next, or none.

Pure and without memory of its own: the same steps always give the same answer, so a resumed campaign asks
nothing twice. Neighbours and models say where to look; both ends of a bracket are always measured in the cell
itself.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.search.aim import chance_between, median_within
from harness.analyse.search.belief import Belief
from harness.analyse.search.bracket import Bracket, bracket, spoiled_twice
from harness.analyse.search.prediction import predicted
from harness.model import Cell, CellResult, Plan, Search, Step, StepResult, Verdict

SURE_OF_LIMIT = 1.1
FAIR_CHANCE = 0.4
"""To finish with the next step: a step in the middle finishes never, but leaves one that does."""


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
        if belief is None and not steps:
            return _probe(plan)
        users: int | None = near_belief(plan.search, plan.users_limit, known, belief)
    else:
        users = next_users(plan.search, plan.users_limit, known)
    return None if users is None else Step(users, plan.timing)


def _probe(plan: Plan) -> Step:
    """A light step as the first of all, for the demand per request: its window need not settle much."""
    users, timing = min(plan.users_limit, plan.search.first_users), plan.timing
    if users < plan.users_limit:
        timing = replace(timing, window_at_most_s=timing.window_at_least_s)
    return Step(users, timing)


def _at_required(
    plan: Plan, users: int, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """One window at the users required; before the very first one a light step, as the reference of all."""
    if not steps and not neighbours:
        return _probe(plan)
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


def near_belief(search: Search, limit: int, known: Bracket, belief: Belief | None) -> int:
    """The number of users that most likely becomes one end of a narrow bracket.

    One that may finish the search is taken where its chance is fair; else the one that halves what is
    believed.
    """
    if belief is None:
        return _bisect(search, limit, known)
    low, high = known.sustained_users, known.broken_users
    width = 1 + search.precision_ratio
    if low is None and high is None:
        start = limit if belief.users > limit * SURE_OF_LIMIT else belief.users / math.sqrt(width)
        return _within(start, 1, limit)
    aim = _finishing(low, high, belief, width)
    if low is not None and high is not None and _is_halved(low, high, belief, width, aim):
        return known.middle()
    aim = aim or median_within(belief, low, high)
    if low is not None:
        aim = max(aim, math.floor(low * width))
    if high is not None:
        aim = min(aim, math.ceil(high / width))
    return _within(aim, (low or 0) + 1, limit if high is None else high - 1)


def _is_halved(low: int, high: int, belief: Belief, width: float, finishing: float | None) -> bool:
    """Whether the middle of a bracket is best: it finishes for sure, or the belief has proved wrong."""
    return high <= low * width**2 or (finishing is None and not low < belief.users < high)


def _finishing(low: int | None, high: int | None, belief: Belief, width: float) -> float | None:
    """The other end of a narrow bracket at a pass or at a failure, the likelier one; None where the chance is
    poor.
    """
    chances = []
    if low is not None:
        chances.append((chance_between(belief, low, high, low, low * width), math.floor(low * width)))
    if high is not None:
        chances.append((chance_between(belief, low, high, high / width, high), math.ceil(high / width)))
    chance, users = max(chances)
    return users if chance >= FAIR_CHANCE else None


def _within(users: float, low: int, high: int) -> int:
    return min(max(round(users), low), high)
