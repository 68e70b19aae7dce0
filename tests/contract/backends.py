"""The two backends that one contract tests: the fakes, and (marked e2e) Docker with Locust."""

import contextlib
import fcntl
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.measure.docker import lock
from harness.measure.docker.client import CAMPAIGN_LABEL, connect
from harness.measure.docker.host import DockerHost
from harness.measure.docker.stats import DockerProbe
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import (
    Clock,
    LoadGenerator,
    MonotonicClock,
    RunningTarget,
    TargetHost,
    UsageProbe,
)
from harness.model import (
    GIB,
    MIB,
    BuildSource,
    Cell,
    HttpProbe,
    ImageSource,
    Limits,
    Target,
)
from tests.e2e.project import BASE, BEHAVES
from tests.fakes import FakeBackends, FakeTarget, Service

CAMPAIGN = f"contract-{os.getpid()}"


@dataclass(frozen=True)
class Backend:
    """One implementation of the protocols. `provoke` makes a running target do an action of `behave.py`."""

    campaign: str
    clock: Clock
    host: TargetHost
    generator: LoadGenerator
    probe: UsageProbe
    list_containers: Callable[[], list[str]]
    provoke: Callable[[RunningTarget, str, float], None]

    def build_target(self, behaviour: str = "answer", **more: Any) -> Target:
        """Build a target that will "answer", "exit" with code 3, "eat" all memory or stay "mute".

        Its image is built, unless HARNESS_TEST_IMAGE names one that is there.
        """
        image = os.environ.get("HARNESS_TEST_IMAGE")
        source = ImageSource(image) if image else BuildSource(BEHAVES, args={"BASE": BASE})
        return Target(
            behaviour, 8000, source, command=(behaviour,), **{"readiness": HttpProbe(within_s=20), **more}
        )

    def run(self, target: Target, cores: float = 0.5) -> contextlib.AbstractContextManager[RunningTarget]:
        return self.host.run(make_cell(target, cores), target, self.host.prepare(target))


def make_cell(target: Target, cores: float = 0.5) -> Cell:
    return Cell(f"{target.name}-c{cores:.2f}-m64", target.name, Limits(cores, 64 * MIB))


@contextlib.contextmanager
def open_fake_backend() -> Iterator[Backend]:
    services = {
        "exit": Service(exits_at_start=3),
        "eat": Service(base_bytes=GIB),
        "mute": Service(is_never_ready=True),
    }
    fakes = FakeBackends(services=services)
    fakes.generator.think_s = (0.1, 0.3)
    fakes.generator.names = (("GET /", 2.0), ("GET /?q=[term]", 1.0))

    def provoke(target: RunningTarget, action: str, amount: float) -> None:
        assert isinstance(target, FakeTarget)
        target.provoke(action, amount)
        fakes.clock.sleep(amount / target.cores if action == "burn" else 0.25)

    with fakes.host.reserve():
        yield Backend(
            "fake",
            fakes.clock,
            fakes.host,
            fakes.generator,
            fakes.probe,
            lambda: list(fakes.host.running),
            provoke,
        )


@contextlib.contextmanager
def share_engine(identity: str) -> Iterator[None]:
    """Keep campaigns off the engine, but not the tests of other processes, which measure nothing either.

    What this process reserves meanwhile is locked for it alone. Raises BlockingIOError while a campaign runs.
    """
    with lock.find_lock_path(identity).open("a") as file, tempfile.TemporaryDirectory() as folder:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        before, lock.SHARED_FOLDER = lock.SHARED_FOLDER, Path(folder)
        try:
            yield
        finally:
            lock.SHARED_FOLDER = before


@contextlib.contextmanager
def open_real_backend(generator: LoadGenerator | None = None) -> Iterator[Backend]:
    clock, client = MonotonicClock(), connect()

    def list_containers() -> list[str]:
        filters = {"label": f"{CAMPAIGN_LABEL}={CAMPAIGN}"}
        return [container["Names"][0] for container in client.containers(all=True, filters=filters)]

    def provoke(target: RunningTarget, action: str, amount: float) -> None:
        with (
            contextlib.suppress(http.client.HTTPException, OSError),
            urllib.request.urlopen(f"{target.url}/{action}/{amount:g}", timeout=20),
        ):
            pass

    host = DockerHost(CAMPAIGN, clock, client)
    try:
        with share_engine(host.read_identity()), host.reserve():
            yield Backend(
                CAMPAIGN,
                clock,
                host,
                generator or LocustGenerator(),
                DockerProbe(clock),
                list_containers,
                provoke,
            )
    finally:
        host.remove_leftovers(CAMPAIGN)
        host.close()
