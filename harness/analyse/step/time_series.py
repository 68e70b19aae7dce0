"""A step's time series, a value a second or so: for eyes, in the report. No verdict is read from it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.model import ANSWERED, Series, StepFacts

POINTS_AT_MOST = 120
DIGITS = 4

Values = NDArray[np.floating[Any]]


def series(facts: StepFacts) -> Series:
    """Everything on one axis: seconds since the ramp began, in equal whole buckets of at least a second."""
    length_s = max(facts.ended_s - facts.ramp_from_s, 0.0)
    bucket_s = max(1.0, length_s / POINTS_AT_MOST)
    edges = facts.ramp_from_s + bucket_s * np.arange(int(length_s / bucket_s + 1e-9) + 1)
    ends = facts.requests.start_s + facts.requests.latency_s
    good = facts.requests.error == ANSWERED
    return Series(
        bucket_s=round(bucket_s, DIGITS),
        window=_window(facts),
        users=_held(edges, [s.at_s for s in facts.generator], [s.users for s in facts.generator]),
        rps=_counted(edges, ends[good], bucket_s),
        errors_ps=_counted(edges, ends[~good], bucket_s),
        p95_s=_percentiles(edges, ends[good], facts.requests.latency_s[good]),
        cpu_cores=_rates(edges, [s.at_s for s in facts.target], [s.cpu_s for s in facts.target]),
        throttled_ratio=_throttled(edges, facts),
        memory_mib=_held(
            edges, [s.at_s for s in facts.target], [s.working_set_bytes / 2**20 for s in facts.target]
        ),
        host_cores=_rates(edges, [s.at_s for s in facts.host], [sum(s.busy_s) for s in facts.host]),
        generator_cores=_rates(edges, [s.at_s for s in facts.generator], [s.cpu_s for s in facts.generator]),
    )


def _window(facts: StepFacts) -> tuple[float, float] | None:
    if facts.window_from_s is None:
        return None
    to_s = facts.window_to_s if facts.window_to_s is not None else facts.ended_s
    since = facts.ramp_from_s
    return round(facts.window_from_s - since, 1), round(to_s - since, 1)


def _counted(edges: Values, ends: Values, bucket_s: float) -> tuple[float | None, ...]:
    return _tuple(np.diff(np.searchsorted(np.sort(ends), edges)) / bucket_s)


def _rates(edges: Values, at_s: Sequence[float], spent: Sequence[float]) -> tuple[float | None, ...]:
    """A cumulative counter's rate in every bucket; None where it was not counted."""
    if len(at_s) < 2:
        return (None,) * (len(edges) - 1)
    known = (edges >= at_s[0] - 1.5) & (edges <= at_s[-1] + 1.5)
    rates = np.diff(np.interp(edges, at_s, spent)) / np.diff(edges)
    return _tuple(np.where(known[:-1] & known[1:], rates, np.nan))


def _throttled(edges: Values, facts: StepFacts) -> tuple[float | None, ...]:
    at_s = [sample.at_s for sample in facts.target]
    periods = _rates(edges, at_s, [sample.periods for sample in facts.target])
    throttled = _rates(edges, at_s, [sample.throttled_periods for sample in facts.target])
    return tuple(
        None if p is None or t is None or p <= 0 else round(min(1.0, t / p), DIGITS)
        for p, t in zip(periods, throttled, strict=True)
    )


def _held(edges: Values, at_s: Sequence[float], values: Sequence[float]) -> tuple[float | None, ...]:
    """The last value read before each bucket ended; None before the first."""
    if not at_s:
        return (None,) * (len(edges) - 1)
    found = np.searchsorted(at_s, edges[1:], side="right") - 1
    picked = np.asarray(values, dtype=np.float64)[np.maximum(found, 0)]
    return _tuple(np.where(found >= 0, picked, np.nan))


def _percentiles(edges: Values, ends: Values, latency_s: Values) -> tuple[float | None, ...]:
    """p95 of the answers that came in each bucket; None where none came."""
    bucket = np.searchsorted(edges, ends, side="right") - 1
    found = []
    for number in range(len(edges) - 1):
        inside = latency_s[bucket == number]
        found.append(round(float(np.percentile(inside, 95)), DIGITS) if len(inside) else None)
    return tuple(found)


def _tuple(values: Values) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), DIGITS) for value in values)
