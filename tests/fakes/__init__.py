"""Fakes of the seam to the world: no Docker, no Locust, no waiting. Time moves when slept on.

`FakeWorld` holds all of them, and is told how targets behave: one `Service` for all, or one by the target's
name. `tests/contract` makes the same claims of these and of the real ones.
"""

from tests.fakes.clock import FakeClock
from tests.fakes.generator import FakeGenerator
from tests.fakes.host import FakeHost, FakeTarget
from tests.fakes.probe import FakeProbe
from tests.fakes.service import Service
from tests.fakes.world import FakeWorld

__all__ = ["FakeClock", "FakeGenerator", "FakeHost", "FakeProbe", "FakeTarget", "FakeWorld", "Service"]
