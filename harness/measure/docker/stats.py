"""Count what a target and this machine use, about once a second: the real `UsageProbe`."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from docker.api import APIClient

from harness.errors import EngineUnavailableError
from harness.measure.docker.client import EngineStream, is_podman_engine, translate_docker_errors
from harness.measure.docker.container import DockerContainer, DockerTarget
from harness.measure.host.cgroup import CgroupCounters, CgroupReader, open_cgroup
from harness.measure.host.counters import read_host_sample
from harness.measure.host.process_cpu import ProcessCpu
from harness.measure.protocols import Clock, RunningTarget, Usage, Watch
from harness.model import CompanionFacts, CpuReading, HostSample, TargetEvent, TargetSample

_SAMPLE_EVERY_S = 1.0
_READ_CPU_EVERY_S = 0.1
_READ_WITHIN_S = 0.002
"""A reading of the CPU time that took longer was held up: at which instant it was true is not known."""

_SILENCE_AT_MOST_S = 30.0
_END_WITHIN_S = 3.0
_NANOSECONDS = 1e9


class DockerProbe:
    """The real `UsageProbe`, for targets that `DockerHost` runs."""

    def __init__(self, clock: Clock, only_cores: frozenset[int] | None = None) -> None:
        self._clock = clock
        self._only_cores = only_cores

    def on_cores(self, cores: frozenset[int]) -> "DockerProbe":
        return DockerProbe(self._clock, cores)

    @contextlib.contextmanager
    def watch(self, target: RunningTarget) -> Iterator[Watch]:
        """Count in threads until exit."""
        assert isinstance(target, DockerTarget), "only containers of DockerHost can be counted"
        watch = DockerWatch(target, self._clock, self._only_cores)
        try:
            watch.start()
            yield watch
        finally:
            watch.end()


class DockerWatch:
    """Threads that count until `end`: for each container, for this machine, and for a single target's CPU."""

    def __init__(self, target: DockerTarget, clock: Clock, only_cores: frozenset[int] | None = None) -> None:
        self._target = target
        self._clock = clock
        self._only_cores = only_cores
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._samples: dict[str, list[TargetSample]] = {}
        self._cpu: list[CpuReading] = []
        self._host_samples: list[HostSample] = []
        self._events_taken: dict[str, int] = {}
        self._failure: Exception | None = None
        self._streams: list[EngineStream] = []
        self._last: dict[str, TargetSample] = {}
        containers = (*target.replicas, *(each for each in target.companions if not each.has_finished))
        counters = [functools.partial(self._count_container, container) for container in containers]
        if len(target.replicas) == 1:
            counters.append(functools.partial(self._read_cpu, target.replicas[0]))
        self._threads = [
            threading.Thread(target=self._run_counter, args=(count,), name="harness-counting", daemon=True)
            for count in (*counters, self._count_host)
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
            thread.join(_END_WITHIN_S)

    def take(self) -> Usage:
        """Return what was counted since the last call; the first call also returns all earlier events.

        Raises EngineError if counting broke off while the target runs.
        """
        if self._failure is not None and self._target.poll_end() is None:
            raise self._failure
        events = self._take_events()
        with self._lock:
            samples, self._samples = self._samples, {}
            cpu, self._cpu = tuple(self._cpu), []
            host, self._host_samples = tuple(self._host_samples), []
        companions = {
            companion.name: CompanionFacts(companion.limits, tuple(samples.get(companion.container_id, ())))
            for companion in self._target.companions
            if companion.container_id in samples or not companion.has_finished
        }
        return Usage(self._merge_replicas(samples), host, events, companions, cpu)

    def _take_events(self) -> tuple[TargetEvent, ...]:
        """Return the new events of all replicas, in the order of time."""
        events: list[TargetEvent] = []
        for replica in self._target.replicas:
            count = self._events_taken.get(replica.container_id, 0)
            new = replica.read_events(count)
            self._events_taken[replica.container_id] = count + len(new)
            events += new
        return tuple(sorted(events, key=lambda event: event.at_s))

    def _merge_replicas(self, samples: Mapping[str, list[TargetSample]]) -> tuple[TargetSample, ...]:
        """Return one sample for all replicas at each sample of the first, once each replica has a sample."""
        first, *others = (replica.container_id for replica in self._target.replicas)
        if not others:
            return tuple(samples.get(first, ()))
        arrivals = [
            (sample.at_s, replica == first, replica, sample)
            for replica in (first, *others)
            for sample in samples.get(replica, ())
        ]
        merged = []
        for at_s, is_first, replica, sample in sorted(arrivals, key=lambda arrival: arrival[:2]):
            self._last[replica] = sample
            if is_first and len(self._last) > len(others):
                merged.append(sum_replicas(at_s, list(self._last.values())))
        return tuple(merged)

    def _run_counter(self, count: Callable[[], None]) -> None:
        """Count, and store an exception, which would be lost in this thread: the next `take` raises it."""
        try:
            count()
        except Exception as error:
            self._failure = error

    def _count_container(self, container: DockerContainer) -> None:
        """Read once, then follow the engine, whose next counters come only after one to two seconds.

        With each message the kernel's own files are read too, if they are in reach.
        """
        client, container_id = container.client, container.container_id
        with translate_docker_errors("read the target's counters"):
            first = client.stats(container_id, stream=False, one_shot=True)
        cgroup = _open_cgroup(container)
        self._add(container_id, first, cgroup)
        for message in self._follow_counters(client, container_id):
            if self._ending.is_set():
                return
            self._add(container_id, message, cgroup)
        if not self._ending.is_set() and not container.wait_until_stopped(_END_WITHIN_S):
            raise EngineUnavailableError(
                "Docker stopped counting what the target uses", "check whether the engine restarted"
            )

    def _read_cpu(self, container: DockerContainer) -> None:
        """Read the CPU time from the kernel's own file ten times a second, if that is in reach."""
        cgroup = _open_cgroup(container)
        while cgroup is not None and not self._ending.wait(_READ_CPU_EVERY_S):
            at_s = self._clock.now_s()
            cpu_s = cgroup.read_cpu_s()
            if cpu_s is None:
                return
            if self._clock.now_s() - at_s <= _READ_WITHIN_S:
                with self._lock:
                    self._cpu.append(CpuReading(at_s, cpu_s))

    def _follow_counters(self, client: APIClient, container_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield the engine's counters about once a second: Podman streams them every five, so it is asked."""
        if not is_podman_engine(client):
            yield from self._open_stream(client, container_id)
            return
        while not self._ending.wait(_SAMPLE_EVERY_S):
            with translate_docker_errors("read the target's counters"):
                yield client.stats(container_id, stream=False, one_shot=True)

    def _open_stream(self, client: APIClient, container_id: str) -> EngineStream:
        path = f"/containers/{container_id}/stats"
        stream = EngineStream(client, path, {"stream": "1"}, _SILENCE_AT_MOST_S)
        with self._lock:
            self._streams.append(stream)
        if self._ending.is_set():
            stream.close()
        return stream

    def _add(self, container_id: str, message: Mapping[str, Any], cgroup: CgroupReader | None) -> None:
        """Add a sample, unless the container no longer runs: the engine says so, or its files are gone."""
        sample = target_sample_from_json(message, self._clock.now_s())
        if sample is None:
            return
        if cgroup is not None:
            counters = cgroup.read()
            if counters is None:
                return
            sample = add_cgroup_counters(sample, counters)
        with self._lock:
            self._samples.setdefault(container_id, []).append(sample)

    def _count_host(self) -> None:
        processes = ProcessCpu(self._target.container_id, self._target.port)
        while True:
            sample = read_host_sample(self._clock.now_s(), processes, self._only_cores)
            with self._lock:
                self._host_samples.append(sample)
            if self._ending.wait(_SAMPLE_EVERY_S):
                return


def _open_cgroup(container: DockerContainer) -> CgroupReader | None:
    """Return a reader of the kernel's files of a container; None if they are not in reach."""
    with translate_docker_errors("read the target's counters"):
        state = container.client.inspect_container(container.container_id)["State"]
    return open_cgroup(state.get("Pid") or 0, container.container_id)


def target_sample_from_json(message: Mapping[str, Any], at_s: float) -> TargetSample | None:
    """Convert the engine's counters, of cgroup v1 or v2; return None if the container no longer runs.

    The working set is what `docker stats` shows: memory minus the file pages that the kernel would drop
    first. Podman's API does not tell these pages apart, so it includes them. The peak (cgroup v1 only) is the
    kernel's, and includes file pages. `file_bytes` are the file pages that it would drop later, and what it
    keeps of the names of files (cgroup v2 only).
    """
    memory = message.get("memory_stats") or {}
    cpu = message.get("cpu_stats") or {}
    if "usage" not in memory or not cpu.get("cpu_usage", {}).get("total_usage"):
        return None
    throttling = cpu.get("throttling_data") or {}
    networks = (message.get("networks") or {}).values()
    return TargetSample(
        at_s=at_s,
        cpu_s=cpu["cpu_usage"]["total_usage"] / _NANOSECONDS,
        periods=throttling.get("periods", 0),
        throttled_periods=throttling.get("throttled_periods", 0),
        throttled_s=throttling.get("throttled_time", 0) / _NANOSECONDS,
        working_set_bytes=_calculate_working_set_bytes(memory),
        memory_peak_bytes=memory.get("max_usage") or None,
        received_bytes=sum(network["rx_bytes"] for network in networks),
        sent_bytes=sum(network["tx_bytes"] for network in networks),
        file_bytes=_read_counter(memory, "active_file") + _read_counter(memory, "slab_reclaimable"),
        major_faults=_read_counter(memory, "pgmajfault"),
        includes_file_pages=not memory.get("stats"),
    )


def add_cgroup_counters(sample: TargetSample, counters: CgroupCounters) -> TargetSample:
    """Return the sample with what the kernel's own files show; what they don't show stays the engine's."""
    throttling, peak_bytes = counters.throttling, counters.memory_peak_bytes
    if throttling is not None:
        sample = replace(
            sample,
            periods=throttling.periods,
            throttled_periods=throttling.throttled_periods,
            throttled_s=throttling.throttled_s,
        )
    memory_bytes, memory_stat = counters.memory_bytes, counters.memory_stat
    if memory_bytes is not None and memory_stat is not None:
        sample = replace(
            sample,
            working_set_bytes=_subtract_droppable(memory_bytes, memory_stat.inactive_file_bytes),
            file_bytes=memory_stat.active_file_bytes + memory_stat.names_bytes,
            major_faults=memory_stat.major_faults,
            includes_file_pages=False,
        )
    if peak_bytes is not None:
        sample = replace(sample, memory_peak_bytes=peak_bytes, is_peak_sampled=counters.is_peak_sampled)
    cpu, memory, io = counters.cpu, counters.memory, counters.io
    return replace(
        sample,
        limit_hits=counters.limit_hits,
        oom_kills=counters.oom_kills,
        cpu_some_s=cpu.some_s if cpu else None,
        cpu_full_s=cpu.full_s if cpu else None,
        memory_some_s=memory.some_s if memory else None,
        memory_full_s=memory.full_s if memory else None,
        io_some_s=io.some_s if io else None,
        io_full_s=io.full_s if io else None,
    )


def sum_replicas(at_s: float, replicas: Sequence[TargetSample]) -> TargetSample:
    """Sum what the replicas used; of memory take the fullest replica's, because each has its own limit.

    The fullest with pages of files may be another one than the fullest without. So `file_bytes` leaves of the
    working set the most memory that a replica has without them. The time that the replicas waited is the mean
    of all, and unknown if it is unknown of one.
    """
    working_set_bytes = max(replica.working_set_bytes for replica in replicas)
    own_bytes = max(replica.own_bytes for replica in replicas)
    peaks = [replica.memory_peak_bytes for replica in replicas if replica.memory_peak_bytes is not None]
    return TargetSample(
        at_s=at_s,
        cpu_s=sum(replica.cpu_s for replica in replicas),
        periods=sum(replica.periods for replica in replicas),
        throttled_periods=sum(replica.throttled_periods for replica in replicas),
        throttled_s=sum(replica.throttled_s for replica in replicas),
        working_set_bytes=working_set_bytes,
        memory_peak_bytes=max(peaks, default=None),
        received_bytes=sum(replica.received_bytes for replica in replicas),
        sent_bytes=sum(replica.sent_bytes for replica in replicas),
        file_bytes=working_set_bytes - own_bytes,
        major_faults=sum(replica.major_faults for replica in replicas),
        is_peak_sampled=any(replica.is_peak_sampled for replica in replicas),
        limit_hits=_sum_known([replica.limit_hits for replica in replicas]),
        oom_kills=_sum_known([replica.oom_kills for replica in replicas]),
        cpu_some_s=_average_known([replica.cpu_some_s for replica in replicas]),
        cpu_full_s=_average_known([replica.cpu_full_s for replica in replicas]),
        memory_some_s=_average_known([replica.memory_some_s for replica in replicas]),
        memory_full_s=_average_known([replica.memory_full_s for replica in replicas]),
        io_some_s=_average_known([replica.io_some_s for replica in replicas]),
        io_full_s=_average_known([replica.io_full_s for replica in replicas]),
        includes_file_pages=any(replica.includes_file_pages for replica in replicas),
    )


def _sum_known(counts: Sequence[int | None]) -> int | None:
    """Return the sum; None if a count is unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _average_known(times_s: Sequence[float | None]) -> float | None:
    """Return the mean; None if a time is unknown."""
    known = [time_s for time_s in times_s if time_s is not None]
    return fmean(known) if len(known) == len(times_s) else None


def _calculate_working_set_bytes(memory: Mapping[str, Any]) -> int:
    return _subtract_droppable(int(memory["usage"]), _read_counter(memory, "inactive_file"))


def _subtract_droppable(usage_bytes: int, droppable_bytes: int) -> int:
    return usage_bytes - droppable_bytes if droppable_bytes < usage_bytes else usage_bytes


def _read_counter(memory: Mapping[str, Any], kind: str) -> int:
    """Return a counter of the kernel, of cgroup v1 (with those of inner groups) or v2; 0 if it is unknown."""
    counters = memory.get("stats") or {}
    return int(counters.get(f"total_{kind}", counters.get(kind, 0)))
