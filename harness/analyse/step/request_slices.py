"""Cut a step into slices, with the CPU time that the target used and the requests that it served in each.

A request waits, and is then served until its end. It is taken to wait for as long as even the fast ones of
those take that start at about the same time. It counts in each slice by the part of the remaining time that
it spends there. Slices are so long that hardly any of the requests' time lies beyond the next one. Shorter
slices tell more: which names come in a slice varies by chance, and that in each one anew.
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

MOST_BEYOND_RATIO = 0.03
"""The largest part of the requests' time that may lie beyond the slices in which they count as served.

Expensive requests last longer than others of their name, so what lies beyond is more than its part of the
CPU time.
"""

_LONGER = 1.25
FAST_QUANTILE = 0.1
"""What this part of the requests take at most, the others wait before they are served."""

_FEWEST_TO_COMPARE = 10
_TOLERANCE = 0.95
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
    length_s = _choose_length(lasted_s)
    borders = _choose_borders(at_s, length_s)
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
        overlaps=_find_part_beyond(lasted_s, length_s, 1) > MOST_BEYOND_RATIO,
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
    start_s, end_s = requests.list_spans(facts.ended_s)
    return _Spans(
        start_s,
        np.maximum(end_s, start_s + _INSTANT_S),
        np.concatenate([failed, requests.unfinished_name]).astype(np.int32),
    )


def _choose_length(lasted_s: Seconds) -> float:
    """Return how long slices are to be, if hardly any of the requests' time is to lie beyond the next one."""
    length_s = SHORTEST_S
    while _find_part_beyond(lasted_s, length_s, 2) > MOST_BEYOND_RATIO:
        length_s *= _LONGER
    return length_s


def _find_part_beyond(lasted_s: Seconds, length_s: float, slices: int) -> float:
    """Return the part of the requests' time beyond so many slices, if they start anywhere in the first."""
    beyond_s = np.clip(lasted_s - (slices - 1) * length_s, 0.0, None)
    is_within = beyond_s <= length_s
    mean_s = np.where(is_within, beyond_s**2 / (2 * length_s), beyond_s - length_s / 2)
    return float(mean_s.sum() / lasted_s.sum())


def _choose_borders(at_s: Seconds, length_s: float) -> list[int]:
    """Return the indexes of the counters between which the slices lie; the last slice may be longer."""
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
    from_s = _find_service(spans, borders_s)
    order = np.argsort(from_s)
    ordered_s, longest_s = from_s[order], float((spans.end_s - from_s).max())
    first = np.searchsorted(ordered_s, borders_s - longest_s)
    last = np.searchsorted(ordered_s, borders_s)
    for row, at_s in enumerate(borders_s):
        near = order[first[row] : last[row]]
        is_open = near[spans.end_s[near] > at_s]
        part = (at_s - from_s[is_open]) / (spans.end_s[is_open] - from_s[is_open])
        served[row] += np.bincount(spans.name[is_open], weights=part, minlength=names)
    return served, started


def _find_service(spans: _Spans, borders_s: Seconds) -> Seconds:
    """Return when the service of each request began: after the time that the fast ones of its slice take.

    Where few requests start, none is taken to wait.
    """
    row = np.searchsorted(borders_s, spans.start_s, side="right")
    lasted_s = spans.end_s - spans.start_s
    counts = np.bincount(row, minlength=len(borders_s) + 1)
    ordered_s = lasted_s[np.lexsort((lasted_s, row))]
    compared = np.flatnonzero(counts >= _FEWEST_TO_COMPARE)
    place = (np.cumsum(counts) - counts)[compared] + FAST_QUANTILE * (counts[compared] - 1)
    below = np.floor(place).astype(np.intp)
    waited_s = np.zeros(len(counts))
    waited_s[compared] = ordered_s[below] + (place - below) * (ordered_s[below + 1] - ordered_s[below])
    return np.minimum(spans.start_s + waited_s[row], spans.end_s - _INSTANT_S / 2)


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
