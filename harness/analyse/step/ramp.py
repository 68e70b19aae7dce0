"""Measure the ramp of a step: what the target did at each number of users on the way. No verdict uses it.

A ramp passes every number of users, so its requests show the whole curve of a size. They lag where a queue
builds: users who arrive join a queue that has not reached its length yet. See docs/method.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from harness.analyse.step.usage import find_most_bytes
from harness.analyse.step.window import Window, cut_window, find_percentile_s
from harness.model import CurvePoint, StepFacts, TargetSample
from harness.model.facts import Seconds

MOST_POINTS = 12
FEWEST_POINTS = 8
FEWEST_ANSWERS = 20
"""A p95 of fewer answers would be the slowest of them."""

_HALF_S = 0.5
_TINY_S = 1e-3
_SAMPLE_EVERY_S = 1.5
"""The target's samples are about so far apart at most."""


@dataclass(frozen=True, slots=True)
class _Cycle:
    """What a user does from one pause to the next: requests, and the pause; `length_s` is both together.

    `excess` is how many more requests a user who has just arrived makes than one who was there before. The
    pause is 0 if it is unknown.
    """

    requests: float
    pause_s: float
    length_s: float
    excess: float


def measure_ramp(facts: StepFacts) -> tuple[CurvePoint, ...]:
    """Return the ramp in parts of whole seconds, each with enough answers for a p95.

    If these are fewer than `FEWEST_POINTS`, the parts are shorter, and answers around a part tell its
    response times. There are at most `MOST_POINTS`, and none if the whole ramp has too few answers or users
    leave. Requests belong to the part in which they start.
    """
    if not facts.generator:
        return ()
    from_s, to_s = facts.ramp_from_s, find_ramp_end_s(facts)
    users = _list_users(facts)
    arrivals = float(np.interp(to_s, *users)) - float(users[1][0])
    if arrivals <= 0:
        return ()
    whole = _cut_part(facts, from_s, to_s)
    answers_s = np.sort(whole.start_s[~whole.failed])
    cycle = _measure_cycle(facts, arrivals)
    edges = _choose_edges(from_s, to_s, answers_s, FEWEST_ANSWERS)
    if 1 < len(edges) <= FEWEST_POINTS and cycle.pause_s > 0:
        edges = _choose_edges(from_s, to_s, answers_s, 1)
    parts = (_cut_part(facts, low_s, high_s) for low_s, high_s in pairwise(edges))
    return tuple(_measure_part(facts, part, _widen(facts, part, answers_s), users, cycle) for part in parts)


def find_ramp_end_s(facts: StepFacts) -> float:
    """Return the instant at which all users had arrived, or at which the step ended before that."""
    return facts.ended_s if facts.settle_from_s is None else facts.settle_from_s


def _cut_part(facts: StepFacts, from_s: float, to_s: float) -> Window:
    window = cut_window(replace(facts, window_from_s=from_s, window_to_s=to_s))
    assert window is not None
    return window


def _widen(facts: StepFacts, part: Window, answer_start_s: Seconds) -> Window:
    """Return the part; with too few answers for a p95 also the time before and after it that has enough."""
    away_s = np.maximum(part.from_s - answer_start_s, answer_start_s - part.to_s)
    reach_s = float(np.sort(away_s)[FEWEST_ANSWERS - 1])
    if reach_s <= 0:
        return part
    low_s = max(facts.ramp_from_s, part.from_s - reach_s - _TINY_S)
    return _cut_part(facts, low_s, min(find_ramp_end_s(facts), part.to_s + reach_s + _TINY_S))


def _choose_edges(from_s: float, to_s: float, answer_start_s: Seconds, fewest: int) -> list[float]:
    """Return the ends of the parts: whole seconds apart, and half a second after each begin of a second.

    Each part has at least `fewest` answers. Locust starts the users of a whole second at once, from the begin
    of the ramp on. So each part holds whole bursts. The last part takes what is left over, but for less than
    a second at the end.
    """
    shortest_s = max(1, math.ceil((to_s - from_s) / MOST_POINTS - 1e-6))
    edges, offset_s = [from_s], 0.0
    while True:
        begun = int(np.searchsorted(answer_start_s, edges[-1])) + fewest - 1
        if begun >= len(answer_start_s):
            break
        enough_s = math.ceil(float(answer_start_s[begun]) - from_s + _HALF_S + 1e-6)
        offset_s = max(offset_s + shortest_s, enough_s)
        if from_s + offset_s - _HALF_S > to_s:
            break
        edges.append(from_s + offset_s - _HALF_S)
    if len(edges) == 1:
        return edges
    return [*edges[:-1], from_s + math.floor(to_s - from_s + _HALF_S) - _HALF_S]


def _list_users(facts: StepFacts) -> tuple[Seconds, Seconds]:
    """Return instants and the users then, from just before the ramp.

    The ramp begins with a burst, which the first sample counts.
    """
    from_s, users = facts.ramp_from_s, [float(sample.users) for sample in facts.generator]
    before = max(0.0, users[0] - facts.spawn_rate)
    at_s = [from_s - _TINY_S, from_s, *(sample.at_s for sample in facts.generator)]
    return np.array(at_s), np.array([before, users[0], *users])


def _measure_cycle(facts: StepFacts, arrivals: float) -> _Cycle:
    """Return the cycle of a step's users, of whom `arrivals` came on its ramp.

    A user asks when it arrives, whereas a user who is met at a random moment is within its cycle. The
    difference is (1 + c²) / 2 cycles, with the coefficient of variation c of a cycle (D. R. Cox, Renewal
    Theory, 1962). Beyond that it makes the requests of its start, such as a login, after which it does not
    pause. Without pauses the cycles are taken to be alike, and requests of the start are unknown.
    """
    settled_s, requests, thinks = find_ramp_end_s(facts), facts.requests, facts.thinks
    has_begun, is_later = thinks.start_s >= facts.ramp_from_s, thinks.start_s >= settled_s
    pauses, later_pauses = int((has_begun & ~is_later).sum()), int(is_later.sum())
    response_s = float(requests.latency_s.mean()) if len(requests.latency_s) else 0.0
    if pauses == 0:
        return _Cycle(1.0, 0.0, response_s, 0.5)
    later = int((requests.start_s >= settled_s).sum())
    per_cycle = later / later_pauses if later_pauses and later else 1.0
    ended = int((requests.start_s + requests.latency_s < settled_s).sum())
    at_start = max(0.0, (ended - per_cycle * pauses) / arrivals) if later_pauses else 0.0
    planned_s = thinks.planned_s[has_begun]
    pause_s = float(planned_s.mean())
    length_s = pause_s + per_cycle * response_s
    variation = float(planned_s.std()) / length_s if length_s > 0 else 0.0
    return _Cycle(per_cycle, pause_s, length_s, at_start + per_cycle * (1 + variation**2) / 2)


def _measure_part(
    facts: StepFacts, part: Window, around: Window, users: tuple[Seconds, Seconds], cycle: _Cycle
) -> CurvePoint:
    """Measure a part of the ramp; `around` is the same one, or wider to have enough answers."""
    from_s, to_s = part.from_s, part.to_s
    mean_users = float(np.interp(np.linspace(from_s, to_s, 41), *users).mean())
    arrivals = float(np.diff(np.interp([from_s - _TINY_S, to_s], *users))[0])
    is_counted = around is part and from_s >= facts.ramp_from_s + cycle.length_s
    return CurvePoint(
        users=mean_users,
        requests=len(part.start_s),
        rps=_compute_rps(around, mean_users, arrivals, cycle, is_counted=is_counted),
        p50_s=find_percentile_s(around.good, 50),
        p95_s=find_percentile_s(around.good, 95),
        error_ratio=float(around.failed.mean()),
        cpu_cores=_compute_rate(facts.target, [sample.cpu_s for sample in facts.target], from_s, to_s),
        throttled_ratio=_compute_throttled_ratio(facts.target, from_s, to_s),
        memory_bytes=_find_memory_bytes(facts.target, from_s, to_s),
        is_on_ramp=True,
    )


def _compute_rps(part: Window, users: float, arrivals: float, cycle: _Cycle, *, is_counted: bool) -> float:
    """Return the good answers per second of a part, without what users ask only because they arrive.

    They can't be counted (`is_counted`) in the first cycle, where hardly any user asks twice, nor where they
    are too few. There Little's law tells how often as many users would ask who pause and wait as these do.
    """
    started = max(0.0, len(part.start_s) - cycle.excess * max(0.0, arrivals)) / part.length_s
    if not is_counted and cycle.pause_s > 0:
        wait_s = cycle.requests * float(part.response_s.mean())
        started = users * cycle.requests / (cycle.pause_s + wait_s)
    return started * (1 - float(part.failed.mean()))


def _compute_rate(
    samples: Sequence[TargetSample], counter: Sequence[float], from_s: float, to_s: float
) -> float | None:
    """Return by how much a cumulative counter rises a second; None if the samples don't cover the time."""
    if len(samples) < 2 or samples[0].at_s > from_s + _SAMPLE_EVERY_S:
        return None
    at_s = [sample.at_s for sample in samples]
    low_s, high_s = max(from_s, at_s[0]), min(to_s, at_s[-1])
    if high_s - low_s < min(_SAMPLE_EVERY_S, to_s - from_s) / 2:
        return None
    low, high = np.interp([low_s, high_s], at_s, counter)
    return float(high - low) / (high_s - low_s)


def _compute_throttled_ratio(samples: Sequence[TargetSample], from_s: float, to_s: float) -> float | None:
    periods = _compute_rate(samples, [float(sample.periods) for sample in samples], from_s, to_s)
    throttled = _compute_rate(samples, [float(sample.throttled_periods) for sample in samples], from_s, to_s)
    return None if not periods or throttled is None else min(1.0, throttled / periods)


def _find_memory_bytes(samples: Sequence[TargetSample], from_s: float, to_s: float) -> float | None:
    """Return the largest working set of the samples in the time, or else that of the last one before it."""
    inside = [sample for sample in samples if from_s <= sample.at_s <= to_s]
    before = [sample for sample in samples if sample.at_s < from_s][-1:]
    most_bytes = find_most_bytes(inside or before)
    return None if most_bytes is None else float(most_bytes)
