"""Summarize the requests of a window by their name, and find those that failed before it."""

import numpy as np

from harness.analyse.step.window import Window, find_percentile_s
from harness.model import ANSWERED, NameStats, RequestFailure, StepFacts, count_failures


def summarize_names(facts: StepFacts, window: Window) -> tuple[NameStats, ...]:
    """Return the numbers of each request name of the window."""
    return tuple(_summarize_name(facts, window, index) for index in np.unique(window.name))


def _summarize_name(facts: StepFacts, window: Window, index: int) -> NameStats:
    has_name = window.name == index
    good = window.response_s[has_name & ~window.failed]
    unreported_s = facts.unreported.start_s[facts.unreported.name == index]
    return NameStats(
        name=window.names[index],
        requests=int(has_name.sum()),
        errors=int(window.failed[has_name].sum()),
        p50_s=find_percentile_s(good, 50),
        p95_s=find_percentile_s(good, 95),
        mean_s=float(good.mean()) if len(good) else None,
        unreported=int(((unreported_s >= window.from_s) & (unreported_s < window.to_s)).sum()),
    )


def find_failures_at_start(facts: StepFacts, window: Window) -> tuple[RequestFailure, ...]:
    """Return the failures of names of which all requests began before the window, and none was answered."""
    requests = facts.requests
    seen = np.unique(
        np.concatenate(
            [
                requests.name[(requests.error == ANSWERED) | (requests.start_s >= window.from_s)],
                requests.unfinished_name,
            ]
        )
    )
    return count_failures(requests, ~np.isin(requests.name, seen))
