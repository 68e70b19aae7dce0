"""The judged part of a step: requests by the instant they started, usage by the counters around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.model import ANSWERED, StepFacts, TargetSample
from harness.model.facts import Indices, Seconds

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Requests that started in [from_s, to_s), a column each.

    An unanswered request counts with the time it had waited when the step ended, a lower bound of its
    response time. `failed` marks requests that were answered wrongly or not at all; they have no response
    time worth judging. `thinking_s` and `waiting_s` are user-seconds within the window, clipped at its ends.
    """

    users: int
    from_s: float
    to_s: float
    names: tuple[str, ...]
    start_s: Seconds
    response_s: Seconds
    failed: Mask
    name: Indices
    errors: Mapping[str, int]
    thinking_s: float
    waiting_s: float

    @property
    def length_s(self) -> float:
        return self.to_s - self.from_s

    @property
    def good(self) -> Seconds:
        """Response times of the requests that did not fail, unordered."""
        return self.response_s[~self.failed]

    def only(self, request_name: str) -> "Window":
        """The same window with one request's name, given with its method ("GET /item") or without."""
        wanted = [i for i, name in enumerate(self.names) if request_name in (name, name.partition(" ")[2])]
        mask = np.isin(self.name, wanted)
        return Window(
            self.users,
            self.from_s,
            self.to_s,
            self.names,
            self.start_s[mask],
            self.response_s[mask],
            self.failed[mask],
            self.name[mask],
            self.errors,
            self.thinking_s,
            self.waiting_s,
        )


def cut(facts: StepFacts, linger_s: float = 0.0) -> Window | None:
    """The step's window; None when the step ended before its window began.

    Of it, the part whose requests are known to be slower than `linger_s` or not: those that started so long
    before the step ended.
    """
    from_s = facts.window_from_s
    if from_s is None:
        return None
    known_s = max(from_s, facts.ended_s - linger_s)
    end_s = known_s if facts.window_to_s is None else min(facts.window_to_s, known_s)
    requests = facts.requests
    done = (requests.start_s >= from_s) & (requests.start_s < end_s)
    open_ = (requests.unfinished_start_s >= from_s) & (requests.unfinished_start_s < end_s)
    error = requests.error[done]
    waited = facts.ended_s - requests.unfinished_start_s
    return Window(
        users=facts.users,
        from_s=from_s,
        to_s=end_s,
        names=requests.names,
        start_s=np.concatenate([requests.start_s[done], requests.unfinished_start_s[open_]]),
        response_s=np.concatenate([requests.latency_s[done], waited[open_]]),
        failed=np.concatenate([error != ANSWERED, np.zeros(int(open_.sum()), dtype=np.bool_)]),
        name=np.concatenate([requests.name[done], requests.unfinished_name[open_]]),
        errors=_count_errors(requests.errors, error),
        thinking_s=_overlap_s(facts.thinks.start_s, facts.thinks.planned_s, from_s, end_s),
        waiting_s=_overlap_s(requests.start_s, requests.latency_s, from_s, end_s)
        + _overlap_s(requests.unfinished_start_s, waited, from_s, end_s),
    )


def _count_errors(texts: Sequence[str], error: Indices) -> dict[str, int]:
    numbers, counts = np.unique(error[error != ANSWERED], return_counts=True)
    return {texts[number]: int(count) for number, count in zip(numbers, counts, strict=True)}


def _overlap_s(start_s: Seconds, length_s: Seconds, from_s: float, to_s: float) -> float:
    """Seconds that the intervals spend within [from_s, to_s), added up."""
    inside = np.minimum(start_s + length_s, to_s) - np.maximum(start_s, from_s)
    return float(np.sum(np.clip(inside, 0.0, None)))


def percentile_s(response_s: Seconds, per_cent: float) -> float | None:
    """The smallest response time that at least `per_cent` of the requests kept; None of no requests.

    By nearest rank, so that "p95 ≤ L" and "at most 5 % slower than L" are the same statement (rounded
    first: in floats, 99.9 % of 1000 is a little more than 999).
    """
    if len(response_s) == 0:
        return None
    rank = math.ceil(round(len(response_s) * per_cent / 100, 6))
    return float(np.partition(response_s, rank - 1)[rank - 1])


def around(samples: Sequence[TargetSample], from_s: float, to_s: float) -> Sequence[TargetSample]:
    """The samples from the last one at or before `from_s` to the first one at or after `to_s`."""
    first = max((i for i, sample in enumerate(samples) if sample.at_s <= from_s), default=0)
    last = min((i for i, sample in enumerate(samples) if sample.at_s >= to_s), default=len(samples) - 1)
    return samples[first : last + 1]
