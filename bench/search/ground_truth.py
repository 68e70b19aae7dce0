"""The true capacity of a simulated configuration: what a measurement without end would find.

Bisection over N, first with short runs, then with ever longer ones around what those found. No life is faster
than another here, none is cold and no host drifts: this is the capacity at nominal speed.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.simulation.container_run import build_closed_system
from bench.simulation.model import QUIET, Service, ThinkTime
from harness.model import Limits

_COARSE_S = 1_000.0
_FINE_S = 20_000.0
_MAX_USER_S = 1_500_000.0
"""User-seconds that put a capacity within about 0.2 %: no run is longer, whatever was asked."""

_SETTLE_S = 100.0
_CHUNK_S = 500.0


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """`users`: the most that keep the share of slow requests within `share`. `crossing`: where, between that
    and one more, the share would be met exactly (logit of the share linear in ln N). Both are the users limit
    where that is sustained.
    """

    users: int
    crossing: float
    censored: bool = False


def measure_slow_share(
    service: Service, think: ThinkTime, limits: Limits, users: int, slow_s: float, length_s: float
) -> float:
    """The share of requests slower than `slow_s` in the long run; 1 where the target dies."""
    system = build_closed_system(service, QUIET, think, limits, seed=(users,))
    system.hold(users, 50.0)
    system.advance(users / 50.0 + _SETTLE_S)
    system.take()
    if system.died_s is not None:
        return 1.0
    total = slow = 0
    while total == 0 or system.now_s < length_s:
        system.advance(system.now_s + _CHUNK_S)
        latency_s = system.take().latency_s
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
    share: float = 0.05,
    fine_s: float = _FINE_S,
) -> GroundTruth:
    """The capacity under "at most `share` of requests slower than `slow_s`"."""

    @functools.cache
    def measured(users: int, length_s: float) -> float:
        return measure_slow_share(service, think, limits, users, slow_s, min(length_s, _MAX_USER_S / users))

    def holds(users: int, length_s: float) -> bool:
        return users == 0 or measured(users, length_s) <= share

    if holds(users_limit, _COARSE_S) and holds(users_limit, fine_s):
        return GroundTruth(users_limit, float(users_limit), censored=True)
    users = _find_boundary(lambda users: holds(users, _COARSE_S), 0, users_limit)
    for length_s, doubt_ratio in ((min(5 * _COARSE_S, fine_s), 0.03), (fine_s, 0.01)):
        users = _refine_boundary(functools.partial(holds, length_s=length_s), users, users_limit, doubt_ratio)
    if users == 0:
        return GroundTruth(0, 0.0)
    crossing = _interpolate_crossing(users, measured(users, fine_s), measured(users + 1, fine_s), share)
    return GroundTruth(users, crossing)


def _refine_boundary(holds: Callable[[int], bool], users: int, limit: int, doubt_ratio: float) -> int:
    """The boundary again, by a better judge; the worse one was within `doubt_ratio`, or not far beyond."""
    margin = max(1, math.ceil(users * doubt_ratio))
    low, high = max(0, users - margin), min(limit, users + 1 + margin)
    while not holds(low):
        low, high = max(0, low - margin), low
    while high < limit and holds(high):
        low, high = high, min(limit, high + margin)
    return _find_boundary(holds, low, high)


def _find_boundary(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The highest number that holds, where `low` does and `high` does not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _interpolate_crossing(users: int, below: float, above: float, share: float) -> float:
    left, right = _logit(below), _logit(above)
    return float(users * ((users + 1) / users) ** ((_logit(share) - left) / (right - left)))


def _logit(share: float) -> float:
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))
