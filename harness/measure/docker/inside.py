"""What only the inside of a container tells: what listens, what it wrote, whether it is well."""

import re
from collections.abc import Iterator, Sequence

from docker.api import APIClient

from harness.model import Ready

LISTENING = "0A"
"""A socket's state in /proc/net/tcp."""

SOCKETS = ("cat", "/proc/net/tcp", "/proc/net/tcp6")
LOG_LINES = 1000
WORDS_SHOWN = 300


def not_ready_inside(client: APIClient, container_id: str, ready: Ready) -> str | None:
    """None when the container is ready, else what was seen instead."""
    match ready.kind:
        case "port":
            assert ready.port is not None
            return _listens(client, container_id, ready.port)
        case "log":
            assert ready.log is not None
            written: bytes = client.logs(container_id, tail=LOG_LINES)
            found = re.search(ready.log, written.decode(errors="replace"), re.MULTILINE)
            return None if found else f"no line that matches {ready.log!r} in its log"
        case "command":
            assert ready.command is not None
            code, said = ran_inside(client, container_id, ready.command)
            return None if code == 0 else f"{ready.command[0]} ended with {code}: {said[:WORDS_SHOWN]}"
        case _:
            return _health(client, container_id)


def ran_inside(client: APIClient, container_id: str, command: Sequence[str]) -> tuple[int | None, str]:
    """The exit code of a command run in the container (None: it can't be known), and what it wrote."""
    made = client.exec_create(container_id, list(command))
    written: bytes = client.exec_start(made["Id"])
    code = client.exec_inspect(made["Id"])["ExitCode"]
    return code, written.decode(errors="replace").strip()


def _listens(client: APIClient, container_id: str, port: int) -> str | None:
    _, tables = ran_inside(client, container_id, SOCKETS)
    return None if port in listening_ports(tables) else f"nothing listens on port {port}"


def listening_ports(tables: str) -> Iterator[int]:
    """The ports of listening sockets in the text of /proc/net/tcp and tcp6."""
    for line in tables.splitlines():
        columns = line.split()
        if len(columns) > 3 and columns[3] == LISTENING and ":" in columns[1]:
            yield int(columns[1].rpartition(":")[2], 16)


def _health(client: APIClient, container_id: str) -> str | None:
    health = client.inspect_container(container_id)["State"].get("Health")
    if health is None:
        return "its image has no HEALTHCHECK; write another ready: condition"
    return None if health["Status"] == "healthy" else f"its HEALTHCHECK says {health['Status']}"
