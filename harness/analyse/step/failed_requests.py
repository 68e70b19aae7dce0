"""Judge a window that has no answer for an SLO because all requests that it is about failed."""

from collections.abc import Iterable

from harness.analyse.step.window import Window
from harness.model import Judgement, RequestFailure, Rule, Slo, StepFacts, count_failures, is_same_request
from harness.model.evidence import EveryRequestFailed
from harness.model.rare_requests import NameFailed

_FEWEST_FAILED = 10
"""After fewer failed requests one that is answered may still come."""


def count_window_failures(facts: StepFacts, window: Window | None) -> tuple[RequestFailure, ...]:
    """Return the failures of a window, or of the whole step without one: the most frequent one first."""
    start_s = facts.requests.start_s
    inside = None if window is None else (start_s >= window.from_s) & (start_s < window.to_s)
    return count_failures(facts.requests, inside)


def check_failed_requests(facts: StepFacts, window: Window, slos: Iterable[Slo]) -> Judgement | None:
    """Judge a window by the failures that leave no answer for one of these SLOs: it fails.

    That is so if at least ten requests failed, and they are all requests of the window, or all of the SLO's
    name. A longer window would not help. None otherwise.
    """
    failures = count_window_failures(facts, window)
    if _are_all_failed(window):
        error, count = max(window.errors.items(), key=lambda item: item[1])
        return Judgement(Rule.ALL_FAILED, EveryRequestFailed(error, count, next(iter(failures), None)))
    for slo in slos:
        own = window.select_request_name(slo.request_name) if slo.request_name else window
        if slo.request_name and _are_all_failed(own):
            failure = next(each for each in failures if is_same_request(slo.request_name, each.name))
            return Judgement(Rule.ALL_FAILED, NameFailed(slo, len(own.failed), failure))
    return None


def _are_all_failed(window: Window) -> bool:
    return len(window.failed) >= _FEWEST_FAILED and bool(window.failed.all())
