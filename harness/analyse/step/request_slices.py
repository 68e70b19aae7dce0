"""Cut a step into slices, with the CPU time that the target used and the requests that it served in each.

A request is served somewhere between its start and its end, so it counts in each slice by the time that it
spent there. A slice is so much longer than an average request that hardly any lasts beyond the next one.
Shorter slices tell more: which names come in a slice varies by chance, and that in each one anew.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.model import ANSWERED, StepFacts, TargetSample
from harness.model.facts import Indices, Seconds
from harness.model.request_slices import RequestSlices

SHORTEST_S = 1.0
"""The counters come about once a second, some hundredths of a second early or late."""

TIMES_RESPONSE = 3
"""A slice is at least so many times as long as an average request of its step takes."""

_TOLERANCE = 0.95
_BRIEF_PART = 0.1
"""Requests that last for up to this part of a slice are nearly all served where they start."""

_MOST_QUANTILE = 0.95
_INSTANT_S = 1e-6

Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """When requests started and ended, and the index of their name."""

    start_s: Seconds
    end_s: Seconds
    name: Indices


def measure_slices(facts: StepFacts) -> RequestSlices | None:
    """Return the slices of a step; None without counters or without requests, or if a counter fell.

    What happens after the window is left out, because its requests may still be under way at the end.
    """
    samples = _select_samples(facts)
    spans = _list_spans(facts)
    if len(samples) < 2 or not len(spans.start_s):
        return None
    cpu_s = np.array([sample.cpu_s for sample in samples])
    if (np.diff(cpu_s) < 0).any():
        return None
    at_s = np.array([sample.at_s for sample in samples])
    lasted_s = spans.end_s - spans.start_s
    borders = _choose_borders(at_s, TIMES_RESPONSE * float(lasted_s.mean()))
    brief_s = _BRIEF_PART * float(np.median(np.diff(at_s[borders])))
    names = (*facts.requests.names, None)
    served, started = _count_requests(spans, at_s[borders], len(names))
    counts, starts = np.diff(served, axis=0), np.diff(started, axis=0)
    seen = np.flatnonzero(counts.sum(axis=0) > 0)
    return RequestSlices(
        names=tuple(names[index] for index in seen),
        length_s=tuple(np.diff(at_s[borders]).tolist()),
        users=_average_users(facts, at_s[borders]),
        cpu_s=tuple(np.diff(cpu_s[borders]).tolist()),
        counts=tuple(tuple(row) for row in counts[:, seen].tolist()),
        starts=tuple(tuple(row) for row in starts[:, seen].tolist()),
        overlaps=bool(np.quantile(lasted_s, _MOST_QUANTILE) > brief_s),
    )


def _select_samples(facts: StepFacts) -> list[TargetSample]:
    """Return the counters from the ramp to the end of the window, without any that came at one instant."""
    to_s = facts.ended_s if facts.window_to_s is None else facts.window_to_s
    selected: list[TargetSample] = []
    for sample in facts.target:
        is_later = not selected or sample.at_s > selected[-1].at_s
        if facts.ramp_from_s <= sample.at_s <= to_s and is_later:
            selected.append(sample)
    return selected


def _list_spans(facts: StepFacts) -> _Spans:
    """Return all requests; those that failed have the index after the last name.

    Requests without an answer end with the step.
    """
    requests = facts.requests
    failed = np.where(requests.error == ANSWERED, requests.name, len(requests.names))
    start_s = np.concatenate([requests.start_s, requests.unfinished_start_s])
    ended_s = np.full(len(requests.unfinished_start_s), facts.ended_s)
    end_s = np.concatenate([requests.start_s + requests.latency_s, ended_s])
    return _Spans(
        start_s,
        np.maximum(end_s, start_s + _INSTANT_S),
        np.concatenate([failed, requests.unfinished_name]).astype(np.int32),
    )


def _choose_borders(at_s: Seconds, length_s: float) -> list[int]:
    """Return the indexes of the counters between which the slices lie; the last slice may be longer."""
    length_s = max(SHORTEST_S, length_s)
    borders = [0]
    for index in range(1, len(at_s)):
        if at_s[index] - at_s[borders[-1]] >= _TOLERANCE * length_s:
            borders.append(index)
    last = len(at_s) - 1
    if borders[-1] != last:
        is_short = len(borders) > 1 and at_s[last] - at_s[borders[-1]] < length_s / 2
        borders = [*(borders[:-1] if is_short else borders), last]
    return borders


def _count_requests(spans: _Spans, borders_s: Seconds, names: int) -> tuple[Columns, Columns]:
    """Return the requests of each name that were served, and that had started, before each border."""
    started = _count_before(np.searchsorted(borders_s, spans.start_s, side="right"), spans, borders_s, names)
    served = _count_before(np.searchsorted(borders_s, spans.end_s), spans, borders_s, names)
    order = np.argsort(spans.start_s)
    start_s, longest_s = spans.start_s[order], float((spans.end_s - spans.start_s).max())
    first = np.searchsorted(start_s, borders_s - longest_s)
    last = np.searchsorted(start_s, borders_s)
    for row, at_s in enumerate(borders_s):
        near = order[first[row] : last[row]]
        is_open = near[spans.end_s[near] > at_s]
        part = (at_s - spans.start_s[is_open]) / (spans.end_s[is_open] - spans.start_s[is_open])
        served[row] += np.bincount(spans.name[is_open], weights=part, minlength=names)
    return served, started


def _count_before(border: NDArray[np.intp], spans: _Spans, borders_s: Seconds, names: int) -> Columns:
    """Return for each border the requests of each name of which `border` is no later one."""
    counts = np.zeros((len(borders_s) + 1, names))
    np.add.at(counts, (border, spans.name), 1.0)
    return np.asarray(counts[:-1].cumsum(axis=0))


def _average_users(facts: StepFacts, borders_s: Seconds) -> tuple[float, ...]:
    """Return the mean number of users in each slice; those of the step where the generator was silent."""
    at_s = np.array([sample.at_s for sample in facts.generator])
    users = np.array([sample.users for sample in facts.generator], dtype=np.float64)
    means = []
    for from_s, to_s in pairwise(borders_s):
        inside = users[(at_s >= from_s) & (at_s < to_s)]
        means.append(float(inside.mean()) if len(inside) else float(facts.users))
    return tuple(means)
