"""Run a fresh target with its load generator and the counters of both."""

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
from harness.model import Cell, Load, Scenario, Target


@dataclass(frozen=True, slots=True)
class Backends:
    """What measures on one engine: the three protocols and the clock they share.

    `load_hosts` are the other engines that the load comes from.
    """

    host: TargetHost
    generator: LoadGenerator
    probe: UsageProbe
    clock: Clock
    load_hosts: tuple[TargetHost, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerSession:
    """A running target with its generator and counters; steps are held in it one after the other.

    `number` counts the container runs of a cell. The instants of all facts count from `started_s`, which is
    an instant of `clock`.
    """

    number: int
    target: RunningTarget
    generator: RunningGenerator
    watch: Watch
    clock: Clock
    started_s: float


@contextlib.contextmanager
def open_session(
    backends: Backends, target: Target, scenario: Scenario, load: Load, cell: Cell, image: Image, number: int
) -> Iterator[ContainerSession]:
    """Start target, generator and counters, and end them in reverse order on exit.

    Raises as TargetHost.run and LoadGenerator.start do.
    """
    with (
        backends.host.run(cell, target, image) as running,
        backends.generator.start(scenario, running.url, load) as generator,
        backends.probe.watch(running) as watch,
    ):
        clock = backends.clock
        yield ContainerSession(number, running, generator, watch, clock, clock.now_s())
