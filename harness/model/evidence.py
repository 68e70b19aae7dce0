"""The evidence for verdicts, limiting factors and statuses: a union of values for each, for use with `match`.

The analysis returns values and no sentences: `harness/report/view/explanations.py` puts them into words.
"""

from dataclasses import dataclass

from harness.model.failures import RequestFailure, TargetNotAsked
from harness.model.memory import MemoryTrend
from harness.model.plan import Slo
from harness.model.rare_requests import NameFailed, TooFewRequests
from harness.model.resources import Limits
from harness.model.stalls import StallEvidence
from harness.model.task_evidence import TaskEvidence
from harness.model.user_time import TimeEvidence
from harness.model.verdicts import Factor, Rule, Verdict

# Evidence for a step's verdict


@dataclass(frozen=True, slots=True)
class SloEvaluation:
    """An SLO, judged on a window.

    `value` is None if the window holds too little data, or if a shortfall has no baseline to be compared
    with. `is_settled`: more data would not change `holds`.
    """

    slo: Slo
    value: float | None
    holds: bool
    is_settled: bool


@dataclass(frozen=True, slots=True)
class SlosHold:
    """Every SLO holds; `evaluations` are of the SLOs that have a value."""

    evaluations: tuple[SloEvaluation, ...]


@dataclass(frozen=True, slots=True)
class SloBroken:
    """The first SLO that is broken, in the order of the plan."""

    evaluation: SloEvaluation


@dataclass(frozen=True, slots=True)
class EndedStep:
    """A step that ended early; `note` is the evidence that was recorded, in any number of lines."""

    note: str


@dataclass(frozen=True, slots=True)
class EveryRequestFailed:
    """A window in which every request failed: its most frequent error, its count, and its name if known."""

    error: str
    count: int
    failure: RequestFailure | None = None


@dataclass(frozen=True, slots=True)
class NoRequests:
    """No request started within the window; `failure` is the most frequent one before it, if any failed."""

    failure: RequestFailure | None = None


@dataclass(frozen=True, slots=True)
class CountersSilent:
    """The longest time in the window without a reading of the host's or a Locust process's counters."""

    gap_s: float


@dataclass(frozen=True, slots=True)
class GeneratorBusy:
    """The share of a core that the busiest Locust process used.

    `process` is 0 for the master and from 1 for a worker; None with fewer than two workers.
    """

    process: int | None
    used_ratio: float
    allowed_ratio: float


@dataclass(frozen=True, slots=True)
class LoopLate:
    """The lag of Locust's event loop: how much later than planned its tasks ran.

    `allowed_s` is the lag that the SLOs allow; None if it is unknown.
    """

    lag_s: float
    allowed_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClockUncertain:
    """How wrong the clock of a worker may be, and how wrong it is allowed to be."""

    error_s: float
    allowed_s: float


@dataclass(frozen=True, slots=True)
class CpuStolen:
    """The share of the host's CPU time that the hypervisor gave to other machines."""

    ratio: float


@dataclass(frozen=True, slots=True)
class ForeignLoad:
    """How many of the host's cores other programs used; `allowed_ratio` is a share of all cores."""

    used_cores: float
    host_cores: int
    allowed_ratio: float


@dataclass(frozen=True, slots=True)
class ProxyBusy:
    """How many cores the proxy of the published port used, and how many it is allowed to use."""

    used_cores: float
    allowed_cores: float


@dataclass(frozen=True, slots=True)
class HostFull:
    """How many of the host's cores were busy, and the share of its CPU quota that the target used."""

    busy_cores: float
    host_cores: int
    target_used_ratio: float


@dataclass(frozen=True, slots=True)
class HostOutOfMemory:
    """The least memory that the host had left, and what the target (or `companion`) used of its own limit."""

    available_bytes: int
    target_used_ratio: float
    companion: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessKilled:
    """The kernel killed a process of the target, or of `companion`, for lack of memory after so much load."""

    after_s: float
    companion: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryGrows:
    """A memory that is full within the horizon if it goes on to grow as it did at last."""

    trend: MemoryTrend
    limit_bytes: int
    users: int
    horizon_s: float


@dataclass(frozen=True, slots=True)
class TimeUnexplained:
    """The share of the users' time that they neither thought nor waited, beyond what they do at light load.

    `allowed_ratio` includes how far the pauses of a scenario's tasks may differ by chance.
    """

    ratio: float
    allowed_ratio: float


StepEvidence = (
    SlosHold
    | SloBroken
    | TooFewRequests
    | EndedStep
    | EveryRequestFailed
    | NameFailed
    | NoRequests
    | TargetNotAsked
    | TaskEvidence
    | CountersSilent
    | GeneratorBusy
    | LoopLate
    | ClockUncertain
    | CpuStolen
    | ForeignLoad
    | ProxyBusy
    | HostFull
    | HostOutOfMemory
    | ProcessKilled
    | MemoryGrows
    | TimeUnexplained
    | TimeEvidence
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
        """The SLO that made the step fail; None if the step did not fail, or failed for another reason."""
        return self.evidence.evaluation.slo if isinstance(self.evidence, SloBroken) else None


# Evidence for a limiting factor


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The kernel killed the target for lack of memory, at this number of users."""

    limit_bytes: int
    users: int


@dataclass(frozen=True, slots=True)
class MemoryFull:
    """The share of its memory limit that the target's working set reached.

    On its own it is the evidence only for a target that died or stalled.
    """

    used_ratio: float
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Thrashing:
    """A full memory: a request costs `cost_ratio` times its CPU time at `light_users`.

    Work waited for memory `stalled_ratio` of the time; None if this was not counted.
    """

    memory: MemoryFull
    cost_ratio: float
    light_users: int
    stalled_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class RequestErrors:
    """The share of requests that failed, the most frequent error, and how often that occurred.

    `first_after_s` is the time from the begin of the ramp to the first failed request; None if it is unknown.
    `are_resets`: most requests failed on connections that the server had closed while they were idle.
    """

    ratio: float
    error: str
    count: int
    first_after_s: float | None
    are_resets: bool


@dataclass(frozen=True, slots=True)
class CpuQuotaUsed:
    """The shares of the CPU quota used, of throttled periods (None if few), and of time waited for a core."""

    used_ratio: float
    limit_cores: float
    throttled_ratio: float | None
    stalled_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class CompanionFull:
    """A companion that used up its own CPU quota."""

    name: str
    limit_cores: float
    used_ratio: float
    throttled_ratio: float


@dataclass(frozen=True, slots=True)
class CompanionMemoryFull:
    """A companion whose working set reached this share of its own memory limit under the load."""

    name: str
    limit_bytes: int
    used_ratio: float


@dataclass(frozen=True, slots=True)
class OwnConcurrency:
    """A step that failed although its target had CPU to spare.

    `cpu_used_ratio` is None if the CPU was not counted. The throughput levels off at `rps`. The target then
    serves `requests_at_once` (Little's law, with the response time at light load). Both are None without CPU
    counters, or without a lighter step that passed. `busy_cores` of its `limit_cores` are always busy, as by
    so many threads. `throttled_ratio` is the share of throttled periods; None if that was rare. With
    `is_throttling_unknown` it may be the CPU. Work waited for a disk `io_ratio` of the time; None if unknown.
    """

    judgement: Judgement
    cpu_used_ratio: float | None
    rps: float | None = None
    requests_at_once: float | None = None
    busy_cores: int | None = None
    limit_cores: float | None = None
    throttled_ratio: float | None = None
    is_throttling_unknown: bool = False
    io_ratio: float | None = None


FactorEvidence = (
    OutOfMemory
    | MemoryFull
    | Thrashing
    | RequestErrors
    | CpuQuotaUsed
    | CompanionFull
    | CompanionMemoryFull
    | OwnConcurrency
    | StallEvidence
    | Judgement
)


@dataclass(frozen=True, slots=True)
class LimitingFactor:
    """The factor that limits a cell, None if it can't be told, and the evidence for it."""

    factor: Factor | None
    evidence: FactorEvidence


# Evidence for a cell's status


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
    """The target could not be brought up; `failure` is the evidence, in any number of lines.

    `was_ready_before`: the target had come up in an earlier container of the cell.
    """

    failure: str
    was_ready_before: bool = False


@dataclass(frozen=True, slots=True)
class SustainedBySmaller:
    """The cell sustains this number of users, because a smaller size does."""

    users: int
    smaller: Limits


@dataclass(frozen=True, slots=True)
class BrokenByLarger:
    """The cell does not sustain this number of users, because a larger size does not."""

    users: int
    larger: Limits


StopReason = Judgement | NotReady
"""Why a search ended before its bracket was as narrow as the precision demands."""

DriftEvidence = Judgement | NotReady
"""The evidence of a drift check: the judgement of its step, or why the target did not come up."""
