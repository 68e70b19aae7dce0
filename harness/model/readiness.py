"""The ways to tell that a started container is ready. No I/O."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready once a GET of `path` is answered with `status`."""

    path: str = "/"
    status: int = 200
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """Ready once the published port accepts a connection."""

    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class PortProbe:
    """Ready once something listens on `port` inside the container."""

    port: int
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class LogProbe:
    """Ready once a line of the container's log matches `pattern`, a regular expression."""

    pattern: str
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class CommandProbe:
    """Ready once `command`, run inside the container, ends with exit code 0."""

    command: tuple[str, ...]
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class HealthcheckProbe:
    """Ready once the image's own HEALTHCHECK reports healthy."""

    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class StartedProbe:
    """Ready once the container has run for a second.

    Nothing is known of such a container but that it was started. So if it ends with exit code 0, it has
    finished, and has not died.
    """

    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class CompletedProbe:
    """Ready once the container has ended with exit code 0: it is a job."""

    within_s: float = 600.0


NetworkProbe = HttpProbe | TcpProbe
"""A probe of the published port, from outside."""

ContainerProbe = PortProbe | LogProbe | CommandProbe | HealthcheckProbe
"""A probe that asks the engine, or runs inside the container."""

LifeProbe = StartedProbe | CompletedProbe
"""A probe of whether the container runs, whatever happens in it."""

ReadinessProbe = NetworkProbe | ContainerProbe | LifeProbe
"""How to tell that a started container is ready. It has failed if no probe succeeds within `within_s`."""


def choose_probe(
    *,
    completed: CompletedProbe | None,
    started: StartedProbe | None,
    port: PortProbe | None,
    log: LogProbe | None,
    command: CommandProbe | None,
    healthcheck: HealthcheckProbe | None,
    tcp: TcpProbe | None,
    http: HttpProbe,
) -> ReadinessProbe:
    """Return the first probe that is given, in the order of the parameters.

    Each kind of probe has a parameter without a default. If a kind is added, the type check therefore names
    all places that read probes.
    """
    return completed or started or port or log or command or healthcheck or tcp or http
