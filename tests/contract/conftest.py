"""Two grounds for one contract: the fakes, and (marked e2e) Docker with Locust."""

import contextlib
import http.client
import os
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.measure.clock import MonotonicClock
from harness.measure.docker.client import CAMPAIGN_LABEL, connect
from harness.measure.docker.host import DockerHost
from harness.measure.docker.stats import DockerProbe
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import Clock, LoadGenerator, RunningTarget, TargetHost, UsageProbe
from harness.model import (
    GIB,
    MIB,
    SINGLE_PROCESS,
    BuildSource,
    Cell,
    HttpProbe,
    Limits,
    Load,
    LocalWorkers,
    Scenario,
    Target,
)
from tests.fakes import FakeTarget, FakeWorld, Service

BEHAVES = Path(__file__).parents[1] / "e2e" / "images" / "behaves"
BASE = os.environ.get("HARNESS_TEST_BASE", "harness-base:bookworm")
CAMPAIGN = f"contract-{os.getpid()}"


@dataclass(frozen=True)
class Ground:
    """A world, the containers that are there, and a way to make a running target do something."""

    campaign: str
    clock: Clock
    host: TargetHost
    generator: LoadGenerator
    probe: UsageProbe
    containers: Callable[[], list[str]]
    make: Callable[[RunningTarget, str, float], None]

    def target(self, behaviour: str = "answer", **more: Any) -> Target:
        """A target that will `answer`, `exit` at start with 3, `eat` all memory at start, or stay `mute`."""
        source = BuildSource(BEHAVES, args={"BASE": BASE})
        return Target(
            behaviour, 8000, source, command=(behaviour,), **{"readiness": HttpProbe(within_s=20), **more}
        )

    def run(self, target: Target, cores: float = 0.5) -> contextlib.AbstractContextManager[RunningTarget]:
        return self.host.run(cell(target, cores), target, self.host.prepare(target))


def cell(target: Target, cores: float = 0.5) -> Cell:
    return Cell(f"{target.name}-c{cores:.2f}-m64", target.name, Limits(cores, 64 * MIB))


class TwoWorkers(LocustGenerator):
    """The real one, always with two workers under a master."""

    def start(self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS) -> Any:
        return super().start(scenario, url, LocalWorkers(2))


@pytest.fixture(params=[pytest.param("fake"), pytest.param("real", marks=pytest.mark.e2e)])
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with fake_ground() if request.param == "fake" else real_ground() as made:
        yield made
        assert made.containers() == []


@pytest.fixture(
    params=[
        pytest.param("fake"),
        pytest.param("real", marks=pytest.mark.e2e),
        pytest.param("two workers", marks=pytest.mark.e2e),
    ]
)
def loading(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The same for what makes load, also with several processes."""
    generator = TwoWorkers() if request.param == "two workers" else LocustGenerator()
    with fake_ground() if request.param == "fake" else real_ground(generator) as made:
        yield made
        assert made.containers() == []


@contextlib.contextmanager
def fake_ground() -> Iterator[Ground]:
    services = {
        "exit": Service(exits_at_start=3),
        "eat": Service(base_bytes=GIB),
        "mute": Service(never_ready=True),
    }
    world = FakeWorld(services=services)
    world.generator.think_s = (0.1, 0.3)
    world.generator.names = (("GET /", 2.0), ("GET /?q=[term]", 1.0))

    def make(target: RunningTarget, deed: str, amount: float) -> None:
        assert isinstance(target, FakeTarget)
        target.make(deed, amount)
        world.clock.sleep(amount / target.station.cores if deed == "burn" else 0.25)

    with world.host.reserve():
        yield Ground(
            "fake",
            world.clock,
            world.host,
            world.generator,
            world.probe,
            lambda: list(world.host.running),
            make,
        )


@contextlib.contextmanager
def real_ground(generator: LoadGenerator | None = None) -> Iterator[Ground]:
    clock, client = MonotonicClock(), connect()

    def containers() -> list[str]:
        filters = {"label": f"{CAMPAIGN_LABEL}={CAMPAIGN}"}
        return [container["Names"][0] for container in client.containers(all=True, filters=filters)]

    def make(target: RunningTarget, deed: str, amount: float) -> None:
        shown = f"{amount:g}"
        with (
            contextlib.suppress(http.client.HTTPException, OSError),
            urllib.request.urlopen(f"{target.url}/{deed}/{shown}", timeout=20),
        ):
            pass

    host = DockerHost(CAMPAIGN, clock, client)
    try:
        with host.reserve():
            yield Ground(
                CAMPAIGN, clock, host, generator or LocustGenerator(), DockerProbe(clock), containers, make
            )
    finally:
        host.remove_leftovers(CAMPAIGN)
        host.close()
