"""Simulate one container run, with the pages and samples that a real generator and a real engine report."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from bench.simulation import random_streams
from bench.simulation.closed_system import ERRORS, ClosedSystem, EndedRequests, Streams
from bench.simulation.model import Noise, RequestKind, Service, ThinkTime
from bench.simulation.processor import Processor, SpeedAt
from harness.measure.protocols import GeneratorFacts
from harness.model import (
    MIB,
    CpuReading,
    EventKind,
    GeneratorSample,
    HostSample,
    Limits,
    Requests,
    TargetEvent,
    TargetSample,
    ThinkTimes,
)

_PAGE_EVERY_S = 0.5
_SAMPLE_EVERY_S = 1.0
_READ_EVERY_S = 0.1

_GENERATOR_CPU_S = 0.0006
"""CPU seconds of a Locust process for one request of an HttpUser."""

_HOST_CORES = 4

NOMINAL_WORK_S = 0.002
"""CPU seconds that the host's fixed piece of work takes at nominal speed."""

_ONLY_KIND = RequestKind("GET /")


class SimulatedContainerRun:
    """A target and its generator, from the clock's instant `start_s` on; all instants are the clock's.

    `target_samples`, `cpu_readings`, `host_samples` and `events` grow until the caller empties them. The CPU
    time is read only if there are several kinds of requests, because nothing else needs it.
    """

    def __init__(
        self,
        service: Service,
        noise: Noise,
        think: ThinkTime,
        limits: Limits,
        seed: tuple[int, ...],
        start_s: float,
        drift_phase: float,
    ) -> None:
        self.service = service
        self.system = build_closed_system(service, noise, think, limits, seed, start_s, drift_phase)
        self._names = tuple(kind.name for kind in service.kinds or (_ONLY_KIND,))
        self.target_samples: list[TargetSample] = []
        self.cpu_readings: list[CpuReading] = []
        self.host_samples: list[HostSample] = []
        self.events: list[TargetEvent] = []
        self._noise = noise
        self._drift_phase = drift_phase
        self._start_s = start_s
        self._now_s = start_s
        self._next_page_s = start_s + _PAGE_EVERY_S
        self._next_sample_s = start_s
        self._next_reading_s = start_s if service.kinds else math.inf
        self._pages: list[GeneratorFacts] = []
        self._generator_cpu_s = 0.0

    def hold(self, users: int, spawn_rate: float) -> None:
        """Change the number of users, by `spawn_rate` users a second."""
        self.system.hold(users, spawn_rate)

    def advance(self, to_s: float) -> None:
        """Let time pass, writing pages and samples when they are due."""
        while (due_s := min(self._next_page_s, self._next_sample_s, self._next_reading_s)) <= to_s:
            self._advance_system(due_s)
            if due_s == self._next_reading_s:
                self.cpu_readings.append(CpuReading(self._now_s, self.system.processor.cpu_s))
                self._next_reading_s += _READ_EVERY_S
            if due_s == self._next_sample_s:
                self._write_samples()
            if due_s == self._next_page_s:
                self._write_page()
                self._next_page_s += _PAGE_EVERY_S
        self._advance_system(to_s)

    def next_page_s(self) -> float:
        """Return the instant of the next page to take: now, if a page was written already."""
        return self._now_s if self._pages else self._next_page_s

    def take_page(self, *, is_closing: bool = False) -> GeneratorFacts | None:
        """Return the oldest page that was not taken yet; with `is_closing`, write a last page first."""
        if is_closing:
            self._write_page()
        return self._pages.pop(0) if self._pages else None

    def _advance_system(self, to_s: float) -> None:
        was_running = self.system.exit is None
        self.system.advance(to_s - self._start_s)
        self._now_s = to_s
        if was_running and self.system.exit is not None:
            self.events += list_exit_events(self.system, self._start_s)

    def _write_page(self) -> None:
        ended, system = self.system.take_ended(), self.system
        speed = compute_host_speed(self._noise, self._now_s, self._drift_phase)
        self._generator_cpu_s += len(ended.start_s) * _GENERATOR_CPU_S / speed
        sample = GeneratorSample(
            at_s=self._now_s,
            cpu_s=self._generator_cpu_s,
            memory_bytes=58 * MIB + 15_000 * len(system.users),
            loop_lag_s=0.001,
            users=len(system.users),
            in_flight=len(system.in_flight),
        )
        self._pages.append(
            GeneratorFacts(
                requests=build_requests(system, ended, self._names, self._start_s),
                thinks=build_think_times(ended, self._start_s),
                samples=(sample,),
                reached_users=system.reached_users,
            )
        )

    def _write_samples(self) -> None:
        busy_s = (self.system.processor.cpu_s / _HOST_CORES,) * _HOST_CORES
        self.target_samples.append(sample_target(self.system, self._now_s))
        noise, now_s, phase = self._noise, self._now_s, self._drift_phase
        error = _draw_factor(noise.work_sd, phase, now_s)
        work_s = NOMINAL_WORK_S / compute_host_speed(noise, now_s, phase) * error
        self.host_samples.append(
            HostSample(self._now_s, busy_s, 0.0, 4096 * MIB, 1.0, 0, 0, 0, 0, work_s=work_s)
        )
        self._next_sample_s += _SAMPLE_EVERY_S


def build_closed_system(
    service: Service,
    noise: Noise,
    think: ThinkTime,
    limits: Limits,
    seed: tuple[int, ...],
    start_s: float = 0.0,
    drift_phase: float = 0.0,
) -> ClosedSystem:
    """Build the users and their target; each kind of random number gets a stream of its own.

    The target starts at the instant `start_s` of the host's drift, whose phase is `drift_phase` (in periods).
    """
    generators = [random_streams.create_generator(*seed, number) for number in range(7)]
    run_speed = random_streams.draw_run_speed(noise, generators[0])
    processor = Processor(
        limits.cpu_cores,
        service.parallel_cores,
        _build_speed(noise, run_speed, start_s, drift_phase),
        random_streams.draw_pauses(service, generators[1]),
    )
    streams = Streams(
        random_streams.draw_cpu_times(service, generators[2]),
        random_streams.draw_think_times(think, generators[3]),
        random_streams.draw_failures(service, generators[4]),
        random_streams.draw_delays(service, generators[5]),
    )
    if service.kinds:
        weights = [kind.weight for kind in service.kinds]
        streams.names = random_streams.draw_names(weights, generators[6])
    return ClosedSystem(service, processor, streams, limits.memory_bytes, is_paced=think.law == "pacing")


def compute_host_speed(noise: Noise, at_s: float, drift_phase: float) -> float:
    """Return the host's speed at the clock's instant; 1 is nominal. The phase is counted in periods.

    A run's own speed and the warm-up are of the target: the host's fixed piece of work does not see them.
    """
    wave = math.sin(2 * math.pi * (at_s / noise.drift_period_s + drift_phase))
    jump = _draw_factor(noise.jump_sd, drift_phase, at_s // noise.jump_every_s)
    return (1 + noise.drift_ratio * wave) * jump


def _draw_factor(deviation: float, drift_phase: float, number: float) -> float:
    """Draw a lognormal factor that the phase and the number decide; 1 without a deviation."""
    return math.exp(deviation * _draw_normal(drift_phase, number)) if deviation else 1.0


@lru_cache(4096)
def _draw_normal(drift_phase: float, number: float) -> float:
    return float(random_streams.create_generator(int(drift_phase * 2**52), int(number * 1000)).normal())


def build_requests(
    system: ClosedSystem, ended: EndedRequests, names: tuple[str, ...], start_s: float
) -> Requests:
    """Build a page's requests from the ended ones and those in flight; the target started at `start_s`."""
    waiting = list(system.in_flight.values())
    return Requests(
        names=names,
        errors=ERRORS,
        start_s=_to_instants(ended.start_s, start_s),
        latency_s=np.array(ended.latency_s, dtype=np.float64),
        name=np.array(ended.name, dtype=np.int32),
        error=np.array(ended.error, dtype=np.int32),
        unfinished_start_s=_to_instants([since_s for since_s, _ in waiting], start_s),
        unfinished_name=np.array([name for _, name in waiting], dtype=np.int32),
    )


def build_think_times(ended: EndedRequests, start_s: float) -> ThinkTimes:
    """Build the think times of a page; the target started at the clock's instant `start_s`."""
    return ThinkTimes(_to_instants(ended.think_start_s, start_s), np.array(ended.think_s, dtype=np.float64))


def sample_target(system: ClosedSystem, at_s: float) -> TargetSample:
    """Read the target's counters as an engine does; `at_s` is the clock's instant."""
    cpu = system.processor
    return TargetSample(
        at_s=at_s,
        cpu_s=cpu.cpu_s,
        periods=cpu.periods,
        throttled_periods=cpu.throttled_periods,
        throttled_s=cpu.throttled_s,
        working_set_bytes=system.memory_bytes,
        memory_peak_bytes=system.memory_peak_bytes,
        received_bytes=200 * system.answered_count,
        sent_bytes=2000 * system.answered_count,
    )


def list_exit_events(system: ClosedSystem, start_s: float) -> list[TargetEvent]:
    """List the events that an engine reports of a target's end; empty while the target runs."""
    if system.exit is None:
        return []
    at_s = start_s + system.exit.at_s
    oom = [TargetEvent(at_s, EventKind.OOM)] if system.exit.is_oom else []
    return [*oom, TargetEvent(at_s, EventKind.DIE, f"exit code {system.exit.code}")]


def _to_instants(since_start_s: Sequence[float], start_s: float) -> np.ndarray:
    return np.array(since_start_s, dtype=np.float64) + start_s


def _build_speed(noise: Noise, run_speed: float, start_s: float, drift_phase: float) -> SpeedAt | None:
    """Build the product of the run's speed, the host's drift and the warm-up; None if it is always 1."""
    if noise.drift_ratio == noise.jump_sd == 0 and noise.cold_ratio == 1 and run_speed == 1:
        return None

    def compute_speed(at_s: float, spent_cpu_s: float) -> float:
        cold = (1 - noise.cold_ratio) * math.exp(-spent_cpu_s / noise.warm_cpu_s)
        host_speed = compute_host_speed(noise, start_s + at_s, drift_phase)
        return run_speed * math.pow(host_speed, noise.elasticity) * (1 - cold)

    return compute_speed
