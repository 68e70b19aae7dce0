"""What is measured with: how much of a machine, which Locust processes, which engine."""

from dataclasses import dataclass
from functools import total_ordering
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB


@total_ordering
@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use: CPU as a quota in cores, memory with no swap beside it; and in how many
    containers, each with as much, the target runs behind a balancer.

    Smaller means less CPU in all, then less memory in all, then fewer containers.
    """

    cpu_cores: float
    memory_bytes: int
    replicas: int = 1

    @property
    def all_cores(self) -> float:
        return self.cpu_cores * self.replicas

    @property
    def all_bytes(self) -> int:
        return self.memory_bytes * self.replicas

    @property
    def times(self) -> str:
        """Such as "2 × ", before a size; nothing for a single container."""
        return f"{self.replicas} × " if self.replicas > 1 else ""

    def covers(self, other: "Limits") -> bool:
        """Whether there is at least as much of each."""
        return (
            self.cpu_cores >= other.cpu_cores
            and self.memory_bytes >= other.memory_bytes
            and self.replicas >= other.replicas
        )

    def __lt__(self, other: "Limits") -> bool:
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[float, int, int]:
        return round(self.all_cores, 9), self.all_bytes, self.replicas


@dataclass(frozen=True, slots=True)
class Balancer:
    """HAProxy before the replicas of a target, under limits of its own: an `image` that holds it, or the one
    that the harness builds; `algorithm` is one of HAProxy's, such as `roundrobin` or `leastconn`.
    """

    image: str | None = None
    limits: Limits = Limits(1.0, 256 * MIB)
    algorithm: str = "roundrobin"


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine: its address as DOCKER_HOST has it, or one of docker's contexts; with neither, the one
    that `docker` would use. `certificates` is a folder as DOCKER_CERT_PATH names it.

    `address` is where a target's port is published and reached; None is the engine's own loopback (through
    an SSH tunnel, where the engine is reached by SSH).
    """

    host: str | None = None
    context: str | None = None
    certificates: Path | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Which Locust processes make the load: `workers` of them under a master, or a single one by itself.

    None workers are as many as turn out to be needed. Where they are `external`, they run on other machines
    and come to the master at `bind` and `port` by themselves. Where `engines` are given, they run there in
    containers, from an `image` that holds Locust or from the harness's own, and come to it as well.
    """

    workers: int | None = 1
    external: bool = False
    bind: str = "127.0.0.1"
    port: int = 5557
    engines: tuple[Engine, ...] = ()
    image: str | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the workers are no children of ours."""
        return self.external or bool(self.engines)

    @property
    def is_remote(self) -> bool:
        """Whether they come from other machines, to which our loopback is nothing."""
        return self.is_elsewhere and self.bind != "localhost" and not self.bind.startswith("127.")


SINGLE_PROCESS = Load()
"""One Locust process."""

DEFAULT_ENGINE = Engine()
"""The engine that `docker` would use."""
