"""Protocols of all that touches the outside: run a target under limits, hold N users, count what they use.

The real ones are in this package, fakes in `tests/fakes`; one contract suite (`tests/contract`) runs on both.
Instants are seconds of `Clock.now_s`, a monotonic clock that all of them share.
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
    Fingerprint,
    GeneratorSample,
    HostSample,
    Load,
    Requests,
    Scenario,
    Target,
    TargetEvent,
    TargetSample,
    ThinkTimes,
    WorkerSample,
)


class Clock(Protocol):
    """A monotonic clock. The fakes' clock moves only when someone sleeps on it."""

    def now_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class MonotonicClock:
    """The real clock. Its instants are the same in every process of a host, so Locust's fit the harness's."""

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Image:
    """A target's image on an engine: the reference to run, and the digest that tells two builds apart.

    `companions` are the images of its companions and its balancer, by name; the digest covers them too.
    """

    reference: str
    digest: str
    companions: Mapping[str, "Image"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetEnd:
    """How a container ended: its exit code, whether it ran out of memory, its last log lines.

    Without an exit code it was removed or stopped through the engine. `companion` is the companion's name if
    the container was one's, else None.
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
        """Seconds that starting and seeding all companions took, before the target; None without any."""
        ...

    def poll_end(self) -> TargetEnd | None:
        """Return how the target, or a companion, ended; None while all run. It is cheap to call often."""
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
        """Run targets on these of the host's cores from now on; a target's size remains a quota."""
        ...

    def run(self, cell: Cell, target: Target, image: Image) -> AbstractContextManager[RunningTarget]:
        """Start a fresh target under the cell's limits, yield it once it is ready, and remove it on exit.

        It is also removed if starting it fails half-way.

        Raises:
            TargetFailed: the target can't be brought up at this size; with its kind and the evidence.
            CompanionFailed: one of its companions can't be brought up.
            EngineError: the engine refused, or did not answer.
        """
        ...

    def is_answering(self) -> bool:
        """Return True if the engine answers at the moment."""
        ...

    def read_identity(self) -> str:
        """Return what tells this engine from others."""
        ...

    def reserve(self) -> AbstractContextManager[None]:
        """Keep other campaigns off this engine until exit. Raises UsageError, naming one that is there."""
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

    `requests.unfinished_*` are the requests in flight at the last sample. `reached_users` is the number of
    users if all of them have been spawned, 0 before. `workers` has samples of each process if there are
    several.
    """

    requests: Requests
    thinks: ThinkTimes
    samples: tuple[GeneratorSample, ...] = ()
    reached_users: int = 0
    workers: tuple[WorkerSample, ...] = ()


class RunningGenerator(Protocol):
    """Locust with the user's scenario, in one process or several, for one container run."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, such as a part of the scenario that the harness overrides."""
        ...

    def hold(self, users: int, spawn_rate: float) -> None:
        """Spawn or stop users until there are so many, `spawn_rate` a second. Returns at once."""
        ...

    def poll(self, timeout_s: float) -> GeneratorFacts:
        """Return new facts, waiting at most `timeout_s`. Raises GeneratorError if a process ended."""
        ...

    def close_step(self) -> GeneratorFacts:
        """Return the facts not yet polled, up to this moment; the users stay."""
        ...

    def read_logs(self) -> str:
        """Return what Locust wrote so far, at most the last 256 KiB."""
        ...


class LoadGenerator(Protocol):
    """A way to start generators."""

    def with_cores(self, cores: frozenset[int]) -> "LoadGenerator":
        """Return the same generator, limited to these of this host's cores."""
        ...

    def find_user_classes(self, scenario: Scenario) -> list[str]:
        """Return the scenario's user classes. Raises UsageError if it can't be loaded, or has none."""
        ...

    def find_problems(self, load: Load) -> list[str]:
        """Find what would keep the load from being made. Nothing is started or built."""
        ...

    def prepare(self, scenario: Scenario) -> None:
        """Build or find what generators run from. Raises EngineError or UsageError with the evidence."""
        ...

    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS
    ) -> AbstractContextManager[RunningGenerator]:
        """Start a generator against `url`, without users, and end it on exit, whatever its state.

        It has as many processes as `load` names. Raises GeneratorError if they don't start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What was counted since the last `take`; `companions` by name."""

    target: tuple[TargetSample, ...] = ()
    host: tuple[HostSample, ...] = ()
    events: tuple[TargetEvent, ...] = ()
    companions: Mapping[str, CompanionFacts] = field(default_factory=dict)


class Watch(Protocol):
    """Counters that run."""

    def take(self) -> Usage:
        """Return what was counted since the last call; it does not wait."""
        ...


class UsageProbe(Protocol):
    """Counters of what a target and this machine use, about once a second."""

    def watch(self, target: RunningTarget) -> AbstractContextManager[Watch]:
        """Count until exit."""
        ...
