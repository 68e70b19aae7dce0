"""Tell whether the response time drifted over a long hold, by a line through the p95 of its windows."""

import numpy as np

from harness.analyse.step.memory_floors import fit_growth
from harness.analyse.step.window import Window, find_percentile_s
from harness.model.trials import ResponseDrift

_MOST_WINDOWS = 30
_WINDOW_AT_LEAST_S = 20.0
_FEWEST_WINDOWS = 5
_FEWEST_REQUESTS = 60
"""A window with fewer good answers has no p95 to speak of: three of them decide."""


def measure_p95_drift(window: Window) -> ResponseDrift | None:
    """Return how the p95 changed over a window; None if it has no five parts with 60 good answers each.

    The parts are of equal length, at least 20 s. There are as many as have 60 good answers on average, at
    most 30.
    """
    good = ~window.failed
    most = min(_MOST_WINDOWS, window.length_s / _WINDOW_AT_LEAST_S, int(good.sum()) / _FEWEST_REQUESTS)
    count = int(most)
    if count < _FEWEST_WINDOWS:
        return None
    length_s = window.length_s / count
    part = np.minimum(((window.start_s - window.from_s) / length_s).astype(np.intp), count - 1)
    p95_s = [find_percentile_s(window.response_s[good & (part == number)], 95) for number in range(count)]
    known = np.array([number for number, value in enumerate(p95_s) if value is not None], dtype=np.float64)
    values = np.array([value for value in p95_s if value is not None], dtype=np.float64)
    mean_s = float(values.mean()) if len(values) else 0.0
    if len(values) < _FEWEST_WINDOWS or mean_s <= 0:
        return None
    slope, low, high = fit_growth(known * length_s, values)
    scale = window.length_s / mean_s
    return ResponseDrift(len(values), length_s, mean_s, slope * scale, (low * scale, high * scale))
