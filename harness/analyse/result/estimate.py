"""Estimate the capacity within a bracket: where the share of slow requests crosses what the SLO allows.

The logit of that share is taken as linear in ln N, with the usual slope near the capacity. Every step of the
cell is weighted by how exact it is. The estimate never leaves the bracket, because only the bracket is
measured.
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
    """An estimated capacity in users, with its 95 % interval; all three lie within the bracket."""

    users: float
    low: float
    high: float


def estimate_capacity(
    sustained: StepResult, broken: StepResult, slo: Slo | None, steps: Sequence[StepResult]
) -> Estimate:
    """Return the estimate between the two ends of a bracket.

    `slo` is the SLO on a percentile of all response times, `steps` are all steps of the cell. Without such an
    SLO, or if `broken` failed for another reason, the estimate is the geometric mean of the ends and its
    interval is the bracket.
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
