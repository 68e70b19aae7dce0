"""The fitted estimate within a bracket: where the share of slow requests crosses what the SLO allows.

The logit of that share is taken as linear in ln N, with the usual slope near the capacity. Every step of the
cell counts by how much it knows. The estimate never leaves the bracket: only the bracket is measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import combine_estimates, estimate_from_slow_share
from harness.model import Slo, StepResult

_Z_975 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """Users, with a 95 % interval; all three within the bracket."""

    users: float
    low: float
    high: float


def estimate_capacity(
    sustained: StepResult, broken: StepResult, slo: Slo | None, steps: Sequence[StepResult]
) -> Estimate:
    """Return the estimate between the ends of a bracket; their geometric mean if slow shares say nothing.

    `slo` is the limit on a percentile of all response times, `steps` are all of the cell's.
    """
    fitted = combine_estimates(estimate_from_slow_share(step, slo) for step in steps)
    low, high = sustained.users, broken.users
    if slo is None or fitted is None or estimate_from_slow_share(broken, slo) is None:
        return Estimate(compute_geometric_mean((low, high)), low, high)
    width = math.exp(_Z_975 * fitted.sigma)
    users, lower, upper = (
        min(max(each, float(low)), float(high))
        for each in (fitted.users, fitted.users / width, fitted.users * width)
    )
    return Estimate(users, lower, upper)
