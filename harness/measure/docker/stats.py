"""What a target and its host use, about once a second: the engine's counters and the host's."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psutil

from harness.errors import EngineGone
from harness.measure.docker.client import EngineStream, translate_docker_errors
from harness.measure.docker.container import DockerTarget
from harness.measure.host.cpu_speed import probe_work_s
from harness.measure.host.process_cpu import ProcessCpu
from harness.measure.protocols import Clock, RunningTarget, Usage, Watch
from harness.model import CompanionFacts, HostSample, TargetEvent, TargetSample

SAMPLE_EVERY_S = 1.0
SILENCE_AT_MOST_S = 30.0
END_WITHIN_S = 3.0
NANOSECONDS = 1e9


class DockerProbe:
    """The real `UsageProbe`, for targets that `DockerHost` runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @contextlib.contextmanager
    def watch(self, target: RunningTarget) -> Iterator[Watch]:
        assert isinstance(target, DockerTarget), "counts containers of DockerHost only"
        watch = DockerWatch(target, self._clock)
        try:
            watch.start()
            yield watch
        finally:
            watch.end()


class DockerWatch:
    """Threads that count until `end`: one for each container, and one for the host."""

    def __init__(self, target: DockerTarget, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._samples: dict[str, list[TargetSample]] = {}
        self._host_samples: list[HostSample] = []
        self._events_taken: dict[str, int] = {}
        self._failure: Exception | None = None
        self._streams: list[EngineStream] = []
        self._last: dict[str, TargetSample] = {}
        counted = [functools.partial(self._listen, each) for each in (*target.replicas, *target.companions)]
        self._threads = [
            threading.Thread(target=self._kept, args=(work,), name="harness-counting", daemon=True)
            for work in (*counted, self._read_host)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ending.set()
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        for thread in self._threads:
            thread.join(END_WITHIN_S)

    def take(self) -> Usage:
        """Events are those since the container's start. Raises EngineError if counting broke off."""
        if self._failure is not None and self._target.poll_end() is None:
            raise self._failure
        events = self._events()
        with self._lock:
            taken, self._samples = self._samples, {}
            host, self._host_samples = tuple(self._host_samples), []
        target = self._together(taken)
        companions = {
            each.name: CompanionFacts(each.limits, tuple(taken.get(each.container_id, ())))
            for each in self._target.companions
        }
        usage = Usage(target, host, events, companions)
        return usage

    def _events(self) -> tuple[TargetEvent, ...]:
        """Of all replicas, as they happened."""
        found: list[TargetEvent] = []
        for replica in self._target.replicas:
            new = replica.events_since(self._events_taken.get(replica.container_id, 0))
            self._events_taken[replica.container_id] = self._events_taken.get(replica.container_id, 0) + len(
                new
            )
            found += new
        return tuple(sorted(found, key=lambda event: event.at_s))

    def _together(self, taken: Mapping[str, list[TargetSample]]) -> tuple[TargetSample, ...]:
        """One sample for all replicas whenever the first one was counted."""
        first, *others = (replica.container_id for replica in self._target.replicas)
        if not others:
            return tuple(taken.get(first, ()))
        arrived = [(s.at_s, own == first, own, s) for own in (first, *others) for s in taken.get(own, ())]
        found = []
        for at_s, is_first, own, sample in sorted(arrived, key=lambda each: each[:2]):
            self._last[own] = sample
            if is_first and len(self._last) > len(others):
                found.append(sum_replicas(at_s, list(self._last.values())))
        return tuple(found)

    def _kept(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._failure = error

    def _listen(self, counted: DockerTarget) -> None:
        """One read at once: the stream's first sample comes only after one to two seconds."""
        client, container = counted.client, counted.container_id
        with translate_docker_errors("read the target's counters"):
            self._keep(container, client.stats(container, stream=False, one_shot=True))
        stream = EngineStream(client, f"/containers/{container}/stats", {"stream": "1"}, SILENCE_AT_MOST_S)
        with self._lock:
            self._streams.append(stream)
        if self._ending.is_set():
            stream.close()
        for message in stream:
            if self._ending.is_set():
                return
            self._keep(container, message)
        if not self._ending.is_set():
            raise EngineGone("Docker stopped counting what the target uses", "did the engine restart?")

    def _keep(self, container: str, message: Mapping[str, Any]) -> None:
        sample = target_sample_from_json(message, self._clock.now_s())
        if sample is not None:
            with self._lock:
                self._samples.setdefault(container, []).append(sample)

    def _read_host(self) -> None:
        accounts = ProcessCpu(self._target.container_id, self._target.port)
        while True:
            sample = read_host_sample(self._clock.now_s(), accounts)
            with self._lock:
                self._host_samples.append(sample)
            if self._ending.wait(SAMPLE_EVERY_S):
                return


def target_sample_from_json(message: Mapping[str, Any], at_s: float) -> TargetSample | None:
    """The engine's counters in our units, on cgroup v1 and v2; None for a container that no longer runs.

    The working set is what `docker stats` shows: memory less the file pages that the kernel would drop first.
    The peak (v1 only) is the kernel's, and includes file pages.
    """
    memory = message.get("memory_stats") or {}
    cpu = message.get("cpu_stats") or {}
    if "usage" not in memory or not cpu.get("cpu_usage", {}).get("total_usage"):
        return None
    throttling = cpu.get("throttling_data") or {}
    networks = (message.get("networks") or {}).values()
    return TargetSample(
        at_s=at_s,
        cpu_s=cpu["cpu_usage"]["total_usage"] / NANOSECONDS,
        periods=throttling.get("periods", 0),
        throttled_periods=throttling.get("throttled_periods", 0),
        throttled_s=throttling.get("throttled_time", 0) / NANOSECONDS,
        working_set_bytes=_working_set_bytes(memory),
        memory_peak_bytes=memory.get("max_usage") or None,
        received_bytes=sum(network["rx_bytes"] for network in networks),
        sent_bytes=sum(network["tx_bytes"] for network in networks),
    )


def sum_replicas(at_s: float, replicas: Sequence[TargetSample]) -> TargetSample:
    """Replicas as one target: what they used together, but the memory of the fullest, for each has a limit of
    its own.
    """
    peaks = [each.memory_peak_bytes for each in replicas if each.memory_peak_bytes is not None]
    return TargetSample(
        at_s=at_s,
        cpu_s=sum(each.cpu_s for each in replicas),
        periods=sum(each.periods for each in replicas),
        throttled_periods=sum(each.throttled_periods for each in replicas),
        throttled_s=sum(each.throttled_s for each in replicas),
        working_set_bytes=max(each.working_set_bytes for each in replicas),
        memory_peak_bytes=max(peaks, default=None),
        received_bytes=sum(each.received_bytes for each in replicas),
        sent_bytes=sum(each.sent_bytes for each in replicas),
    )


def _working_set_bytes(memory: Mapping[str, Any]) -> int:
    pages = memory.get("stats") or {}
    droppable = pages.get("total_inactive_file", pages.get("inactive_file", 0))
    usage = int(memory["usage"])
    return usage - droppable if droppable < usage else usage


def read_host_sample(at_s: float, accounts: ProcessCpu) -> HostSample:
    """This machine's counters now. Loopback traffic is in the network's bytes, as the kernel counts it."""
    shares = accounts.read()
    cores = psutil.cpu_times(percpu=True)
    disk = psutil.disk_io_counters()
    network = psutil.net_io_counters()
    return HostSample(
        at_s=at_s,
        busy_s=tuple(sum_busy_s(core) for core in cores),
        steal_s=sum(getattr(core, "steal", 0.0) for core in cores),
        memory_available_bytes=psutil.virtual_memory().available,
        load_1m=psutil.getloadavg()[0],
        disk_read_bytes=disk.read_bytes if disk else 0,
        disk_written_bytes=disk.write_bytes if disk else 0,
        received_bytes=network.bytes_recv,
        sent_bytes=network.bytes_sent,
        harness_cpu_s=shares.harness_cpu_s,
        engine_cpu_s=shares.engine_cpu_s,
        proxy_cpu_s=shares.proxy_cpu_s,
        work_s=probe_work_s(),
    )


def sum_busy_s(core: Any) -> float:
    """Seconds that a core worked for this machine: not idle, not waiting for a disk, not stolen.

    Guests' time is left out of the sum: the kernel counts it within `user` and `nice` already.
    """
    working = ("user", "nice", "system", "irq", "softirq")
    return float(sum(getattr(core, part, 0.0) for part in working))
