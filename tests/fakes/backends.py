"""Put all fakes together around one clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.measure.protocols import TargetHost
from harness.measure.session import Backends
from tests.fakes.clock import FakeClock
from tests.fakes.generator import FakeGenerator
from tests.fakes.host import FakeHost
from tests.fakes.probe import FakeProbe
from tests.fakes.service import Service


@dataclass
class FakeBackends:
    """All fakes.

    A target behaves like the service of its image or its name in `services`, or else like `default`.
    """

    default: Service = field(default_factory=Service)
    services: Mapping[str, Service] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.host = FakeHost(self.clock, self.services, self.default, self.seed)
        self.generator = FakeGenerator(self.clock, self.host.targets)
        self.probe = FakeProbe(self.clock)

    def to_backends(self, load_hosts: tuple[TargetHost, ...] = ()) -> Backends:
        """Return these fakes as the backends of a campaign; its load comes from the engines `load_hosts`."""
        return Backends(self.host, self.generator, self.probe, self.clock, load_hosts)
