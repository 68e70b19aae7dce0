"""The harness's three protocols and its clock, on simulated time: it moves only when someone waits."""

import contextlib
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from bench.simulation import random_streams
from bench.simulation.container_run import SimulatedContainerRun
from bench.simulation.model import QUIET, Service, ThinkTime, Noise
from harness.errors import TargetFailed
from harness.measure.protocols import GeneratorFacts, Image, TargetEnd, Usage
from harness.measure.session import Backends
from harness.model import SINGLE_PROCESS, Cell, Load, Requests, Scenario, Target, ThinkTimes

DIGEST = "sha256:" + "0" * 64
GENERATOR_START_S = 1.0


class SimulatedClock:
    """What waits for it makes it go; a life that is under way goes with it."""

    def __init__(self) -> None:
        self.life: SimulatedContainerRun | None = None
        self._now_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self.go_to(self._now_s + seconds)

    def go_to(self, at_s: float) -> None:
        if self.life is not None:
            self.life.advance(at_s)
        self._now_s = at_s


class SimulatedTarget:
    """A `RunningTarget`."""

    def __init__(self, life: SimulatedContainerRun) -> None:
        self.life = life

    @property
    def url(self) -> str:
        return "http://127.0.0.1:8000"

    @property
    def ready_after_s(self) -> float:
        return self.life.service.ready_after_s

    def poll_end(self) -> TargetEnd | None:
        return None if self.life.system.died_s is None else TargetEnd(137, oom=True, log_tail="Killed")

    def read_logs(self) -> str:
        return ""


class SimulatedGenerator:
    """A `RunningGenerator`, whose pages come every half second."""

    def __init__(self, life: SimulatedContainerRun, clock: SimulatedClock) -> None:
        self._life = life
        self._clock = clock
        self._reached = 0

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def hold(self, users: int, spawn_rate: float) -> None:
        self._life.hold(users, spawn_rate)

    def poll(self, timeout_s: float) -> GeneratorFacts:
        now_s = self._clock.now_s()
        self._clock.go_to(max(now_s, min(self._life.next_page_s(), now_s + timeout_s)))
        return self._told(self._life.take())

    def close_step(self) -> GeneratorFacts:
        return self._told(self._life.take(closing=True))

    def read_logs(self) -> str:
        return ""

    def _told(self, page: GeneratorFacts | None) -> GeneratorFacts:
        if page is None:
            return GeneratorFacts(Requests(), ThinkTimes(), reached_users=self._reached)
        self._reached = page.reached_users
        return page


class SimulatedWatch:
    """A `Watch`."""

    def __init__(self, life: SimulatedContainerRun) -> None:
        self._life = life

    def take(self) -> Usage:
        target, host, events = self._life.usage
        self._life.usage = ([], [], [])
        return Usage(tuple(target), tuple(host), tuple(events))


class SimulatedBackends:
    """A `TargetHost`, a `LoadGenerator` and a `UsageProbe` around one clock; the same seed gives the same
    facts.

    Every life of every cell has chances of its own, whatever was measured before it.
    """

    def __init__(
        self, service: Service, weather: Noise = QUIET, think: ThinkTime | None = None, seed: int = 0
    ) -> None:
        self.clock = SimulatedClock()
        self._service = service
        self._weather = weather
        self._think = think or ThinkTime()
        self._seed = seed
        self._lives: dict[str, int] = {}
        self._drift_phase = float(random_streams.create_generator(seed).uniform())

    def world(self) -> Backends:
        return Backends(self, self, self, self.clock)

    def find_problems(self, target: Target) -> list[str]:
        return []

    def prepare(self, target: Target) -> Image:
        return Image(target.name, DIGEST)

    @contextlib.contextmanager
    def run(self, cell: Cell, target: Target, image: Image) -> Iterator[SimulatedTarget]:
        self.clock.sleep(self._service.ready_after_s)
        if cell.limits.memory_bytes < self._service.base_bytes:
            raise TargetFailed("oom", f"{cell.id}: the target was killed while it started: out of memory")
        self.clock.life = self._life(cell)
        try:
            yield SimulatedTarget(self.clock.life)
        finally:
            self.clock.life = None

    def _life(self, cell: Cell) -> SimulatedContainerRun:
        number = self._lives[cell.id] = self._lives.get(cell.id, 0) + 1
        return SimulatedContainerRun(
            self._service,
            self._weather,
            self._think,
            cell.limits,
            (self._seed, zlib.crc32(cell.id.encode()), number),
            self.clock.now_s(),
            self._drift_phase,
        )

    def reserve(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        return []

    def read_fingerprint(self) -> Mapping[str, Any]:
        return {"simulated": True}

    def find_user_classes(self, scenario: Scenario) -> list[str]:
        return ["SimulatedUser"]

    @contextlib.contextmanager
    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS
    ) -> Iterator[SimulatedGenerator]:
        self.clock.sleep(GENERATOR_START_S)
        assert self.clock.life is not None
        yield SimulatedGenerator(self.clock.life, self.clock)

    @contextlib.contextmanager
    def watch(self, target: Any) -> Iterator[SimulatedWatch]:
        yield SimulatedWatch(target.life)
