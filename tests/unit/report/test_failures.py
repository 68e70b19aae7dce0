"""Failed requests in words, for the errors of Locust's two clients and for any other text."""

import pytest

from harness.model import RequestFailure
from harness.report.view.failures import describe_failure, name_error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("HTTPError: 404 Client Error: Not Found for url: /items", "404 Not Found"),
        (
            "HTTPError: 503 Server Error: Service Unavailable for url: http://x/?a=b",
            "503 Service Unavailable",
        ),
        ("LocustBadStatusCode: URL http://127.0.0.1:1/a: code=404", "404 Not Found"),
        ("LocustBadStatusCode: URL http://127.0.0.1:1/a: code=599", "599"),
        ("CatchResponseError: no\x1b[31mtoken\nsecond line", "notoken"),
        ("x" * 200, "x" * 120),
        ("", "no evidence"),
    ],
)
def test_an_error_is_named_by_its_status_or_by_its_first_line(error: str, name: str) -> None:
    assert name_error(error) == name


def test_a_failure_names_the_request_the_error_and_how_many_of_its_requests_failed() -> None:
    failure = RequestFailure("GET /items", "HTTPError: 404 Client Error: Not Found for url: /items", 10, 12)
    assert describe_failure(failure) == "GET /items: 404 Not Found, 10 of 12"
