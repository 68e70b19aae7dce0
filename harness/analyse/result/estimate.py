"""Estimate a bracketed cell's capacity from all its windows, beside the bracket that was measured.

The ends of a bracket are single verdicts of noisy windows. So neither the estimate nor its interval is cut
off at them: where the windows together say that the capacity lies outside, the estimate says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import find_percentile_slo, find_shortfall_limit
from harness.analyse.search.capacity_fit import fit_capacity, fit_verdicts
from harness.analyse.search.known_capacities import WIDEST_RATIO
from harness.analyse.search.memory_model import is_memory_failure
from harness.model import Rule, Slo, StepResult


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated capacity in users, its 95 % interval, and the precision of the bracket.

    The bracket is at most as wide as `precision_ratio`. Widened by it at both ends, it holds the capacity
    with a probability of 98 %.
    """

    users: float
    low: float
    high: float
    precision_ratio: float


def estimate_capacity(
    sustained: StepResult,
    broken: StepResult,
    slos: Sequence[Slo],
    steps: Sequence[StepResult],
    *,
    is_cpu_bound: bool,
) -> Estimate | None:
    """Return the estimate for a bracket with these two ends; None if the windows don't tell it.

    `steps` are all steps of the cell. Without an SLO on a percentile of all response times, or if no window
    tells of it, only the verdicts are fitted. If `broken` failed by no SLO and not for lack of memory, as
    by a death, nothing tells how near the capacity is. Nor do windows on both sides of a bracket wider than
    `WIDEST_RATIO`: the line through them bends in between.
    """
    low, high = sustained.users, broken.users
    middle = compute_geometric_mean((low, high))
    if high > WIDEST_RATIO * low or (broken.rule is not Rule.SLO_BROKEN and not is_memory_failure(broken)):
        return None
    broken_slo, slo = broken.judgement.broken_slo, find_percentile_slo(slos)
    is_named = broken_slo is not None and broken_slo.request_name is not None
    fit = None
    if slo is not None:
        fit = fit_capacity(
            steps,
            slo,
            middle,
            is_cpu_bound=is_cpu_bound,
            shortfall_limit=find_shortfall_limit(slos),
            is_named=is_named,
        )
    if fit is None:
        fit = fit_verdicts(steps, middle, is_named=is_named)
    precision = max(high / low, fit.highest / high, low / fit.lowest) - 1
    return Estimate(fit.users, fit.low, fit.high, precision)
