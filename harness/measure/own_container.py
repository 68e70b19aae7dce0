"""Find out whether the harness runs in a container of the engine, and what it shares with the host."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.api import APIClient
from docker.errors import NotFound

from harness.measure.docker.client import translate_docker_errors
from harness.measure.host.cgroup import open_cgroup

NO_HOST_NETWORK = (
    "the harness runs in a container with a network of its own, from which no port at the host's "
    "127.0.0.1 is reached"
)
_MOUNTS = Path("/proc/self/mountinfo")
_OWN_FILE = re.compile(
    r"/(?:containers|overlay-containers)/([0-9a-f]{64})/\S*(?:hostname|resolv\.conf|hosts)\b"
)


@dataclass(frozen=True, slots=True)
class OwnContainer:
    """The container that the harness runs in, and whether it shares its host's network and processes.

    `sees_groups`: it reads the files of containers' control groups, of its own as of all others.
    """

    has_host_network: bool
    has_host_processes: bool
    sees_groups: bool


def find_own_container(client: APIClient) -> OwnContainer | None:
    """Return the engine's container that the harness runs in; None if it runs in none of this engine.

    Raises EngineError if the engine does not answer.
    """
    try:
        container_id = find_container_id(_MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    if container_id is None:
        return None
    with translate_docker_errors("describe the harness's own container"):
        try:
            inspected = client.inspect_container(container_id)
        except NotFound:
            return None  # a container of another engine
    pid = (inspected.get("State") or {}).get("Pid") or 0
    return describe_container(inspected, sees_groups=open_cgroup(pid, container_id) is not None)


def lacks_host_network(own: OwnContainer | None) -> bool:
    """Return True for a container that reaches no port that the engine publishes on its host's loopback."""
    return own is not None and not own.has_host_network


def list_lacks(own: OwnContainer) -> Iterator[tuple[str, str]]:
    """Yield what a container does not see of its host, each with the options of `docker run` that help."""
    if not own.has_host_processes:
        yield (
            "this container does not see the host's processes: what the engine and its proxy use is unknown",
            "docker run --pid host",
        )
    if not own.sees_groups:
        yield (
            "this container does not see the control groups of others: for what a target waits is unknown, "
            "and so is the peak of its memory on cgroup v2",
            "docker run --pid host --cgroupns host --volume /sys/fs/cgroup:/sys/fs/cgroup:ro",
        )


def find_container_id(mounts: str) -> str | None:
    """Return the id of the container whose files are mounted in this process's file system; None without one.

    `mounts` is the text of /proc/self/mountinfo. Every engine mounts the files hostname, hosts and
    resolv.conf of a container from a folder that its id names.
    """
    match = next((match for line in mounts.splitlines() if (match := _find_own_file(line))), None)
    return match[1] if match else None


def _find_own_file(line: str) -> re.Match[str] | None:
    fields = line.split()
    is_own = len(fields) > 4 and fields[4] in ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
    return _OWN_FILE.search(fields[3]) if is_own else None


def describe_container(inspected: Mapping[str, Any], *, sees_groups: bool) -> OwnContainer:
    """Return what a container shares with its host, by what the engine says of it."""
    options = inspected.get("HostConfig") or {}
    return OwnContainer(
        options.get("NetworkMode") == "host", options.get("PidMode") == "host", sees_groups=sees_groups
    )
