"""Put failed requests into words: which request, with what, and how many of how many."""

import re

from harness.model import RequestFailure
from harness.report.view.text import clean_text, format_count

_ERROR_AT_MOST = 120
_STATUS_LINE = re.compile(r"\b([1-5][0-9]{2}) (?:Client|Server) Error: (.+?) for url:")
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
    lines = error.strip().splitlines()
    return clean_text(lines[0])[:_ERROR_AT_MOST] if lines else "no evidence"


def describe_failure(failure: RequestFailure) -> str:
    """Return a failure for a sentence: `GET /items: 404 Not Found, 10 of 10`."""
    of_all = f"{format_count(failure.count)} of {format_count(failure.requests)}"
    return f"{clean_text(failure.name)}: {name_error(failure.error)}, {of_all}"
