"""Read the capacity of a finished cell as one number, where it has one."""

from collections.abc import Sequence

from harness.analyse.means import compute_geometric_mean
from harness.model import CellResult, Limits, Status

_CENSORED_RATIO = 1.2
"""If a size sustained the users limit, its capacity is taken as the limit times this factor."""

WIDEST_RATIO = 2.0
"""A bracket whose ends are further apart than by this factor does not tell the capacity."""


def find_capacity_users(result: CellResult) -> float | None:
    """Return a finished cell's capacity as one number: its estimate, or the middle of its bracket.

    The capacity of a censored cell is taken to lie somewhat above the users limit. None for all other cells,
    and for a bracket wider than `WIDEST_RATIO`, as one that a search for so many users leaves.
    """
    if result.status is Status.CENSORED and result.sustained_users is not None:
        return result.sustained_users * _CENSORED_RATIO
    if result.status is not Status.BRACKETED:
        return None
    low, high = result.sustained_users or 0, result.broken_users or 0
    if high > WIDEST_RATIO * low:
        return None
    return result.estimate_users or compute_geometric_mean([low, high])


def collect_capacities(results: Sequence[CellResult]) -> dict[Limits, float]:
    """Return the capacity in users of each size and variant that has one (see `find_capacity_users`)."""
    known = {result.cell.limits: find_capacity_users(result) for result in results}
    return {limits: users for limits, users in known.items() if users is not None}
