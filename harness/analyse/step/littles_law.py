"""Check by Little's law that users think and wait, and lose no time to anything that is not seen.

For N users in a window of length T, N·T must equal the sum of all think and response times in the window
(J. D. C. Little, 1961). A difference comes from a stalled generator, from missing users, or from what the
scenario does and does not report.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analyse.search.capacity_estimate import compute_allowed_slow_share
from harness.analyse.step.user_time import Gaps, UserTime
from harness.analyse.step.window import Window
from harness.model import IndicatorKind, Judgement, Rule, Slo, StepFacts
from harness.model.evidence import TimeUnexplained
from harness.model.user_time import TimeUnreported

_UNEXPLAINED_AT_MOST = 0.05
"""The share of the users' time that may be lost: as much as the finest precision of a search."""

_ERRORS_ALLOWED = 2.0
"""Standard errors by which two mean pauses may differ, if the pauses are exponentially distributed."""

_GAP_AT_LEAST_S = 0.1
"""A shorter gap is the scenario's own code, or Locust's between two tasks."""


@dataclass(frozen=True, slots=True)
class UnexplainedTime:
    """The mean time for each request that its user neither thought nor waited.

    `requests` is the number of requests in the mean.
    """

    per_request_s: float = 0.0
    requests: int = 0


def check_littles_law(facts: StepFacts, window: Window, usual: UnexplainedTime | None) -> Judgement | None:
    """Check whether users lost time that they did not lose at light load.

    Times for each request are compared: what a scenario's tasks do unseen takes as long at every load, while
    its share of the users' time falls as response times rise. Too little lost time is no fault. None without
    `usual`, the time that is lost at light load.
    """
    own = measure_lost_time(window)
    if usual is None or own is None:
        return None
    usual_s = max(0.0, usual.per_request_s)
    ratio_per_s = own.requests / (window.users * window.length_s)
    lost_ratio = (own.per_request_s - usual_s) * ratio_per_s
    error_s = usual_s * math.sqrt(1 / max(1, usual.requests) + 1 / own.requests)
    allowed_ratio = _UNEXPLAINED_AT_MOST + _ERRORS_ALLOWED * error_s * ratio_per_s
    if lost_ratio <= allowed_ratio:
        return None
    time = window.user_time
    hidden = None if time is None else _select_hidden(time.gaps.select(~time.gaps.is_open))
    return _name_lost_time(facts, window, hidden, lost_ratio, allowed_ratio)


def check_unreported_time(facts: StepFacts, window: Window, slos: Sequence[Slo]) -> Judgement | None:
    """Check whether what users do unseen might be requests that break an SLO.

    Call this for windows that break none: requests that are not reported make no other ones slower than they
    are. None if it is not known which user did what.
    """
    time = window.user_time
    if time is None:
        return None
    hidden = _select_hidden(time.gaps)
    lost_ratio = hidden.sum_within_s(window.from_s, window.to_s) / (window.users * window.length_s)
    if lost_ratio > _UNEXPLAINED_AT_MOST:
        return _name_lost_time(facts, window, hidden, lost_ratio, _UNEXPLAINED_AT_MOST)
    for slo in slos:
        if slo.kind is IndicatorKind.PERCENTILE and (gaps := _count_slow_gaps(window, time, slo)):
            evidence = TimeUnreported(lost_ratio, _UNEXPLAINED_AT_MOST, gaps, slo.at_most, slo)
            return Judgement(Rule.UNREPORTED, evidence)
    return None


def _select_hidden(gaps: Gaps) -> Gaps:
    return gaps.select(gaps.length_s > _GAP_AT_LEAST_S)


def _name_lost_time(
    facts: StepFacts, window: Window, hidden: Gaps | None, lost_ratio: float, allowed_ratio: float
) -> Judgement:
    """Return what lost the users' time: the generator, if it stalled for about as long; else the scenario."""
    unexplained = Judgement(Rule.LITTLES_LAW, TimeUnexplained(lost_ratio, allowed_ratio))
    if hidden is None or lost_ratio * window.length_s <= 2 * _sum_stalls_s(facts, window):
        return unexplained
    hidden_ratio = hidden.sum_within_s(window.from_s, window.to_s) / (window.users * window.length_s)
    if hidden_ratio < lost_ratio / 2:
        return unexplained
    count = int(((hidden.end_s > window.from_s) & (hidden.start_s < window.to_s)).sum())
    evidence = TimeUnreported(lost_ratio, allowed_ratio, count, _GAP_AT_LEAST_S)
    return Judgement(Rule.UNREPORTED, evidence)


def _sum_stalls_s(facts: StepFacts, window: Window) -> float:
    """Add up for how long the event loop was so late that this alone makes a gap."""
    lags_s = [each.loop_lag_s for each in facts.generator if window.from_s <= each.at_s <= window.to_s]
    return sum(lag_s for lag_s in lags_s if lag_s > _GAP_AT_LEAST_S)


def _count_begun(gaps: Gaps, window: Window) -> int:
    return int(((gaps.start_s >= window.from_s) & (gaps.start_s < window.to_s)).sum())


def _count_slow_gaps(window: Window, time: UserTime, slo: Slo) -> int:
    """Return the number of gaps that are longer than the SLO allows, if it is broken with them; else 0."""
    longest_s = max(slo.at_most, _GAP_AT_LEAST_S)
    gaps = _count_begun(time.gaps.select(time.gaps.length_s > longest_s), window)
    good = window.select_request_name(slo.request_name).good if slo.request_name else window.good
    slow = int(np.sum(good > slo.at_most))
    return gaps if slow + gaps > compute_allowed_slow_share(slo) * (len(good) + gaps) else 0


def measure_lost_time(window: Window) -> UnexplainedTime | None:
    """Return the time that users lost for each request of the window; None without requests.

    What a user did last in the step is left out: it may be a request that is reported later. If it is not
    known which user did what, this is the unexplained time.
    """
    if window.user_time is None or len(window.start_s) == 0:
        return measure_unexplained_time(window)
    requests = len(window.start_s)
    return UnexplainedTime(window.user_time.closed_s / requests, requests)


def measure_unexplained_time(window: Window) -> UnexplainedTime | None:
    """Return the window's unexplained time for each request; None without requests.

    It is negative if users wait for several requests at once.
    """
    requests = len(window.start_s)
    if requests == 0:
        return None
    user_s = window.users * window.length_s
    return UnexplainedTime(compute_unexplained_ratio(window) * user_s / requests, requests)


def compute_wait_ratio(window: Window) -> float:
    """Return the share of the users' time that they spend waiting for answers.

    A user who waits for several requests at once waits only once. If it is not known which user did what,
    all that is not thinking may be waiting.
    """
    user_s = window.users * window.length_s
    if window.user_time is not None:
        return window.user_time.waiting_s / user_s
    return min(window.waiting_s, user_s - window.thinking_s) / user_s


def compute_unexplained_ratio(window: Window) -> float:
    """Return the share of N·T that the sums of all think and response times leave unexplained.

    It is negative if users wait for several requests at once.
    """
    return 1 - (window.thinking_s + window.waiting_s) / (window.users * window.length_s)


def compute_residual_ratio(window: Window) -> float:
    """Return the share of the users' time that was spent neither in requests nor in pauses."""
    if window.user_time is None:
        return compute_unexplained_ratio(window)
    return window.user_time.outside_s / (window.users * window.length_s)
