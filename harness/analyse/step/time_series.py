"""Build the time series of a step, which the report draws. No verdict uses them."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.model import ANSWERED, MIB, Series, StepFacts
from harness.model.curves import Column

POINTS_AT_MOST = 120
_DIGITS = 4

_Values = NDArray[np.floating[Any]]


def build_series(facts: StepFacts) -> Series:
    """Return the step in equal buckets of at least a second; the first bucket begins with the ramp.

    There are at most `POINTS_AT_MOST` buckets. A last bucket that is not whole is left out.
    """
    length_s = max(facts.ended_s - facts.ramp_from_s, 0.0)
    bucket_s = max(1.0, length_s / POINTS_AT_MOST)
    edges = facts.ramp_from_s + bucket_s * np.arange(int(length_s / bucket_s + 1e-9) + 1)
    ends = facts.requests.start_s + facts.requests.latency_s
    good = facts.requests.error == ANSWERED
    return Series(
        bucket_s=round(bucket_s, _DIGITS),
        window=_find_window(facts),
        users=_pick_last_values(edges, [s.at_s for s in facts.generator], [s.users for s in facts.generator]),
        rps=_count_per_s(edges, ends[good], bucket_s),
        errors_ps=_count_per_s(edges, ends[~good], bucket_s),
        p95_s=_compute_percentiles(edges, ends[good], facts.requests.latency_s[good]),
        cpu_cores=_compute_rates(edges, [s.at_s for s in facts.target], [s.cpu_s for s in facts.target]),
        throttled_ratio=_compute_throttled_ratios(edges, facts),
        memory_mib=_pick_last_values(
            edges, [s.at_s for s in facts.target], [s.working_set_bytes / MIB for s in facts.target]
        ),
        host_cores=_compute_rates(edges, [s.at_s for s in facts.host], [sum(s.busy_s) for s in facts.host]),
        generator_cores=_compute_rates(
            edges, [s.at_s for s in facts.generator], [s.cpu_s for s in facts.generator]
        ),
    )


def _find_window(facts: StepFacts) -> tuple[float, float] | None:
    if facts.window_from_s is None:
        return None
    to_s = facts.window_to_s if facts.window_to_s is not None else facts.ended_s
    return round(facts.window_from_s - facts.ramp_from_s, 1), round(to_s - facts.ramp_from_s, 1)


def _count_per_s(edges: _Values, ends: _Values, bucket_s: float) -> Column:
    return _to_column(np.diff(np.searchsorted(np.sort(ends), edges)) / bucket_s)


def _compute_rates(edges: _Values, at_s: Sequence[float], counter: Sequence[float]) -> Column:
    """Return a cumulative counter's rate in each bucket; None for buckets outside its samples."""
    if len(at_s) < 2:
        return (None,) * (len(edges) - 1)
    known = (edges >= at_s[0] - 1.5) & (edges <= at_s[-1] + 1.5)
    rates = np.diff(np.interp(edges, at_s, counter)) / np.diff(edges)
    return _to_column(np.where(known[:-1] & known[1:], rates, np.nan))


def _compute_throttled_ratios(edges: _Values, facts: StepFacts) -> Column:
    at_s = [sample.at_s for sample in facts.target]
    periods = _compute_rates(edges, at_s, [sample.periods for sample in facts.target])
    throttled = _compute_rates(edges, at_s, [sample.throttled_periods for sample in facts.target])
    return tuple(
        None if p is None or t is None or p <= 0 else round(min(1.0, t / p), _DIGITS)
        for p, t in zip(periods, throttled, strict=True)
    )


def _pick_last_values(edges: _Values, at_s: Sequence[float], values: Sequence[float]) -> Column:
    """Return the last value that was read before each bucket ended; None before the first value."""
    if not at_s:
        return (None,) * (len(edges) - 1)
    last = np.searchsorted(at_s, edges[1:], side="right") - 1
    picked = np.asarray(values, dtype=np.float64)[np.maximum(last, 0)]
    return _to_column(np.where(last >= 0, picked, np.nan))


def _compute_percentiles(edges: _Values, ends: _Values, latency_s: _Values) -> Column:
    """Return the p95 of the answers that arrived in each bucket; None for buckets without answers."""
    bucket = np.searchsorted(edges, ends, side="right") - 1
    order = np.lexsort((latency_s, bucket))
    ordered_s, first = latency_s[order], np.searchsorted(bucket[order], np.arange(len(edges)))
    count = np.diff(first)
    has_answers = count > 0
    rank = first[:-1][has_answers] + 0.95 * (count[has_answers] - 1)
    below_s, above_s = (ordered_s[each(rank).astype(np.intp)] for each in (np.floor, np.ceil))
    percentiles = np.full(len(count), np.nan)
    percentiles[has_answers] = below_s + (above_s - below_s) * (rank % 1)
    return _to_column(percentiles)


def _to_column(values: _Values) -> Column:
    return tuple(None if isnan(value) else round(value, _DIGITS) for value in values.tolist())
