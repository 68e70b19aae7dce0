"""The evidence for verdicts on time that users spend unseen."""

from dataclasses import dataclass

from harness.model.plan import Slo


@dataclass(frozen=True, slots=True)
class TimeUnreported:
    """The share of the users' time that passed neither in reported requests nor in pauses.

    `gaps` is how often a user spent longer than `longer_than_s` so. `slo` is the SLO that would be broken if
    each of these were a request; None if the share of the time alone is too large. `silent` is how many users
    did nothing else in the whole window.
    """

    ratio: float
    allowed_ratio: float
    gaps: int
    longer_than_s: float
    slo: Slo | None = None
    silent: int = 0


@dataclass(frozen=True, slots=True)
class ReportsInSeconds:
    """Reports whose response times seem to be in seconds, which Locust takes for milliseconds.

    Most requests of the `names` came after a gap, or after a request of their user, that was a thousand times
    as long. `count` are these.
    """

    names: tuple[str, ...]
    count: int
    requests: int


TimeEvidence = TimeUnreported | ReportsInSeconds
"""The evidence for verdicts on how the scenario reports the users' time."""
