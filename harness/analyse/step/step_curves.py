"""Measure what a step adds to the curves of its size: its ramp, and how exact its window is."""

import math
from collections.abc import Sequence

import numpy as np

from harness.analyse.search.capacity_fit import USUAL_VARIANCE_RATIO
from harness.analyse.step.ramp import find_ramp_end_s, measure_ramp
from harness.analyse.step.slo import choose_batch_s, compute_share_interval
from harness.analyse.step.sound_part import select_sound_part
from harness.analyse.step.window import Window, cut_window, find_percentile_s
from harness.analyse.student import find_t
from harness.model import Slo, StepCurves, StepFacts
from harness.model.curves import Interval

PERCENTS = (10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9)
_FEWEST_ANSWERS = 20


def measure_curves(facts: StepFacts, slos: Sequence[Slo], *, is_light: bool = False) -> StepCurves:
    """Return the ramp of a step, and intervals and percentiles of the window that these SLOs judge.

    `is_light`: the users are so few that their requests hardly wait in one queue.
    """
    ramp = measure_ramp(facts)
    ramp_s = find_ramp_end_s(facts) - facts.ramp_from_s
    limit_s = max((slo.at_most for slo in slos if slo.is_response_time), default=0.0)
    window = cut_window(select_sound_part(facts, slos, limit_s), limit_s)
    if window is None or window.length_s <= 0 or len(window.good) < _FEWEST_ANSWERS:
        return StepCurves(ramp, ramp_s)
    return StepCurves(
        ramp,
        ramp_s,
        measure_rps_interval(window),
        measure_p95_interval(window, 1.0 if is_light else USUAL_VARIANCE_RATIO),
        list_percentiles(window),
    )


def measure_p95_interval(window: Window, usual_ratio: float) -> Interval | None:
    """Return the 95 % interval of the p95: between the response times that the interval of its share names.

    `usual_ratio` is that of `compute_share_interval`. None if the window is too short to tell it.
    """
    good = ~window.failed
    value = find_percentile_s(window.good, 95)
    assert value is not None
    slower = (window.response_s[good] > value).astype(float)
    at_s = window.start_s[good] - window.from_s
    low_share, high_share = compute_share_interval(at_s, slower, choose_batch_s(window), usual_ratio)
    if low_share <= 0 or high_share >= 1:
        return None
    ends = [find_percentile_s(window.good, 100 * (1 - share)) for share in (high_share, low_share)]
    return min(ends[0] or value, value), max(ends[1] or value, value)


def measure_rps_interval(window: Window) -> Interval | None:
    """Return the 95 % interval of the good answers per second, by batches; None with fewer than two."""
    batch_s = choose_batch_s(window)
    count = int(window.length_s // batch_s)
    if count < 2:
        return None
    batch = np.floor((window.start_s[~window.failed] - window.from_s) / batch_s).astype(np.intp)
    rates = np.bincount(batch, minlength=count)[:count] / batch_s
    half_width = find_t(0.95, count - 1) * float(np.std(rates, ddof=1)) / math.sqrt(count)
    rps = len(window.good) / window.length_s
    return max(0.0, rps - half_width), rps + half_width


def list_percentiles(window: Window) -> tuple[tuple[float, float], ...]:
    """Return the response times at `PERCENTS`, as far as the answers tell them."""
    good = window.good
    known = [percent for percent in PERCENTS if len(good) * (100 - percent) >= 100 - 1e-9]
    return tuple((percent, find_percentile_s(good, percent) or 0.0) for percent in known)
