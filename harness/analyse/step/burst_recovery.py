"""Tell when a target was steady again after a burst, and what its users met before, during and after it.

Steady again means: as before the burst. A request is bad if it failed, or took clearly longer than the p95
before the burst. From the end of the burst on the time is cut into blocks. A block is usual if its share of
bad requests is not surely higher than before, and if it has at least half of the good answers. The target is
steady again from the first of several usual blocks in a row that are usual together too.
"""

import math
from dataclasses import dataclass

import numpy as np

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.step.window import find_percentile_s
from harness.model import ANSWERED, StepFacts
from harness.model.trials import BurstPart

STEADY_FOR_S = 20.0
"""For so long everything must be as before. The shortest window of a search is as long by default."""

_BLOCK_S = 5.0
_FEWEST_BLOCKS = 2
_FEWEST_REQUESTS = 20
"""With fewer requests before the burst there is no p95 to compare with."""

_SLOWER_RATIO, _SLOWER_S = 1.25, 0.010
"""A request is slow if it takes longer than the former p95 by a quarter of it and by 10 ms."""

_FEWEST_ANSWERS_RATIO = 0.5
_MOST_BAD_RATIO = 0.5
"""If more requests than this were bad before the burst, there is nothing to come back to."""


@dataclass(frozen=True, slots=True)
class _Count:
    """The requests that ended within a block or had waited too long at its end, and those that are bad."""

    known: int
    bad: int

    @property
    def good(self) -> int:
        return self.known - self.bad

    def add(self, other: "_Count") -> "_Count":
        return _Count(self.known + other.known, self.bad + other.bad)


@dataclass(frozen=True, slots=True)
class _Usual:
    """What was usual before the burst.

    A good answer takes `slow_s` at most, `good_per_s` came a second, and `most_bad` is the highest share of
    bad requests that is usual. `block_s` is the length of a block: at least a user's cycle.
    """

    slow_s: float
    good_per_s: float
    most_bad: float
    block_s: float

    def includes(self, count: _Count, length_s: float) -> bool:
        """Return True if the requests of a time of this length are as before the burst."""
        if count.known == 0 or count.good < _FEWEST_ANSWERS_RATIO * self.good_per_s * length_s:
            return False
        return compute_wilson_interval(count.bad / count.known, count.known)[0] <= self.most_bad


def find_steady_after_s(facts: StepFacts) -> float | None:
    """Return how many seconds after the end of its burst the target was steady again; None if it is not yet.

    The facts may be those so far. It counts from the instant at which the additional users begin to leave.
    """
    burst = facts.burst
    usual = _measure_usual(facts)
    if burst is None or burst.to_s is None or usual is None:
        return None
    until_s = facts.ended_s if facts.window_to_s is None else facts.window_to_s
    blocks = math.floor((until_s - burst.to_s) / usual.block_s + 1e-9)
    needed = max(_FEWEST_BLOCKS, math.ceil(STEADY_FOR_S / usual.block_s))
    starts = [burst.to_s + number * usual.block_s for number in range(blocks)]
    counts = [_count(facts, start_s, start_s + usual.block_s, usual.slow_s) for start_s in starts]
    is_usual = [usual.includes(count, usual.block_s) for count in counts]
    for first in range(blocks - needed + 1):
        total = _Count(0, 0)
        for count in counts[first : first + needed]:
            total = total.add(count)
        if all(is_usual[first : first + needed]) and usual.includes(total, needed * usual.block_s):
            return first * usual.block_s
    return None


def has_reference(facts: StepFacts) -> bool:
    """Return True if what came before the burst tells what is usual."""
    return _measure_usual(facts) is not None


def _measure_usual(facts: StepFacts) -> _Usual | None:
    """Return what was usual before the burst; None with too few requests, or if most of them were bad."""
    if facts.burst is None or facts.burst.from_s is None or facts.window_from_s is None:
        return None
    from_s, to_s = facts.window_from_s, facts.burst.from_s
    ended, failed = _select_ended(facts, from_s, to_s)
    p95_s = find_percentile_s(facts.requests.latency_s[ended & ~failed], 95)
    if p95_s is None or int(ended.sum()) < _FEWEST_REQUESTS:
        return None
    slow_s = max(_SLOWER_RATIO * p95_s, p95_s + _SLOWER_S)
    whole = _count(facts, from_s, to_s, slow_s)
    block_s = max(_BLOCK_S, facts.users * (to_s - from_s) / whole.known)
    shares = [compute_wilson_interval(whole.bad / whole.known, whole.known)[1]]
    for number in range(math.floor((to_s - from_s) / block_s + 1e-9)):
        block = _count(facts, from_s + number * block_s, from_s + (number + 1) * block_s, slow_s)
        shares.append(block.bad / block.known if block.known else 0.0)
    if whole.bad > _MOST_BAD_RATIO * whole.known:
        return None
    return _Usual(slow_s, whole.good / (to_s - from_s), max(shares), block_s)


def _select_ended(facts: StepFacts, from_s: float, to_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which requests ended in [from_s, to_s), and which of all requests failed."""
    ends_s = facts.requests.start_s + facts.requests.latency_s
    return (ends_s >= from_s) & (ends_s < to_s), facts.requests.error != ANSWERED


def _count(facts: StepFacts, from_s: float, to_s: float, slow_s: float) -> _Count:
    """Count the requests of [from_s, to_s): what ended there, and what had waited for too long by its end."""
    requests = facts.requests
    ended, failed = _select_ended(facts, from_s, to_s)
    is_bad = failed | (requests.latency_s > slow_s)
    open_then = (requests.start_s < to_s - slow_s) & (requests.start_s + requests.latency_s >= to_s)
    waiting = int(open_then.sum()) + int((requests.unfinished_start_s < to_s - slow_s).sum())
    return _Count(int(ended.sum()) + waiting, int((ended & is_bad).sum()) + waiting)


def summarize_parts(facts: StepFacts) -> tuple[BurstPart | None, BurstPart | None, BurstPart | None]:
    """Return what the users met before, during and after the burst; None for a part that was not reached."""
    burst, ended_s = facts.burst, facts.ended_s
    if burst is None or burst.from_s is None or facts.window_from_s is None:
        return None, None, None
    before = _summarize(facts, facts.window_from_s, burst.from_s)
    to_s = ended_s if burst.to_s is None else burst.to_s
    during = _summarize(facts, burst.from_s, to_s, burst.oldest_wait_s)
    after = None if burst.to_s is None else _summarize(facts, burst.to_s, ended_s)
    return before, during, after


def _summarize(facts: StepFacts, from_s: float, to_s: float, wait_s: float = 0.0) -> BurstPart:
    requests, length_s = facts.requests, to_s - from_s
    ended, failed = _select_ended(facts, from_s, to_s)
    good = requests.latency_s[ended & ~failed]
    open_then = (requests.start_s < to_s) & (requests.start_s + requests.latency_s >= to_s)
    unfinished_s = requests.unfinished_start_s[requests.unfinished_start_s < to_s]
    waits_s = np.concatenate(
        [requests.latency_s[ended], to_s - requests.start_s[open_then], to_s - unfinished_s, [wait_s]]
    )
    return BurstPart(
        length_s=length_s,
        requests=int(ended.sum()),
        errors=int((ended & failed).sum()),
        rps=len(good) / length_s if length_s > 0 else 0.0,
        p95_s=find_percentile_s(good, 95),
        worst_s=float(waits_s.max()) or None,
    )
