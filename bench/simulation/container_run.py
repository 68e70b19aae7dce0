"""One simulated container life: pages and samples as the real generator and engine report them."""

import math

import numpy as np

from bench.simulation import random_streams
from bench.simulation.model import Service, ThinkTime, Noise
from bench.simulation.processor import Processor, SpeedAt
from bench.simulation.closed_system import ERRORS, ClosedSystem, EndedRequests
from harness.measure.protocols import GeneratorFacts
from harness.model import (
    MIB,
    GeneratorSample,
    HostSample,
    Limits,
    Requests,
    TargetEvent,
    TargetSample,
    ThinkTimes,
)

PAGE_EVERY_S = 0.5
SAMPLE_EVERY_S = 1.0
GENERATOR_CPU_S = 0.0006
"""CPU seconds of a Locust process for one request of an HttpUser."""

HOST_CORES = 4
NAMES = ("GET /",)


class SimulatedContainerRun:
    """A target and its generator from `born_s` on. `advance` lets time pass; all instants are the world's."""

    def __init__(
        self,
        service: Service,
        weather: Noise,
        think: ThinkTime,
        limits: Limits,
        seed: tuple[int, ...],
        born_s: float,
        drift_phase: float,
    ) -> None:
        self.service = service
        self.limits = limits
        self.system = build_closed_system(service, weather, think, limits, seed, born_s, drift_phase)
        self.usage: tuple[list[TargetSample], list[HostSample], list[TargetEvent]] = ([], [], [])
        self._born_s = born_s
        self._now_s = born_s
        self._page_s = born_s + PAGE_EVERY_S
        self._sample_s = born_s
        self._pages: list[GeneratorFacts] = []
        self._answered = 0
        self._told_of_death = False

    def hold(self, users: int, spawn_rate: float) -> None:
        self.system.hold(users, spawn_rate)

    def advance(self, to_s: float) -> None:
        """Let time pass, writing pages and samples when they are due."""
        while True:
            due_s = min(self._page_s, self._sample_s)
            if due_s > to_s:
                break
            self._advance_system(due_s)
            if due_s == self._sample_s:
                self._sample()
            if due_s == self._page_s:
                self._page()
                self._page_s += PAGE_EVERY_S
        self._advance_system(to_s)

    def next_page_s(self) -> float:
        """When there is a page to take: at once, if one waits."""
        return self._now_s if self._pages else self._page_s

    def take(self, *, closing: bool = False) -> GeneratorFacts | None:
        """The oldest page not yet taken; `closing` writes one of this moment first."""
        if closing:
            self._page()
        return self._pages.pop(0) if self._pages else None

    def _advance_system(self, to_s: float) -> None:
        self.system.advance(to_s - self._born_s)
        self._now_s = to_s
        died_s = self.system.died_s
        if died_s is not None and not self._told_of_death:
            self._told_of_death = True
            self.usage[2].append(TargetEvent(self._born_s + died_s, "oom"))
            self.usage[2].append(TargetEvent(self._born_s + died_s, "die", "exit code 137"))

    def _page(self) -> None:
        ledger, system = self.system.take(), self.system
        self._answered += len(ledger.start_s)
        sample = GeneratorSample(
            at_s=self._now_s,
            cpu_s=self._answered * GENERATOR_CPU_S,
            memory_bytes=58 * MIB + 15_000 * len(system.users),
            loop_lag_s=0.001,
            users=len(system.users),
            in_flight=len(system.in_flight),
        )
        self._pages.append(
            GeneratorFacts(
                requests=self._requests(ledger),
                thinks=ThinkTimes(self._instants(ledger.think_start_s), np.array(ledger.think_s)),
                samples=(sample,),
                reached_users=system.reached,
            )
        )

    def _requests(self, ledger: EndedRequests) -> Requests:
        waiting = self._instants(list(self.system.in_flight.values()))
        return Requests(
            names=NAMES,
            errors=ERRORS,
            start_s=self._instants(ledger.start_s),
            latency_s=np.array(ledger.latency_s, dtype=np.float64),
            name=np.zeros(len(ledger.start_s), dtype=np.int32),
            error=np.array(ledger.error, dtype=np.int32),
            unfinished_start_s=waiting,
            unfinished_name=np.zeros(len(waiting), dtype=np.int32),
        )

    def _instants(self, since_birth_s: list[float]) -> np.ndarray:
        return np.array(since_birth_s, dtype=np.float64) + self._born_s

    def _sample(self) -> None:
        cpu, at_s = self.system.processor, self._now_s
        memory = min(self.limits.memory_bytes, self._memory_bytes())
        busy_s = (cpu.cpu_s / HOST_CORES,) * HOST_CORES
        self.usage[0].append(
            TargetSample(
                at_s, cpu.cpu_s, cpu.periods, cpu.throttled_periods, cpu.throttled_s, memory, memory, 0, 0
            )
        )
        self.usage[1].append(HostSample(at_s, busy_s, 0.0, 4096 * MIB, 1.0, 0, 0, 0, 0))
        self._sample_s += SAMPLE_EVERY_S

    def _memory_bytes(self) -> int:
        return self.service.base_bytes + self.service.user_bytes * len(self.system.users)


def build_closed_system(
    service: Service,
    weather: Noise,
    think: ThinkTime,
    limits: Limits,
    seed: tuple[int, ...],
    born_s: float = 0.0,
    drift_phase: float = 0.0,
) -> ClosedSystem:
    """Users and target under these limits; each kind of chance has a stream of its own."""
    speed = random_streams.draw_run_speed(weather, random_streams.create_generator(*seed, 0))
    processor = Processor(
        limits.cpu_cores,
        service.parallel_cores,
        build_speed(weather, speed, born_s, drift_phase),
        random_streams.draw_pause_gaps(service, random_streams.create_generator(*seed, 1)),
        service.pause_s,
    )
    free_bytes = limits.memory_bytes - service.base_bytes
    return ClosedSystem(
        processor,
        service.slots,
        service.delay_s,
        random_streams.draw_cpu_demands(service, random_streams.create_generator(*seed, 2)),
        random_streams.draw_think_times(think, random_streams.create_generator(*seed, 3)),
        free_bytes / service.user_bytes if service.user_bytes else math.inf,
    )


def build_speed(weather: Noise, life_speed: float, born_s: float, drift_phase: float) -> SpeedAt | None:
    """The life's speed, the host's slow wave and the warming up, as one factor; None where all is still."""
    if weather.drift_ratio == 0 and weather.cold_ratio == 1 and life_speed == 1:
        return None

    def speed(at_s: float, spent_cpu_s: float) -> float:
        wave = math.sin(2 * math.pi * ((born_s + at_s) / weather.drift_period_s + drift_phase))
        cold = (1 - weather.cold_ratio) * math.exp(-spent_cpu_s / weather.warm_cpu_s)
        return life_speed * (1 + weather.drift_ratio * wave) * (1 - cold)

    return speed
