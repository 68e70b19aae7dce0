"""Failed requests are counted by request name and error."""

import numpy as np

from harness.model import ANSWERED, RequestFailure, Requests, count_failures, find_commonest_failure

NAMES, ERRORS = ("GET /", "GET /icon", "POST /buy"), ("404", "500")
NAME = (0, 0, 1, 1, 1, 2)
ERROR = (ANSWERED, 1, 0, 0, 1, ANSWERED)
"""One of two GET / fails with 500; of three GET /icon two with 404 and one with 500."""


def make_requests(*numbers: int) -> Requests:
    """Return the requests with these numbers: their places in NAME and ERROR."""
    return Requests(
        names=NAMES,
        errors=ERRORS,
        start_s=np.arange(len(numbers), dtype=np.float64),
        latency_s=np.full(len(numbers), 0.1),
        name=np.array([NAME[number] for number in numbers], dtype=np.int32),
        error=np.array([ERROR[number] for number in numbers], dtype=np.int32),
    )


def test_each_error_of_each_name_is_counted_the_most_frequent_one_first() -> None:
    requests = make_requests(0, 1, 2, 3, 4, 5)
    assert count_failures(requests) == (
        RequestFailure("GET /icon", "404", 2, 3),
        RequestFailure("GET /", "500", 1, 2),
        RequestFailure("GET /icon", "500", 1, 3),
    )
    assert find_commonest_failure(requests) == RequestFailure("GET /icon", "404", 2, 3)


def test_only_the_selected_requests_count() -> None:
    """Of the first three requests one GET / of two and the only GET /icon failed."""
    selected = np.array([True, True, True, False, False, False])
    assert count_failures(make_requests(0, 1, 2, 3, 4, 5), selected) == (
        RequestFailure("GET /", "500", 1, 2),
        RequestFailure("GET /icon", "404", 1, 1),
    )


def test_without_failures_there_is_nothing_to_count() -> None:
    assert find_commonest_failure(make_requests(0, 5)) is None
    assert count_failures(Requests()) == ()
