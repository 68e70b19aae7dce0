"""Put into words what scenarios do and do not report: requests that Locust never sees, and users' time."""

from collections import Counter
from collections.abc import Sequence

from harness.model import StepResult, Verdict
from harness.model.user_time import ReportsInSeconds, TimeEvidence, TimeUnreported
from harness.report.view.text import (
    clean_text,
    format_count,
    format_limit,
    format_ratio,
    format_seconds,
    format_times,
    format_users,
)

_REMEDY = (
    "report each request of the scenario's own client, also one that fails or times out, with its time in "
    "milliseconds (environment.events.request.fire); a pause is seen if it is one time.sleep or gevent.sleep "
    "instead of a loop of short ones, or of a wait for a lock or an event of the scenario's own"
)


def explain_time_evidence(evidence: TimeEvidence) -> str:
    """Return why the scenario's reports tell nothing of the target, and what to do."""
    if isinstance(evidence, ReportsInSeconds):
        return (
            f"the response times of {' and '.join(evidence.names)} seem to be in seconds: "
            f"{format_count(evidence.count)} of {format_count(evidence.requests)} requests came after a "
            "gap, or a request, that was a thousand times as long; report them in milliseconds"
        )
    return explain_unreported_time(evidence)


def explain_unreported_time(evidence: TimeUnreported) -> str:
    """Return how much of the users' time passed unseen, why that matters, and what to do."""
    times = format_times(evidence.gaps)
    longer = format_seconds(evidence.longer_than_s)
    if evidence.slo is not None:
        return (
            f"{times} users spent more than {longer} neither in reported requests nor in pauses, "
            f"too often to tell {evidence.slo.indicator}; {_REMEDY}"
        )
    silent = (
        f", and {format_users(evidence.silent)} in the whole window: they wait for an answer, or for "
        "something in the scenario, such as an empty queue"
        if evidence.silent
        else ""
    )
    return (
        f"{format_ratio(evidence.ratio, 1)} of the users' time passed neither in reported requests nor in "
        f"pauses ({format_limit(evidence.allowed_ratio)} allowed; {times} for more than {longer}{silent}); "
        f"{_REMEDY}"
    )


def write_unreported_warnings(steps: Sequence[StepResult]) -> tuple[str, ...]:
    """Return a sentence for each name of requests that the scenario never reported to Locust."""
    valid = [step for step in steps if step.verdict is not Verdict.INVALID]
    requests: Counter[str] = Counter()
    unreported: Counter[str] = Counter()
    for stats in (stats for step in valid for stats in step.by_name):
        requests[stats.name] += stats.requests
        unreported[stats.name] += stats.unreported
    return tuple(
        f"{format_count(count)} of {format_count(requests[name])} requests to {clean_text(name)} were never "
        "reported to Locust. They count with the time that they took. Write "
        "`with self.client.get(..., catch_response=True) as response:`, and let no exception leave the block."
        for name, count in unreported.items()
        if count
    )
