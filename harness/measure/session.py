"""Run a fresh target with its load generator and the counters of both."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from harness.measure.host.cpu_affinity import Placement
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
from harness.model import Cell, Crowd, Load, Scenario, StepFacts, Target, ThinkTimes


@dataclass(frozen=True, slots=True)
class Backends:
    """What measures on one engine: the three protocols and the clock they share.

    `load_hosts` are the other engines that the load comes from. `most_cores` is the largest quota of a size
    that may be measured on these cores, with its companions; infinite if all sizes may.
    """

    host: TargetHost
    generator: LoadGenerator
    probe: UsageProbe
    clock: Clock
    load_hosts: tuple[TargetHost, ...] = ()
    most_cores: float = math.inf

    def on_cores(self, placement: Placement) -> "Backends":
        """Return the same backends for one of several sizes at once, on cores of its own."""
        return replace(
            self,
            host=self.host.on_cores(placement.target),
            generator=self.generator.with_cores(placement.generator),
            probe=self.probe.on_cores(placement.target | placement.generator),
            most_cores=placement.most_cores,
        )


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
        owner = thinks.owner[lasting] if len(thinks.owner) else thinks.owner
        self._users = facts.users
        self._thinks = ThinkTimes(thinks.start_s[lasting], thinks.planned_s[lasting], owner)


@dataclass(slots=True)
class ContainerSession:
    """A running target with its generator and counters; steps are held in it one after the other.

    `number` counts the container runs of a cell. The instants of all facts count from `started_s`, which is
    an instant of `clock`. `pauses` are carried from each step to the next. `restart` ends the generator and
    returns a new one, which has no users yet.
    """

    number: int
    target: RunningTarget
    generator: RunningGenerator
    watch: Watch
    clock: Clock
    started_s: float
    pauses: OngoingPauses = field(default_factory=OngoingPauses)
    restart: Callable[[], RunningGenerator] | None = None

    def restart_generator(self) -> None:
        """Replace the generator and all of its users; what was counted until now is dropped."""
        assert self.restart is not None, "open_session gives every session a function that restarts"
        self.generator = self.restart()
        self.pauses = OngoingPauses()
        self.watch.take()


@contextlib.contextmanager
def open_session(
    backends: Backends,
    target: Target,
    scenario: Scenario,
    load: Load,
    cell: Cell,
    image: Image,
    number: int,
    crowd: Crowd | None = None,
) -> Iterator[ContainerSession]:
    """Start target, generator and counters, and end them in reverse order on exit.

    `crowd` is what the scenario is told of the load. Raises as TargetHost.run and LoadGenerator.start do.
    """
    with (
        backends.host.run(cell, target, image) as running,
        contextlib.ExitStack() as stack,
        backends.probe.watch(running) as watch,
    ):

        def start_generator() -> RunningGenerator:
            stack.close()
            return stack.enter_context(backends.generator.start(scenario, running.url, load, crowd))

        generator, clock = start_generator(), backends.clock
        yield ContainerSession(
            number, running, generator, watch, clock, clock.now_s(), restart=start_generator
        )
