"""Find what tells how fast the host was in the two windows of each pair of a comparison.

Locust's own CPU time per request tells it best: Locust works throughout the window, as the target does, while
the fixed piece of work is done once a second. But it also follows what the target sends. So it counts only if
both versions answer alike; otherwise the fixed piece of work does.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from harness.model.ab import Pace, Pair
from harness.model.results import StepResult

FEWEST_PAIRS_FOR_PACE = 6
"""Fewer pairs can't tell how the CPU time follows the pace."""

Reader = Callable[[StepResult], float | None]


@dataclass(frozen=True, slots=True)
class PairPaces:
    """What tells the pace, and the logarithm of the pace in the head over that in the base, of each pair."""

    pace: Pace
    logs: tuple[float, ...]


def read_pace(pace: Pace, step: StepResult) -> float | None:
    """Return how slow the host was beside a window in seconds; None if it is unknown."""
    return step.locust_s if pace is Pace.LOCUST else step.host.work_s


_ALIKE: Sequence[tuple[Reader, float]] = (
    (lambda step: step.target.bytes_per_request[0] if step.target.bytes_per_request else None, 0.05),
    (lambda step: step.target.bytes_per_request[1] if step.target.bytes_per_request else None, 0.02),
    (lambda step: step.rps, 0.1),
    (lambda step: 1 - (step.failures.ratio or 0.0), 0.01),
)
"""By how much the means of two versions may differ of which Locust does the same work for a request.

The bytes are those that the target receives and sends: with a connection for each request it receives
some 40 % more. Locust's work between requests counts for the requests, so there must be about as many.
"""


def find_paces(pairs: Sequence[Pair]) -> PairPaces | None:
    """Return what tells the pace in pairs that can be compared; None if nothing does, or they are too few."""
    if len(pairs) < FEWEST_PAIRS_FOR_PACE:
        return None
    for pace in Pace:
        logs = compare_windows(pairs, partial(read_pace, pace))
        if logs is not None and (pace is Pace.WORK or _answer_alike(pairs)):
            return PairPaces(pace, logs)
    return None


def compare_windows(pairs: Sequence[Pair], read: Reader) -> tuple[float, ...] | None:
    """Return the logarithm of head / base of each pair; None if a window lacks the value."""
    values = [
        (read(pair.base.step), read(pair.head.step))
        for pair in pairs
        if pair.base.step is not None and pair.head.step is not None
    ]
    logs = tuple(math.log(head / base) for base, head in values if base and head)
    return logs if len(logs) == len(pairs) else None


def _answer_alike(pairs: Sequence[Pair]) -> bool:
    """Return True if both versions send and receive as much for a request, as often, and fail as often."""
    for read, most_ratio in _ALIKE:
        logs = compare_windows(pairs, read)
        if logs is None or abs(fmean(logs)) > math.log1p(most_ratio):
            return False
    return True
