"""Evaluate one SLO on one window: its value, whether it holds, and whether more data could change that.

"p95 ≤ 1 s" is judged as "at most 5 % of the requests are slower than 1 s". Requests of a queue are slow
together, so they are worth fewer independent ones: how many fewer is taken from batches (batch means: Law &
Kelton, Simulation Modeling and Analysis, ch. 9), together with what is usual in queues. See docs/method.md.
`harness/plan/slos.py` says how an SLO is written.
"""

import math
from collections.abc import Sequence

import numpy as np

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.search.capacity_estimate import bound_slow_share, compute_allowed_slow_share
from harness.analyse.search.capacity_fit import USUAL_VARIANCE_RATIO, combine_variance_ratios
from harness.analyse.search.reference import is_light_load
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.light_errors import estimate_usual_ratio, is_exact
from harness.analyse.step.light_times import LightWait, measure_pause_time
from harness.analyse.step.littles_law import compute_unexplained_ratio
from harness.analyse.step.window import Window, find_percentile_s
from harness.analyse.student import find_t
from harness.model import IndicatorKind, Slo
from harness.model.evidence import SloEvaluation

_BATCH_S = 5.0
_FEWEST_BAD = 5
"""Fewer bad requests in a window say nothing about how they come together."""

_RULE_OF_THREE = 3.0
"""-ln 0.05: if this many failures are expected, none occurs with a probability of 5 %. See Hanley and
Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1983.
"""


def evaluate_slo(
    window: Window,
    slo: Slo,
    baseline: Baseline | None,
    precision_ratio: float = 0.0,
    *,
    is_light: bool = False,
) -> SloEvaluation:
    """Return the SLO's value on the window, and whether it holds and is settled.

    `precision_ratio` is the accepted error of a capacity. A percentile is settled as soon as it is sure
    that a wrong verdict changes the capacity by no more than this ratio. `is_light`: the users are so few
    that their requests hardly wait in one queue.
    """
    cycle_s, answers = choose_batch_s(window), _count_answers_at_limit(window, slo)
    window = window.select_request_name(slo.request_name) if slo.request_name else window
    match slo.kind:
        case IndicatorKind.ERRORS:
            return _evaluate_errors(slo, window)
        case IndicatorKind.ADDED_ERRORS:
            return _evaluate_added_errors(slo, window, baseline)
        case IndicatorKind.SHORTFALL:
            return _evaluate_shortfall(slo, window, baseline)
        case IndicatorKind.DRIFT:
            return _evaluate_rise(slo, window, cycle_s)
        case IndicatorKind.MEAN:
            return _evaluate_mean(slo, window, cycle_s)
        case IndicatorKind.PERCENTILE:
            usual_ratio = 1.0 if is_light else USUAL_VARIANCE_RATIO
            return _evaluate_percentile(slo, window, precision_ratio, usual_ratio, answers)


def is_settled(evaluations: Sequence[SloEvaluation]) -> bool:
    """Return True if more data would not change the verdict: one SLO is surely broken, or all surely hold."""
    broken = any(each.is_settled and not each.holds for each in evaluations)
    return broken or all(each.is_settled and each.holds for each in evaluations)


def _build_unknown(slo: Slo) -> SloEvaluation:
    return SloEvaluation(slo, None, holds=False, is_settled=False)


def _evaluate_errors(slo: Slo, window: Window) -> SloEvaluation:
    """Evaluate the share of failed requests.

    If none of n requests failed, a share above 3/n is excluded with 95 % confidence (the rule of three, for
    requests that fail independently). So a limit of 1 % is settled by 300 requests without a failure. A
    window that ends with fewer requests passes as well, because its value is 0. A limit of 0 is settled at
    once, because no number of requests could exclude every share above it.
    """
    return _compare_errors(slo, window, 0.0)


def _evaluate_added_errors(slo: Slo, window: Window, baseline: Baseline | None) -> SloEvaluation:
    """Evaluate the share of failed requests that is more than at light load.

    Without a light baseline the SLO holds. The light step itself is settled once its share is known as
    exactly as the limit.
    """
    if len(window.failed) == 0:
        return _build_unknown(slo)
    if baseline is None or not baseline.is_light:
        return SloEvaluation(slo, None, holds=True, is_settled=is_exact(window, slo.at_most))
    return _compare_errors(slo, window, estimate_usual_ratio(window, baseline.errors))


def _compare_errors(slo: Slo, window: Window, usual_ratio: float) -> SloEvaluation:
    """Compare the share of failed requests above `usual_ratio` with the limit."""
    n = len(window.failed)
    if n == 0:
        return _build_unknown(slo)
    value = max(0.0, float(window.failed.mean()) - usual_ratio)
    low, high = compute_share_interval(
        window.start_s - window.from_s, window.failed.astype(float), choose_batch_s(window), usual_ratio=1.0
    )
    if not window.failed.any():
        low, high = 0.0, _RULE_OF_THREE / n if slo.at_most > 0 else 0.0
    is_sure = high - usual_ratio <= slo.at_most or low - usual_ratio > slo.at_most
    return SloEvaluation(slo, value, holds=value <= slo.at_most, is_settled=is_sure)


def _count_answers_at_limit(window: Window, slo: Slo) -> float:
    """Return how many requests, of all names, come in as much time as the limit; infinite if none came."""
    return len(window.start_s) / window.length_s * slo.at_most or math.inf


def _evaluate_percentile(
    slo: Slo, window: Window, precision_ratio: float, usual_ratio: float, answers: float
) -> SloEvaluation:
    """Evaluate a percentile by the share of slow requests, compared with the share that it allows.

    `answers` is as in `compute_logit_slope`.
    """
    allowed = compute_allowed_slow_share(slo)
    good = ~window.failed
    if int(good.sum()) * allowed < 1 - 1e-9:
        return _build_unknown(slo)
    value = find_percentile_s(window.good, 100 * (1 - allowed))
    holds = value is not None and value <= slo.at_most
    slow = (window.response_s[good] > slo.at_most).astype(float)
    low, high = compute_share_interval(
        window.start_s[good] - window.from_s, slow, choose_batch_s(window), usual_ratio
    )
    if holds:
        is_sure = high <= bound_slow_share(allowed, window.users, precision_ratio, answers)
    else:
        is_sure = low > bound_slow_share(allowed, window.users, -precision_ratio, answers)
    return SloEvaluation(slo, value, holds, is_sure)


def compute_share_interval(
    at_s: np.ndarray,
    bad: np.ndarray,
    batch_s: float = _BATCH_S,
    usual_ratio: float = USUAL_VARIANCE_RATIO,
) -> tuple[float, float]:
    """Return the 95 % interval of a share of bad requests that come together, as in a queue.

    It is Wilson's interval for as many independent requests as these requests are worth. `at_s` are their
    instants, `bad` is 1 for a bad request and 0 for a good one. `usual_ratio` is how much larger than for
    independent requests the variance is, before batches of `batch_s` show it.
    """
    n = len(bad)
    ratio, batches = compute_variance_ratio(at_s, bad, batch_s)
    if batches < 2:
        return 0.0, 1.0
    worth = n / combine_variance_ratios([] if ratio is None else [(ratio, batches)], usual_ratio)
    return compute_wilson_interval(float(bad.mean()), worth)


def compute_variance_ratio(at_s: np.ndarray, bad: np.ndarray, batch_s: float) -> tuple[float | None, int]:
    """Return how many times the variance of the share of bad requests is that of independent ones, by
    batches.

    The second value is the number of batches. The ratio is None with fewer than 2 batches or 5 bad requests,
    or if more than half are bad: the batches then say nothing of a queue near its capacity.
    """
    batch = np.floor(at_s / batch_s).astype(np.intp)
    totals = np.bincount(batch)
    bads = np.bincount(batch, weights=bad)[totals > 0]
    totals = totals[totals > 0]
    n, k, share = int(totals.sum()), len(totals), float(bad.mean()) if len(bad) else 0.0
    if k < 2 or bads.sum() < _FEWEST_BAD or share > 0.5:
        return None, k
    squares = float(np.sum((bads - share * totals) ** 2))
    return k / (k - 1) * squares / (n * share * (1 - share)), k


def choose_batch_s(window: Window) -> float:
    """Return the length of a batch: at least 5 s, and a user's whole cycle from one request to the next."""
    requests = len(window.start_s)
    return max(_BATCH_S, window.users * window.length_s / requests if requests else 0.0)


def _fit_batch_s(length_s: float, batch_s: float, fewest: int = 1) -> float:
    """Return the length of equal batches that fill a time: about `batch_s`, and `fewest` of them at least."""
    return length_s / max(fewest, int(length_s / batch_s + 1e-6))


def _number_batches(at_s: np.ndarray, batch_s: float) -> np.ndarray:
    """Return the number of each instant's batch, counted from 0."""
    return np.floor(at_s / batch_s).astype(np.intp)


def _evaluate_mean(slo: Slo, window: Window, batch_s: float) -> SloEvaluation:
    good = window.good
    if len(good) < 20:
        return _build_unknown(slo)
    batch_s = _fit_batch_s(window.length_s, batch_s)
    means = _compute_batch_means(window.start_s[~window.failed] - window.from_s, good, batch_s)
    half_width = (
        find_t(0.95, len(means) - 1) * float(np.std(means, ddof=1)) / math.sqrt(len(means))
        if len(means) > 1
        else math.inf
    )
    value = float(good.mean())
    return SloEvaluation(
        slo, value, holds=value <= slo.at_most, is_settled=abs(value - slo.at_most) > half_width
    )


def _compute_batch_means(at_s: np.ndarray, values: np.ndarray, batch_s: float) -> np.ndarray:
    batch = _number_batches(at_s, batch_s)
    totals = np.bincount(batch)
    return np.bincount(batch, weights=values)[totals > 0] / totals[totals > 0]


def _evaluate_shortfall(slo: Slo, window: Window, baseline: Baseline | None) -> SloEvaluation:
    """Evaluate how far the throughput falls short of that of N users at light load: 1 - X·(Z + R_light)/N.

    Without a baseline that can give a shortfall the SLO holds. So it does if requests that no light step has
    shown may hide one: a doubtful shortfall is a lower bound, which can only break the SLO.
    """
    value = find_shortfall_ratio(window, baseline, slo.at_most)
    if value is None:
        return SloEvaluation(slo, None, holds=True, is_settled=True)
    batch_s = choose_batch_s(window)
    whole_batches = int(window.length_s // batch_s)
    batch = _number_batches(window.start_s - window.from_s, batch_s)
    counts = np.bincount(batch, minlength=whole_batches)[:whole_batches]
    spread = (
        float(np.std(counts, ddof=1)) / float(np.mean(counts))
        if len(counts) > 1 and counts.any()
        else math.inf
    )
    half_width = find_t(0.95, max(1, len(counts) - 1)) * spread / math.sqrt(max(1, len(counts)))
    return SloEvaluation(
        slo, value, holds=value <= slo.at_most, is_settled=abs(value - slo.at_most) > half_width
    )


def find_shortfall_ratio(
    window: Window, baseline: Baseline | None, at_most: float = math.inf
) -> float | None:
    """Return the throughput shortfall of a window; None if it can't be told.

    The part of the baseline that only heavier steps show may hide a larger one. If that part is larger than
    what a light step may hide, the shortfall is told only if it is more than `at_most` already.
    """
    if baseline is None or not baseline.gives_shortfall:
        return None
    value = compute_shortfall_ratio(window, baseline)
    is_doubtful = not is_light_load(window.users, compute_doubt_ratio(window, baseline))
    return None if is_doubtful and value <= at_most else value


def compute_doubt_ratio(window: Window, baseline: Baseline) -> float:
    """Return the share of the users' time that they would wait for requests that no light step has shown."""
    return baseline.estimate_light_wait(window).doubt_s / (window.users * window.length_s)


def compute_shortfall_ratio(window: Window, baseline: Baseline) -> float:
    """Return the share by which the throughput falls short of that of the users at light load; at least 0.

    A request takes its user as long as the response time of its name and the unexplained time at light load.
    Users with a fixed cycle are compared with the cycle of light load instead, because their pauses end when
    it is over. The pauses and the unexplained time of failed requests count too: `errors` says how many fail.
    """
    light, asked = baseline.estimate_light_wait(window), len(window.start_s)
    cycle_s = _find_fixed_cycle_s(window, baseline, light)
    if cycle_s is not None:
        return max(0.0, 1 - cycle_s * asked / _sum_cycles_s(window))
    explained_s = window.thinking_s + light.sum_s + asked * baseline.unexplained.per_request_s
    return max(0.0, 1 - explained_s / (window.users * window.length_s))


def _find_fixed_cycle_s(window: Window, baseline: Baseline, light: LightWait) -> float | None:
    """Return the users' time for each request at light load, if pauses fall as response times rise.

    With `constant_pacing` a pause is what remains of a fixed cycle, or nothing if the answer took longer. So
    pauses are by so much shorter than at light load as answers are longer. None if their change is closer to
    none at all, or if it may be chance (three standard errors).
    """
    before, now = light.source.pause, measure_pause_time(window)
    if before is None or now is None or len(window.good) == 0:
        return None
    mean_s = light.source.mean_s if light.names else light.sum_s / len(window.good)
    rise_s = float(window.good.mean()) - mean_s
    fall_s = before.per_request_s - now.per_request_s
    if rise_s <= 0 or fall_s <= 3 * math.hypot(before.error_s, now.error_s):
        return None
    if fall_s < min(rise_s, before.per_request_s) / 2:
        return None
    return before.per_request_s + mean_s + baseline.unexplained.per_request_s


def _sum_cycles_s(window: Window) -> float:
    """Return the users' time that the requests of the window take, each with the pause after it.

    It is close to N·T, and unlike that not by chance a cycle more or less than the requests that started. An
    unanswered request counts with what it has waited, so a little too short.
    """
    unexplained_s = compute_unexplained_ratio(window) * window.users * window.length_s
    return float(window.pauses_s.sum() + window.response_s.sum()) + unexplained_s


def compute_rise_ratio(window: Window) -> float | None:
    """Return the rise of the mean response time from the window's first half to its second.

    None if a half holds no answers.
    """
    first, second = _split_in_halves(window)
    if len(first) == 0 or len(second) == 0:
        return None
    return float(window.response_s[second].mean() / window.response_s[first].mean() - 1)


def _split_in_halves(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the good requests that started in each half of the window."""
    early = window.start_s - window.from_s < window.length_s / 2
    return np.flatnonzero(early & ~window.failed), np.flatnonzero(~early & ~window.failed)


def _evaluate_rise(slo: Slo, window: Window, batch_s: float) -> SloEvaluation:
    """Evaluate the rise of the response time from the window's first half to its second.

    Each half has two batches at least. The SLO also holds if the scatter of the batches alone could explain
    that the rise is above its limit. The rise is settled if it differs from its limit by more than this
    scatter.
    """
    value = compute_rise_ratio(window)
    if value is None:
        return _build_unknown(slo)
    batch_s = _fit_batch_s(window.length_s / 2, batch_s, fewest=2)
    means = [
        _compute_batch_means(window.start_s[indices] - window.from_s, window.response_s[indices], batch_s)
        for indices in _split_in_halves(window)
    ]
    if min(len(each) for each in means) < 2:
        return _build_unknown(slo)
    error = math.sqrt(sum(float(np.var(each, ddof=1)) / len(each) for each in means))
    half_width = find_t(0.95, len(means[0]) + len(means[1]) - 2) * error / float(means[0].mean())
    is_sure = abs(value - slo.at_most) > half_width
    return SloEvaluation(slo, value, holds=value - half_width <= slo.at_most, is_settled=is_sure)
