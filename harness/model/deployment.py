"""A size as it is deployed: what starts, what one replica may use and does use, and how many are needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.container import ContainerOptions
from harness.model.plan import Cell, ImageSource, Target
from harness.model.readiness import HttpProbe, ReadinessProbe
from harness.model.resources import Limits
from harness.model.results import CellResult, StepResult


@dataclass(frozen=True, slots=True)
class Service:
    """What a deployment starts.

    `image` is None if the harness builds it, and `port` is 0 if none is published. `variables` and
    `companions` are names only: values may be secrets, and companions run elsewhere.
    `settings` are variables with their values, as the variant of the size sets them. `left_out` are further
    keys of target.yaml that the target was measured with, and that no exported file has.
    """

    name: str
    image: str | None
    port: int
    readiness: ReadinessProbe = field(default_factory=HttpProbe)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    variables: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


_OPTION_KEYS = {
    "working_dir": "working_dir",
    "group_add": "group_add",
    "copies": "copies",
    "contents": "contents",
    "volumes": "volumes",
    "shm_bytes": "shm_size",
    "is_read_only": "read_only",
    "sysctls": "sysctls",
    "pids_limit": "pids_limit",
    "dropped_capabilities": "drop_capabilities",
    "hostname": "hostname",
    "domainname": "domainname",
    "extra_hosts": "extra_hosts",
    "dns": "dns",
    "dns_search": "dns_search",
    "dns_opt": "dns_opt",
    "network_of": "network_of",
    "has_init": "init",
    "has_tty": "tty",
    "has_stdin": "stdin_open",
}
"""The keys of target.yaml for what a container is told beyond its image. Checks of its health are not among
them, and neither is what counts only while it starts.
"""


def _list_left_out(target: Target) -> tuple[str, ...]:
    """Return the keys of target.yaml, beside those of a service, that the target has."""
    own = {
        "user": target.user is not None,
        "files": bool(target.files),
        "tmpfs": bool(target.tmpfs),
        "ulimits": bool(target.ulimits),
        "capabilities": bool(target.capabilities),
        "network": target.host_network,
    }
    usual = ContainerOptions()
    options = {
        key: getattr(target.options, name) != getattr(usual, name) for name, key in _OPTION_KEYS.items()
    }
    return tuple(key for key, is_set in (own | options).items() if is_set)


def build_service(target: Target, cell: Cell) -> Service:
    """Return what a deployment of a target at a cell's size starts, with what the cell's variant sets."""
    environment = cell.variant.environment if cell.variant is not None else {}
    settings = {name: value for name, value in environment.items() if "${" not in value}
    target = cell.adapt_target(target)
    return Service(
        name=target.name,
        image=target.source.reference if isinstance(target.source, ImageSource) else None,
        port=target.port,
        readiness=target.readiness,
        command=target.command,
        entrypoint=target.entrypoint,
        variables=tuple(name for name in target.environment if name not in settings),
        companions=tuple(each.name for each in target.companions if not each.is_job),
        settings=settings,
        left_out=_list_left_out(target),
    )


class CapacityBasis(StrEnum):
    """How a size's capacity is known."""

    MEASURED = "measured"
    """The size broke above it."""
    PREDICTED = "predicted"
    """The size never broke; the capacity follows from the CPU and the memory that it used."""
    LOWER_BOUND = "lower bound"
    """The size never broke, and nothing tells how much more it sustains."""


@dataclass(frozen=True, slots=True)
class SafeLoad:
    """The load that a measured size carries with the headroom to spare, all its replicas together.

    `capacity_users` divided by 1 + `headroom_ratio` gives `users`, but no more than were measured. `step`
    showed what is used: the step that passed at these users or next above them; None if none was held.
    `memory_step` is the step that shows best whether the memory is level: the soak, or the largest step.
    """

    users: int
    capacity_users: float
    basis: CapacityBasis
    headroom_ratio: float
    step: StepResult | None = None
    memory_step: StepResult | None = None


@dataclass(frozen=True, slots=True)
class ReplicaUse:
    """What one replica uses at the safe load; None where no counter or no step tells it.

    `break_ratio` is the share of its CPU limit that it uses at the capacity; None unless the size broke.
    From `scale_at_users` on a further replica is due: above the `users` of the safe load, so that these don't
    start one, and below the capacity, because a replica takes time to be ready.
    `in_flight` are the requests that it serves at once, on average (Little's law). `is_memory_level`: the
    limit lasts for the horizon; None if no step tells.
    """

    users: float
    scale_at_users: float
    cpu_cores: float | None = None
    memory_bytes: float | None = None
    is_memory_level: bool | None = None
    in_flight: float | None = None
    break_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A measured size as it is deployed for `users`, in `replicas` of its limits.

    `limits` are those of one replica. `replicas_help` is False if a companion or errors stop the size, or a
    companion is predicted to: whether further replicas make it carry more is then unknown. `ready_after_s` is
    how long a container took to be ready; None if unknown. `is_complete` is False if the campaign may still
    get another answer.
    """

    result: CellResult
    service: Service
    limits: Limits
    users: int
    replicas: int
    safe: SafeLoad
    use: ReplicaUse
    replicas_help: bool = True
    ready_after_s: float | None = None
    is_complete: bool = True
