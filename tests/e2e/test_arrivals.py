"""Real Locust: users arrive one by one, although Locust starts all users of a second at once."""

from pathlib import Path

import numpy as np
import pytest

from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import MonotonicClock
from harness.model import Scenario
from tests.e2e.local_server import serve

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

USERS = 8
ASKING_ONCE = """
from locust import HttpUser, constant, task


class Reader(HttpUser):
    wait_time = constant(60)

    @task
    def read(self):
        self.client.get("/")
"""


def test_the_users_of_a_second_are_spread_over_it(tmp_path: Path) -> None:
    """By the golden ratio 8 users start 0.09 to 0.15 s apart, from the first to the last 0.85 s."""
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(ASKING_ONCE)
    clock = MonotonicClock()
    starts: list[float] = []
    with serve() as url, LocustGenerator().start(Scenario((locustfile,)), url) as generator:
        generator.hold(USERS, spawn_rate=USERS)
        deadline = clock.now_s() + 20
        while len(starts) < USERS and clock.now_s() < deadline:
            starts.extend(generator.poll(0.25).requests.start_s)
    assert len(starts) == USERS
    assert np.ptp(starts) > 0.5
