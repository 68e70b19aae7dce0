"""Results that follow from facts: judged steps, and the answer of each cell.

All of them can be derived again from stored facts.
"""

from dataclasses import dataclass, field

from harness.model.cell_evidence import CellEvidence
from harness.model.curves import Curve, Remedy, Series, StepCurves
from harness.model.evidence import DriftEvidence, Judgement, StopReason
from harness.model.failures import Failures
from harness.model.host import HostUse, ReferenceCapacity
from harness.model.light_load import ShortfallGap
from harness.model.memory import MemoryTrend, ShownMemory
from harness.model.plan import Cell, Slo
from harness.model.request_slices import RequestSlices
from harness.model.resources import Limits
from harness.model.stalls import Stalls
from harness.model.task_evidence import TaskUse
from harness.model.verdicts import Factor, Rule, Status, Verdict

# A judged step


@dataclass(frozen=True, slots=True)
class Latency:
    """Response times of a window's good answers; None if there are no good answers.

    `slow_ratio` is the share of response times above the limit of the first SLO on a percentile of all
    requests; None without such an SLO. `slow_variance_ratio` says how many times the variance of that share
    is that of independent requests, by the window's `slow_batches` batches; None if they can't tell it.
    `nearly_slow_ratio` and `very_slow_ratio` are the shares above 2/3 and above 3/2 of the limit.
    """

    mean_s: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    slow_ratio: float | None = None
    slow_variance_ratio: float | None = None
    slow_batches: int = 0
    nearly_slow_ratio: float | None = None
    very_slow_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class PercentileShare:
    """The good answers of a window on which an SLO sets a percentile: all of them, or those to one name.

    `requests` is how many there are. `latency` is that of these answers, and its shares are above the limit
    of this SLO.
    """

    slo: Slo
    requests: int
    latency: Latency


@dataclass(frozen=True, slots=True)
class TargetUse:
    """What the target used in a window; None without counters.

    `cpu_per_request_s` is CPU seconds per request (utilisation law), `throttled_ratio` the share of throttled
    periods. `memory_peak_bytes` is the largest working set of the whole step, because the engine's
    own peak also counts pages that the target could drop. `own_memory_peak_bytes` is the largest one without
    any pages of files. `bytes_per_request` are those that its network received and sent.
    """

    cpu_cores: float | None = None
    cpu_per_request_s: float | None = None
    throttled_ratio: float | None = None
    memory_peak_bytes: int | None = None
    is_out_of_memory: bool = False
    stalls: Stalls = field(default_factory=Stalls)
    own_memory_peak_bytes: int | None = None
    bytes_per_request: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class CompanionUse:
    """What a companion used in a window, and its limits; None without counters.

    `is_out_of_memory`: the kernel killed a process of it for lack of memory within the step. `filling` is how
    its memory grew, if it surely grew and would be full within the horizon.
    """

    name: str
    limits: Limits
    cpu_used_cores: float | None
    throttled_ratio: float | None
    memory_peak_bytes: int | None
    stalls: Stalls = field(default_factory=Stalls)
    is_out_of_memory: bool = False
    own_memory_peak_bytes: int | None = None
    filling: MemoryTrend | None = None


@dataclass(frozen=True, slots=True)
class GeneratorUse:
    """What the generator used in a window; None without counters.

    `cpu_ratio` is a share of one core and `busiest_cpu_ratio` its 90th percentile over the window. Of several
    Locust processes both are of the busiest one, whose number is `process`: 0 for the master, from 1 for a
    worker, None for a single process. `loop_lag_s` is the lag of the event loop (90th percentile; of several
    processes the longest), `fewest_users` the lowest number of users. `cores` is what all processes used
    together. `clock_error_s` is how wrong the worst of their clocks may be. `seen_ratio` is the share of
    waiting requests that were seen in flight; None if too few waited to tell. `is_here`: all processes run on
    this machine.
    """

    cpu_ratio: float | None = None
    busiest_cpu_ratio: float | None = None
    loop_lag_s: float | None = None
    fewest_users: int | None = None
    cores: float | None = None
    workers: int = 1
    process: int | None = None
    clock_error_s: float = 0.0
    seen_ratio: float | None = None
    is_here: bool = True


@dataclass(frozen=True, slots=True)
class Settling:
    """The part of a step between its ramp and its window; `length_s` is None if the window never began.

    `was_warm`: at its end the target no longer got faster.
    """

    length_s: float | None = None
    was_warm: bool = True


@dataclass(frozen=True, slots=True)
class NameStats:
    """One request name within a window; `unreported` of its requests the scenario never reported."""

    name: str
    requests: int
    errors: int
    p50_s: float | None
    p95_s: float | None
    mean_s: float | None
    unreported: int = 0


@dataclass(frozen=True, slots=True)
class StepResult:
    """A judged step. Numbers are of its window; None where the window holds no data for them.

    `life` is the number of the container run. `users_reached` is the highest number of users that were alive,
    which is lower than `users` if the step ended during its ramp. `load_s` is the length of the whole step.
    `rps` counts good answers. `shortfall_ratio` is None without a light baseline, and if users do not think;
    `shortfall_gap` then says why, if an SLO limits it.
    `wait_ratio` is the share of the users' time that they waited for answers, `unexplained_ratio` the share
    that was neither thinking nor waiting (Little's law). `cycle_s` is the time from one request of a user to
    its next, and None if nothing shows it. `series` and `curves` are for the page; the checks at the end have
    none. `slices` tell what requests cost; None without counters. `further_shares` has one entry for each
    SLO on a percentile but the first one of all requests, of which `latency` tells. `before_short_s` is for
    how long the SLOs held before memory became short, if the window is only what followed; 0 otherwise.
    """

    index: int
    life: int
    users: int
    judgement: Judgement
    window_s: float
    load_s: float
    requests: int
    rps: float | None = None
    latency: Latency = Latency()
    failures: Failures = field(default_factory=Failures)
    target: TargetUse = TargetUse()
    generator: GeneratorUse = GeneratorUse()
    host: HostUse = field(default_factory=HostUse)
    companions: tuple[CompanionUse, ...] = ()
    shortfall_ratio: float | None = None
    unexplained_ratio: float | None = None
    wait_ratio: float | None = None
    think_s: float | None = None
    think_spread_ratio: float | None = None
    users_reached: int = 0
    settling: Settling = Settling()
    by_name: tuple[NameStats, ...] = ()
    further_shares: tuple[PercentileShare, ...] = ()
    series: Series | None = None
    cycle_s: float | None = None
    memory: MemoryTrend | None = None
    tasks: TaskUse = field(default_factory=TaskUse)
    shortfall_gap: ShortfallGap | None = None
    curves: StepCurves | None = None
    slices: RequestSlices | None = field(default=None, repr=False)
    before_short_s: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The verdict on the step."""
        return self.judgement.verdict

    @property
    def rule(self) -> Rule:
        """The rule that gave the verdict."""
        return self.judgement.rule

    @property
    def locust_s(self) -> float | None:
        """Locust's own CPU time for each request; None if Locust and the target don't share a machine."""
        cores = self.generator.cores
        if not cores or not self.requests or not self.generator.is_here or self.host.work_s is None:
            return None
        return cores * self.window_s / self.requests

    @property
    def is_undisturbed(self) -> bool:
        """True unless the step is invalid; one that only lacks requests for its SLOs tells all the rest."""
        return self.verdict is not Verdict.INVALID or self.rule.lacks_requests


# The answer of a cell


@dataclass(frozen=True, slots=True)
class Soak:
    """The size to take, held at the end of a campaign in a fresh container, for much longer than a window.

    `step` is the last one of two if the first was invalid; None if the target did not come up. `evidence` is
    its judgement, or why the target did not come up. `load_s` is the length of all steps. `slow_failure` is
    the step before, which broke an SLO while the host was slower than in the search; None without one.
    `is_later`: it was held by command after the campaign.
    """

    users: int
    step: StepResult | None
    evidence: DriftEvidence
    load_s: float = 0.0
    slow_failure: StepResult | None = None
    is_later: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether the size survived; INVALID if that is unknown, also because no target came up."""
        return Verdict.INVALID if self.step is None else self.step.verdict


@dataclass(frozen=True, slots=True)
class CellResult:
    """The answer for a cell, with its evidence.

    `engine` names the engine that the cell was measured on, and is None if the campaign has only one.

    Numbers of load (`rps` … `memory_peak_bytes`) are of the step at `sustained_users`. `first` is the result
    of the first attempt at a cell that was measured twice. `monotonicity_violation` is a smaller cell that
    sustains more users. `stop_reason` says why a bracket is wider than the precision demands. `at_reference`
    is the capacity at the host's reference speed; None unless the CPU stops the cell and the pace is known.
    `superseded_steps` are the indexes of steps on a slow host whose users were held again on a faster one.
    `soak` is None if the size was not held at the end. A soak that failed is an end of the bracket, and none
    of the `steps`. `curve` and `remedies`, what would help, are for the page.

    `estimate_low` and `estimate_high` are the estimate's 95 % interval, which may reach beyond the bracket.
    `precision_ratio` is the precision reached: the bracket is at most as wide as it, and widened by it at
    both ends holds the capacity with a probability of 98 %. None if the windows don't tell it.
    `asked_precision_ratio` is the one that was asked of this size; None in older results. `shown_memory`
    tells which other size spared this one the wait for its memory; None if none did.
    """

    cell: Cell
    status: Status
    sustained_users: int | None = None
    broken_users: int | None = None
    estimate_users: float | None = None
    estimate_low: float | None = None
    estimate_high: float | None = None
    precision_ratio: float | None = None
    limiting_factor: Factor | None = None
    evidence: CellEvidence | None = None
    rps: float | None = None
    p95_s: float | None = None
    error_ratio: float | None = None
    cpu_used_cores: float | None = None
    throttled_ratio: float | None = None
    memory_peak_bytes: int | None = None
    ready_after_s: float | None = None
    companions_ready_after_s: float | None = None
    load_s: float = 0.0
    steps: tuple[StepResult, ...] = ()
    first: "CellResult | None" = None
    monotonicity_violation: Cell | None = None
    stop_reason: StopReason | None = None
    engine: str | None = None
    at_reference: ReferenceCapacity | None = None
    superseded_steps: tuple[int, ...] = ()
    soak: Soak | None = None
    curve: Curve | None = None
    remedies: tuple[Remedy, ...] = ()
    asked_precision_ratio: float | None = None
    shown_memory: ShownMemory | None = None

    @property
    def usable_steps(self) -> tuple[StepResult, ...]:
        """The steps that tell something of the target: an invalid or superseded window tells nothing.

        One with too few requests for its SLOs tells all the rest.
        """
        return tuple(
            step for step in self.steps if step.is_undisturbed and step.index not in self.superseded_steps
        )

    @property
    def memory_step(self) -> StepResult | None:
        """The longest step at the highest pass, which may be the soak; None if none tells of its memory."""
        soaks = [self.soak.step] if self.soak is not None and self.soak.step is not None else []
        passed = [
            step
            for step in (*self.steps, *soaks)
            if step.users == self.sustained_users and step.verdict is Verdict.PASS and step.memory is not None
        ]
        return max(passed, key=lambda step: step.memory.observed_s if step.memory else 0.0, default=None)

    @property
    def is_undecided(self) -> bool:
        """True if the capacity is unknown: the cell is invalid, skipped or not done yet."""
        return self.status in (Status.INVALID, Status.SKIPPED, Status.RUNNING)

    @property
    def known_users(self) -> int:
        """The most users that the size is known to sustain; 0 if it sustains none or is undecided."""
        return self.sustained_users or 0 if self.sustains(1) else 0

    @property
    def is_inferred_only(self) -> bool:
        """True if the answer follows from another size, and no soak has confirmed it since."""
        return self.status is Status.INFERRED and (self.soak is None or self.soak.verdict is not Verdict.PASS)

    def sustains(self, users: int) -> bool:
        """Return True if the cell sustains this number of users, measured or inferred from a smaller size."""
        known = self.status in (Status.BRACKETED, Status.CENSORED, Status.INFERRED)
        return known and self.sustained_users is not None and self.sustained_users >= users

    def breaks_at(self, users: int) -> bool:
        """Return True if a measured failure shows that the cell does not sustain this number of users.

        So it may be of an undecided cell, of which nothing is known with fewer users.
        """
        return self.broken_users is not None and self.broken_users <= users and not self.sustains(users)
