"""One SLO on one window: its value, whether it holds, and whether that is settled.

"p95 ≤ 1 s" is judged as "at most 5 % of the requests are slower than 1 s". Requests of a queue are not
independent, so the spread of a share is taken from 5 s batches (batch means: Law & Kelton, Simulation
Modeling and Analysis, ch. 9), and is never taken smaller than the binomial one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analyse.search.belief import allowed_share
from harness.analyse.search.knee import share_at
from harness.analyse.step.window import Window, percentile_s
from harness.model import Slo

BATCH_S = 5.0
T_975 = (
    12.71,
    4.30,
    3.18,
    2.78,
    2.57,
    2.45,
    2.36,
    2.31,
    2.26,
    2.23,
    2.20,
    2.18,
    2.16,
    2.14,
    2.13,
    2.12,
    2.11,
    2.10,
)
"""Student's t at 97.5 % for 1, 2, … degrees of freedom; 2.0 is used beyond."""


@dataclass(frozen=True, slots=True)
class Light:
    """What the target does when hardly loaded: the reference for a throughput's shortfall and for Little's
    law.
    """

    users: int
    mean_s: float
    unexplained_ratio: float


@dataclass(frozen=True, slots=True)
class Reading:
    """An SLO's value on a window (None: not enough data), whether it holds, and whether more data could
    change that.
    """

    slo: Slo
    value: float | None
    holds: bool
    settled: bool


def read(window: Window, slo: Slo, light: Light | None, precision_ratio: float = 0.0) -> Reading:
    """What the window says of one SLO.

    `precision_ratio` is how far a capacity may be off: a percentile is settled as soon as it is sure that
    the capacity, if it lies on the other side of the window's users, is no farther from them than that.
    """
    window = window.only(slo.request_name) if slo.request_name else window
    if slo.indicator == "errors":
        return _errors(slo, window)
    if slo.indicator == "shortfall":
        return _shortfall(slo, window, light)
    if slo.indicator == "drift":
        return _drift(slo, window)
    if slo.indicator == "mean":
        return _mean(slo, window)
    return _percentile(slo, window, precision_ratio)


def _errors(slo: Slo, window: Window) -> Reading:
    """The share of failed requests. Where none failed at all, waiting for one would only cost time."""
    if len(window.failed) == 0:
        return Reading(slo, None, holds=False, settled=False)
    value = float(window.failed.mean())
    low, high = share_interval(window.start_s - window.from_s, window.failed.astype(float))
    settled = value == 0 or high <= slo.at_most or low > slo.at_most
    return Reading(slo, value, holds=value <= slo.at_most, settled=settled)


def _percentile(slo: Slo, window: Window, precision_ratio: float) -> Reading:
    """The share of slow requests against what the percentile leaves over."""
    allowed = allowed_share(slo)
    good = ~window.failed
    if int(good.sum()) * allowed < 1 - 1e-9:
        return Reading(slo, None, holds=False, settled=False)
    value = percentile_s(window.good, 100 * (1 - allowed))
    holds = value is not None and value <= slo.at_most
    slow = (window.response_s[good] > slo.at_most).astype(float)
    low, high = share_interval(window.start_s[good] - window.from_s, slow)
    if holds:
        return Reading(slo, value, True, settled=high <= share_at(allowed, window.users, precision_ratio))
    return Reading(slo, value, False, settled=low > share_at(allowed, window.users, -precision_ratio))


def share_interval(at_s: np.ndarray, bad: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a share by batch means, no narrower than for independent requests."""
    batch = _batches(at_s)
    totals = np.bincount(batch)
    bads = np.bincount(batch, weights=bad)
    filled = totals > 0
    totals, bads = totals[filled], bads[filled]
    n, k = int(totals.sum()), len(totals)
    share = float(bads.sum()) / n
    if k < 2:
        return 0.0, 1.0
    residual = bads - share * totals
    batch_error = math.sqrt(k / (k - 1) * float(np.sum(residual**2))) / n
    smoothed = (float(bads.sum()) + 0.5) / (n + 1)
    error = max(batch_error, math.sqrt(smoothed * (1 - smoothed) / n))
    half = student_t(k - 1) * error
    return share - half, share + half


def _batches(at_s: np.ndarray) -> np.ndarray:
    """The number of the batch that each instant falls into."""
    return np.floor(at_s / BATCH_S).astype(np.intp)


def student_t(degrees: int) -> float:
    return T_975[degrees - 1] if degrees <= len(T_975) else 2.0


def _mean(slo: Slo, window: Window) -> Reading:
    good = window.good
    if len(good) < 20:
        return Reading(slo, None, holds=False, settled=False)
    means = _batch_means(window.start_s[~window.failed] - window.from_s, good)
    half = (
        student_t(len(means) - 1) * float(np.std(means, ddof=1)) / math.sqrt(len(means))
        if len(means) > 1
        else math.inf
    )
    value = float(good.mean())
    return Reading(slo, value, holds=value <= slo.at_most, settled=abs(value - slo.at_most) > half)


def _batch_means(at_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    batch = _batches(at_s)
    totals = np.bincount(batch)
    return np.bincount(batch, weights=values)[totals > 0] / totals[totals > 0]


def _shortfall(slo: Slo, window: Window, light: Light | None) -> Reading:
    """How far the throughput stays behind N users at light load: 1 - X·(Z + R_light)/N.

    Without a reference (the first, lightest step itself) nothing can be said against it.
    """
    if light is None:
        return Reading(slo, None, holds=True, settled=True)
    value = shortfall_ratio(window, light)
    whole = int(window.length_s // BATCH_S)
    counts = np.bincount(_batches(window.start_s - window.from_s), minlength=whole)[:whole]
    spread = (
        float(np.std(counts, ddof=1)) / float(np.mean(counts))
        if len(counts) > 1 and counts.any()
        else math.inf
    )
    half = student_t(max(1, len(counts) - 1)) * spread / math.sqrt(max(1, len(counts)))
    return Reading(slo, value, holds=value <= slo.at_most, settled=abs(value - slo.at_most) > half)


def shortfall_ratio(window: Window, light: Light) -> float:
    answered = len(window.good)
    explained = window.thinking_s + answered * light.mean_s
    return max(0.0, 1 - explained / (window.users * window.length_s) - light.unexplained_ratio)


def drift_ratio(window: Window) -> float | None:
    """Rise of the mean response time from the first half of the window to the second; None without data in
    both.
    """
    first, second = _halves(window)
    if len(first) == 0 or len(second) == 0:
        return None
    return float(window.response_s[second].mean() / window.response_s[first].mean() - 1)


def _halves(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Which requests that did not fail started in the first half of the window, and which in the second."""
    early = window.start_s - window.from_s < window.length_s / 2
    return np.flatnonzero(early & ~window.failed), np.flatnonzero(~early & ~window.failed)


def _drift(slo: Slo, window: Window) -> Reading:
    """The rise, settled once it is farther from its limit than the batches of both halves scatter.

    A rise that its own scatter could explain is not held against the target.
    """
    value = drift_ratio(window)
    if value is None:
        return Reading(slo, None, holds=False, settled=False)
    means = [
        _batch_means(window.start_s[half] - window.from_s, window.response_s[half])
        for half in _halves(window)
    ]
    if min(len(each) for each in means) < 2:
        return Reading(slo, None, holds=False, settled=False)
    error = math.sqrt(sum(float(np.var(each, ddof=1)) / len(each) for each in means))
    half = student_t(len(means[0]) + len(means[1]) - 2) * error / float(means[0].mean())
    return Reading(slo, value, value - half <= slo.at_most, settled=abs(value - slo.at_most) > half)


def settled(readings: Sequence[Reading]) -> bool:
    """Whether more data would not change the verdict: one SLO surely broken, or all surely kept."""
    return any(r.settled and not r.holds for r in readings) or all(r.settled and r.holds for r in readings)
