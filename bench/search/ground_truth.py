"""Find the true capacity of a simulated configuration: what an endless measurement would find.

The users are bisected with short simulations first, and then near the result with longer ones. All have the
nominal speed: no target is cold and no host drifts.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.simulation.container_run import build_closed_system
from bench.simulation.model import QUIET, Service, ThinkTime
from harness.analyse.search.capacity_estimate import compute_logit
from harness.model import Limits

_COARSE_S = 1_000.0
_FINE_S = 20_000.0
_MAX_USER_S = 1_500_000.0
"""No simulation has more user-seconds than this, which find a capacity to within about 0.2 %."""

_SETTLE_S = 100.0
_CHUNK_S = 500.0


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The true capacity of a configuration.

    `users` is the highest number of users whose share of slow requests is allowed. `crossing_users` is the
    fraction between `users` and `users + 1` at which the share would be exactly the allowed one (the logit of
    the share is taken as linear in ln N). Both are the users limit if the limit is sustained (`is_censored`).
    """

    users: int
    crossing_users: float
    is_censored: bool = False


def measure_slow_share(
    service: Service, think: ThinkTime, limits: Limits, users: int, slow_s: float, length_s: float
) -> float:
    """Return the share of requests slower than `slow_s` in a simulation of `length_s`; 1 if the target dies.

    The requests of the ramp and of the settling do not count.
    """
    system = build_closed_system(service, QUIET, think, limits, seed=(users,))
    system.hold(users, 50.0)
    system.advance(users / 50.0 + _SETTLE_S)
    system.take_ended()
    if system.exit is not None:
        return 1.0
    total = slow = 0
    while total == 0 or system.now_s < length_s:
        system.advance(system.now_s + _CHUNK_S)
        latency_s = system.take_ended().latency_s
        total += len(latency_s)
        slow += sum(1 for each in latency_s if each > slow_s)
    return slow / total


@functools.cache
def find_ground_truth(
    service: Service,
    think: ThinkTime,
    limits: Limits,
    users_limit: int = 400,
    slow_s: float = 1.0,
    allowed_share: float = 0.05,
    fine_s: float = _FINE_S,
) -> GroundTruth:
    """Find the capacity under "at most `share` of requests slower than `slow_s`"."""

    @functools.cache
    def measure(users: int, length_s: float) -> float:
        return measure_slow_share(service, think, limits, users, slow_s, min(length_s, _MAX_USER_S / users))

    def is_sustained(users: int, length_s: float) -> bool:
        return users == 0 or measure(users, length_s) <= allowed_share

    if is_sustained(users_limit, _COARSE_S) and is_sustained(users_limit, fine_s):
        return GroundTruth(users_limit, float(users_limit), is_censored=True)
    users = _find_boundary(lambda users: is_sustained(users, _COARSE_S), 0, users_limit)
    for length_s, doubt_ratio in ((min(5 * _COARSE_S, fine_s), 0.03), (fine_s, 0.01)):
        users = _refine_boundary(
            functools.partial(is_sustained, length_s=length_s), users, users_limit, doubt_ratio
        )
    if users == 0:
        return GroundTruth(0, 0.0)
    crossing = _interpolate_crossing(users, measure(users, fine_s), measure(users + 1, fine_s), allowed_share)
    return GroundTruth(users, crossing)


def _refine_boundary(is_sustained: Callable[[int], bool], users: int, limit: int, doubt_ratio: float) -> int:
    """Find the boundary with longer runs near `users`, which is right to within `doubt_ratio`."""
    margin = max(1, math.ceil(users * doubt_ratio))
    low, high = max(0, users - margin), min(limit, users + 1 + margin)
    while not is_sustained(low):
        low, high = max(0, low - margin), low
    while high < limit and is_sustained(high):
        low, high = high, min(limit, high + margin)
    return _find_boundary(is_sustained, low, high)


def _find_boundary(is_sustained: Callable[[int], bool], low: int, high: int) -> int:
    """Return the highest number that is sustained; `low` is sustained and `high` is not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_sustained(middle) else (low, middle)
    return low


def _interpolate_crossing(users: int, share_below: float, share_above: float, allowed_share: float) -> float:
    low, high = compute_logit(share_below), compute_logit(share_above)
    return float(users * ((users + 1) / users) ** ((compute_logit(allowed_share) - low) / (high - low)))
