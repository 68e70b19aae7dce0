"""Find reports of requests whose response times are in seconds: Locust takes them for milliseconds.

Such a report makes an answer of 0.3 s one of 0.3 ms. Then most of what the user waited is a gap before it, a
thousand times as long; or it is a request of Locust's own client, which the scenario reports once more.
"""

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.window import Window
from harness.model import Judgement, Rule, StepFacts
from harness.model.facts import Indices, Seconds
from harness.model.user_time import ReportsInSeconds

_FACTOR = 1000.0
_GAP_RATIOS = (0.5, 1.05)
"""The part of the gap that the answer took, if its time is in seconds. The rest is the scenario's code."""

_SHORTEST_GAP_S = 0.001
"""A shorter gap is the scenario's own code, or Locust's between two tasks."""

_NO_ANSWER_S = 2e-5
"""No answer comes so soon. Stored times are exact to 10 µs, so no ratio of shorter ones could be trusted."""

_SAME_INSTANT_S = 1e-4
_REPEATED_WITHIN_S = 0.1
"""A report of what was just asked comes at most so long after the answer."""

_STEADY_WITHIN, _STEADY_RATIO = 0.1, 0.8
"""How much the ratio of two times of one request may differ, and for which share of the requests."""

_FEWEST_REPORTS = 5
_MOST_RATIO = 0.5

_Mask = NDArray[np.bool_]


def check_report_units(facts: StepFacts, window: Window) -> Judgement | None:
    """Return that the response times of a request name seem to be in seconds, for at least half of them.

    None if it is not known which user did what.
    """
    if window.user_time is None or len(window.start_s) == 0:
        return None
    gaps, requests = window.user_time.gaps, facts.requests
    inside = (requests.start_s >= window.from_s) & (requests.start_s < window.to_s)
    start_s, latency_s, name = requests.start_s[inside], requests.latency_s[inside], requests.name[inside]
    is_suspect = _compare_with_gaps(start_s, latency_s, gaps.end_s, gaps.length_s)
    is_suspect |= _compare_with_requests(requests.owner[inside], start_s, latency_s, name)
    names, totals = np.unique(name, return_counts=True)
    suspects = np.array([int(is_suspect[name == each].sum()) for each in names], dtype=np.int64)
    found = (suspects >= _FEWEST_REPORTS) & (suspects >= _MOST_RATIO * totals)
    if not found.any():
        return None
    texts = tuple(window.names[each] for each in names[found])
    evidence = ReportsInSeconds(texts, int(suspects[found].sum()), int(totals[found].sum()))
    return Judgement(Rule.UNREPORTED, evidence)


def _compare_with_gaps(start_s: Seconds, latency_s: Seconds, end_s: Seconds, length_s: Seconds) -> _Mask:
    """Return which requests begin at the end of a gap that is a thousand times as long as they took."""
    is_long = length_s >= _SHORTEST_GAP_S
    order = np.argsort(end_s[is_long], kind="stable")
    end_s, length_s = end_s[is_long][order], length_s[is_long][order]
    if len(end_s) == 0:
        return np.zeros(len(start_s), dtype=np.bool_)
    near = np.minimum(np.searchsorted(end_s, start_s - _SAME_INSTANT_S), len(end_s) - 1)
    begins_after_gap = np.abs(end_s[near] - start_s) <= _SAME_INSTANT_S
    ratio = _FACTOR * latency_s / (length_s[near] + latency_s)
    is_near = (ratio >= _GAP_RATIOS[0]) & (ratio <= _GAP_RATIOS[1])
    return begins_after_gap & (is_near | (latency_s < _NO_ANSWER_S))


def _compare_with_requests(owner: Indices, start_s: Seconds, latency_s: Seconds, name: Indices) -> _Mask:
    """Return which requests repeat the one of their user just before, with another unit.

    Their ratio must be nearly the same for most requests of the name: two requests in turn may differ by a
    factor of about a thousand by chance, but not by the same one every time.
    """
    order = np.lexsort((start_s, owner))
    before, after = order[:-1], order[1:]
    is_next = (owner[before] == owner[after]) & (owner[after] >= 0)
    is_next &= np.abs(start_s[after] - (start_s[before] + latency_s[before])) <= _REPEATED_WITHIN_S
    ratio = np.full(len(start_s), np.nan)
    ratio[after[is_next]] = _FACTOR * latency_s[after[is_next]] / np.maximum(latency_s[before[is_next]], 1e-9)
    is_near = (ratio >= _GAP_RATIOS[0]) & (ratio <= _GAP_RATIOS[1])
    for each in np.unique(name[is_near]):
        rows = is_near & (name == each)
        is_steady = np.abs(ratio[rows] - np.median(ratio[rows])) <= _STEADY_WITHIN
        if is_steady.mean() < _STEADY_RATIO:
            is_near &= name != each
    is_soon = latency_s < _NO_ANSWER_S
    is_soon[after] &= is_next & (latency_s[before] >= _SHORTEST_GAP_S)
    is_soon[order[:1]] = False
    return is_near | is_soon
