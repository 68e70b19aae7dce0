"""Define the resources of a measurement: limits, load balancer, engines, Locust processes."""

from dataclasses import dataclass, replace
from functools import total_ordering
from pathlib import Path
from typing import ClassVar

MIB = 1024 * 1024
GIB = 1024 * MIB
LOOPBACK = "127.0.0.1"
MASTER_PORT = 5557
"""Locust's own default."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Limits:
    """A container's limits: CPU as a quota in cores, and memory without swap.

    Each of `replicas` containers has these limits; several replicas run behind a load balancer. Limits are
    ordered by the total CPU of all replicas, then by their total memory, then by their number. `variant` is
    the name of the target's variant that runs in them, and None without variants: with another variant the
    same limits are another size.
    """

    cpu_cores: float
    memory_bytes: int
    replicas: int = 1
    variant: str | None = None

    @property
    def total_cores(self) -> float:
        """The cores of all replicas, without the error of float arithmetic: three of 0.1 are 0.3."""
        return round(self.cpu_cores * self.replicas, 9)

    @property
    def total_bytes(self) -> int:
        return self.memory_bytes * self.replicas

    def covers(self, other: "Limits") -> bool:
        """Return True if no replica has less CPU or memory, there are no fewer, and the variant is the same.

        Only then is it sure that a target sustains at least as many users. Equal totals do not suffice: two
        small replicas may sustain fewer users than a large one.
        """
        return (
            self.variant == other.variant
            and self.cpu_cores >= other.cpu_cores
            and self.memory_bytes >= other.memory_bytes
            and self.replicas >= other.replicas
        )

    def __lt__(self, other: "Limits") -> bool:
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[float, int, int, str]:
        return self.total_cores, self.total_bytes, self.replicas, self.variant or ""

    def drop_variant(self) -> "Limits":
        """Return the same limits, whatever variant runs in them."""
        return self if self.variant is None else replace(self, variant=None)


@dataclass(frozen=True, slots=True)
class Balancer:
    """The load balancer (HAProxy) before the replicas of a target, with its own limits.

    `image` holds HAProxy; None is the image that the harness builds. `algorithm` is one of HAProxy's, such as
    `roundrobin` or `leastconn`.
    """

    image: str | None = None
    limits: Limits = Limits(1.0, 256 * MIB)
    algorithm: str = "roundrobin"


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine, by `host` (an address as in DOCKER_HOST) or by one of docker's contexts.

    Without both it is the engine that `docker` uses. `certificates` is a folder as in DOCKER_CERT_PATH.
    `address` is where a target's port is published and reached. None is the engine's own loopback, to which
    an SSH tunnel leads if the engine itself is reached by SSH.
    """

    host: str | None = None
    context: str | None = None
    certificates: Path | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class LocalWorkers:
    """Locust processes on this host: a single one, or several workers under a master on the loopback.

    If `workers` is None, as many are started as the load turns out to need.
    """

    workers: int | None = 1
    bind: ClassVar[str] = LOOPBACK
    is_remote: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class ExternalWorkers:
    """Workers that somebody else starts; they connect to the master at `bind` and `port`."""

    workers: int
    bind: str = LOOPBACK
    port: int = MASTER_PORT

    @property
    def is_remote(self) -> bool:
        """True if the workers run on other machines and cannot use our loopback."""
        return not _is_loopback(self.bind)


@dataclass(frozen=True, slots=True)
class EngineWorkers:
    """Workers in containers on Docker engines; they connect to the master at `bind` and `port`.

    If `workers` is None, as many are started as the load turns out to need. `image` holds Locust; None is the
    image that the harness builds.
    """

    engines: tuple[Engine, ...]
    workers: int | None
    bind: str = LOOPBACK
    port: int = MASTER_PORT
    image: str | None = None

    @property
    def is_remote(self) -> bool:
        """True if the workers run on other machines and cannot use our loopback."""
        return not _is_loopback(self.bind)


Load = LocalWorkers | ExternalWorkers | EngineWorkers
"""Which Locust processes make the load."""


def _is_loopback(address: str) -> bool:
    return address == "localhost" or address.startswith("127.")


SINGLE_PROCESS = LocalWorkers()
"""One Locust process."""

DEFAULT_ENGINE = Engine()
"""The engine that `docker` would use."""
