"""Targets that are simulated: the fake `TargetHost`."""

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from harness.errors import EngineError, EngineGone, TargetFailed, UsageError
from harness.measure.protocols import Image, RunningTarget, TargetEnd
from harness.model import GIB, MIB, SINGLE_PROCESS, Cell, ImageSource, Load, Target, TargetEvent
from tests.fakes.clock import FakeClock
from tests.fakes.simulation import HOST_CORES, Service, Station


class FakeTarget:
    """A station with an address; the fake `RunningTarget`."""

    def __init__(
        self, station: Station, url: str, ready_after_s: float, require_engine: Callable[[], None]
    ) -> None:
        self.station = station
        self.events: list[TargetEvent] = []
        self._url = url
        self._ready_after_s = ready_after_s
        self._require_engine = require_engine

    @property
    def url(self) -> str:
        return self._url

    @property
    def ready_after_s(self) -> float:
        return self._ready_after_s

    @property
    def companions_ready_after_s(self) -> float | None:
        return None

    def poll_end(self) -> TargetEnd | None:
        self._require_engine()
        if self.station.died is None:
            return None
        exit_code, oom = self.station.died
        return TargetEnd(exit_code, oom, "the last words of a fake")

    def read_logs(self) -> str:
        return f"served {self.station.served} requests\n"

    def make(self, deed: str, amount: float) -> None:
        """What a request makes of `tests/e2e/images/behaves`; `amount` in seconds, MiB, or an exit code."""
        if deed == "burn":
            self.station.burn(amount)
        if deed == "eat":
            self.station.eat(int(amount) * MIB)
        if deed == "eat-in-a-child":
            self.events.append(TargetEvent(self.station.now_s, "oom"))
        if deed == "exit":
            self.station.die(int(amount))

    def notice(self, _: float) -> None:
        """Report a death once, as the engine does."""
        if self.station.died is None or any(event.kind == "die" for event in self.events):
            return
        exit_code, oom = self.station.died
        if oom:
            self.events.append(TargetEvent(self.station.died_s, "oom"))
        self.events.append(TargetEvent(self.station.died_s, "die", f"exit code {exit_code}"))


class FakeHost:
    """The fake `TargetHost`. `runs` are all cells run so far, `running` the containers that are there."""

    def __init__(
        self, clock: FakeClock, services: Mapping[str, Service], default: Service, seed: int
    ) -> None:
        self.targets: dict[str, FakeTarget] = {}
        self.held_by: str | None = None
        self.kept_to: frozenset[int] | None = None
        self.absent_images: Collection[str] = ["no-such-image:ever"]
        self._clock = clock
        self._services = services
        self._default = default
        self._seed = seed
        self._numbers = itertools.count(1)
        self.runs: list[Cell] = []
        self.running: list[str] = []
        self.away: tuple[float, float] | None = None
        self.digests: dict[str, str] = {}

    def is_answering(self) -> bool:
        return self.away is None or not self.away[0] <= self._clock.now_s() < self.away[1]

    def require(self) -> None:
        if not self.is_answering():
            raise EngineGone("Docker could not inspect the target: Connection refused")

    def prepare(self, target: Target) -> Image:
        reference = self.name_image(target)
        if reference in self.absent_images:
            raise EngineError(f"Docker could not find or pull the image {reference}", "check its name")
        self.require()
        digest = self.digests.get(target.name, f"sha256:{target.name}")
        return Image(reference, digest)

    def name_image(self, target: Target) -> str:
        source = target.source
        return source.reference if isinstance(source, ImageSource) else f"harness-target-{target.name}:fake"

    @contextlib.contextmanager
    def run(self, cell: Cell, target: Target, image: Image) -> Iterator[RunningTarget]:
        self.require()
        number = next(self._numbers)
        name = f"harness-fake-{cell.id}-{number}"
        self.runs.append(cell)
        self.running.append(name)
        try:
            fake = self._started(cell, target, number)
            with self._clock.telling(fake.station.advance), self._clock.telling(fake.notice):
                self.targets[fake.url] = fake
                yield fake
        finally:
            with contextlib.suppress(ValueError):  # removed as a leftover meanwhile
                self.running.remove(name)

    def pin_to_cores(self, cores: frozenset[int]) -> None:
        self.kept_to = cores

    def find_problems(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        reference = self.name_image(target)
        return [f"no image {reference}"] if reference in self.absent_images else []

    def read_identity(self) -> str:
        return f"fake {id(self)}"

    @contextlib.contextmanager
    def reserve(self) -> Iterator[None]:
        if self.held_by is not None:
            raise UsageError(f"another harness is measuring on this engine: {self.held_by}")
        self.held_by = "this campaign"
        try:
            yield
        finally:
            self.held_by = None

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        removed, self.running = sorted(self.running), []
        return removed

    def read_fingerprint(self) -> Mapping[str, Any]:
        machine = {
            "cpu_model": "fake",
            "cores": HOST_CORES,
            "usable_cores": HOST_CORES,
            "memory_bytes": 8 * GIB,
        }
        engine = {"version": "0", "cgroup_version": "2", "cores": HOST_CORES, "memory_bytes": 8 * GIB}
        return {"machine": machine, "engine": engine, "software": {"python": "3"}, "notes": []}

    def _started(self, cell: Cell, target: Target, number: int) -> FakeTarget:
        service, clock = self._services.get(target.name, self._default), self._clock
        station = Station(service, cell.limits, clock.now_s(), f"{self._seed}/{cell.id}/{number}")
        if service.base_bytes > cell.limits.memory_bytes:
            raise TargetFailed("oom", "out of memory 0.1 s after its start (exit code 137); it wrote nothing")
        if service.exits_at_start is not None:
            raise TargetFailed(
                "exited", f"ended with exit code {service.exits_at_start} 0.1 s after its start"
            )
        if service.never_ready:
            clock.sleep(target.readiness.within_s)
            raise TargetFailed(
                "never-ready", f"not ready within {target.readiness.within_s:g} s; last seen: nothing"
            )
        clock.sleep(service.start_s)
        station.advance(clock.now_s())
        return FakeTarget(station, f"http://127.0.0.1:{32768 + number}", service.start_s, self.require)
