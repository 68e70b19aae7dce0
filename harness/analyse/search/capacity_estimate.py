"""Estimate a cell's capacity, before it is measured, as a log-normal distribution of users.

Each piece of evidence (a step's share of slow requests, its saturated throughput, the CPU time per request, a
neighbour's answer) gives a number of users and a standard deviation of its logarithm. Independent pieces are
combined by their inverse variances.

The share of slow requests is related to users by its logit, which is close to linear in ln N near the
capacity. The more users share the queue, the steeper it is: its slope grows with √N. Simulated closed users
(think time 1-4 s) at a processor-sharing target under a quota have slopes of 6 at 30 users, 8 at 50, 12 at
107, 16 at 221 and 18 at 279. Log-normal demands (c.v. 2) have two thirds of that; deterministic demands, and
slots with a fixed service time, have two to four times as much.

For choosing the next step the estimate is taken as heavy-tailed (Student's t with two degrees of freedom, of
ln N). So if measurements contradict the estimate, the following steps move away from it ever faster.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.model import IndicatorKind, Slo, StepResult, Verdict

_SLOPE_AT_ONE_USER = 1.1

_SLOPE_SIGMA = 0.4
"""How far a slope may be off, as a standard deviation relative to the slope."""

_RELIED_SLOPE_RATIO = 0.5
"""The share of the usual slope that is relied on where a verdict depends on it."""

_QUEUE_NOISE_FACTOR = 3.0
"""Requests that wait in one queue are slow together: their share varies this much more than that of
independent requests.
"""

_WINDOW_SIGMA = 0.03
"""The host's speed differs by so much between two windows, however many requests they have."""

_UNBOUNDED_QUANTILES = -math.inf, math.inf


@dataclass(frozen=True, slots=True)
class LogNormalEstimate:
    """A capacity: its median in users, and the standard deviation of its logarithm."""

    users: float
    sigma: float


def combine_estimates(estimates: Iterable[LogNormalEstimate | None]) -> LogNormalEstimate | None:
    """Combine independent estimates by their inverse variances, leaving out None; None if none is left."""
    known = [estimate for estimate in estimates if estimate is not None]
    if not known:
        return None
    weights = [estimate.sigma**-2 for estimate in known]
    mean = sum(w * math.log(e.users) for w, e in zip(weights, known, strict=True)) / sum(weights)
    return LogNormalEstimate(math.exp(mean), sum(weights) ** -0.5)


def estimate_from_slow_share(step: StepResult, slo: Slo | None) -> LogNormalEstimate | None:
    """Estimate the capacity from a step's share of slow requests.

    `slo` is the limit on a percentile of all response times that `slow_ratio` counts against. None if there
    is no such SLO, no request, an INVALID step, or a failure for another reason than this SLO.
    """
    if slo is None or step.latency.slow_ratio is None or step.requests == 0:
        return None
    if step.verdict is Verdict.INVALID or (step.verdict is Verdict.FAIL and not _is_broken_by(step, slo)):
        return None
    n = step.requests
    share = (step.latency.slow_ratio * n + 0.5) / (n + 1)
    slope = compute_logit_slope(step.users)
    distance = (compute_logit(share) - compute_logit(compute_allowed_slow_share(slo))) / slope
    noise = _QUEUE_NOISE_FACTOR / math.sqrt(n * share * (1 - share)) / slope
    sigma = math.hypot(noise, _SLOPE_SIGMA * distance, _WINDOW_SIGMA)
    return LogNormalEstimate(step.users * math.exp(-distance), sigma)


def compute_allowed_slow_share(slo: Slo) -> float:
    """Return the share of requests that a percentile leaves above its limit: 0.05 for p95."""
    return 1 - slo.percent / 100


def find_percentile_slo(slos: Iterable[Slo]) -> Slo | None:
    """Return the first limit on a percentile of all response times; None without one.

    `Latency.slow_ratio` counts the requests above this limit.
    """
    kind = IndicatorKind.PERCENTILE
    return next((slo for slo in slos if slo.kind is kind and slo.request_name is None), None)


def compute_logit_slope(users: float) -> float:
    """Return the rise of the logit of the slow share for each e-fold of users, at so many users."""
    return _SLOPE_AT_ONE_USER * math.sqrt(users)


def compute_logit(share: float) -> float:
    """Return ln(p / (1 - p)); shares of 0 and 1 are moved inside by a millionth."""
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def bound_slow_share(allowed_share: float, users: float, excess_ratio: float) -> float:
    """Return the slow share to expect at `users` if the capacity is smaller by `excess_ratio`.

    At the capacity the share is `allowed_share`. Only half of the usual slope is relied on, so this is the
    least share to expect; for a negative `excess_ratio` (the capacity is larger) it is the most.
    """
    return 1 / (
        1 + math.exp(-(compute_logit(allowed_share) + _RELIED_SLOPE_RATIO * compute_logit_slope(users) * excess_ratio))
    )


def find_median(estimate: LogNormalEstimate, low: float | None, high: float | None) -> float:
    """Return the users that the capacity is as likely to exceed as not, between a pass and a failure.

    `low` is the highest pass, `high` the lowest failure; None means that there is none.
    """
    middle = _find_quantile(sum(_compute_truncation_shares(estimate, low, high)) / 2)
    return estimate.users * math.exp(min(max(estimate.sigma * middle, -50.0), 50.0))


def find_probability(
    estimate: LogNormalEstimate, low: float | None, high: float | None, start: float, stop: float
) -> float:
    """Return the probability of a capacity from `start` to `stop` users, given a pass and a failure around.

    `low` and `high` are as for `find_median`. 0 if they leave nothing of the estimate.
    """
    share_below_low, share_below_high = _compute_truncation_shares(estimate, low, high)
    if share_below_high <= share_below_low:
        return 0.0
    inside = _compute_share_below(estimate, stop) - _compute_share_below(estimate, start)
    return inside / (share_below_high - share_below_low)


def _is_broken_by(step: StepResult, slo: Slo) -> bool:
    """Return True if a limit on the same percentile of all response times made the step fail."""
    broken = step.judgement.broken_slo
    return broken is not None and (broken.indicator, broken.request_name) == (slo.indicator, None)


def _compute_truncation_shares(
    estimate: LogNormalEstimate, low: float | None, high: float | None
) -> tuple[float, float]:
    """Return the shares of the distribution below a pass and below a failure; 0 and 1 if there is none."""
    return (
        0.0 if low is None else _compute_share_below(estimate, low),
        1.0 if high is None else _compute_share_below(estimate, high),
    )


def _compute_share_below(estimate: LogNormalEstimate, users: float) -> float:
    x = math.log(users / estimate.users) / estimate.sigma
    return 0.5 + x / (2 * math.sqrt(2 + x * x))


def _find_quantile(share: float) -> float:
    """Return the quantile in standard deviations from the median; infinite for shares of 0 and 1."""
    if not 0 < share < 1:
        return _UNBOUNDED_QUANTILES[share >= 1]
    return (2 * share - 1) * math.sqrt(1 / (2 * share * (1 - share)))
