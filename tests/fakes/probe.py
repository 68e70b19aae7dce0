"""Read the counters of a simulated target: the fake `UsageProbe`."""

import contextlib
from collections.abc import Iterator

from bench.simulation.closed_system import ClosedSystem
from bench.simulation.container_run import sample_target
from harness.measure.protocols import RunningTarget, Usage, Watch
from harness.model import GIB, HostSample, TargetSample
from tests.fakes.clock import FakeClock
from tests.fakes.host import FakeTarget
from tests.fakes.service import HOST_CORES

SAMPLE_EVERY_S = 1.0


class FakeWatch:
    """The fake `Watch`: it samples at its start and then once a second."""

    def __init__(self, target: FakeTarget, clock: FakeClock) -> None:
        self._target = target
        self._samples: list[TargetSample] = []
        self._host: list[HostSample] = []
        self._events_taken = 0
        self._next_s = clock.now_s()
        self.tick(clock.now_s())

    def take(self) -> Usage:
        events = tuple(self._target.events[self._events_taken :])
        self._events_taken += len(events)
        usage = Usage(tuple(self._samples), tuple(self._host), events)
        self._samples, self._host = [], []
        return usage

    def tick(self, now_s: float) -> None:
        if now_s < self._next_s:
            return
        self._next_s = now_s + SAMPLE_EVERY_S
        self._host.append(_build_host_sample(self._target.system, now_s))
        if self._target.system.exit is None:
            self._samples.append(sample_target(self._target.system, now_s))


class FakeProbe:
    """The fake `UsageProbe`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def on_cores(self, cores: frozenset[int]) -> "FakeProbe":
        return self

    @contextlib.contextmanager
    def watch(self, target: RunningTarget) -> Iterator[Watch]:
        assert isinstance(target, FakeTarget)
        watch = FakeWatch(target, self._clock)
        with self._clock.notify(watch.tick):
            yield watch


def _build_host_sample(system: ClosedSystem, at_s: float) -> HostSample:
    return HostSample(
        at_s=at_s,
        busy_s=tuple(system.processor.cpu_s / HOST_CORES for _ in range(HOST_CORES)),
        steal_s=0.0,
        memory_available_bytes=8 * GIB - system.memory_bytes,
        load_1m=0.5,
        disk_read_bytes=0,
        disk_written_bytes=0,
        received_bytes=0,
        sent_bytes=0,
        harness_cpu_s=0.0,
        engine_cpu_s=0.0,
        proxy_cpu_s=0.0,
        work_s=0.002,
    )
