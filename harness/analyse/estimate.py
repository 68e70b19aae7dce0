"""The fitted estimate within a bracket: where the share of slow requests crosses what the SLO allows.

The logit of that share is taken as linear in ln N between the two measured ends, and the answer never leaves
them: what is measured is the bracket, what is fitted is called an estimate.
"""

import math
from dataclasses import dataclass

from harness.model import Slo, StepResult

DEPENDENCE = 3.0
"""Requests that wait in one queue are slow together: their share spreads this much wider than independent
ones'.
"""

Z_975 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """Users, with a 95 % interval; all three within the bracket."""

    users: float
    low: float
    high: float


def estimate(held: StepResult, broken: StepResult, slo: Slo | None) -> Estimate:
    """The estimate between the ends of a bracket; their geometric mean where slow shares say nothing."""
    if slo is None or held.slow_ratio is None or broken.slow_ratio is None:
        return Estimate(math.sqrt(held.users * broken.users), held.users, broken.users)
    allowed = _logit(1 - float(slo.indicator[1:]) / 100)
    left, right = _end(held), _end(broken)
    users = _crossing(left[0], right[0], held.users, broken.users, allowed)
    if users is None:
        return Estimate(math.sqrt(held.users * broken.users), held.users, broken.users)
    low = _crossing(left[0] + left[1], right[0] + right[1], held.users, broken.users, allowed)
    high = _crossing(left[0] - left[1], right[0] - right[1], held.users, broken.users, allowed)
    return Estimate(
        users,
        held.users if low is None else min(low, users),
        broken.users if high is None else max(high, users),
    )


def _end(step: StepResult) -> tuple[float, float]:
    """The logit of a step's slow share, and half its interval."""
    n = max(1, step.requests)
    share = ((step.slow_ratio or 0.0) * n + 0.5) / (n + 1)
    return _logit(share), Z_975 * DEPENDENCE / math.sqrt(n * share * (1 - share))


def _crossing(left: float, right: float, low_users: int, high_users: int, allowed: float) -> float | None:
    """Where the line through both ends crosses `allowed`, in users, clamped to the ends; None where it does
    not rise.
    """
    if right <= left:
        return None
    at = min(1.0, max(0.0, (allowed - left) / (right - left)))
    return min(float(high_users), float(low_users * (high_users / low_users) ** at))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
