"""One container life: a fresh target under its limits, one Locust process and the counters beside it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness.measure.protocols import (
    Clock,
    Image,
    LoadGenerator,
    RunningGenerator,
    RunningTarget,
    TargetHost,
    UsageProbe,
    Watch,
)
from harness.measure.step import ProgressCallback, StepPredicate, StepRun
from harness.model import Cell, Plan, Step, StepFacts


@dataclass(frozen=True, slots=True)
class Backends:
    """All that is outside: the three protocols and the clock they share; and the engines, other than the
    targets', that the load comes from.
    """

    host: TargetHost
    generator: LoadGenerator
    probe: UsageProbe
    clock: Clock
    load_hosts: tuple[TargetHost, ...] = ()


class ContainerSession:
    """A running target with its generator. Steps are held one after the other."""

    def __init__(
        self, number: int, target: RunningTarget, generator: RunningGenerator, watch: Watch, clock: Clock
    ) -> None:
        self.number = number
        self.target = target
        self.generator = generator
        self._watch = watch
        self._clock = clock
        self._from_s = clock.now_s()

    def hold(
        self,
        index: int,
        step: Step,
        spawn_rate: float,
        settled: StepPredicate,
        observe: ProgressCallback,
        is_warm: StepPredicate | None = None,
    ) -> StepFacts:
        plateau = StepRun(self.target, self.generator, self._watch, self._clock, self._from_s, observe)
        return plateau.hold(index, self.number, step, spawn_rate, settled, is_warm)


@contextlib.contextmanager
def open_session(
    world: Backends, plan: Plan, cell: Cell, image: Image, number: int
) -> Iterator[ContainerSession]:
    """Start target, generator and counters; end them in reverse.

    Raises as TargetHost.run and LoadGenerator.start do.
    """
    with (
        world.host.run(cell, plan.target, image) as target,
        world.generator.start(plan.scenario, target.url, plan.load) as generator,
        world.probe.watch(target) as watch,
    ):
        yield ContainerSession(number, target, generator, watch, world.clock)
