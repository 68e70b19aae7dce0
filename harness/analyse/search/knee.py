"""How sharply a target breaks: the share of slow requests against the number of users, near the capacity.

The logit of the share is close to linear in ln N there, and the steeper the more users share the queue: its
slope grows with √N. Simulated closed users (think time 1-4 s) at a processor-sharing target under a quota
have slopes of 6 at 30 users, 8 at 50, 12 at 107, 16 at 221 and 18 at 279; lognormal demands (c.v. 2) have
two thirds of that, deterministic ones and slots with a fixed service time two to four times as much.
"""

import math

SLOPE_OF_ONE = 1.1
SLOPE_SPREAD = 0.4
"""How far a slope may be off, as a standard deviation relative to itself."""

CAUTION = 0.5
"""The share of the usual slope that is relied on where a verdict depends on it."""


def slope(users: float) -> float:
    """The rise of the logit of the slow share for each e-fold of users."""
    return SLOPE_OF_ONE * math.sqrt(users)


def logit(share: float) -> float:
    """ln(p / (1 - p)); shares of 0 and 1 are moved inside by a millionth."""
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def share_at(allowed: float, users: float, ratio: float) -> float:
    """The least share that `users` should show where the capacity, the number with the share `allowed`, is
    smaller by `ratio`; the most where `ratio` is negative and the capacity is larger.
    """
    return 1 / (1 + math.exp(-(logit(allowed) + CAUTION * slope(users) * ratio)))
