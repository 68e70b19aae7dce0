"""Verdicts and causes with the figures behind them: a tagged union for each, to be taken apart with `match`.

Judgement returns these values and no sentences; `harness/report/view/explanations.py` puts them into words.
"""

from dataclasses import dataclass

from harness.model.plan import Slo
from harness.model.resources import Limits
from harness.model.verdicts import Factor, Rule, Verdict

# What a step's verdict rests on


@dataclass(frozen=True, slots=True)
class SloEvaluation:
    """An SLO's value on a window (None: not enough data), whether the SLO holds, and whether more data could
    not change that.
    """

    slo: Slo
    value: float | None
    holds: bool
    is_settled: bool


@dataclass(frozen=True, slots=True)
class SlosHold:
    """Every SLO holds; `evaluations` are those with a value."""

    evaluations: tuple[SloEvaluation, ...]


@dataclass(frozen=True, slots=True)
class SloBroken:
    """The first SLO that does not hold."""

    evaluation: SloEvaluation


@dataclass(frozen=True, slots=True)
class TooFewRequests:
    """The SLO whose value the window holds too few requests for."""

    slo: Slo


@dataclass(frozen=True, slots=True)
class EndedStep:
    """A step that ended before its time; `note` is what was recorded of its end, of any number of lines."""

    note: str


@dataclass(frozen=True, slots=True)
class EveryRequestFailed:
    """A window without a single good answer: its most frequent error, and how often it was met."""

    error: str
    count: int


@dataclass(frozen=True, slots=True)
class NoRequests:
    """No request started within the window."""


@dataclass(frozen=True, slots=True)
class UsersLost:
    """The fewest users that were alive within the window, of those that should have been."""

    alive: int
    expected: int


@dataclass(frozen=True, slots=True)
class CountersSilent:
    """For how long no counter of the host or the generator was read."""

    gap_s: float


@dataclass(frozen=True, slots=True)
class GeneratorBusy:
    """How much of a core the busiest Locust process used.

    `process` is 0 for the master and a worker's number from 1; None for a Locust that is a single process.
    """

    process: int | None
    used_ratio: float
    allowed_ratio: float


@dataclass(frozen=True, slots=True)
class LoopLate:
    """How late Locust's event loop came."""

    lag_s: float


@dataclass(frozen=True, slots=True)
class ClockUncertain:
    """How wrong a worker's clock may be."""

    error_s: float
    allowed_s: float


@dataclass(frozen=True, slots=True)
class CpuStolen:
    """The share of the host's CPU time that the hypervisor gave to others."""

    ratio: float


@dataclass(frozen=True, slots=True)
class ForeignLoad:
    """What other programs used of the host's cores; `allowed_ratio` is a share of all cores."""

    used_cores: float
    host_cores: int
    allowed_ratio: float


@dataclass(frozen=True, slots=True)
class ProxyBusy:
    """What the proxy of the published port used."""

    used_cores: float
    allowed_cores: float


@dataclass(frozen=True, slots=True)
class TimeUnexplained:
    """The share of the users' time that was neither thinking nor waiting, beyond the usual; negative where
    they thought and waited for longer than they were there.
    """

    ratio: float
    allowed_ratio: float


StepEvidence = (
    SlosHold
    | SloBroken
    | TooFewRequests
    | EndedStep
    | EveryRequestFailed
    | NoRequests
    | UsersLost
    | CountersSilent
    | GeneratorBusy
    | LoopLate
    | ClockUncertain
    | CpuStolen
    | ForeignLoad
    | ProxyBusy
    | TimeUnexplained
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict: the rule that gave it, and the figures behind it."""

    rule: Rule
    evidence: StepEvidence

    @property
    def verdict(self) -> Verdict:
        """The verdict that the rule gives."""
        return self.rule.verdict

    @property
    def broken_slo(self) -> Slo | None:
        """The SLO that made the step fail; None where something else did, and where it did not fail."""
        return self.evidence.evaluation.slo if isinstance(self.evidence, SloBroken) else None


# What a limiting factor rests on


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The kernel killed the target at so many users."""

    limit_bytes: int
    users: int


@dataclass(frozen=True, slots=True)
class MemoryFull:
    """How much of its limit the working set reached in a target that died or stalled."""

    used_ratio: float
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Thrashing:
    """A full memory: a request costs `cost_ratio` times the CPU time that it does at `light_users`."""

    memory: MemoryFull
    cost_ratio: float
    light_users: int


@dataclass(frozen=True, slots=True)
class RequestErrors:
    """The share of failed requests, the most frequent error, and when the first one came after the ramp began
    (None: unknown).

    `are_resets`: most of them were connections that the server had closed while they were idle.
    """

    ratio: float
    error: str
    count: int
    first_after_s: float | None
    are_resets: bool


@dataclass(frozen=True, slots=True)
class CpuQuotaUsed:
    """The share of the quota that was used, and the share of periods in which the target was throttled (None:
    it was hardly throttled).
    """

    used_ratio: float
    limit_cores: float
    throttled_ratio: float | None


@dataclass(frozen=True, slots=True)
class CompanionFull:
    """A companion that used up its own quota."""

    name: str
    limit_cores: float
    used_ratio: float
    throttled_ratio: float


@dataclass(frozen=True, slots=True)
class OwnConcurrency:
    """A step that failed with CPU to spare (`cpu_used_ratio` is None where the CPU was not counted).

    The throughput levels off at `rps`, at which the target serves `requests_at_once` (Little's law, with the
    response time at light load); None where a lighter step is missing.
    """

    judgement: Judgement
    cpu_used_ratio: float | None
    rps: float | None = None
    requests_at_once: float | None = None


FactorEvidence = (
    OutOfMemory
    | MemoryFull
    | Thrashing
    | RequestErrors
    | CpuQuotaUsed
    | CompanionFull
    | OwnConcurrency
    | Judgement
)


@dataclass(frozen=True, slots=True)
class LimitingFactor:
    """What stopped a cell, and what shows it."""

    factor: Factor
    evidence: FactorEvidence


# What a cell's status rests on


@dataclass(frozen=True, slots=True)
class NeverBroke:
    """The cell sustained every number of users that was measured."""


@dataclass(frozen=True, slots=True)
class NothingMeasured:
    """The search ended without a step."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Why the plan leaves the cell out, as plan.json stores it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """The target could not be brought up; `failure` is what was recorded of it, of any number of lines.

    `is_again`: it had been up before.
    """

    failure: str
    was_ready_before: bool = False


@dataclass(frozen=True, slots=True)
class SustainedBySmaller:
    """A smaller size sustains so many users."""

    users: int
    smaller: Limits


@dataclass(frozen=True, slots=True)
class BrokenByLarger:
    """A larger size does not sustain so many users."""

    users: int
    larger: Limits


CellEvidence = (
    FactorEvidence | NeverBroke | NothingMeasured | Skipped | NotReady | SustainedBySmaller | BrokenByLarger
)

StopReason = Judgement | NotReady
"""Why a search ended before its bracket was as narrow as the precision demands."""

DriftEvidence = Judgement | NotReady
"""What became of a step that is held for comparison."""
