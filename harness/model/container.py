"""How a container differs from the engine's ordinary ones, beyond its limits. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MOST_PIDS = 4096
"""No container has more processes and threads at once."""


MOST_RETRIES = 1000
"""How often a healthcheck may fail in a row at most."""


@dataclass(frozen=True, slots=True)
class Ulimit:
    """A limit of the kernel on processes: theirs at the start, and how far they may raise it; -1 is none."""

    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class FileContent:
    """A text that becomes a file in each container. `${NAME}` in it refers to the caller's environment."""

    text: str
    mode: int = 0o444
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A file or folder of the user's, of which each container gets a copy of its own.

    A path that does not exist stands for an empty folder. Without `mode`, `uid` and `gid` the copy has those
    of the original.
    """

    path: Path
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """How the engine checks a container's health, again and again for as long as it runs.

    `test` is as in an image: `CMD` or `CMD-SHELL`, then a command. What is None is as in the image, or else
    the engine's default.
    """

    test: tuple[str, ...] | None = None
    interval_s: float | None = None
    timeout_s: float | None = None
    start_period_s: float | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """What a container is told beyond image, command and limits. The defaults leave it to image and engine.

    `aliases` are further names by which containers of the same run reach it, `extra_hosts` "name:address".
    `network_of` names a companion whose network the container uses. `copies`, `contents` and `volumes` have
    paths in the container as keys. A volume is new in every container run, and is filled with what the image
    has there; those of the same name are one volume, and one without a name is the container's own.
    `dropped_capabilities` are taken from those that the engine gives every container. `restarts`: a container
    that ends with an error before it is ready is replaced by a new one.
    """

    working_dir: str | None = None
    hostname: str | None = None
    domainname: str | None = None
    aliases: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    network_of: str | None = None
    shm_bytes: int | None = None
    pids_limit: int = MOST_PIDS
    sysctls: Mapping[str, str] = field(default_factory=dict)
    group_add: tuple[str, ...] = ()
    dropped_capabilities: tuple[str, ...] = ()
    copies: Mapping[str, FileCopy] = field(default_factory=dict)
    contents: Mapping[str, FileContent] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    is_read_only: bool = False
    has_init: bool = False
    has_tty: bool = False
    has_stdin: bool = False
    has_healthcheck: bool = True
    healthcheck: Healthcheck | None = None
    restarts: bool = False
    empty_volumes: tuple[str, ...] = ()
    read_only_volumes: tuple[str, ...] = ()
