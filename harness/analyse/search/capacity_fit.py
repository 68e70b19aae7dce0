"""Fit a cell's capacity to all its windows: how probable is each number of users, given what was measured?

The logit of the share of slow requests is taken as linear in ln N, through the allowed share at the capacity.
Capacity and slope are unknown: each pair of both on a grid is weighed by the likelihood of all windows, and
the probabilities of the capacity are the sums over all slopes. So the cell's own windows tell its slope, a
slope that they can't tell makes the interval wider, and windows at one number of users count together. Where
few response times lie near the limit, or some requests are slow at any load, a flatter slope is expected
(`limit_shape`). Only windows near the capacity count, because the line bends far from it.

Where another SLO broke as well, the capacity is the lower one of two: under the percentile, by the shares,
and under all other SLOs, by nothing but the verdicts.

Requests that wait in one queue are slow together. A window therefore counts as fewer independent requests
than it has (a quasi-likelihood, see McCullagh and Nelder, Generalized Linear Models, ch. 9). How many fewer
is learned from the batches of all windows of the cell, starting from what simulated queues show.

If the CPU limits the cell, a window whose requests happened to need more CPU time than usual counts as one
with more users, in proportion (a control variate: Law and Kelton, Simulation Modeling and Analysis, ch. 11).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analyse.search.capacity_estimate import (
    compute_allowed_slow_share,
    compute_logit,
    compute_logit_slope,
    count_answers_at_limit,
    is_broken_by,
)
from harness.analyse.search.limit_shape import compare_steepness, compare_with_light_load, select_near
from harness.analyse.search.memory_model import compute_growth_error
from harness.model import Slo, StepResult, Verdict

_LN_RANGE = 0.8
"""The grid spans this much of ln N on both sides of the bracket's middle."""

_CAPACITIES = np.linspace(-_LN_RANGE, _LN_RANGE, 201)

_SLOPE_MEDIAN = 0.8
_SLOPE_SIGMA = 0.35
_SLOPE_DEGREES = 3.0
"""Before any window the logarithm of a slope, relative to `compute_logit_slope`, has Student's t
distribution.

Simulated targets have ratios from 0.27 (slots with long exponential waits) over 1 (shared processor) to 4.
"""

_SLOPES = np.linspace(-4.0, 4.0, 25)
"""Slopes of the grid, in `_SLOPE_SIGMA` from the median."""

_RUN_SIGMA = 0.03
"""The standard deviation of the host's speed between container runs, as a logarithm."""

_RUN_SPEEDS, _RUN_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)

_CURVATURE = 0.1
"""The error of the straight line, as a share of how far the logit is from the allowed one."""

USUAL_VARIANCE_RATIO = 8.0
_USUAL_DEGREES = 6.0
"""Before any batch, the variance of a slow share is taken as so much larger than for independent requests,
with the weight of so many batches. Simulated queues near their capacity have 4 to 30.
"""

_LONG_VARIANCE_RATIO = 1.2
"""Batches next to each other are still similar: the excess of a window's variance over that of independent
requests is larger by this than batches show.
"""

_VERDICT_SIGMA = 0.05
_NAMED_SIGMA = 0.2
_VERDICT_SPREAD = 0.7
_VERDICT_ERRORS = np.linspace(-2.5, 2.5, 11)
"""The error of a single verdict, as a logarithm of users, how uncertain it is itself, and a grid for it."""

_NEAR_RATIO = 0.5
"""Windows with at least this share of the bracket's users tell the CPU time per request near the capacity."""


@dataclass(frozen=True, slots=True)
class CapacityFit:
    """The median of the fitted capacity in users, and the intervals that hold it with 95 % and with 98 %."""

    users: float
    low: float
    high: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A window: its users (as their logarithm), its container run, its requests and its share of slow
    ones."""

    ln_users: float
    run: int
    requests: int
    slow_ratio: float


def fit_capacity(
    steps: Sequence[StepResult],
    slo: Slo,
    around_users: float,
    *,
    is_cpu_bound: bool,
    shortfall_limit: float = math.inf,
    is_named: bool = False,
) -> CapacityFit | None:
    """Fit the capacity under an SLO on a percentile of all requests, and under what else broke a step.

    It is sought from 0.45 to 2.2 times `around_users`. None without any window that tells of the percentile.
    `is_cpu_bound`: the CPU limits the cell. A step whose shortfall is above `shortfall_limit` has failed by
    it too, where the percentile broke first. `is_named` is as in `fit_verdicts`.
    """
    told = [step for step in steps if step.verdict is not Verdict.INVALID]
    shown = [step for step in told if step.requests > 0 and step.latency.slow_ratio is not None]
    soft = [step for step in shown if step.verdict is Verdict.PASS or is_broken_by(step, slo)]
    if not soft:
        return None
    ln_capacity = math.log(around_users) + _CAPACITIES
    shares = _fit_windows(soft, slo, around_users, is_cpu_bound=is_cpu_bound)
    passed = [step for step in told if step.verdict is Verdict.PASS]
    failed = [step for step in told if step.verdict is Verdict.FAIL]
    others = [step for step in failed if _broke_another(step, slo, shortfall_limit)]
    if others:
        shares = _find_lower(shares, _fit_verdicts([*passed, *others], ln_capacity, is_named=is_named))
    return _summarize(ln_capacity, shares)


def _fit_windows(
    steps: Sequence[StepResult], slo: Slo, around_users: float, *, is_cpu_bound: bool
) -> np.ndarray:
    """Return the probability of each capacity of the grid, by the windows' shares of slow requests."""
    variance_ratio = estimate_variance_ratio(steps)
    light = compare_with_light_load(steps, around_users, compute_allowed_slow_share(slo))
    steepness = min(light, compare_steepness(steps, around_users, variance_ratio))
    ln_demands, ln_demand_sigma = _measure_demands(steps, around_users) if is_cpu_bound else ({}, 0.0)
    near = select_near(steps, around_users)
    windows = [
        _Evidence(
            math.log(step.users) + ln_demands.get(step.index, 0.0),
            step.life,
            step.requests,
            step.latency.slow_ratio or 0.0,
        )
        for step in near
    ]
    ln_capacity = math.log(around_users) + _CAPACITIES
    slopes = steepness * _expect_slopes(ln_capacity, near, slo)
    weights = _weigh(windows, ln_capacity, slo, variance_ratio, slopes)
    return _blur(_normalize(weights), ln_demand_sigma)


def _broke_another(step: StepResult, slo: Slo, shortfall_limit: float) -> bool:
    """Return True if the step failed by anything but this SLO, or if its shortfall is above the limit too."""
    return not is_broken_by(step, slo) or (step.shortfall_ratio or 0.0) > shortfall_limit


def _find_lower(shares: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the probabilities of the lower one of two independent capacities."""
    above, others_above = (each.sum() - np.cumsum(each) + each / 2 for each in (shares, others))
    return np.asarray(shares * others_above + others * above)


def fit_verdicts(steps: Sequence[StepResult], around_users: float, *, is_named: bool = False) -> CapacityFit:
    """Fit the capacity to nothing but the verdicts of the steps, where no share of slow requests tells more.

    Near the capacity a verdict is chance: how near (the error of a verdict in ln N) is unknown as well. It is
    larger if the SLO that broke is on one request name (`is_named`), because fewer requests decide, and if
    memory grew so that it would be full in time, because that is an extrapolation.
    """
    ln_capacity = math.log(around_users) + _CAPACITIES
    return _summarize(ln_capacity, _fit_verdicts(steps, ln_capacity, is_named=is_named))


def _fit_verdicts(steps: Sequence[StepResult], ln_capacity: np.ndarray, *, is_named: bool) -> np.ndarray:
    errors = (_NAMED_SIGMA if is_named else _VERDICT_SIGMA) * np.exp(_VERDICT_SPREAD * _VERDICT_ERRORS)
    weights = np.zeros((len(ln_capacity), len(errors))) - _VERDICT_ERRORS**2 / 2
    for step in steps:
        if step.verdict in (Verdict.PASS, Verdict.FAIL):
            error = np.hypot(errors, compute_growth_error(step))
            excess = (math.log(step.users) - ln_capacity)[:, None] / error[None, :]
            weights += _compute_log_probability(excess if step.verdict is Verdict.FAIL else -excess)
    return _normalize(np.logaddexp.reduce(weights, axis=1))


def estimate_variance_ratio(steps: Sequence[StepResult]) -> float:
    """Return how many times the variance of a slow share is that of independent requests, by all windows."""
    return combine_variance_ratios(
        (step.latency.slow_variance_ratio, step.latency.slow_batches)
        for step in steps
        if step.latency.slow_variance_ratio is not None
    )


def combine_variance_ratios(
    windows: Iterable[tuple[float, int]], usual_ratio: float = USUAL_VARIANCE_RATIO
) -> float:
    """Return the variance ratio of a share from each window's own ratio and number of batches; at least 1.

    The usual ratio counts like six batches.
    """
    total, degrees = _USUAL_DEGREES * usual_ratio, _USUAL_DEGREES
    for ratio, batches in windows:
        total += (batches - 1) * ratio
        degrees += batches - 1
    return 1 + _LONG_VARIANCE_RATIO * max(0.0, total / degrees - 1)


def _measure_demands(steps: Sequence[StepResult], around_users: float) -> tuple[dict[int, float], float]:
    """Return each near step's ln of CPU time per request, relative to their mean, and the mean's standard
    error.

    The keys are the steps' numbers. All steps that hold at least half of the bracket's users are near.
    """
    near = {
        step.index: (math.log(step.target.cpu_per_request_s), step.requests)
        for step in steps
        if step.target.cpu_per_request_s and step.users >= _NEAR_RATIO * around_users
    }
    if len(near) < 2:
        return {}, _RUN_SIGMA
    requests = sum(count for _, count in near.values())
    mean = sum(ln * count for ln, count in near.values()) / requests
    squares = sum(count * (ln - mean) ** 2 for ln, count in near.values())
    return {key: ln - mean for key, (ln, _) in near.items()}, math.sqrt(squares / (len(near) - 1) / requests)


def _expect_slopes(ln_capacity: np.ndarray, steps: Sequence[StepResult], slo: Slo) -> np.ndarray:
    """Return the usual slope at each capacity, by how often the users of these steps ask."""
    allowed = compute_allowed_slow_share(slo)
    answers = float(np.mean([count_answers_at_limit(step, slo) / step.users for step in steps]))
    capacities = np.exp(ln_capacity)
    return np.array([compute_logit_slope(users, allowed, answers * users) for users in capacities])


def _weigh(
    windows: Sequence[_Evidence],
    ln_capacity: np.ndarray,
    slo: Slo,
    variance_ratio: float,
    slopes: np.ndarray,
) -> np.ndarray:
    """Return the logarithm of the weight of each capacity.

    The windows of one container run share its speed; the weight is the mean over all speeds. `slopes` is
    the expected slope at each capacity.
    """
    ratios = _SLOPE_MEDIAN * np.exp(_SLOPE_SIGMA * _SLOPES)
    slope = (slopes[:, None] * ratios[None, :])[:, :, None]
    weights = np.zeros(slope.shape[:2])
    weights -= (_SLOPE_DEGREES + 1) / 2 * np.log1p(_SLOPES**2 / _SLOPE_DEGREES)
    for run in _group_by_run(windows):
        likelihood = np.sum(
            [
                _compute_likelihood(window, ln_capacity[:, None, None], slope, slo, variance_ratio)
                for window in run
            ],
            axis=0,
        )
        top = likelihood.max(axis=2, keepdims=True)
        weights += top[:, :, 0] + np.log(np.exp(likelihood - top) @ (_RUN_WEIGHTS / _RUN_WEIGHTS.sum()))
    return np.asarray(np.logaddexp.reduce(weights, axis=1))


def _group_by_run(windows: Sequence[_Evidence]) -> Iterator[list[_Evidence]]:
    for run in {window.run for window in windows}:
        yield [window for window in windows if window.run == run]


def _compute_likelihood(
    window: _Evidence, ln_capacity: np.ndarray, slope: np.ndarray, slo: Slo, variance_ratio: float
) -> np.ndarray:
    """Return the log of the quasi-likelihood of a window for each capacity, slope and speed of the run."""
    excess = window.ln_users - ln_capacity
    logit = compute_logit(compute_allowed_slow_share(slo)) + slope * (excess + _RUN_SIGMA * _RUN_SPEEDS)
    logit = np.clip(logit, -30.0, 30.0)
    ln_slow, ln_quick = -np.log1p(np.exp(-logit)), -np.log1p(np.exp(logit))
    share, independent = window.slow_ratio, window.requests / variance_ratio
    entropy = sum(each * math.log(each) for each in (share, 1 - share) if each > 0)
    bend = np.exp(ln_slow + ln_quick) * (_CURVATURE * slope * excess) ** 2
    effective = independent / (1 + independent * bend)
    divergence = share * ln_slow + (1 - share) * ln_quick - entropy
    return np.asarray(effective * divergence + 0.5 * np.log(effective / independent))


def _compute_log_probability(deviations: np.ndarray) -> np.ndarray:
    """Return the log of the normal distribution's share below each deviation, at least that of 1e-6."""
    shares = 0.5 * np.array([*map(math.erfc, (-deviations / math.sqrt(2)).ravel().tolist())])
    return np.asarray(np.log(np.maximum(shares.reshape(deviations.shape), 1e-6)))


def _normalize(weights: np.ndarray) -> np.ndarray:
    """Return the probabilities whose logarithms are these weights, but for a constant."""
    shares = np.exp(weights - weights.max())
    return np.asarray(shares / shares.sum())


def _blur(shares: np.ndarray, sigma: float) -> np.ndarray:
    """Return the shares widened by a normal error of ln N."""
    width = float(_CAPACITIES[1] - _CAPACITIES[0])
    if sigma < width / 2:
        return shares
    kernel = np.exp(-0.5 * (_CAPACITIES / sigma) ** 2)
    blurred = np.convolve(shares, kernel / kernel.sum(), "same")
    return np.asarray(blurred / blurred.sum())


def _summarize(ln_capacity: np.ndarray, shares: np.ndarray) -> CapacityFit:
    below = np.cumsum(shares) - shares / 2
    users = np.exp(np.interp((0.5, 0.025, 0.975, 0.01, 0.99), below, ln_capacity))
    return CapacityFit(*(float(each) for each in users))
