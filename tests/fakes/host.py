"""Simulate targets: the fake `TargetHost`."""

import contextlib
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from bench.simulation import random_streams
from bench.simulation.closed_system import ClosedSystem
from bench.simulation.container_run import build_closed_system, list_exit_events
from bench.simulation.model import QUIET, ThinkTime
from harness.errors import EngineError, EngineUnavailableError, TargetStartError, UsageError
from harness.measure.protocols import Image, RunningTarget, TargetEnd
from harness.model import (
    GIB,
    MIB,
    SINGLE_PROCESS,
    Cell,
    EngineFacts,
    EventKind,
    FailureKind,
    Fingerprint,
    ImageSource,
    Limits,
    Load,
    MachineFacts,
    Target,
    TargetEvent,
)
from tests.fakes.clock import FakeClock
from tests.fakes.service import HOST_CORES, Service


class FakeTarget:
    """The fake `RunningTarget`: a simulated service with an address, and the users that it serves.

    `start_s` is the clock's instant at which the simulation begins.
    """

    def __init__(
        self,
        system: ClosedSystem,
        limits: Limits,
        start_s: float,
        seed: tuple[int, ...],
        url: str,
        ready_after_s: float,
        check_engine: Callable[[], None],
    ) -> None:
        self.system = system
        self.start_s = start_s
        self.cores = min(limits.cpu_cores, HOST_CORES)
        self.names: tuple[str, ...] = ()
        self.events: list[TargetEvent] = []
        self._seed = seed
        self._url = url
        self._ready_after_s = ready_after_s
        self._check_engine = check_engine

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
        self._check_engine()
        end = self.system.exit
        return None if end is None else TargetEnd(end.code, end.is_oom, "the last log lines of a fake")

    def read_logs(self) -> str:
        return f"served {self.system.answered_count} requests\n"

    def provoke(self, action: str, amount: float) -> None:
        """Do what a request to `tests/e2e/images/behaves` does; `amount` is seconds, MiB or an exit code."""
        if action == "burn":
            self.system.burn(amount)
        if action == "eat":
            self.system.allocate(int(amount) * MIB)
        if action == "eat-in-a-child":
            self.events.append(TargetEvent(self.start_s + self.system.now_s, EventKind.OOM))
        if action == "exit":
            self.system.stop(int(amount))

    def set_users(self, think_s: tuple[float, float], names: Sequence[tuple[str, float]]) -> None:
        """Let users think between two bounds and send requests of these names, each with its weight."""
        self.names = tuple(name for name, _ in names)
        think_times, name_indices = (random_streams.create_generator(*self._seed, kind) for kind in (10, 11))
        streams = self.system.streams
        streams.think_times = random_streams.draw_think_times(ThinkTime(*think_s), think_times)
        streams.names = random_streams.draw_names([weight for _, weight in names], name_indices)

    def advance(self, now_s: float) -> None:
        """Let time pass until an instant, and report the target's end once, as the engine does."""
        self.system.advance(now_s - self.start_s)
        if not any(event.kind is EventKind.DIE for event in self.events):
            self.events += list_exit_events(self.system, self.start_s)


class FakeHost:
    """The fake `TargetHost`, with the faults that a real one can have.

    `runs` are the cells run so far, and `ran` what ran in them with its image. `running` are the names of the
    containers that run. `reserved_by` is the campaign that has reserved the engine. From the first to the
    second instant of `unavailable_between_s` it does not answer. With a `kernel` it is an engine of this
    machine, otherwise of another one.
    """

    def __init__(
        self, clock: FakeClock, services: Mapping[str, Service], default: Service, seed: int
    ) -> None:
        self.targets: dict[str, FakeTarget] = {}
        self.reserved_by: str | None = None
        self.pinned_cores: frozenset[int] | None = None
        self.missing_images: Collection[str] = ["no-such-image:ever"]
        self._clock = clock
        self._services = services
        self._default = default
        self._seed = seed
        self.runs: list[Cell] = []
        self.ran: list[tuple[Target, Image]] = []
        self.running: list[str] = []
        self.unavailable_between_s: tuple[float, float] | None = None
        self.digests: dict[str, str] = {}
        self.kernel: str | None = None

    def is_answering(self) -> bool:
        outage = self.unavailable_between_s
        return outage is None or not outage[0] <= self._clock.now_s() < outage[1]

    def check_answering(self) -> None:
        if not self.is_answering():
            raise EngineUnavailableError("Docker could not inspect the target: Connection refused")

    def prepare(self, target: Target) -> Image:
        reference = self.name_image(target)
        if reference in self.missing_images:
            raise EngineError(f"Docker could not find or pull the image {reference}", "check its name")
        self.check_answering()
        digest = self.digests.get(target.name, f"sha256:{target.name}")
        return Image(reference, self.digests.get(reference, digest))

    def name_image(self, target: Target) -> str:
        source = target.source
        return source.reference if isinstance(source, ImageSource) else f"harness-target-{target.name}:fake"

    @contextlib.contextmanager
    def run(self, cell: Cell, target: Target, image: Image) -> Iterator[RunningTarget]:
        self.check_answering()
        number = len(self.runs) + 1
        name = f"harness-fake-{cell.id}-{number}"
        self.runs.append(cell)
        self.ran.append((target, image))
        self.running.append(name)
        try:
            fake = self._start_target(cell, target, number)
            with self._clock.notify(fake.advance):
                self.targets[fake.url] = fake
                yield fake
        finally:
            with contextlib.suppress(ValueError):  # `remove_leftovers` may have removed it meanwhile
                self.running.remove(name)

    def pin_to_cores(self, cores: frozenset[int]) -> None:
        self.pinned_cores = cores

    def on_cores(self, cores: frozenset[int]) -> "FakeHost":
        return self

    def find_problems(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        reference = self.name_image(target)
        return [f"no image {reference}"] if reference in self.missing_images else []

    def read_identity(self) -> str:
        return f"fake {id(self)}"

    @contextlib.contextmanager
    def reserve(self) -> Iterator[None]:
        if self.reserved_by is not None:
            raise UsageError(f"another harness is measuring on this engine: {self.reserved_by}")
        self.reserved_by = "this campaign"
        try:
            yield
        finally:
            self.reserved_by = None

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        removed, self.running = sorted(self.running), []
        return removed

    def read_fingerprint(self) -> Fingerprint:
        return Fingerprint(
            MachineFacts(
                "fake",
                cores=HOST_CORES,
                usable_cores=HOST_CORES,
                memory_bytes=8 * GIB,
                kernel=self.kernel,
            ),
            EngineFacts("0", cores=HOST_CORES, memory_bytes=8 * GIB, cgroup_version="2", kernel=self.kernel),
            {"python": "3"},
        )

    def _start_target(self, cell: Cell, target: Target, number: int) -> FakeTarget:
        of_target = self._services.get(target.name, self._default)
        service, clock = self._services.get(self.name_image(target), of_target), self._clock
        seed, start_s = (self._seed, zlib.crc32(cell.id.encode()), number), clock.now_s()
        if service.base_bytes > cell.limits.memory_bytes:
            raise TargetStartError(
                FailureKind.OOM, "out of memory 0.1 s after its start (exit code 137); it wrote nothing"
            )
        if service.exits_at_start is not None:
            raise TargetStartError(
                FailureKind.EXITED, f"ended with exit code {service.exits_at_start} 0.1 s after its start"
            )
        if service.is_never_ready:
            clock.sleep(target.readiness.within_s)
            raise TargetStartError(
                FailureKind.NEVER_READY,
                f"not ready within {target.readiness.within_s:g} s; last seen: nothing",
            )
        system = build_closed_system(service, QUIET, ThinkTime(), cell.limits, seed)
        url = f"http://127.0.0.1:{32768 + number}"
        fake = FakeTarget(
            system, cell.limits, start_s, seed, url, service.ready_after_s, self.check_answering
        )
        clock.sleep(service.ready_after_s)
        fake.advance(clock.now_s())
        return fake
