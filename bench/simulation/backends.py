"""Implement the harness's protocols on simulated time, which passes only while the harness waits."""

import contextlib
import zlib
from collections.abc import Iterator, Mapping

from bench.simulation import random_streams
from bench.simulation.container_run import SimulatedContainerRun
from bench.simulation.model import QUIET, Noise, Service, ThinkTime
from harness.errors import TargetStartError
from harness.measure.protocols import GeneratorFacts, Image, RunningTarget, TargetEnd, Usage
from harness.measure.session import Backends
from harness.model import (
    SINGLE_PROCESS,
    Cell,
    Crowd,
    FailureKind,
    Fingerprint,
    Load,
    Requests,
    Scenario,
    Target,
    ThinkTimes,
)

_DIGEST = "sha256:" + "0" * 64
_GENERATOR_START_S = 1.0


def simulate_backends(
    service: Service,
    noise: Noise = QUIET,
    think: ThinkTime | None = None,
    seed: int = 0,
    variants: Mapping[str | None, Service] | None = None,
    clock: "SimulatedClock | None" = None,
) -> Backends:
    """Build a host, a generator and a probe around one simulated clock; the same seed gives the same facts.

    The random numbers of a container run depend on the seed, on its cell, and on its number within the cell.
    A cell of one of the `variants` is served by that variant's service, and every other by `service`.
    """
    clock = clock or SimulatedClock()
    host = SimulatedHost(clock, service, noise, think or ThinkTime(), seed, variants or {})
    return Backends(host, SimulatedLoadGenerator(clock), SimulatedProbe(), clock)


class SimulatedClock:
    """A `Clock` whose time passes when the harness sleeps; the current container run advances with it."""

    def __init__(self) -> None:
        self.container_run: SimulatedContainerRun | None = None
        self._now_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self.advance(self._now_s + seconds)

    def advance(self, to_s: float) -> None:
        """Let time pass until an instant."""
        if self.container_run is not None:
            self.container_run.advance(to_s)
        self._now_s = to_s


class _SimulatedTarget:
    """The `RunningTarget` of a simulated container run."""

    def __init__(self, container_run: SimulatedContainerRun) -> None:
        self.container_run = container_run

    @property
    def url(self) -> str:
        return "http://127.0.0.1:8000"

    @property
    def ready_after_s(self) -> float:
        return self.container_run.service.ready_after_s

    @property
    def companions_ready_after_s(self) -> float | None:
        return None

    def poll_end(self) -> TargetEnd | None:
        end = self.container_run.system.exit
        return None if end is None else TargetEnd(end.code, oom=end.is_oom, log_tail="Killed")

    def read_logs(self) -> str:
        return ""


class SimulatedHost:
    """A `TargetHost` on which targets serve by the `Service` of their variant, and users think alike."""

    def __init__(
        self,
        clock: SimulatedClock,
        service: Service,
        noise: Noise,
        think: ThinkTime,
        seed: int,
        variants: Mapping[str | None, Service],
    ) -> None:
        self._clock = clock
        self._service = service
        self._noise = noise
        self._think = think
        self._seed = seed
        self._variants = variants
        self._run_counts: dict[str, int] = {}
        self._drift_phase = float(random_streams.create_generator(seed).uniform())

    def find_problems(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        return []

    def prepare(self, target: Target) -> Image:
        return Image(target.name, _DIGEST)

    def pin_to_cores(self, cores: frozenset[int]) -> None:
        """Do nothing: a simulated target does not share its cores."""

    def on_cores(self, cores: frozenset[int]) -> "SimulatedHost":
        return self

    @contextlib.contextmanager
    def run(self, cell: Cell, target: Target, image: Image) -> Iterator[_SimulatedTarget]:
        service = self._get_service(cell)
        self._clock.sleep(service.ready_after_s)
        if cell.limits.memory_bytes < service.base_bytes:
            raise TargetStartError(
                FailureKind.OOM, f"{cell.id}: the target was killed while it started: out of memory"
            )
        self._clock.container_run = self._start_run(cell)
        try:
            yield _SimulatedTarget(self._clock.container_run)
        finally:
            self._clock.container_run = None

    def is_answering(self) -> bool:
        return True

    def read_identity(self) -> str:
        return "simulated"

    def reserve(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        return []

    def read_fingerprint(self) -> Fingerprint:
        return Fingerprint(more={"simulated": True})

    def _get_service(self, cell: Cell) -> Service:
        return self._variants.get(cell.limits.variant, self._service)

    def _start_run(self, cell: Cell) -> SimulatedContainerRun:
        number = self._run_counts[cell.id] = self._run_counts.get(cell.id, 0) + 1
        return SimulatedContainerRun(
            self._get_service(cell),
            self._noise,
            self._think,
            cell.limits,
            (self._seed, zlib.crc32(cell.id.encode()), number),
            self._clock.now_s(),
            self._drift_phase,
        )


class _SimulatedGenerator:
    """A `RunningGenerator` that reports a page of facts every half second."""

    def __init__(self, container_run: SimulatedContainerRun, clock: SimulatedClock) -> None:
        self._container_run = container_run
        self._clock = clock
        self._reached_users = 0

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def hold(self, users: int, spawn_rate: float) -> None:
        self._container_run.hold(users, spawn_rate)

    def poll(self, timeout_s: float) -> GeneratorFacts:
        now_s = self._clock.now_s()
        self._clock.advance(max(now_s, min(self._container_run.next_page_s(), now_s + timeout_s)))
        return self._to_facts(self._container_run.take_page())

    def close_step(self) -> GeneratorFacts:
        return self._to_facts(self._container_run.take_page(is_closing=True))

    def read_logs(self) -> str:
        return ""

    def _to_facts(self, page: GeneratorFacts | None) -> GeneratorFacts:
        if page is None:
            return GeneratorFacts(Requests(), ThinkTimes(), reached_users=self._reached_users)
        self._reached_users = page.reached_users
        return page


class SimulatedLoadGenerator:
    """A `LoadGenerator` for the clock's current container run."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock

    def with_cores(self, cores: frozenset[int]) -> "SimulatedLoadGenerator":
        return self

    def find_user_classes(self, scenario: Scenario, users_limit: int | None = None) -> list[str]:
        return ["SimulatedUser"]

    def find_problems(self, load: Load) -> list[str]:
        return []

    def prepare(self, scenario: Scenario) -> None:
        """Do nothing: simulated users need no build."""

    @contextlib.contextmanager
    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS, crowd: Crowd | None = None
    ) -> Iterator[_SimulatedGenerator]:
        self._clock.sleep(_GENERATOR_START_S)
        assert self._clock.container_run is not None
        yield _SimulatedGenerator(self._clock.container_run, self._clock)


class _SimulatedWatch:
    """The `Watch` of a simulated container run."""

    def __init__(self, container_run: SimulatedContainerRun) -> None:
        self._container_run = container_run

    def take(self) -> Usage:
        run = self._container_run
        usage = Usage(
            tuple(run.target_samples),
            tuple(run.host_samples),
            tuple(run.events),
            cpu=tuple(run.cpu_readings),
        )
        run.target_samples, run.cpu_readings, run.host_samples, run.events = [], [], [], []
        return usage


class SimulatedProbe:
    """A `UsageProbe` of simulated targets."""

    def on_cores(self, cores: frozenset[int]) -> "SimulatedProbe":
        return self

    @contextlib.contextmanager
    def watch(self, target: RunningTarget) -> Iterator[_SimulatedWatch]:
        assert isinstance(target, _SimulatedTarget)
        yield _SimulatedWatch(target.container_run)
