"""Trials of a size after its campaign, a burst or a soak. Only a soak may change the campaign's answer."""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.curves import Interval, Series
from harness.model.evidence import DriftEvidence, Judgement
from harness.model.plan import Cell
from harness.model.resources import Limits
from harness.model.results import StepResult


@dataclass(frozen=True, slots=True)
class BurstAsk:
    """What a burst is asked to do: `factor` times the users, for `for_s` seconds."""

    factor: float
    for_s: float


@dataclass(frozen=True, slots=True)
class SoakAsk:
    """What a soak is asked to do: to hold the same users for `for_s` seconds."""

    for_s: float


TrialAsk = BurstAsk | SoakAsk


class BurstOutcome(StrEnum):
    """What a burst has shown; the values are those of summary.json."""

    RECOVERED = "recovered"
    """After the burst everything was as before it again."""
    NOT_RECOVERED = "not-recovered"
    """It was not, for as long as it was watched."""
    BROKE = "broke"
    """The target or a companion ended, or the kernel killed a process of one for lack of memory."""
    UNTOLD = "untold"
    """It tells nothing: there was no sound reference before it, or host or generator were in the way."""


@dataclass(frozen=True, slots=True)
class BurstPart:
    """The requests that ended before, during or after a burst; None without requests.

    `errors` of the `requests` failed. `rps` and `p95_s` are of good answers. `worst_s` is the longest that a
    user waited, for a failed request or for one that had no answer yet too.
    """

    length_s: float
    requests: int
    errors: int
    rps: float
    p95_s: float | None
    worst_s: float | None


@dataclass(frozen=True, slots=True)
class Burst:
    """A size under a burst: `users`, then `burst_users` for `held_s` seconds, then `users` again.

    `steady_after_s` counts from the instant at which the additional users began to leave, until everything
    was as before; None unless that was seen. `watched_s` is for how long it was watched for. `evidence` is
    why the burst tells nothing, or what broke; None if nothing broke, and if too
    little came before the burst to tell what is usual. `doubt` is why
    the burst was perhaps less than was asked, such as a generator that was too busy.
    `later_doubt` is what else than the target may have delayed the recovery.
    """

    cell: Cell
    users: int
    burst_users: int
    started_at: str
    outcome: BurstOutcome
    evidence: DriftEvidence | None = None
    held_s: float = 0.0
    before: BurstPart | None = None
    during: BurstPart | None = None
    after: BurstPart | None = None
    steady_after_s: float | None = None
    watched_s: float = 0.0
    doubt: Judgement | None = None
    later_doubt: Judgement | None = None
    series: Series | None = None

    @property
    def is_told(self) -> bool:
        """True if the burst tells something about the size."""
        return self.outcome is not BurstOutcome.UNTOLD


class MemoryGrowth(StrEnum):
    """How memory developed in a soak; the values are those of summary.json."""

    LEVEL = "level"
    """No growth was seen, and the most that is likely leaves room for ten times as long as it was held."""
    GROWS = "grows"
    """It surely grows, and not more slowly in the end."""
    SLOWS = "slows"
    """It surely grows, and ever more slowly: what fills up looks so."""
    UNTOLD = "untold"
    """The soak was too short, or the memory too restless, to tell."""


@dataclass(frozen=True, slots=True)
class SoakMemory:
    """The memory of a soak by its floors: what is left after collections, or the lowest of each part.

    Growth is in bytes a second with its 95 % interval. `lasts_s` is how long after the soak the limit is
    reached at that growth; None unless memory surely grows. `lasts_at_least_s` is the same at the upper end
    of the interval; None if that is no growth. `is_full`: the limit was reached already.
    """

    growth: MemoryGrowth
    observed_s: float
    start_bytes: int
    end_bytes: int
    peak_bytes: int
    growth_bytes_per_s: float
    growth_interval: Interval
    lasts_s: float | None
    lasts_at_least_s: float | None
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class ResponseDrift:
    """How the p95 of the response time changed over a soak, by the line of least squares through its windows.

    `ratio` is the change from the begin to the end as a share of the mean, `interval` its 95 % interval.
    """

    windows: int
    window_s: float
    p95_s: float
    ratio: float
    interval: Interval

    @property
    def is_told(self) -> bool:
        """True if the interval excludes no drift at all."""
        return not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class LongSoak:
    """A size that was held with the same users for long, by the command `soak`.

    `step` is None if the target did not come up. `evidence` is its judgement, or why it did not come up.
    `restarts` counts processes of the target that ended or were killed, and restarts of its container.
    """

    cell: Cell
    users: int
    started_at: str
    step: StepResult | None
    evidence: DriftEvidence
    memory: SoakMemory | None = None
    drift: ResponseDrift | None = None
    restarts: int = 0
    series: Series | None = None


Trial = Burst | LongSoak


@dataclass(frozen=True, slots=True)
class Trials:
    """All trials of a campaign's sizes, each kind in the order in which they were held."""

    bursts: tuple[Burst, ...] = ()
    soaks: tuple[LongSoak, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialRequirement:
    """A requirement on a trial of the size to take, or of some size within `max_limits` if that is not None.

    With `recovers_within_s` the last burst is meant; without, that memory is level in the last soak.
    """

    text: str
    recovers_within_s: float | None = None
    max_limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class TrialCheck:
    """The check of such a requirement: `is_met` is None if no trial tells. `decided_by` is one that does."""

    requirement: TrialRequirement
    is_met: bool | None
    decided_by: Trial | None
