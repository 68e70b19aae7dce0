"""Each bundled target of public software starts, and answers its own scenario without an error."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.measure.docker.host import DockerHost
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import MonotonicClock
from harness.plan import load_plan

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

TARGETS = Path(__file__).parents[2] / "targets"
CAMPAIGN = f"examples-{os.getpid()}"
USERS = 20
LOAD_FOR_S = 6.0


@pytest.fixture
def host() -> Iterator[DockerHost]:
    with contextlib.closing(DockerHost(CAMPAIGN, MonotonicClock())) as host:
        yield host
        host.remove_leftovers(CAMPAIGN)


@pytest.mark.parametrize("name", ["nginx", "orders", "prometheus", "radicale"])
def test_a_bundled_target_answers_its_scenario(name: str, host: DockerHost) -> None:
    plan = load_plan(TARGETS / name / "matrix.yaml")
    largest = max(plan.cells, key=lambda cell: cell.limits)
    image = host.prepare(plan.target)
    with (
        host.run(largest, plan.target, image) as running,
        LocustGenerator().start(plan.scenario, running.url) as generator,
    ):
        generator.hold(USERS, spawn_rate=USERS)
        deadline = time.monotonic() + LOAD_FOR_S
        parts = []
        while time.monotonic() < deadline:
            parts.append(generator.poll(0.5))
        parts.append(generator.close_step())
    errors = [text for part in parts for text in part.requests.errors]
    assert errors == []
    assert sum(len(part.requests.start_s) for part in parts) > USERS
