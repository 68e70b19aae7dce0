"""Tell by the response times near a limit how fast more users make requests slow.

More users multiply the response times of requests that share one queue. So the slow share rises with the
users as fast as it falls with the limit, times how fast the response times rise. If few response times lie
near the limit, as between the two modes of requests that are cheap or dear, more users make hardly more
requests slow. And those that are slow at any load do not become more.
"""

import math
from collections.abc import Sequence

from harness.model import StepResult

NEAR_FACTOR = 1.5
"""Response times between the limit divided by this factor and the limit times this factor are near it."""

_USUAL_STEEPNESS = 2.3
"""The logit of the slow share falls by this for each factor e of the limit, in simulated queues whose
requests have exponential CPU times.
"""

_USUAL_WORTH = 5.0
"""What is usual counts like so many independent requests above the limit divided by the factor."""

_LEAST_RATIO = 0.05

_LIGHT_AT_MOST = 0.5
"""Up to this share of the users of the capacity, requests hardly wait for each other."""

_LIGHT_WORTH = 100.0
"""Before any window, so many requests are taken to have been quick at light load."""

_LEAST_LIGHT_RATIO = 0.4
"""A light share is known too badly to expect a flatter slope by it."""

_NEAR_USERS = 0.15
"""How far the users of a window may be from the capacity for its shape to count, as a logarithm."""

_STRAIGHT_USERS = 0.2
"""How far they may be from it for the window's share to count, as a logarithm."""


def select_near(steps: Sequence[StepResult], around_users: float) -> list[StepResult]:
    """Return the steps whose users are so near that one slope holds up to them; all if fewer than two are.

    Far above the capacity other requests become slow, and far below it only those that are slow at any load.
    """
    near = [step for step in steps if abs(math.log(step.users / around_users)) <= _STRAIGHT_USERS]
    return near if len(near) > 1 else list(steps)


def compare_steepness(steps: Sequence[StepResult], around_users: float, variance_ratio: float) -> float:
    """Return how steeply the slow share falls with the limit, relative to what is usual: 0.05 to 1.

    `steps` are those whose shares count, `around_users` is where the capacity is sought. `variance_ratio` is
    how many times the variance of a share is that of independent requests. A steeper fall than the usual one
    counts as usual, because where requests wait in slots, it does not make the slow share rise faster.
    """
    near = [step for step in steps if abs(math.log(step.users / around_users)) <= _NEAR_USERS]
    requests, nearly, very = 0.0, 0.0, 0.0
    for step in near:
        if step.latency.nearly_slow_ratio is not None and step.latency.very_slow_ratio is not None:
            requests += step.requests
            nearly += step.requests * step.latency.nearly_slow_ratio
            very += step.requests * step.latency.very_slow_ratio
    if nearly == 0:
        return 1.0
    usual_share = NEAR_FACTOR ** (-2 * _USUAL_STEEPNESS)
    share = (very / variance_ratio + _USUAL_WORTH * usual_share) / (nearly / variance_ratio + _USUAL_WORTH)
    nearly_ratio = min(nearly / requests, 1 - 1e-6)
    fall = math.log((1 - share * nearly_ratio) / (share * (1 - nearly_ratio)))
    return min(1.0, max(_LEAST_RATIO, fall / (2 * math.log(NEAR_FACTOR)) / _USUAL_STEEPNESS))


def compare_with_light_load(steps: Sequence[StepResult], around_users: float, allowed_share: float) -> float:
    """Return how steeply the slow share rises with the users, relative to what is usual: 0.4 to 1.

    Some requests may be slow at any load, as those that wait for a slow dependency: a share p0, which light
    windows show. Only the slow share q of the others rises with the users: p = p0 + (1 - p0) q. Where p is
    the allowed share, the logit of p rises (p - p0) / (p (1 - p0)) times as fast as that of q.
    """
    light = [step for step in steps if step.users <= _LIGHT_AT_MOST * around_users]
    slow = sum(step.requests * (step.latency.slow_ratio or 0.0) for step in light)
    always = slow / (sum(step.requests for step in light) + _LIGHT_WORTH)
    return max(_LEAST_LIGHT_RATIO, (allowed_share - always) / (allowed_share * (1 - always)))
