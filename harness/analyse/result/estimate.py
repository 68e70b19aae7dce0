"""The fitted estimate within a bracket: where the share of slow requests crosses what the SLO allows.

The logit of that share is taken as linear in ln N, with the slope of `knee`; every step of the cell has its
say by how much it knows, and the answer never leaves the two measured ends: what is measured is the bracket,
what is fitted is called an estimate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.search.belief import combined, from_share
from harness.model import Slo, StepResult

Z_975 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """Users, with a 95 % interval; all three within the bracket."""

    users: float
    low: float
    high: float


def estimate(held: StepResult, broken: StepResult, slo: Slo | None, steps: Sequence[StepResult]) -> Estimate:
    """The estimate between the ends of a bracket; their geometric mean where slow shares say nothing."""
    fitted = combined(from_share(step, slo) for step in steps)
    if slo is None or fitted is None or from_share(broken, slo) is None:
        return Estimate(math.sqrt(held.users * broken.users), held.users, broken.users)
    width = math.exp(Z_975 * fitted.spread)

    def within(users: float) -> float:
        return min(max(users, float(held.users)), float(broken.users))

    return Estimate(within(fitted.users), within(fitted.users / width), within(fitted.users * width))
