"""Which requests failed, and with what: the failures of a window or of a whole step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.model.facts import ANSWERED, Requests


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """One error of one request name: `count` of the name's `requests` failed with it.

    `error` is Locust's text, such as "HTTPError: 404 Client Error: Not Found for url: /items".
    """

    name: str
    error: str
    count: int
    requests: int


def count_failures(
    requests: Requests, selected: NDArray[np.bool_] | None = None
) -> tuple[RequestFailure, ...]:
    """Return the failures of all ended requests, or of the `selected` ones: the most frequent one first.

    `selected` has a value for each ended request. Empty if no request failed.
    """
    chosen = np.ones(len(requests.error), dtype=np.bool_) if selected is None else selected
    names, errors = requests.name[chosen], requests.error[chosen]
    totals = np.bincount(names, minlength=len(requests.names))
    failed = errors != ANSWERED
    pairs, counts = np.unique(np.stack([names[failed], errors[failed]]), axis=1, return_counts=True)
    failures = [
        RequestFailure(requests.names[name], requests.errors[error], int(count), int(totals[name]))
        for name, error, count in zip(pairs[0], pairs[1], counts, strict=True)
    ]
    return tuple(sorted(failures, key=lambda each: (-each.count, each.name, each.error)))


def find_commonest_failure(requests: Requests) -> RequestFailure | None:
    """Return the most frequent failure of all ended requests; None if none failed."""
    return next(iter(count_failures(requests)), None)


@dataclass(frozen=True, slots=True)
class TargetNotAsked:
    """Requests that ended while the target sent next to nothing: `sent_bytes`, and received as little.

    `failure` is the most frequent one of the `requests`; None if they were answered, by something else.
    """

    requests: int
    sent_bytes: int
    failure: RequestFailure | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """The failed requests of a window (`ratio`, `counts`, `by_name`) and of its whole step (the others).

    `ratio` is their share of the window's requests; None if it holds no requests. `counts` maps each error to
    its number of requests, `by_name` has each error of each request name, the most frequent one first; of the
    whole step if that ended before its window began.
    `first_after_s` counts from the begin of the ramp. `median_latency_s` is how long the failed requests
    took. The last two are None if no request failed. `at_start` are those of names of which all requests
    began before the window and failed, as of users who can't log in.
    """

    ratio: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    first_after_s: float | None = None
    median_latency_s: float | None = None
    by_name: tuple[RequestFailure, ...] = ()
    at_start: tuple[RequestFailure, ...] = ()
