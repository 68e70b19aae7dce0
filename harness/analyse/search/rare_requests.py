"""Plan what a rare request needs, so that its SLO can be judged: how long a window, and how many users.

How often users make a request is known once a step has been held, of any cell: it belongs to the scenario.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analyse.search.capacity_estimate import compute_allowed_slow_share
from harness.model import (
    LONGEST_CYCLE_S,
    WINDOW_CYCLES,
    IndicatorKind,
    Plan,
    Slo,
    StepResult,
    Verdict,
    is_same_request,
)

FEWEST_FOR_MEAN = 20

_WANTED_FACTOR = 5
"""A window is planned for this many times the fewest requests: at its limit a percentile then has five slow
ones, and their share is known to about a half, which is a few per cent of the users.
"""

_FACTOR_FOR_ALL = 1.5
"""For an SLO on all requests a window is just enough for a value: `at_most` says how exact it may become."""

UNSEEN_AFTER_REQUESTS = 3000
"""A name that none of so many requests had is taken to be wrong. One of 1,000 requests would have been seen
among them with 95 % confidence (the rule of three).
"""


def count_fewest_requests(slo: Slo) -> int:
    """Return how many requests of its name a window must hold, so that the SLO has a value at all."""
    if slo.kind is IndicatorKind.PERCENTILE:
        return math.ceil(1 / compute_allowed_slow_share(slo) - 1e-6)
    fewest = {IndicatorKind.MEAN: FEWEST_FOR_MEAN, IndicatorKind.ERRORS: 1, IndicatorKind.ADDED_ERRORS: 1}
    return fewest.get(slo.kind, 0)


@dataclass(frozen=True, slots=True)
class _Seen:
    """How many requests of a name were seen, of how many, in how many seconds of all users together."""

    count: int
    of_all: int
    user_s: float

    @property
    def rate(self) -> float:
        """Requests of the name that a user makes in a second."""
        return self.count / self.user_s

    @property
    def highest_rate(self) -> float:
        """The highest rate that chance could have hidden: for none seen, the rule of three."""
        return (self.count + 2 * math.sqrt(self.count) + 3) / self.user_s


def find_longest_window_s(plan: Plan) -> float:
    """Return how long a window may become for the sake of rare requests: 10 minutes, or what the user set."""
    return max(WINDOW_CYCLES * LONGEST_CYCLE_S, plan.timing.window_at_most_s)


def find_window_s(plan: Plan, slo: Slo, users: int, results: Iterable[StepResult]) -> float:
    """Return for how long a window with these users should last at most, so that it can judge the SLO.

    It is 0 if nothing is known of the SLO's requests, or if they are too few even in the longest window.
    """
    seen, longest_s = _look_for(slo, results), find_longest_window_s(plan)
    if seen is None or not seen.count or users * seen.highest_rate * longest_s < count_fewest_requests(slo):
        return 0.0
    factor = _FACTOR_FOR_ALL if slo.request_name is None else _WANTED_FACTOR
    return min(longest_s, factor * count_fewest_requests(slo) / (users * seen.rate))


def find_unjudged_users(plan: Plan, results: Sequence[StepResult]) -> int:
    """Return the most users that make too few requests for some SLO, even in the longest window.

    It is the users limit if no number of users makes enough. `results` are steps of any cell.
    """
    highest, longest_s = 0, find_longest_window_s(plan)
    for slo in plan.slos:
        seen, fewest = _look_for(slo, results), count_fewest_requests(slo)
        if seen is None or not fewest:
            continue
        if not seen.count and seen.of_all >= UNSEEN_AFTER_REQUESTS:
            return plan.users_limit
        highest = max(highest, math.ceil(fewest / (seen.highest_rate * longest_s)) - 1)
    return min(highest, plan.users_limit)


def _look_for(slo: Slo, results: Iterable[StepResult]) -> _Seen | None:
    """Add up the windows of steps that passed or had too few requests; None without such a window."""
    shown = [step for step in results if step.verdict is Verdict.PASS or step.rule.lacks_requests]
    user_s = sum(step.users * step.window_s for step in shown)
    if user_s <= 0:
        return None
    of_all = sum(step.requests for step in shown)
    if slo.request_name is None:
        return _Seen(of_all, of_all, user_s)
    names = [stats for step in shown for stats in step.by_name]
    count = sum(each.requests for each in names if is_same_request(slo.request_name, each.name))
    return _Seen(count, of_all, user_s)
