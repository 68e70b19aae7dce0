"""Compute what is shown of a running step: its RPS, response times, CPU and memory at this moment."""

import math

import numpy as np

from harness.measure.step import ProgressSample
from harness.model import ANSWERED
from harness.model.live import LivePoint


def measure_point(sample: ProgressSample) -> LivePoint:
    """Return the numbers of a running step at this moment; None where the last seconds hold no data."""
    recent, recent_s = sample.recent, sample.recent_s
    is_good = recent.error == ANSWERED
    good_s, errors = recent.latency_s[is_good], len(is_good) - int(np.sum(is_good))
    p50_s = p95_s = None
    if len(good_s):
        p50_s, p95_s = map(float, np.percentile(good_s, [50, 95], method="inverted_cdf"))
    return LivePoint(
        at_s=sample.elapsed_s,
        phase=sample.phase,
        users=sample.users,
        in_flight=sample.in_flight,
        rps=_keep_finite(len(good_s) / recent_s) if recent_s > 0 else None,
        errors_ps=_keep_finite(errors / recent_s) if recent_s > 0 else None,
        p50_s=_keep_finite(p50_s),
        p95_s=_keep_finite(p95_s),
        cpu_cores=_measure_cores(sample),
        memory_bytes=sample.target[-1].working_set_bytes if sample.target else None,
    )


def _measure_cores(sample: ProgressSample) -> float | None:
    if len(sample.target) < 2:
        return None
    first, last = sample.target[0], sample.target[-1]
    return _keep_finite((last.cpu_s - first.cpu_s) / max(1e-9, last.at_s - first.at_s))


def _keep_finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
