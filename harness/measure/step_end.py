"""What ends a step before its window does, and what is still in flight at its end."""

from dataclasses import replace

from harness.measure.protocols import GeneratorFacts, TargetEnd
from harness.model import EndReason, Requests


class StopStep(Exception):
    """Something ends the step before its window does."""

    def __init__(self, reason: EndReason, note: str) -> None:
        super().__init__(note)
        self.reason = reason
        self.note = note


def compute_oldest_wait_s(facts: GeneratorFacts) -> float:
    """Return for how long the oldest request in flight is known to have waited; 0 if none is in flight.

    A process of Locust that reports no more may have died with its requests: what they waited since is not
    the target's.
    """
    started_s = facts.requests.unfinished_start_s
    if not facts.samples or not len(started_s):
        return 0.0
    return facts.samples[-1].at_s - facts.silent_s - float(started_s.min())


def build_stop(end: TargetEnd) -> StopStep:
    """Return the end of a step whose target, or a companion of it, has ended."""
    if end.exit_code is None:
        return StopStep(EndReason.TARGET_REMOVED, end.log_tail)
    how = f"exit code {end.exit_code}{', out of memory' if end.oom else ''}\n{end.log_tail}".strip()
    if end.companion is not None:
        return StopStep(EndReason.DEPENDENCY_DIED, f"{end.companion}: {how}")
    return StopStep(EndReason.TARGET_DIED, how)


def shift_requests(requests: Requests, start_s: float) -> Requests:
    """Return the requests with instants that count from `start_s`."""
    return replace(
        requests,
        start_s=requests.start_s - start_s,
        unfinished_start_s=requests.unfinished_start_s - start_s,
    )
