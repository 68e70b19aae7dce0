"""Raw facts of what happened in a step, never a judgement.

Names in `_s` are seconds. Instants (`at_s`, `start_s`, `..._from_s` and the like) count from the start of one
container run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from harness.model.plan import Purpose
from harness.model.resources import Limits
from harness.model.task_facts import TaskFacts

Seconds = NDArray[np.float64]
Indices = NDArray[np.int32]

ANSWERED = -1
"""The `error` of a request with a good answer."""


def _make_empty_seconds() -> Seconds:
    return np.empty(0, dtype=np.float64)


def _make_empty_indices() -> Indices:
    return np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Every request of a step as columns of one length, roughly in order of completion.

    `name` indexes `names`; `error` indexes `errors`, or is ANSWERED. `unfinished_*` are columns of the
    requests that had no answer when the step ended: when they started, their name and their owner. An owner
    is 2·n for a request that user n made itself, 2·n + 1 for one that it made beside its own, and -1 if the
    user is unknown. Both columns of owners are empty in facts of an older harness.
    """

    names: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    start_s: Seconds = field(default_factory=_make_empty_seconds)
    latency_s: Seconds = field(default_factory=_make_empty_seconds)
    name: Indices = field(default_factory=_make_empty_indices)
    error: Indices = field(default_factory=_make_empty_indices)
    unfinished_start_s: Seconds = field(default_factory=_make_empty_seconds)
    unfinished_name: Indices = field(default_factory=_make_empty_indices)
    owner: Indices = field(default_factory=_make_empty_indices)
    unfinished_owner: Indices = field(default_factory=_make_empty_indices)

    def list_spans(self, ended_s: float) -> tuple[Seconds, Seconds]:
        """Return when requests began and ended; those without an answer come last, and end at `ended_s`."""
        unanswered_s = np.full(len(self.unfinished_start_s), ended_s)
        return (
            np.concatenate([self.start_s, self.unfinished_start_s]),
            np.concatenate([self.start_s + self.latency_s, unanswered_s]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ThinkTimes:
    """Every pause of a user, between tasks or within one: when it began, and its length as it was planned.

    A step's pauses include those that began in earlier steps of the container run and lasted into it. `owner`
    is as in `Requests`, and empty in facts of an older harness, which hold only pauses between tasks.
    """

    start_s: Seconds = field(default_factory=_make_empty_seconds)
    planned_s: Seconds = field(default_factory=_make_empty_seconds)
    owner: Indices = field(default_factory=_make_empty_indices)


@dataclass(frozen=True, slots=True, eq=False)
class UnreportedRequests:
    """Those of a step's requests that the scenario never reported to Locust: their start and their name."""

    start_s: Seconds = field(default_factory=_make_empty_seconds)
    name: Indices = field(default_factory=_make_empty_indices)


@dataclass(frozen=True, slots=True)
class TargetSample:
    """The target's counters, about once a second: the engine's, and those of the kernel's own files.

    Times, periods, counts and network bytes are cumulative. `memory_peak_bytes` is the kernel's peak, with
    pages of files; None if it is unknown, and only the most of all samples if `is_peak_sampled`. `file_bytes`
    is the part of the working set that are pages of files, or names of files, which the kernel can drop; 0 if
    it is unknown.
    `major_faults` counts how often a page had to be read from a disk; 0 if it is unknown. With
    `includes_file_pages` nothing tells them apart: the working set is then all memory, and says little.

    The other fields are None where the kernel's files can't be read. `limit_hits` is how often the memory
    reached its limit, `oom_kills` how many processes were killed for lack of it. Pressure stall information:
    the time in which at least one thread waited (`some`), or all that had work did (`full`), for a core, for
    memory or for a disk. Of several replicas times of waiting are means, and counts are sums.
    """

    at_s: float
    cpu_s: float
    periods: int
    throttled_periods: int
    throttled_s: float
    working_set_bytes: int
    memory_peak_bytes: int | None
    received_bytes: int
    sent_bytes: int
    file_bytes: int = 0
    major_faults: int = 0
    is_peak_sampled: bool = False
    limit_hits: int | None = None
    oom_kills: int | None = None
    cpu_some_s: float | None = None
    cpu_full_s: float | None = None
    memory_some_s: float | None = None
    memory_full_s: float | None = None
    io_some_s: float | None = None
    io_full_s: float | None = None
    includes_file_pages: bool = False

    @property
    def own_bytes(self) -> int:
        """The working set without the pages of files, which the kernel can drop."""
        return max(0, self.working_set_bytes - self.file_bytes)


@dataclass(frozen=True, slots=True)
class CpuReading:
    """The CPU time that the target has used, by the file of the kernel: about ten readings a second."""

    at_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class HostSample:
    """The counters of the generator's host, once a second.

    CPU seconds are cumulative, except `work_s`: the CPU time that a fixed piece of work took at that moment.
    `busy_s` has one value per core. `proxy_cpu_s` is that of the published port's proxy, which is not part
    of `engine_cpu_s`; both are None if the engine is not on this host.
    """

    at_s: float
    busy_s: tuple[float, ...]
    steal_s: float
    memory_available_bytes: int
    load_1m: float
    disk_read_bytes: int
    disk_written_bytes: int
    received_bytes: int
    sent_bytes: int
    harness_cpu_s: float | None = None
    engine_cpu_s: float | None = None
    proxy_cpu_s: float | None = None
    work_s: float | None = None


@dataclass(frozen=True, slots=True)
class GeneratorSample:
    """What the generator used and how much load it made, twice a second, for all its processes together.

    `cpu_s` is cumulative. `loop_lag_s` is the longest lag of the event loop since the previous sample.
    """

    at_s: float
    cpu_s: float
    memory_bytes: int
    loop_lag_s: float
    users: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class WorkerSample:
    """One of several Locust processes, twice a second: the master (0, without users) or a worker (from 1).

    `here`: the process runs on this machine and shares its clock. Otherwise its clock was ahead by
    `clock_offset_s`, give or take `clock_error_s`, and that offset is already taken off all its instants.
    """

    at_s: float
    worker: int
    cpu_s: float
    loop_lag_s: float
    users: int
    here: bool = True
    clock_offset_s: float = 0.0
    clock_error_s: float = 0.0


class EventKind(StrEnum):
    """What happened to a container, or the state that its HEALTHCHECK reports."""

    DIE = "die"
    KILL = "kill"
    OOM = "oom"
    PAUSE = "pause"
    RESTART = "restart"
    STOP = "stop"
    UNPAUSE = "unpause"
    UPDATE = "update"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class TargetEvent:
    """An event that the engine reported of the target's container."""

    at_s: float
    kind: EventKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CompanionFacts:
    """A companion's limits and what it used during the step."""

    limits: Limits
    samples: tuple[TargetSample, ...]


class EndReason(StrEnum):
    """Why a step ended."""

    HELD = "held"
    """The window was measured to its end."""
    TARGET_DIED = "target-died"
    TARGET_REMOVED = "target-removed"
    """Somebody else removed the container."""
    DEPENDENCY_DIED = "dependency-died"
    """A companion's container ended."""
    STALLED = "stalled"
    """A request waited for too long, and none was answered meanwhile."""
    ALL_FAILED = "all-failed"
    """The first requests all failed: the target answers wrongly, or not at all."""
    USERS_MISSING = "users-missing"
    """The generator did not reach the number of users in time."""
    GENERATOR_DIED = "generator-died"


@dataclass(frozen=True, slots=True)
class BurstFacts:
    """The burst in a step's window: more users came from `from_s` on, up to `users`, and left from `to_s` on.

    An instant is None if the step ended before it. `oldest_wait_s` is for how long the oldest request in
    flight had waited when they left: requests of users that leave have no end.
    """

    users: int
    from_s: float | None = None
    to_s: float | None = None
    oldest_wait_s: float = 0.0


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class StepFacts:
    """A step as it happened: when ramp, settle, window and drain began, and all that was counted.

    `settle_from_s`, `window_from_s` and `window_to_s` are None if the step ended before that instant. `note`
    is the evidence for `end_reason`, such as an exit code or the last lines of a log. `life` is the number of
    the container run. `cpu` is empty with several replicas, and where the kernel's file is not in reach.
    `burst` is None for a step that holds the same users to its end.
    """

    index: int
    life: int
    users: int
    spawn_rate: float
    ramp_from_s: float
    settle_from_s: float | None
    window_from_s: float | None
    window_to_s: float | None
    ended_s: float
    end_reason: EndReason
    note: str = ""
    requests: Requests = Requests()
    thinks: ThinkTimes = ThinkTimes()
    target: tuple[TargetSample, ...] = ()
    cpu: tuple[CpuReading, ...] = ()
    host: tuple[HostSample, ...] = ()
    generator: tuple[GeneratorSample, ...] = ()
    events: tuple[TargetEvent, ...] = ()
    companions: Mapping[str, CompanionFacts] = field(default_factory=dict)
    workers: tuple[WorkerSample, ...] = ()
    tasks: TaskFacts = field(default_factory=TaskFacts)
    unreported: UnreportedRequests = UnreportedRequests()
    burst: BurstFacts | None = None


class FailureKind(StrEnum):
    """Why a target could not be brought up."""

    EXITED = "exited"
    OOM = "oom"
    NEVER_READY = "never-ready"


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """A target's container in which a cell was measured, from its start to its removal.

    `cell` is the cell's id. `started_at` is in ISO 8601, UTC. `ready_after_s` is None if the target never
    came up; `failure` then says why, with the evidence. Otherwise `failure` and `failure_kind` are None.
    `attempt` counts the searches of the cell from 1. `companions_ready_after_s` is the time that starting and
    seeding all companions took, before the target started. `engine` names the container's engine, and is None
    if the campaign has only one.
    """

    cell: str
    number: int
    started_at: str
    ready_after_s: float | None
    failure_kind: FailureKind | None = None
    failure: str | None = None
    attempt: int = 1
    purpose: Purpose = Purpose.SEARCH
    companions_ready_after_s: float | None = None
    engine: str | None = None
