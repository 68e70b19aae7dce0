"""Summarize the response times of a window, and which share of them is above the limits of percentiles."""

from collections.abc import Sequence

import numpy as np

from harness.analyse.search.capacity_estimate import find_percentile_slo
from harness.analyse.search.limit_shape import NEAR_FACTOR
from harness.analyse.step.slo import choose_batch_s, compute_variance_ratio
from harness.analyse.step.window import Window, find_percentile_s
from harness.model import IndicatorKind, Latency, PercentileShare, Slo


def summarize_latency(window: Window, slo: Slo | None) -> Latency:
    """Return the response times of the window's good answers, and their shares above the limit of `slo`.

    Without an SLO on a percentile (None) the shares are None.
    """
    good = window.good
    if len(good) == 0:
        return Latency()
    at_s = window.start_s[~window.failed] - window.from_s
    variance_ratio, batches = (
        compute_variance_ratio(at_s, good > slo.at_most, choose_batch_s(window)) if slo else (None, 0)
    )
    return Latency(
        mean_s=float(good.mean()),
        p50_s=find_percentile_s(good, 50),
        p95_s=find_percentile_s(good, 95),
        p99_s=find_percentile_s(good, 99),
        slow_ratio=_measure_share_above(good, slo),
        slow_variance_ratio=variance_ratio,
        slow_batches=batches,
        nearly_slow_ratio=_measure_share_above(good, slo, 1 / NEAR_FACTOR),
        very_slow_ratio=_measure_share_above(good, slo, NEAR_FACTOR),
    )


def summarize_further_shares(window: Window, slos: Sequence[Slo]) -> tuple[PercentileShare, ...]:
    """Return the shares of slow answers for each SLO on a percentile but the first one of all requests."""
    first, shares = find_percentile_slo(slos), []
    for slo in slos:
        if slo.kind is IndicatorKind.PERCENTILE and slo != first:
            asked = window.select_request_name(slo.request_name) if slo.request_name else window
            shares.append(PercentileShare(slo, len(asked.good), summarize_latency(asked, slo)))
    return tuple(shares)


def _measure_share_above(good: np.ndarray, slo: Slo | None, factor: float = 1.0) -> float | None:
    return None if slo is None else float((good > factor * slo.at_most).mean())
