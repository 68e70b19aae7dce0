"""Define the protocols that measure: run a target under limits, load it with users, count what both use.

This package implements them with Docker and Locust, `tests/fakes` with a simulation; one contract suite
(`tests/contract`) tests both. Instants are seconds of `Clock.now_s`, a monotonic clock that all share.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from harness.model import (
    SINGLE_PROCESS,
    Cell,
    CompanionFacts,
    CpuReading,
    Crowd,
    Fingerprint,
    GeneratorSample,
    HostSample,
    Load,
    Requests,
    Scenario,
    Target,
    TargetEvent,
    TargetSample,
    TaskFacts,
    ThinkTimes,
    UnreportedRequests,
    WorkerSample,
)


class Clock(Protocol):
    """A monotonic clock. The fakes' clock moves only when someone sleeps on it."""

    def now_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class MonotonicClock:
    """The real clock. All processes of a host share its instants, those of Locust too."""

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Image:
    """A target's image on an engine: the reference to run, and a digest that differs for every build.

    `companions` are the images of the target's companions and of its balancer, by name. The digest covers
    them too.
    """

    reference: str
    digest: str
    companions: Mapping[str, "Image"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetEnd:
    """How a container ended: its exit code, whether it ran out of memory, its last log lines.

    `exit_code` is None if the container was removed or stopped through the engine. `companion` is the name
    of the companion that the container belongs to, or None if it is the target's own.
    """

    exit_code: int | None
    oom: bool
    log_tail: str
    companion: str | None = None


class RunningTarget(Protocol):
    """A target that is up, under its limits, and ready."""

    @property
    def url(self) -> str:
        """Where the target answers: on this host's loopback, or at an address of the engine's host."""
        ...

    @property
    def ready_after_s(self) -> float:
        """Seconds from the container's start until its readiness check passed."""
        ...

    @property
    def companions_ready_after_s(self) -> float | None:
        """Seconds that all companions took to start and be seeded, before the target; None without any."""
        ...

    def poll_end(self) -> TargetEnd | None:
        """Return how the target or a companion ended; None while all run. Many calls a second are cheap."""
        ...

    def read_logs(self) -> str:
        """Return what the target wrote so far, stdout and stderr, at most the last 256 KiB."""
        ...


class TargetHost(Protocol):
    """An engine that runs targets under limits."""

    def find_problems(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        """Find what would keep the target from running here, or the load from reaching it.

        Nothing is started or built.
        """
        ...

    def prepare(self, target: Target) -> Image:
        """Build, find or pull the target's image. Raises EngineError with the build's output."""
        ...

    def pin_to_cores(self, cores: frozenset[int]) -> None:
        """Run targets only on these cores of the host from now on. A target's CPU limit remains a quota."""
        ...

    def on_cores(self, cores: frozenset[int]) -> "TargetHost":
        """Return the same engine, which runs targets on these cores while others run on other cores.

        What is left there of this campaign may be in use by the others, so it removes none of it.
        """
        ...

    def run(self, cell: Cell, target: Target, image: Image) -> AbstractContextManager[RunningTarget]:
        """Start a fresh target under the cell's limits, yield it once it is ready, and remove it on exit.

        It is also removed if starting it fails half-way.

        Raises:
            TargetStartError: the target can't be brought up at this size; with its kind and the evidence.
            CompanionStartError: one of its companions can't be brought up.
            EngineError: the engine refused, or did not answer.
        """
        ...

    def is_answering(self) -> bool:
        """Return True if the engine answers at the moment."""
        ...

    def read_identity(self) -> str:
        """Return a text that identifies this engine among all others."""
        ...

    def reserve(self) -> AbstractContextManager[None]:
        """Keep other campaigns off this engine until exit. Raises UsageError, naming a campaign that runs."""
        ...

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        """Remove all containers and networks of a campaign (None: of any); return their names."""
        ...

    def read_fingerprint(self) -> Fingerprint:
        """Read the facts of this machine, of the engine and of the software."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorFacts:
    """What the generator reported since the last poll: nothing at all, or at least one sample.

    `requests.unfinished_*` are the requests in flight at the last sample. `reached_users` is 0 until all
    users have been spawned, then their number. `is_preparing`: the scenario still prepares the test, and no
    user has started. `workers` has samples of each process if there are several.
    `tasks` are those that ended since the last poll. `silent_s` is for how long, at the last sample, the
    process whose requests in flight are the oldest has reported nothing.
    """

    requests: Requests
    thinks: ThinkTimes
    samples: tuple[GeneratorSample, ...] = ()
    reached_users: int = 0
    workers: tuple[WorkerSample, ...] = ()
    tasks: TaskFacts = field(default_factory=TaskFacts)
    unreported: UnreportedRequests = field(default_factory=UnreportedRequests)
    is_preparing: bool = False
    silent_s: float = 0.0


class RunningGenerator(Protocol):
    """Locust with the user's scenario, in one process or several, for one container run."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, such as a part of the scenario that the harness overrides."""
        ...

    def hold(self, users: int, spawn_rate: float) -> None:
        """Start to spawn or stop users, `spawn_rate` a second, until `users` are there. Returns at once."""
        ...

    def poll(self, timeout_s: float) -> GeneratorFacts:
        """Return new facts, waiting at most `timeout_s`. Raises GeneratorError if a process ended."""
        ...

    def close_step(self) -> GeneratorFacts:
        """Return the facts up to this moment that were not polled yet. The users go on."""
        ...

    def read_logs(self) -> str:
        """Return what Locust wrote so far, at most the last 256 KiB."""
        ...


class LoadGenerator(Protocol):
    """A load generator that is installed and not running; `start` runs it."""

    def with_cores(self, cores: frozenset[int]) -> "LoadGenerator":
        """Return the same generator, limited to these cores of this host."""
        ...

    def find_user_classes(self, scenario: Scenario, users_limit: int | None = None) -> list[str]:
        """Return the scenario's user classes.

        Raises UsageError if it can't be loaded, has none, or never has as many users as `users_limit`.
        """
        ...

    def find_problems(self, load: Load) -> list[str]:
        """Find what would keep the load from being made. Nothing is started or built."""
        ...

    def prepare(self, scenario: Scenario) -> None:
        """Build or find what generators run from. Raises EngineError or UsageError with the evidence."""
        ...

    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS, crowd: Crowd | None = None
    ) -> AbstractContextManager[RunningGenerator]:
        """Start a generator against `url`, without users, and end it on exit, whatever its state.

        `load` says how many processes it has, and where. `crowd` is what the scenario is told of the load.
        Raises GeneratorError if the processes don't start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What was counted since the last `take`; `companions` by name."""

    target: tuple[TargetSample, ...] = ()
    host: tuple[HostSample, ...] = ()
    events: tuple[TargetEvent, ...] = ()
    companions: Mapping[str, CompanionFacts] = field(default_factory=dict)
    cpu: tuple[CpuReading, ...] = ()


class Watch(Protocol):
    """Running counters of a target and of this machine."""

    def take(self) -> Usage:
        """Return what was counted since the last call, without waiting."""
        ...


class UsageProbe(Protocol):
    """Counters of what a target and this machine use, about once a second."""

    def on_cores(self, cores: frozenset[int]) -> "UsageProbe":
        """Return the same counters, in which only these cores are this machine's."""
        ...

    def watch(self, target: RunningTarget) -> AbstractContextManager[Watch]:
        """Count until exit."""
        ...
