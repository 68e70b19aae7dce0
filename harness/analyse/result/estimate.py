"""Estimate a bracketed cell's capacity from all its windows, beside the bracket that was measured.

The ends of a bracket are single verdicts of noisy windows. So neither the estimate nor its interval is cut
off at them: where the windows together say that the capacity lies outside, the estimate says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import estimate_from_slow_share
from harness.analyse.search.capacity_fit import fit_capacity, fit_verdicts
from harness.analyse.search.memory_model import is_memory_failure
from harness.model import Rule, Slo, StepResult


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated capacity in users, its 95 % interval, and the precision of the bracket.

    The bracket is at most as wide as `precision_ratio`. Widened by it at both ends, it holds the capacity
    with a probability of 98 %. None if the windows don't tell it.
    """

    users: float
    low: float
    high: float
    precision_ratio: float | None


def estimate_capacity(
    sustained: StepResult,
    broken: StepResult,
    slo: Slo | None,
    steps: Sequence[StepResult],
    *,
    is_cpu_bound: bool,
) -> Estimate:
    """Return the estimate for a bracket with these two ends.

    `slo` is the SLO on a percentile of all response times, `steps` are all steps of the cell. Without such an
    SLO, or if `broken` broke another one or failed for lack of memory, only the verdicts are fitted. If it
    failed otherwise, as by a death, the estimate is the geometric mean of the ends, its interval is the
    bracket, and the precision is unknown.
    """
    low, high = sustained.users, broken.users
    middle = compute_geometric_mean((low, high))
    if broken.rule is not Rule.SLO_BROKEN and not is_memory_failure(broken):
        return Estimate(middle, low, high, None)
    fit = None
    if slo is not None and estimate_from_slow_share(broken, slo) is not None:
        fit = fit_capacity(steps, slo, middle, is_cpu_bound=is_cpu_bound)
    if fit is None:
        broken_slo = broken.judgement.broken_slo
        is_named = broken_slo is not None and broken_slo.request_name is not None
        fit = fit_verdicts(steps, middle, is_named=is_named)
    precision = max(high / low, fit.highest / high, low / fit.lowest) - 1
    return Estimate(fit.users, fit.low, fit.high, precision)
