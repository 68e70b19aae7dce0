"""The one seam to the world: run a target under limits, hold N users, count what they cost.

The real ones are in this folder, fakes in `tests/fakes.py`; one contract test suite (`tests/contract`) runs
on both. Instants are seconds of `Clock.now_s`, a monotonic clock that all three share.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.model import (
    SINGLE_PROCESS,
    Cell,
    CompanionFacts,
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
    """Elapsed time. The fakes' clock moves only when someone sleeps on it."""

    def now_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Image:
    """A target's image as the engine knows it: what to run, and the digest that tells two builds apart.

    `companions` are its companions' images by their names; the digest stands for all of them.
    """

    reference: str
    digest: str
    companions: Mapping[str, "Image"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetEnd:
    """How a target's container, or that of the companion named, ended: its exit code, whether the engine saw
    it run out of memory, its last log lines.
    """

    exit_code: int | None
    oom: bool
    log_tail: str
    companion: str = ""


class RunningTarget(Protocol):
    """A container that is up, under its limits, and ready."""

    @property
    def url(self) -> str:
        """Where it answers, on this host's loopback."""
        ...

    @property
    def ready_after_s(self) -> float:
        """Seconds from the container's start until its readiness check passed."""
        ...

    @property
    def companions_ready_after_s(self) -> float | None:
        """Seconds that bringing up and seeding its companions took before; None without any."""
        ...

    def poll_end(self) -> TargetEnd | None:
        """How it ended, or None while it runs. Cheap enough to ask twice a second."""
        ...

    def read_logs(self) -> str:
        """All that it wrote so far, stdout and stderr, bounded to the last 256 KiB."""
        ...


class TargetHost(Protocol):
    """Runs targets under limits."""

    def find_problems(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        """What would keep the target from being run here, or the load from reaching it; found without
        starting or building anything.
        """
        ...

    def prepare(self, target: Target) -> Image:
        """Build or find the target's image. Raises EngineError with the build's evidence."""
        ...

    def pin_to_cores(self, cores: frozenset[int]) -> None:
        """Run targets on these of the host's cores from now on; their size remains a quota."""
        ...

    def run(self, cell: Cell, target: Target, image: Image) -> AbstractContextManager[RunningTarget]:
        """Start a fresh container under the cell's limits and wait until it is ready; remove it on leaving.

        It is removed also when starting half-failed. Raises TargetFailed (with kind and evidence) when the
        target can't be brought up at this size, EngineError when the engine is to blame.
        """
        ...

    def is_answering(self) -> bool:
        """Whether the engine answers right now."""
        ...

    def read_identity(self) -> str:
        """What tells this engine from others."""
        ...

    def reserve(self) -> AbstractContextManager[None]:
        """Be alone on this engine. Raises UsageError, naming the other, when somebody measures already."""
        ...

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        """Remove all containers and networks with our labels (of one campaign, or any); their names."""
        ...

    def read_fingerprint(self) -> Mapping[str, Any]:
        """The fingerprint of engine and machine, for environment.json (plain JSON values)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorFacts:
    """What the generator reported since it was last asked: nothing at all, or at least one sample.

    `requests.unfinished_*` are the requests in flight at the last sample. `reached` is the number of users
    whose ramp is complete, 0 while it is not. `workers` has a row for each process, where there are several.
    """

    requests: Requests
    thinks: ThinkTimes
    samples: tuple[GeneratorSample, ...] = ()
    reached_users: int = 0
    workers: tuple[WorkerSample, ...] = ()


class RunningGenerator(Protocol):
    """Locust with the user's scenario, in one process or several, beside one container life."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What its user should know, such as a part of the scenario that the harness overrides."""
        ...

    def hold(self, users: int, spawn_rate: float) -> None:
        """Go to this number of users, `spawn_rate` a second, and stay there. Returns at once."""
        ...

    def poll(self, timeout_s: float) -> GeneratorFacts:
        """New facts, waiting at most `timeout_s` for some. Raises GeneratorError when a process is gone."""
        ...

    def close_step(self) -> GeneratorFacts:
        """The facts not yet polled, up to this moment; the users stay."""
        ...

    def read_logs(self) -> str:
        """All that Locust wrote so far, bounded to the last 256 KiB."""
        ...


class LoadGenerator(Protocol):
    """Starts generators."""

    def with_cores(self, cores: frozenset[int]) -> "LoadGenerator":
        """The same on these of this host's cores."""
        ...

    def find_user_classes(self, scenario: Scenario) -> list[str]:
        """The scenario's user classes. Raises UsageError when it doesn't load, or has none."""
        ...

    def find_problems(self, load: Load) -> list[str]:
        """What would keep the load from being made, found without starting or building anything."""
        ...

    def prepare(self, scenario: Scenario) -> None:
        """Build or find what it runs from. Raises EngineError or UsageError with the evidence."""
        ...

    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS
    ) -> AbstractContextManager[RunningGenerator]:
        """Start a generator against `url`, with no users yet; end it on leaving, whatever its state.

        It is as many processes as `load` names. Raises GeneratorError where they don't come up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What was counted since it was last asked."""

    target: tuple[TargetSample, ...] = ()
    host: tuple[HostSample, ...] = ()
    events: tuple[TargetEvent, ...] = ()
    companions: Mapping[str, CompanionFacts] = field(default_factory=dict)


class Watch(Protocol):
    def take(self) -> Usage:
        """What was counted since the last call; returns at once."""
        ...


class UsageProbe(Protocol):
    """Counts what a target and its host use, about once a second."""

    def watch(self, target: RunningTarget) -> AbstractContextManager[Watch]: ...
