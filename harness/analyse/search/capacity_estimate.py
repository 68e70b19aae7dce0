"""Estimate a cell's capacity, before it is measured, as a log-normal distribution of users.

Each piece of evidence (a step's share of slow requests, its saturated throughput, the CPU time per request, a
neighbour's capacity) gives a number of users and a standard deviation of its logarithm. Independent pieces
are combined by their inverse variances.

Near the capacity, the logit of the share of slow requests is close to linear in ln N. Its slope grows with
√N, because more users share one queue. Simulated closed users (think time 1-4 s) at a processor-sharing
target under a quota have slopes of 6 at 30 users, 8 at 50, 12 at 107, 16 at 221 and 18 at 279. If the CPU
time per request is log-normal (coefficient of variation 2), the slope is two thirds of these values. If it is
constant, or slots have a fixed service time, the slope is two to four times as large. If few response times
lie near the limit, it is flatter (see `limit_shape`).

Users who think for long hardly wait for each other: they arrive as in an open queue. There the slow share of
a limit L is p = exp(-(mu - lambda) L) with mu requests served and lambda arriving in a second (M/M/1), so the
slope is lambda L / (1 - p), however many users there are. The slope is taken as the smaller of the two.

To choose the next step, ln N is given a distribution with heavy tails (Student's t with two degrees of
freedom). So if measurements contradict the estimate, the following steps move away from it ever faster.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.model import IndicatorKind, Slo, StepResult, Verdict

_SLOPE_AT_ONE_USER = 1.1

_SLOPE_SIGMA = 0.4
"""The standard deviation of a slope, relative to the slope."""

_RELIED_SLOPE_RATIO = 0.5
"""A verdict that depends on the slope assumes only this share of the usual slope."""

_QUEUE_NOISE_FACTOR = 3.0
"""The share of slow requests varies by this factor more than it would if requests were independent.

Requests that wait in one queue are slow together.
"""

_WINDOW_SIGMA = 0.03
"""The standard deviation of the host's speed between two windows; more requests do not reduce it."""


@dataclass(frozen=True, slots=True)
class LogNormalEstimate:
    """An estimated capacity: its median in users, and the standard deviation of its logarithm."""

    users: float
    sigma: float


def combine_estimates(estimates: Iterable[LogNormalEstimate | None]) -> LogNormalEstimate | None:
    """Combine independent estimates by their inverse variances, ignoring None; None without any estimate."""
    known = [estimate for estimate in estimates if estimate is not None]
    if not known:
        return None
    weights = [estimate.sigma**-2 for estimate in known]
    mean = sum(w * math.log(e.users) for w, e in zip(weights, known, strict=True)) / sum(weights)
    return LogNormalEstimate(math.exp(mean), sum(weights) ** -0.5)


def estimate_from_slow_share(
    step: StepResult, slo: Slo | None, steepness: float = 1.0
) -> LogNormalEstimate | None:
    """Estimate the capacity from a step's share of slow requests.

    `slo` is the SLO whose limit defines a slow request (see `find_percentile_slo`). Return None if there is
    no such SLO or no request, if the step is INVALID, or if it failed for another reason than this SLO.
    `steepness` is the slope relative to the usual one, as `compare_steepness` tells it.
    """
    if slo is None or step.latency.slow_ratio is None or step.requests == 0:
        return None
    if step.verdict is Verdict.INVALID or (step.verdict is Verdict.FAIL and not is_broken_by(step, slo)):
        return None
    n = step.requests
    share = (step.latency.slow_ratio * n + 0.5) / (n + 1)
    allowed = compute_allowed_slow_share(slo)
    slope = steepness * compute_logit_slope(step.users, allowed, count_answers_at_limit(step, slo))
    log_excess = (compute_logit(share) - compute_logit(allowed)) / slope
    noise = _QUEUE_NOISE_FACTOR / math.sqrt(n * share * (1 - share)) / slope
    sigma = math.hypot(noise, _SLOPE_SIGMA * log_excess, _WINDOW_SIGMA)
    return LogNormalEstimate(step.users * math.exp(-log_excess), sigma)


def compute_allowed_slow_share(slo: Slo) -> float:
    """Return the share of requests that a percentile leaves above its limit: 0.05 for p95."""
    return 1 - slo.percent / 100


def find_percentile_slo(slos: Iterable[Slo]) -> Slo | None:
    """Return the first SLO on a percentile of all response times; None without one.

    `Latency.slow_ratio` is the share of requests above its limit.
    """
    kind = IndicatorKind.PERCENTILE
    return next((slo for slo in slos if slo.kind is kind and slo.request_name is None), None)


def find_shortfall_limit(slos: Iterable[Slo]) -> float:
    """Return the limit on the throughput shortfall; infinite without one."""
    return min((slo.at_most for slo in slos if slo.kind is IndicatorKind.SHORTFALL), default=math.inf)


def compute_logit_slope(users: float, allowed_share: float = 0.0, answers: float = math.inf) -> float:
    """Return by how much the logit of the slow share rises if the users grow e-fold, close to `users`.

    `answers` is how many requests are answered in as much time as the limit allows for one. Users who arrive
    as in an open queue have no larger slope than these allow.
    """
    return min(_SLOPE_AT_ONE_USER * math.sqrt(users), answers / (1 - allowed_share))


def count_answers_at_limit(step: StepResult, slo: Slo) -> float:
    """Return how many requests a step answers in as much time as an SLO's limit; infinite if unknown."""
    return step.rps * slo.at_most if step.rps else math.inf


def compute_logit(share: float) -> float:
    """Return ln(p / (1 - p)) of a share p, which is first moved into 0.000001 … 0.999999."""
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def bound_slow_share(
    allowed_share: float, users: float, excess_ratio: float, answers: float = math.inf
) -> float:
    """Return a bound on the slow share at `users` that exceed the capacity by `excess_ratio`.

    At the capacity the share is `allowed_share`. Only half of the usual slope is assumed, so the bound is the
    lowest share to expect. If `excess_ratio` is negative (fewer users than the capacity), it is the highest.
    `answers` is as in `compute_logit_slope`.
    """
    slope = _RELIED_SLOPE_RATIO * compute_logit_slope(users, allowed_share, answers)
    return 1 / (1 + math.exp(-(compute_logit(allowed_share) + slope * excess_ratio)))


def find_median(estimate: LogNormalEstimate, low: float | None, high: float | None) -> float:
    """Return the median of the capacity in users, knowing that it lies between a pass and a failure.

    `low` is the highest pass and `high` the lowest failure; None if there is none.
    """
    deviations = _find_quantile(sum(_compute_truncation_shares(estimate, low, high)) / 2)
    return estimate.users * math.exp(min(max(estimate.sigma * deviations, -50.0), 50.0))


def find_probability(
    estimate: LogNormalEstimate, low: float | None, high: float | None, start: float, stop: float
) -> float:
    """Return the probability that the capacity lies from `start` to `stop`, between a pass and a failure.

    `low` is the highest pass and `high` the lowest failure; None if there is none. The probability is 0 if
    the estimate has no share between them.
    """
    share_below_low, share_below_high = _compute_truncation_shares(estimate, low, high)
    if share_below_high <= share_below_low:
        return 0.0
    inside = _compute_share_below(estimate, stop) - _compute_share_below(estimate, start)
    return inside / (share_below_high - share_below_low)


def is_broken_by(step: StepResult, slo: Slo) -> bool:
    """Return True if the step failed by a limit on the same percentile of the same requests."""
    broken = step.judgement.broken_slo
    return broken is not None and (broken.indicator, broken.request_name) == (slo.indicator, slo.request_name)


def _compute_truncation_shares(
    estimate: LogNormalEstimate, low: float | None, high: float | None
) -> tuple[float, float]:
    """Return the shares of the estimate below a pass (0 if None) and below a failure (1 if None)."""
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
        return math.inf if share >= 1 else -math.inf
    return (2 * share - 1) * math.sqrt(1 / (2 * share * (1 - share)))
