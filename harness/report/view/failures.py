"""Put failed requests into words: which request, with what, and how many of how many."""

import re

from harness.model import RequestFailure
from harness.model.cell_evidence import ErrorsAtAnyLoad
from harness.model.failures import TargetNotAsked
from harness.report.view.text import clean_text, format_count, format_ratio

_ERROR_AT_MOST = 120
_STATUS_LINE = re.compile(r"\b([1-5][0-9]{2}) (?:Client|Server) Error: (.+?) for url:")
_OWN_WORDS = "CatchResponseError: "
"""How Locust marks what a scenario itself says of an answer (`response.failure`)."""

_STATUS_CODE = re.compile(r"BadStatusCode\b.*?\bcode=([1-5][0-9]{2})\b")
_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def name_error(error: str) -> str:
    """Return what a recorded error says in short: `404 Not Found`, or the begin of its first line."""
    if match := _STATUS_LINE.search(error):
        return clean_text(f"{match[1]} {match[2]}")[:_ERROR_AT_MOST]
    if match := _STATUS_CODE.search(error):
        return f"{match[1]} {_PHRASES.get(int(match[1]), '')}".rstrip()
    lines = error.removeprefix(_OWN_WORDS).strip().splitlines()
    return clean_text(lines[0])[:_ERROR_AT_MOST] if lines else "no evidence"


def describe_failure(failure: RequestFailure) -> str:
    """Return a failure for a sentence: `GET /items: 404 Not Found, 10 of 10`."""
    of_all = f"{format_count(failure.count)} of {format_count(failure.requests)}"
    return f"{clean_text(failure.name)}: {name_error(failure.error)}, {of_all}"


def explain_constant_errors(evidence: ErrorsAtAnyLoad) -> str:
    """Return which requests fail at any load, and what to do if they are meant to.

    An example: `25 % of GET /x fail at any load (404 Not Found): 24 % of all requests with 5 users, 25 % with
    10; fix them, or judge only what load adds (slos.added_errors)`.
    """
    failure, (least, *more) = evidence.failure, evidence.shares
    share, name = format_ratio(failure.count / failure.requests), clean_text(failure.name)
    of_what = "all requests" if evidence.slo.request_name is None else clean_text(evidence.slo.request_name)
    with_users = "a single user" if least[0] == 1 else f"{format_count(least[0])} users"
    compared = "".join(f", {format_ratio(ratio)} with {format_count(users)}" for users, ratio in more)
    return (
        f"{share} of {name} fail at any load ({name_error(failure.error)}): "
        f"{format_ratio(least[1])} of {of_what} with {with_users}{compared}; "
        "fix them, or judge only what load adds (slos.added_errors)"
    )


def explain_target_not_asked(evidence: TargetNotAsked) -> str:
    """Return that requests went elsewhere than to the target, how they failed, and a remedy."""
    how = f" ({describe_failure(evidence.failure)})" if evidence.failure else ""
    return (
        f"the target was not asked: it sent {format_count(evidence.sent_bytes)} bytes while "
        f"{format_count(evidence.requests)} requests ended{how}; the scenario asks another "
        "address, or a cache of its own, so let its client ask self.host, which is the target's"
    )
