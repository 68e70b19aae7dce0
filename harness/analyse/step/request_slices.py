"""Cut a step into slices, with the CPU time that the target used and the requests that it served in each.

A request waits, and is then served until its end. It is taken to wait for as long as even the fast ones of
those take that start at about the same time. It counts in each slice by the part of the remaining time that
it spends there. Slices are so long that hardly any of the requests' time lies beyond the next one. Shorter
slices tell more: which names come in a slice varies by chance, and that in each one anew. So if requests are
quick, the kernel's own file is taken where it was read, and the engine's counters elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.model import ANSWERED, CpuReading, StepFacts, TargetSample
from harness.model.facts import Indices, Seconds
from harness.model.request_slices import RequestSlices

SHORTEST_S = 1.0
"""The engine's counters come about once a second, some hundredths of a second early or late."""

SHORTEST_READ_S, LONGEST_READ_S = 0.1, 0.2
"""The kernel's own file is read so often, and taken for slices of at most so long.

Where requests take longer, which part of the CPU time is whose is not known to a tenth of a second: a target
of two known costs of 20 and 80 ms came out as 28 and 65 ms in slices of half a second, and right in longer
ones.
"""

SHORTEST_TIMES = 5
"""A slice lasts for at least so many mean response times, if it is shorter than a second."""

MOST_BEYOND_RATIO = 0.03
"""The largest part of the requests' time that may lie beyond the slices in which they count as served.

Expensive requests last longer than others of their name, so what lies beyond is more than its part of the
CPU time.
"""

_LONGER = 1.25
FAST_QUANTILE = 0.1
"""What this part of the requests take at most, the others wait before they are served."""

_WAIT_ALIKE_S = 1.0
"""Requests that start within so long wait for as long, or within one slice if that is longer."""

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
    spans = _list_spans(facts)
    if not len(spans.start_s):
        return None
    lasted_s = spans.end_s - spans.start_s
    (at_s, cpu_s), length_s = _select(facts, facts.target), _choose_length(lasted_s, SHORTEST_S)
    short_s = _choose_length(lasted_s, max(SHORTEST_READ_S, SHORTEST_TIMES * float(lasted_s.mean())))
    read_at_s, read_cpu_s = _select(facts, facts.cpu)
    if len(read_at_s) > len(at_s) and short_s <= LONGEST_READ_S:
        at_s, cpu_s, length_s = read_at_s, read_cpu_s, short_s
    if len(at_s) < 2 or (np.diff(cpu_s) < 0).any():
        return None
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


def _select(
    facts: StepFacts, samples: Sequence[TargetSample] | Sequence[CpuReading]
) -> tuple[Seconds, Seconds]:
    """Return each instant from the ramp to the end of the window, only once, and the CPU time until then."""
    to_s = facts.ended_s if facts.window_to_s is None else facts.window_to_s
    at_s: list[float] = []
    cpu_s: list[float] = []
    for sample in samples:
        is_later = not at_s or sample.at_s > at_s[-1]
        if facts.ramp_from_s <= sample.at_s <= to_s and is_later:
            at_s.append(sample.at_s)
            cpu_s.append(sample.cpu_s)
    return np.array(at_s), np.array(cpu_s)


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


def _choose_length(lasted_s: Seconds, shortest_s: float) -> float:
    """Return how long slices are to be, if hardly any of the requests' time is to lie beyond the next one."""
    length_s = shortest_s
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
    """Return when the service of each request began: after the time that the fast ones beside it take.

    Where few requests start, none is taken to wait.
    """
    beside_s = max(_WAIT_ALIKE_S, float(np.median(np.diff(borders_s))))
    row = np.maximum(np.floor((spans.start_s - borders_s[0]) / beside_s), -1).astype(np.intp) + 1
    lasted_s = spans.end_s - spans.start_s
    counts = np.bincount(row)
    ordered_s = lasted_s[np.lexsort((lasted_s, row))]
    compared = np.flatnonzero(counts >= _FEWEST_TO_COMPARE)
    place = (np.cumsum(counts) - counts)[compared] + FAST_QUANTILE * (counts[compared] - 1)
    below = np.floor(place).astype(np.intp)
    waited_s = np.zeros(len(counts))
    waited_s[compared] = ordered_s[below] + (place - below) * (ordered_s[below + 1] - ordered_s[below])
    return np.asarray(np.minimum(spans.start_s + waited_s[row], spans.end_s - _INSTANT_S / 2))


def _count_before(border: NDArray[np.intp], spans: _Spans, borders_s: Seconds, names: int) -> Columns:
    """Return for each border the requests of each name of which `border` is no later one."""
    counts = np.zeros((len(borders_s) + 1, names))
    np.add.at(counts, (border, spans.name), 1.0)
    return np.asarray(counts[:-1].cumsum(axis=0))


def _average_users(facts: StepFacts, borders_s: Seconds) -> tuple[float, ...]:
    """Return the mean number of users in each slice, and in one without a sample what those around it tell.

    It is that of the step after the last sample, while the generator was silent.
    """
    if not facts.generator:
        return (float(facts.users),) * (len(borders_s) - 1)
    at_s = np.array([sample.at_s for sample in facts.generator])
    users = np.array([sample.users for sample in facts.generator], dtype=np.float64)
    before = np.searchsorted(at_s, borders_s)
    sums = np.append(0.0, users.cumsum())[before]
    between = np.interp((borders_s[:-1] + borders_s[1:]) / 2, at_s, users, right=float(facts.users))
    counts = np.diff(before)
    return tuple(np.where(counts > 0, np.diff(sums) / np.maximum(counts, 1), between).tolist())
