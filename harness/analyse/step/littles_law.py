"""Check by Little's law that users think and wait, and lose no time to anything that is not seen.

For N users in a window of length T, N·T must equal the sum of all think and response times in the window
(J. D. C. Little, 1961). A difference comes from a stalled generator, from missing users, or from what the
scenario does and does not report.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.search.capacity_estimate import compute_allowed_slow_share
from harness.analyse.step.report_units import check_report_units
from harness.analyse.step.user_time import Gaps
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

_GIVEN_UP_AT_LEAST_S = 1.0
"""No client gives a request up earlier than this."""

_FEWEST_GAPS = 2
"""A single long gap is no share that could be trusted."""

_HTTP_METHODS = frozenset("GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split())
"""How requests of Locust's own clients begin, which can hide none."""

_SAMPLE_S = 0.5
"""The seconds of which a sample of the event loop tells."""


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

    Such requests are slow, or were given up and have failed. Call this for windows that break no SLO:
    requests that are not reported make no other ones slower than they are. None if it is not known which user
    did what.
    """
    time = window.user_time
    if time is None:
        return None
    if (in_seconds := check_report_units(facts, window)) is not None:
        return in_seconds
    hidden = _select_hidden(time.gaps)
    lost_ratio = hidden.sum_within_s(window.from_s, window.to_s) / (window.users * window.length_s)
    if lost_ratio > _UNEXPLAINED_AT_MOST:
        return _name_lost_time(facts, window, hidden, lost_ratio, _UNEXPLAINED_AT_MOST)
    begun = _drop_stalls(facts, time.gaps.select(_is_begun(time.gaps, window)))
    for slo in slos:
        longer_than_s = _find_gap_limit_s(slo, slos)
        gaps = begun.select(begun.length_s > longer_than_s)
        if math.isfinite(longer_than_s) and _may_break(window, slo, gaps):
            count = len(gaps.start_s)
            evidence = TimeUnreported(lost_ratio, _UNEXPLAINED_AT_MOST, count, longer_than_s, slo)
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
    silent = int(((hidden.start_s <= window.from_s) & (hidden.end_s >= window.to_s)).sum())
    evidence = TimeUnreported(lost_ratio, allowed_ratio, count, _GAP_AT_LEAST_S, silent=silent)
    return Judgement(Rule.UNREPORTED, evidence)


def _sum_stalls_s(facts: StepFacts, window: Window) -> float:
    """Add up for how long the event loop was so late that this alone makes a gap."""
    lags_s = [each.loop_lag_s for each in facts.generator if window.from_s <= each.at_s <= window.to_s]
    return sum(lag_s for lag_s in lags_s if lag_s > _GAP_AT_LEAST_S)


def _is_begun(gaps: Gaps, window: Window) -> NDArray[np.bool_]:
    return (gaps.start_s >= window.from_s) & (gaps.start_s < window.to_s)


def _drop_stalls(facts: StepFacts, gaps: Gaps) -> Gaps:
    """Return the gaps that were not made by the event loop, which was late for half of them at least."""
    is_stall = np.zeros(len(gaps.start_s), dtype=np.bool_)
    for each in facts.generator:
        if each.loop_lag_s > _GAP_AT_LEAST_S:
            is_near = (gaps.start_s <= each.at_s) & (gaps.end_s >= each.at_s - _SAMPLE_S - each.loop_lag_s)
            is_stall |= is_near & (gaps.length_s <= 2 * each.loop_lag_s)
    return gaps.select(~is_stall)


def _find_gap_limit_s(slo: Slo, slos: Sequence[Slo]) -> float:
    """Return the seconds from which on a gap may be a request that breaks the SLO; infinite if none can.

    A request that its client has given up has waited for longer than any response time that is allowed.
    """
    if slo.kind is IndicatorKind.PERCENTILE:
        return max(slo.at_most, _GAP_AT_LEAST_S)
    if slo.kind is IndicatorKind.ERRORS:
        slowest_s = max((each.at_most for each in slos if each.is_response_time), default=0.0)
        return max(slowest_s, _GIVEN_UP_AT_LEAST_S)
    return math.inf


def _may_break(window: Window, slo: Slo, gaps: Gaps) -> bool:
    """Return True if an SLO on a percentile or on errors may be broken, were each of these gaps a request.

    A percentile is broken with all gaps as slow requests, or if as large a share of unreported ones as may
    stand behind their number (Wilson's interval) breaks it alone; errors with unreported ones as failed.
    """
    count, unreported = len(gaps.start_s), _count_unreported(window, gaps)
    window = window.select_request_name(slo.request_name) if slo.request_name else window
    if slo.kind is IndicatorKind.ERRORS:
        failed, n = int(window.failed.sum()) + unreported, len(window.failed) + unreported
        return unreported >= _FEWEST_GAPS and failed > slo.at_most * n
    allowed, n = compute_allowed_slow_share(slo), len(window.good)
    slow = int((window.good > slo.at_most).sum())
    if count and slow + count > allowed * (n + count):
        return True
    n += unreported
    return unreported >= _FEWEST_GAPS and compute_wilson_interval(unreported / n, n)[1] > allowed


def _count_unreported(window: Window, gaps: Gaps) -> int:
    """Return how many gaps may be requests that a client of the scenario's own never reports.

    The last gaps of a step may be reported later, unless they are longer than any request was.
    """
    names = (window.names[index] for index in np.unique(window.name))
    if all(name.partition(" ")[0] in _HTTP_METHODS for name in names):
        return 0
    longest_s = float(np.max(window.response_s, initial=0.0))
    return int((~gaps.is_open | (gaps.length_s > longest_s)).sum())


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
