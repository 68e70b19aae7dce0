"""Where to look next: the number of users that splits what is believed of a capacity, given what is measured.

The belief is taken as heavy-tailed (Student's t with two degrees of freedom, of ln N): evidence that turns
out wrong is left behind by ever longer strides and not crept away from.
"""

import math

from harness.analyse.search.belief import Belief

NEVER = -math.inf, math.inf


def median_within(belief: Belief, low: float | None, high: float | None) -> float:
    """The number of users that the capacity is as likely to exceed as not, between a pass and a failure.

    Either end may be None: nothing measured there yet.
    """
    middle = _quantile(sum(_left(belief, low, high)) / 2)
    return belief.users * math.exp(min(max(belief.spread * middle, -50.0), 50.0))


def chance_between(belief: Belief, low: float | None, high: float | None, from_: float, to: float) -> float:
    """How likely the capacity lies between two numbers of users, given a pass and a failure around them."""
    at_low, at_high = _left(belief, low, high)
    if at_high <= at_low:
        return 0.0
    return (_below(belief, to) - _below(belief, from_)) / (at_high - at_low)


def _left(belief: Belief, low: float | None, high: float | None) -> tuple[float, float]:
    """The shares of the belief below a pass and below a failure: what lies between is left."""
    return (
        0.0 if low is None else _below(belief, low),
        1.0 if high is None else _below(belief, high),
    )


def _below(belief: Belief, users: float) -> float:
    """The share of the belief that lies below so many users."""
    x = math.log(users / belief.users) / belief.spread
    return 0.5 + x / (2 * math.sqrt(2 + x * x))


def _quantile(share: float) -> float:
    """In spreads from the middle; infinite at 0 and 1."""
    if not 0 < share < 1:
        return NEVER[share >= 1]
    return (2 * share - 1) * math.sqrt(1 / (2 * share * (1 - share)))
