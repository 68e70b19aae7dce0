"""Put into words that a window holds too few requests for an SLO, and what would help."""

import math

from harness.model import IndicatorKind
from harness.model.rare_requests import TooFewRequests
from harness.report.view.text import format_number

_NAMES_AT_MOST = 8
_WINDOW_AT_MOST_MINUTES = 60
"""The longest window that a matrix may ask for."""

_WINDOW_MARGIN = 2
"""A window that just holds enough requests on average would often hold too few."""


def explain_lack_of_requests(evidence: TooFewRequests, slo_name: str) -> str:
    """Return how many requests the SLO needs, how many users make, and what would help."""
    slo, requests = evidence.slo, evidence.requests
    if evidence.names:
        names = ", ".join(evidence.names[:_NAMES_AT_MOST])
        more = ", …" if len(evidence.names) > _NAMES_AT_MOST else ""
        return (
            f"no request named {slo.request_name} was among {evidence.all_requests}, only {names}{more}; "
            "correct the name in slos.by_name, or let the scenario make such requests more often"
        )
    needs = (
        f"too few requests to judge {slo_name}: it needs {evidence.needed}"
        f"{' of that name' if slo.request_name else ''}"
    )
    if not requests or not evidence.window_s:
        return f"{needs}; allow a longer window (steps.window.at_most)"
    users = evidence.users_at or evidence.users
    a_minute = 60 * requests / evidence.window_s * users / evidence.users
    minutes = math.ceil(_WINDOW_MARGIN * evidence.needed / a_minute)
    is_possible = minutes <= _WINDOW_AT_MOST_MINUTES
    remedies = [f"set steps.window.at_most to {minutes}m"] if is_possible else []
    remedies += ["judge a lower percentile"] if slo.kind is IndicatorKind.PERCENTILE else []
    made = format_number(a_minute, 0 if a_minute >= 10 else 1)
    return f"{needs}, {users} users make {made} a minute; {', or '.join(remedies)}"
