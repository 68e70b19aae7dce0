"""Put into words that a window holds too few requests or answers for an SLO, and what would help."""

import math

from harness.model import IndicatorKind
from harness.model.rare_requests import NameFailed, TooFewRequests, find_nearest_name
from harness.report.view.failures import describe_failure
from harness.report.view.text import format_count, format_duration, format_number, format_users

_NAMES_AT_MOST = 8
_WINDOW_AT_MOST_MINUTES = 60
"""The longest window that a matrix may ask for."""

_WINDOW_MARGIN = 2
"""A window that just holds enough requests on average would often hold too few."""


def explain_lack_of_answers(evidence: TooFewRequests | NameFailed, slo_name: str) -> str:
    """Return why an SLO has no value: all requests of its name failed, or too few were answered."""
    if isinstance(evidence, TooFewRequests):
        return explain_lack_of_requests(evidence, slo_name)
    name, count = evidence.slo.request_name or "", format_count(evidence.requests)
    return f"all {count} requests of {name} failed ({describe_failure(evidence.failure)})"


def explain_lack_of_requests(evidence: TooFewRequests, slo_name: str) -> str:
    """Return how many requests the SLO needs, how many came, how many users make, and what would help."""
    slo, requests = evidence.slo, evidence.requests
    if evidence.names:
        return _explain_unknown_name(evidence)
    needs = (
        f"too few requests to judge {slo_name}: it needs {evidence.needed}"
        f"{' of that name' if slo.request_name else ''}"
    )
    if not requests or not evidence.window_s:
        failed = f", and all {evidence.failed} that came failed" if evidence.failed and not requests else ""
        return f"{needs}{failed}; allow a longer window (steps.window.at_most)"
    came = _describe_requests(evidence)
    users = evidence.users_at or evidence.users
    a_minute = 60 * requests / evidence.window_s * users / evidence.users
    minutes = math.ceil(_WINDOW_MARGIN * evidence.needed / a_minute)
    is_possible = minutes <= _WINDOW_AT_MOST_MINUTES
    takes = "" if is_possible else f", so it takes a window of {format_duration(60 * minutes)}"
    remedies = [f"set steps.window.at_most to {minutes}m"] if is_possible else []
    remedies += ["judge a lower percentile"] if slo.kind is IndicatorKind.PERCENTILE else []
    remedies += [] if is_possible else ["let the scenario make such requests more often"]
    made = format_number(a_minute, 0 if a_minute >= 10 else 1)
    make = f"{format_users(users)} {'makes' if users == 1 else 'make'} {made} a minute"
    return f"{needs}{came}, {make}{takes}; {', or '.join(remedies)}"


def _describe_requests(evidence: TooFewRequests) -> str:
    """Return how many requests had the SLO's name, and how many failed; empty if neither is told."""
    failed, of_all = evidence.failed, evidence.all_requests
    if evidence.slo.request_name is None:
        return f"; {failed} of {of_all} requests failed" if failed else ""
    which = f", {failed} of which failed" if failed else ""
    return f"; {evidence.requests + failed} of {of_all} requests had it{which}"


def _explain_unknown_name(evidence: TooFewRequests) -> str:
    request_name = evidence.slo.request_name or ""
    return (
        f"no request named {request_name} was among {evidence.all_requests}, "
        f"only {list_names(evidence.names)}{suggest_name(request_name, evidence.names)}; "
        "correct the name in slos.by_name, or let the scenario make such requests more often"
    )


def list_names(names: tuple[str, ...]) -> str:
    """Return the first request names: `GET /, POST /pay, …`."""
    return ", ".join(names[:_NAMES_AT_MOST]) + (", …" if len(names) > _NAMES_AT_MOST else "")


def suggest_name(request_name: str, names: tuple[str, ...]) -> str:
    """Return ` (did you mean POST /pay?)` for the request name that is nearest; empty without a near one."""
    near = find_nearest_name(request_name, names)
    return f" (did you mean {near}?)" if near else ""
