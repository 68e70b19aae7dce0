"""The evidence for verdicts on time that users spend unseen."""

from dataclasses import dataclass

from harness.model.plan import Slo


@dataclass(frozen=True, slots=True)
class TimeUnreported:
    """The share of the users' time that passed neither in reported requests nor in pauses.

    `gaps` is how often a user spent longer than `longer_than_s` so. `slo` is the SLO that would be broken if
    each of these were a request; None if the share of the time alone is too large.
    """

    ratio: float
    allowed_ratio: float
    gaps: int
    longer_than_s: float
    slo: Slo | None = None
