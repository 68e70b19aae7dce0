"""Fakes of the protocols of measuring: no Docker, no Locust, no waiting. Time moves when someone sleeps.

`FakeBackends` holds all of them and describes how targets behave: one `Service` for all, or one by the
target's name. `tests/contract` makes the same claims about the fakes and the real ones.
"""

from tests.fakes.backends import FakeBackends
from tests.fakes.clock import FakeClock
from tests.fakes.generator import FakeGenerator
from tests.fakes.host import FakeHost, FakeTarget
from tests.fakes.probe import FakeProbe
from tests.fakes.service import Service

__all__ = ["FakeBackends", "FakeClock", "FakeGenerator", "FakeHost", "FakeProbe", "FakeTarget", "Service"]
