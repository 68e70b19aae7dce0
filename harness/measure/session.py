"""Run a fresh target with its load generator and the counters of both."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

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
from harness.model import Cell, Load, Scenario, StepFacts, Target, ThinkTimes


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


class OngoingPauses:
    """The pauses that last beyond the end of a step: their users still think when the next step begins."""

    def __init__(self) -> None:
        self._users = 0
        self._thinks = ThinkTimes()

    def start_step(self, users: int) -> ThinkTimes:
        """Return the pauses that last into a step with this number of users.

        They are empty if users leave, because it is unknown which of the pauses were theirs.
        """
        return self._thinks if users >= self._users else ThinkTimes()

    def finish_step(self, facts: StepFacts) -> None:
        """Store the pauses of a step that last beyond its end."""
        thinks = facts.thinks
        lasting = np.flatnonzero(thinks.start_s + thinks.planned_s > facts.ended_s)
        self._users, self._thinks = (
            facts.users,
            ThinkTimes(thinks.start_s[lasting], thinks.planned_s[lasting]),
        )


@dataclass(frozen=True, slots=True)
class ContainerSession:
    """A running target with its generator and counters; steps are held in it one after the other.

    `number` counts the container runs of a cell. The instants of all facts count from `started_s`, which is
    an instant of `clock`. `pauses` are carried from each step to the next.
    """

    number: int
    target: RunningTarget
    generator: RunningGenerator
    watch: Watch
    clock: Clock
    started_s: float
    pauses: OngoingPauses = field(default_factory=OngoingPauses)


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
