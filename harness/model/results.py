"""What follows from the facts: verdicts, capacities, causes.

Everything here can be derived again from stored facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.plan import Cell
from harness.model.resources import Limits


class Verdict(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INVALID = "INVALID"


class Status(StrEnum):
    """What a cell's answer is worth; the words of summary.json."""

    BRACKETED = "bracketed"
    CENSORED = "censored"
    NONE = "none"
    FAILED = "failed"
    INVALID = "invalid"
    SKIPPED = "skipped"
    INFERRED = "inferred"
    RUNNING = "running"
    """Only while a campaign runs or after it was interrupted: this cell's search is not done."""


class Factor(StrEnum):
    """What stopped a cell from sustaining more."""

    CPU = "cpu"
    MEMORY = "memory"
    TARGET = "target"
    ERRORS = "errors"
    DEPENDENCY = "dependency"
    GENERATOR = "generator"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with the rule that gave it and the number behind it, in words a person reads."""

    verdict: Verdict
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class NameStats:
    """One request name within a window."""

    name: str
    requests: int
    errors: int
    p50_s: float | None
    p95_s: float | None
    mean_s: float | None


@dataclass(frozen=True, slots=True)
class CompanionUse:
    """What a companion used in a window, of what it was given; None without data."""

    name: str
    limits: Limits
    cpu_used_cores: float | None
    throttled_ratio: float | None
    memory_peak_bytes: int | None


Column = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """A step over time: a value for each `bucket_s` seconds since its ramp began, None without data.

    `window` is where it was judged, in the same seconds. Rates are answers and errors per second, CPU in
    cores, memory is the working set.
    """

    bucket_s: float
    window: tuple[float, float] | None
    users: Column
    rps: Column
    errors_ps: Column
    p95_s: Column
    cpu_cores: Column
    throttled_ratio: Column
    memory_mib: Column
    host_cores: Column
    generator_cores: Column


@dataclass(frozen=True, slots=True)
class StepResult:
    """A judged step. Numbers are of its window; None where the window holds no data for them.

    `users_reached` is the most users that were alive: fewer than `users` when it ended while ramping.
    `first_error_s` counts from the step's ramp on, `error_latency_s` is the median of the failed requests.
    `settle_s` is the load before the window, `was_warm` whether the target no longer got faster then.
    `foreign_cores` were used by other programs, `work_s` is the CPU time of a fixed piece of work, the host's
    pace.
    """

    index: int
    life: int
    users: int
    verdict: Verdict
    rule: str
    reason: str
    window_s: float
    load_s: float
    requests: int
    rps: float | None
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    slow_ratio: float | None
    error_ratio: float | None
    shortfall_ratio: float | None
    errors: Mapping[str, int] = field(default_factory=dict)
    first_error_s: float | None = None
    error_latency_s: float | None = None
    by_name: tuple[NameStats, ...] = ()
    cpu_used_cores: float | None = None
    cpu_per_request_s: float | None = None
    throttled_ratio: float | None = None
    memory_peak_bytes: int | None = None
    generator_cpu_ratio: float | None = None
    generator_cores: float | None = None
    generator_workers: int = 1
    loop_lag_s: float | None = None
    clock_error_s: float = 0.0
    think_s: float | None = None
    little_residual_ratio: float | None = None
    steal_ratio: float | None = None
    foreign_cores: float | None = None
    proxy_cores: float | None = None
    work_s: float | None = None
    oom: bool = False
    users_reached: int = 0
    settle_s: float | None = None
    was_warm: bool = True
    companions: tuple[CompanionUse, ...] = ()
    series: Series | None = None


@dataclass(frozen=True, slots=True)
class CellResult:
    """The answer for a cell.

    `engine` is where it was measured, of several.

    Numbers of load (`rps` … `memory_peak_bytes`) are of the step at `sustained_users`. `first` is what the
    first attempt found, where the cell was measured twice. `breach` is a smaller cell that sustains more.
    `cut_short` says why a bracket is wider than asked for.
    """

    cell: Cell
    status: Status
    sustained_users: int | None = None
    broken_users: int | None = None
    estimate_users: float | None = None
    estimate_low: float | None = None
    estimate_high: float | None = None
    limiting_factor: Factor | None = None
    evidence: str = ""
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
    breach: Cell | None = None
    cut_short: str = ""
    engine: str = ""

    @property
    def is_open(self) -> bool:
        """Nobody knows what it sustains: not judged, not measured, or not done."""
        return self.status in (Status.INVALID, Status.SKIPPED, Status.RUNNING)

    def sustains(self, users: int) -> bool:
        """Whether that was measured, or follows from a smaller size."""
        known = self.status in (Status.BRACKETED, Status.CENSORED, Status.INFERRED)
        return known and self.sustained_users is not None and self.sustained_users >= users
