"""Choose a cell's next step from its steps so far and its neighbours' answers, and the order of the cells.

The functions are pure and remember nothing: the same steps always lead to the same choice, so a resumed
campaign repeats no measurement. Neighbours and models only say where to look; both ends of a bracket are
always measured in the cell itself. See docs/method.md.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.search.bracket import Bracket, find_bracket, is_invalid_twice
from harness.analyse.search.capacity_estimate import LogNormalEstimate, find_median, find_probability
from harness.analyse.search.prediction import predict_capacity
from harness.model import (
    Cell,
    CellResult,
    Plan,
    Search,
    SearchStrategy,
    Step,
    StepResult,
    Verdict,
)

_LIMIT_MARGIN_RATIO = 1.1
"""A first step is held at the users limit if the estimate lies above the limit by more than this factor."""

_MIN_FINISHING_PROBABILITY = 0.4
"""A step that may finish the search is worth its risk from this probability on.

The alternative is a step in the middle, which never finishes the search but makes the next step likely to.
"""


def choose_next_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult] = ()
) -> Step | None:
    """Choose the step that a cell needs next; None when its search is done.

    `neighbours` are other cells' results with at least one step each. An INVALID step is held once more.
    """
    if is_invalid_twice(steps):
        return None
    if steps and steps[-1].verdict is Verdict.INVALID:
        return Step(steps[-1].users, plan.timing)
    bracket = find_bracket(steps)
    if is_bracket_sufficient(plan.search, plan.users_limit, bracket):
        return None
    if plan.users_required is not None:
        return _choose_demand_step(plan, plan.users_required, steps, neighbours)
    if plan.search.strategy is SearchStrategy.PREDICT:
        estimate = predict_capacity(cell, steps, neighbours, plan.slos)
        if estimate is None and not steps:
            return _build_first_step(plan)
        users: int | None = _choose_predicted_users(plan.search, plan.users_limit, bracket, estimate)
    else:
        users = choose_users_without_estimate(plan.search, plan.users_limit, bracket)
    return None if users is None else Step(users, plan.timing)


def order_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Order the cells for measuring, so that each one finds a neighbour's answer to start from.

    Repetitions come one after the other, and within each the numbers of replicas from the smallest on. With
    as many replicas, the largest memory of a replica comes first, and there the largest CPU of a replica.
    """
    return sorted(cells, key=_rank_cell)


def is_bracket_sufficient(search: Search, limit: int, bracket: Bracket) -> bool:
    """Return True if the limit is sustained, one user is too many, or the bracket is narrow enough."""
    return (
        bracket.sustained_users == limit
        or bracket.broken_users == 1
        or bracket.is_narrow(search.precision_ratio)
    )


def choose_users_without_estimate(search: Search, limit: int, bracket: Bracket) -> int | None:
    """Choose the next number of users by `ladder` or `bisect`; None when nothing is left to measure."""
    if is_bracket_sufficient(search, limit, bracket):
        return None
    if search.strategy is SearchStrategy.LADDER:
        return _climb_ladder(search, limit, bracket)
    return _bisect(search, limit, bracket)


def _build_first_step(plan: Plan) -> Step:
    """Build the light first step, which finds the CPU time per request: its window may be the shortest."""
    users, timing = min(plan.users_limit, plan.search.first_users), plan.timing
    if users < plan.users_limit:
        timing = replace(timing, window_at_most_s=timing.window_at_least_s)
    return Step(users, timing)


def _choose_demand_step(
    plan: Plan, users: int, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Choose one window at the users required; a light step comes before the campaign's first window.

    The light step is the baseline of all others.
    """
    if not steps and not neighbours:
        return _build_first_step(plan)
    return None if find_bracket(steps).broken_users is not None else Step(users, plan.timing)


def _climb_ladder(search: Search, limit: int, bracket: Bracket) -> int | None:
    """Choose the next rung of equal height; None after the first failure: nothing between rungs is held."""
    if bracket.broken_users is not None:
        return None
    return min(limit, (bracket.sustained_users or 0) + search.ladder_users)


def _bisect(search: Search, limit: int, bracket: Bracket) -> int:
    """Double until a step fails, or halve until one passes; then take the geometric mean of both ends."""
    if bracket.sustained_users is None and bracket.broken_users is None:
        return min(limit, search.first_users)
    if bracket.broken_users is None:
        assert bracket.sustained_users is not None
        return min(limit, 2 * bracket.sustained_users)
    if bracket.sustained_users is None:
        return bracket.broken_users // 2
    return bracket.compute_middle()


def _choose_predicted_users(
    search: Search, limit: int, bracket: Bracket, estimate: LogNormalEstimate | None
) -> int:
    """Choose the number of users that most likely becomes one end of a narrow bracket.

    A number that may finish the search is taken if its probability is fair, otherwise the estimate's median.
    Without an estimate the range is bisected.
    """
    if estimate is None:
        return _bisect(search, limit, bracket)
    low, high = bracket.sustained_users, bracket.broken_users
    width = 1 + search.precision_ratio
    if low is None and high is None:
        is_above_limit = estimate.users > limit * _LIMIT_MARGIN_RATIO
        return _clamp(limit if is_above_limit else estimate.users / math.sqrt(width), 1, limit)
    users = _find_finishing_users(low, high, estimate, width)
    if low is not None and high is not None and _is_middle_best(low, high, estimate, width, users):
        return bracket.compute_middle()
    users = users or find_median(estimate, low, high)
    if low is not None:
        users = max(users, math.floor(low * width))
    if high is not None:
        users = min(users, math.ceil(high / width))
    return _clamp(users, (low or 0) + 1, limit if high is None else high - 1)


def _is_middle_best(
    low: int, high: int, estimate: LogNormalEstimate, width: float, finishing_users: float | None
) -> bool:
    """Return True if the bracket's middle finishes the search for sure, or the estimate has proved wrong."""
    return high <= low * width**2 or (finishing_users is None and not low < estimate.users < high)


def _find_finishing_users(
    low: int | None, high: int | None, estimate: LogNormalEstimate, width: float
) -> float | None:
    """Find the other end of a narrow bracket next to a pass or a failure, whichever is likelier.

    At least one end must be known. None if the probability is too low.
    """
    candidates = []
    if low is not None:
        candidates.append((find_probability(estimate, low, high, low, low * width), math.floor(low * width)))
    if high is not None:
        candidates.append(
            (find_probability(estimate, low, high, high / width, high), math.ceil(high / width))
        )
    probability, users = max(candidates)
    return users if probability >= _MIN_FINISHING_PROBABILITY else None


def _clamp(users: float, low: int, high: int) -> int:
    return min(max(round(users), low), high)


def _rank_cell(cell: Cell) -> tuple[float, ...]:
    limits = cell.limits
    return cell.repetition, limits.replicas, -limits.memory_bytes, -limits.cpu_cores
