"""Measure what users' time went into: pauses, requests, and gaps between them, of which nothing is known.

A user who waits for several requests at once waits only once, so each user's times are united, never added
up. That needs the owners of requests and pauses, which facts of an older harness lack.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harness.model import StepFacts
from harness.model.facts import Seconds

_SAME_INSTANT_S = 1e-4
"""Stored instants are exact to 10 µs."""

_EXPLAINED_WITHIN_S = 0.05
"""A request of an unknown user explains a gap that sticks out of it by at most this much, at either end."""

_Users = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """The times that users spent neither in a request nor in a pause, as columns of one length.

    `start_s` may lie before the window. `is_open`: the user did nothing more until the step ended, so what it
    did then may still have been reported later.
    """

    start_s: Seconds
    end_s: Seconds
    is_open: NDArray[np.bool_]

    @property
    def length_s(self) -> Seconds:
        """The length of each gap, also beyond the window."""
        return self.end_s - self.start_s

    def select(self, mask: NDArray[np.bool_]) -> "Gaps":
        return Gaps(self.start_s[mask], self.end_s[mask], self.is_open[mask])

    def sum_within_s(self, from_s: float, to_s: float) -> float:
        """Add up the seconds of all gaps that lie in [from_s, to_s)."""
        inside = np.minimum(self.end_s, to_s) - np.maximum(self.start_s, from_s)
        return float(np.clip(inside, 0.0, None).sum())


@dataclass(frozen=True, slots=True, eq=False)
class UserTime:
    """What the users' time in [from_s, to_s) went into, in user-seconds.

    `thinking_s` are pauses, but not while the same greenlet waits for a request, as for a client that polls.
    `waiting_s` are requests without a pause of their user. The rest are `gaps`.
    """

    from_s: float
    to_s: float
    thinking_s: float
    waiting_s: float
    gaps: Gaps

    @property
    def outside_s(self) -> float:
        """The user-seconds outside of requests and pauses."""
        return self.gaps.sum_within_s(self.from_s, self.to_s)

    @property
    def closed_s(self) -> float:
        """Those of them after which the user went on."""
        return self.gaps.select(~self.gaps.is_open).sum_within_s(self.from_s, self.to_s)


class UserTimeline:
    """The users' time in a window of a step, measured when it is first asked for."""

    def __init__(self, facts: StepFacts, from_s: float, to_s: float) -> None:
        self._facts, self._from_s, self._to_s = facts, from_s, to_s

    @cached_property
    def time(self) -> UserTime | None:
        """What the users' time went into; None if it is not known which user did what."""
        return measure_user_time(self._facts, self._from_s, self._to_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Times of users, from `start_s` to `end_s`; a user's own greenlet or one beside it (`is_own`)."""

    user: _Users
    start_s: Seconds
    end_s: Seconds
    is_own: NDArray[np.bool_]

    def select(self, mask: NDArray[np.bool_]) -> "_Spans":
        return _Spans(self.user[mask], self.start_s[mask], self.end_s[mask], self.is_own[mask])


def measure_user_time(facts: StepFacts, from_s: float, to_s: float) -> UserTime | None:
    """Return what the users' time in [from_s, to_s) went into; None if no user is known.

    Users of whom nothing is seen after `from_s` do nothing all that time. A gap is explained by a request of
    an unknown user that covers it. Users who come later, as in a burst, don't count.
    """
    requests, pauses = _build_request_spans(facts), _build_pause_spans(facts)
    if requests is None or pauses is None or to_s <= from_s:
        return None
    all_users = np.concatenate([requests.user, pauses.user])
    starts_s = np.concatenate([requests.start_s, pauses.start_s])
    ends_s = np.concatenate([requests.end_s, pauses.end_s])
    users = np.unique(all_users[(all_users >= 0) & (ends_s > from_s) & (starts_s < to_s)])
    if len(users) == 0:
        return None
    unknown, requests = requests.select(requests.user < 0), requests.select(np.isin(requests.user, users))
    pauses = pauses.select(np.isin(pauses.user, users))
    own = requests.select(requests.is_own)
    total_s = len(users) * (to_s - from_s)
    beside_own, beside_own_and_pauses, gaps = (
        _find_gaps(facts, users, spans) for spans in ((own,), (own, pauses), (requests, pauses))
    )
    thinking_s = beside_own.sum_within_s(from_s, to_s) - beside_own_and_pauses.sum_within_s(from_s, to_s)
    waiting_s = total_s - gaps.sum_within_s(from_s, to_s) - thinking_s
    gaps = _add_silent_users(facts, _drop_explained(gaps, unknown), facts.users - len(users))
    return UserTime(from_s, to_s, thinking_s, waiting_s, gaps)


def _build_request_spans(facts: StepFacts) -> _Spans | None:
    requests = facts.requests
    if len(requests.owner) != len(requests.start_s):
        return None
    if len(requests.unfinished_owner) != len(requests.unfinished_start_s):
        return None
    owner = np.concatenate([requests.owner, requests.unfinished_owner])
    return _build_spans(owner, *requests.list_spans(facts.ended_s))


def _build_pause_spans(facts: StepFacts) -> _Spans | None:
    thinks = facts.thinks
    if len(thinks.owner) != len(thinks.start_s):
        return None
    return _build_spans(thinks.owner, thinks.start_s, thinks.start_s + thinks.planned_s)


def _build_spans(owner: NDArray[np.int32], start_s: Seconds, end_s: Seconds) -> _Spans:
    user = np.where(owner < 0, -1, owner // 2).astype(np.int64)
    return _Spans(user, start_s, end_s, (owner >= 0) & (owner % 2 == 0))


def _find_gaps(facts: StepFacts, users: _Users, parts: tuple[_Spans, ...]) -> Gaps:
    """Return the times in the step that no span of a user covers, for each of `users` (sorted).

    All users are laid out behind one another on one axis, so that a single running maximum of the ends finds
    the gaps of all of them.
    """
    first_s, last_s = facts.ramp_from_s, facts.ended_s
    edge = np.ones(len(users))
    rank = np.concatenate(
        [*(np.searchsorted(users, part.user) for part in parts), *[np.arange(len(users))] * 2]
    )
    start_s = np.concatenate([*(part.start_s for part in parts), edge * first_s, edge * last_s])
    end_s = np.concatenate([*(part.end_s for part in parts), edge * first_s, edge * last_s])
    start_s, end_s = np.clip(start_s, first_s, last_s), np.clip(end_s, first_s, last_s)
    order = np.lexsort((start_s, rank))
    rank, start_s, end_s = rank[order], start_s[order], end_s[order]
    shift_s = rank * (last_s - first_s + 1.0)
    reached_s = np.maximum.accumulate(end_s + shift_s) - shift_s
    is_gap = (rank[1:] == rank[:-1]) & (start_s[1:] - reached_s[:-1] > _SAME_INSTANT_S)
    begin_s, until_s = reached_s[:-1][is_gap], start_s[1:][is_gap]
    return Gaps(begin_s, until_s, until_s >= last_s - _SAME_INSTANT_S)


def _drop_explained(gaps: Gaps, unknown: _Spans) -> Gaps:
    """Return the gaps that no request of an unknown user covers."""
    if len(unknown.start_s) == 0:
        return gaps
    left = [
        not np.any(
            (unknown.start_s <= start_s + _EXPLAINED_WITHIN_S)
            & (unknown.end_s >= end_s - _EXPLAINED_WITHIN_S)
        )
        for start_s, end_s in zip(gaps.start_s, gaps.end_s, strict=True)
    ]
    return gaps.select(np.array(left, dtype=np.bool_))


def _add_silent_users(facts: StepFacts, gaps: Gaps, count: int) -> Gaps:
    """Add a gap over the whole step for each of `count` users of whom nothing was seen."""
    more = np.ones(max(0, count))
    return Gaps(
        np.concatenate([gaps.start_s, more * facts.ramp_from_s]),
        np.concatenate([gaps.end_s, more * facts.ended_s]),
        np.concatenate([gaps.is_open, more > 0]),
    )
