"""The ask/tell seam: given a cell's steps so far, which step next, or none.

Pure and without memory of its own: the same steps always give the same answer, so a resumed campaign asks nothing twice.
"""

from collections.abc import Sequence

from harness.analyse.bracket import Bracket, bracket, spoiled_twice
from harness.model import Plan, Search, Step, StepResult, Verdict


def next_step(plan: Plan, steps: Sequence[StepResult]) -> Step | None:
    """The step that a cell needs next, or None when its search is done."""
    if spoiled_twice(steps):
        return None
    if steps and steps[-1].verdict is Verdict.INVALID:
        return Step(steps[-1].users, plan.timing)
    users = next_users(plan.search, plan.users_limit, bracket(steps))
    return None if users is None else Step(users, plan.timing)


def next_users(search: Search, limit: int, known: Bracket) -> int | None:
    """How many users to try next under a plain strategy; None when nothing is left to learn."""
    if known.sustained_users == limit or known.broken_users == 1 or known.narrow(search.precision_ratio):
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
