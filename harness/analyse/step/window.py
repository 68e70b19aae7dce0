"""Cut the window out of a step: its requests by their start, and the samples of counters around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.user_time import UserTime, UserTimeline
from harness.model import ANSWERED, StepFacts, TargetSample, is_same_request
from harness.model.facts import Indices, Seconds

_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The requests that started in [from_s, to_s), as columns of one length.

    A request without an answer when the step ended counts with the time that it had waited by then, which is
    a lower bound of its response time. `failed` marks requests that ended with an error; their response times
    are not judged. `name` indexes `names`, and `errors` maps each error to its number of requests.
    `paused_s` and `waiting_s` are the seconds of all pauses and requests within the window, clipped at its
    ends and added up. `pauses_s` are the planned lengths of the pauses that began in the window. `timeline`
    tells what each user did.
    """

    users: int
    from_s: float
    to_s: float
    names: tuple[str, ...]
    start_s: Seconds
    response_s: Seconds
    failed: _Mask
    name: Indices
    errors: Mapping[str, int]
    paused_s: float
    waiting_s: float
    pauses_s: Seconds = field(default_factory=lambda: np.empty(0))
    timeline: UserTimeline | None = None

    @property
    def length_s(self) -> float:
        """The seconds from the window's begin to its end."""
        return self.to_s - self.from_s

    @property
    def user_time(self) -> UserTime | None:
        """What the users' time went into; None if it is not known which user did what."""
        return self.timeline.time if self.timeline else None

    @property
    def thinking_s(self) -> float:
        """The user-seconds of pauses: not while the same user polls for the answer to a request."""
        return self.user_time.thinking_s if self.user_time else self.paused_s

    @property
    def good(self) -> Seconds:
        """Response times of the requests that did not fail, unordered."""
        return self.response_s[~self.failed]

    def select_request_name(self, request_name: str) -> "Window":
        """Return the window with the requests of one name only, such as "GET /item" or "/item" (any method).

        `errors` and the users' time stay those of all requests.
        """
        indices = [i for i, name in enumerate(self.names) if is_same_request(request_name, name)]
        has_name = np.isin(self.name, indices)
        return replace(
            self,
            start_s=self.start_s[has_name],
            response_s=self.response_s[has_name],
            failed=self.failed[has_name],
            name=self.name[has_name],
        )


def cut_window(facts: StepFacts, limit_s: float = 0.0) -> Window | None:
    """Return the step's window; None if the step ended before its window began.

    The window ends at least `limit_s` before the end of the step: an unfinished request that started later
    has not shown yet whether it takes longer than `limit_s`.
    """
    from_s = facts.window_from_s
    if from_s is None:
        return None
    known_s = max(from_s, facts.ended_s - limit_s)
    to_s = known_s if facts.window_to_s is None else min(facts.window_to_s, known_s)
    requests = facts.requests
    done = (requests.start_s >= from_s) & (requests.start_s < to_s)
    waiting = (requests.unfinished_start_s >= from_s) & (requests.unfinished_start_s < to_s)
    error = requests.error[done]
    waited_s = facts.ended_s - requests.unfinished_start_s
    pauses = (facts.thinks.start_s >= from_s) & (facts.thinks.start_s < to_s)
    return Window(
        users=facts.users,
        from_s=from_s,
        to_s=to_s,
        names=requests.names,
        start_s=np.concatenate([requests.start_s[done], requests.unfinished_start_s[waiting]]),
        response_s=np.concatenate([requests.latency_s[done], waited_s[waiting]]),
        failed=np.concatenate([error != ANSWERED, np.zeros(int(waiting.sum()), dtype=np.bool_)]),
        name=np.concatenate([requests.name[done], requests.unfinished_name[waiting]]),
        errors=_count_errors(requests.errors, error),
        paused_s=sum_overlap_s(facts.thinks.start_s, facts.thinks.planned_s, from_s, to_s),
        waiting_s=sum_overlap_s(requests.start_s, requests.latency_s, from_s, to_s)
        + sum_overlap_s(requests.unfinished_start_s, waited_s, from_s, to_s),
        pauses_s=facts.thinks.planned_s[pauses],
        timeline=UserTimeline(facts, from_s, to_s),
    )


def _count_errors(texts: Sequence[str], error: Indices) -> dict[str, int]:
    failed = error[error != ANSWERED]
    if len(failed) == 0:
        return {}
    numbers, counts = np.unique(failed, return_counts=True)
    return {texts[number]: int(count) for number, count in zip(numbers, counts, strict=True)}


def sum_overlap_s(start_s: Seconds, length_s: Seconds, from_s: float, to_s: float) -> float:
    """Add up the seconds that the intervals spend within [from_s, to_s)."""
    inside = np.minimum(start_s + length_s, to_s) - np.maximum(start_s, from_s)
    return float(np.sum(np.clip(inside, 0.0, None)))


def find_percentile_s(response_s: Seconds, percent: float) -> float | None:
    """Return the smallest response time that at least `percent` % of the requests do not exceed.

    None without requests. The percentile is a nearest rank, so that "p95 ≤ L" and "at most 5 % are slower
    than L" are the same statement. The rank is rounded first, because in floats 99.9 % of 1000 is a little
    more than 999.
    """
    if len(response_s) == 0:
        return None
    rank = math.ceil(round(len(response_s) * percent / 100, 6))
    return float(np.partition(response_s, rank - 1)[rank - 1])


def select_around(samples: Sequence[TargetSample], from_s: float, to_s: float) -> Sequence[TargetSample]:
    """Return the samples from the last one at or before `from_s` to the first one at or after `to_s`."""
    first = max((i for i, sample in enumerate(samples) if sample.at_s <= from_s), default=0)
    last = min((i for i, sample in enumerate(samples) if sample.at_s >= to_s), default=len(samples) - 1)
    return samples[first : last + 1]
