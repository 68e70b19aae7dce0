"""Fakes of the protocols of measuring: no Docker, no Locust, no waiting. Only `FakeClock.sleep` takes time.

`FakeBackends` holds all fakes and the services that targets behave like: one by the target's name, and one
for all other targets. `tests/contract` makes the same claims about the fakes and about Docker with Locust.
"""

from tests.fakes.backends import FakeBackends
from tests.fakes.clock import FakeClock
from tests.fakes.generator import FakeGenerator
from tests.fakes.host import FakeHost, FakeTarget
from tests.fakes.probe import FakeProbe
from tests.fakes.service import Service

__all__ = ["FakeBackends", "FakeClock", "FakeGenerator", "FakeHost", "FakeProbe", "FakeTarget", "Service"]
