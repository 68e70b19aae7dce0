"""Probe whether a started container is ready, over its port or from inside the container."""

import contextlib
import http.client
import re
import socket
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_never
from urllib.parse import quote

from docker.api import APIClient
from docker.errors import APIError

from harness.measure.docker.client import is_local
from harness.measure.docker.port_access import OpenPort
from harness.model import (
    CommandProbe,
    ContainerProbe,
    HealthcheckProbe,
    HttpProbe,
    LogProbe,
    NetworkProbe,
    PortProbe,
    TcpProbe,
)

_MUST_STAY_OPEN_S = 0.25
_HTTP_ANSWER_WITHIN_S = 2.0
_UNAVAILABLE = re.compile(rb"HTTP/1\.[01] (502|503|504)\b")
"""How a proxy answers whose application is not there yet."""

_BODY_BYTES_SHOWN = 200
_STATUS_LINE_BYTES = 64
_OUTPUT_CHARACTERS_SHOWN = 300
_LOG_LINES = 1000

_LISTENING = "0A"
"""A socket's state in /proc/net/tcp."""

_SOCKET_TABLES = ("tcp", "tcp6")
_PRINT_SOCKETS = ("cat", *(f"/proc/net/{name}" for name in _SOCKET_TABLES))
_TABLE_HEADER = "local_address"
_NO_PROGRAM = "executable file"
"""What the engine says of a program that the image lacks."""

_PROC = Path("/proc")


class Unavailable(str):
    """What was seen of a port that is open, but behind which an HTTP server says that it can't serve yet."""


def probe_network(probe: NetworkProbe, port: OpenPort, timeout_s: float) -> str | None:
    """Return None if the container is ready, else what was seen: `Unavailable` if only HTTP denies it."""
    if not port.number:
        return "no published port"
    try:
        match probe:
            case HttpProbe():
                return _probe_http(probe, port, timeout_s)
            case TcpProbe():
                return _probe_tcp(port, timeout_s)
            case _:
                assert_never(probe)
    except TimeoutError:
        return f"no answer within {timeout_s:.1f} s"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def _probe_http(probe: HttpProbe, port: OpenPort, timeout_s: float) -> str | None:
    client = http.client.HTTPConnection(port.address, port.number, timeout=timeout_s)
    with contextlib.closing(client) as connection:
        path = quote(probe.path, safe=string.punctuation)  # HTTP has only ASCII
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        if answer.status == probe.status:
            return None
        body = answer.read(_BODY_BYTES_SHOWN).decode(errors="replace").strip()
        return f"HTTP {answer.status} on {probe.path}, not {probe.status}: {body}".rstrip(": ")


def _probe_tcp(port: OpenPort, timeout_s: float) -> str | None:
    """Require that a connection stays open: the engine's proxy accepts connections before the target does.

    If the server waits for the client to begin, it is asked by HTTP. A server that does not speak HTTP is
    ready, and so is one that answers anything but that it is unavailable.
    """
    with socket.create_connection((port.address, port.number), timeout=timeout_s) as connection:
        connection.settimeout(_MUST_STAY_OPEN_S)
        try:
            return None if connection.recv(1) else "the connection was closed at once"
        except TimeoutError:
            pass
        connection.settimeout(min(timeout_s, _HTTP_ANSWER_WITHIN_S))
        with contextlib.suppress(OSError):
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {port.host}\r\nConnection: close\r\n\r\n".encode())
            if answer := _UNAVAILABLE.match(connection.recv(_STATUS_LINE_BYTES)):
                return Unavailable(f"the port is open, but GET / is answered with HTTP {answer[1].decode()}")
    return None


def probe_container(client: APIClient, container_id: str, probe: ContainerProbe) -> str | None:
    """Return None if the container is ready, else what was seen instead."""
    match probe:
        case PortProbe():
            return _probe_port(client, container_id, probe.port)
        case LogProbe():
            written: bytes = client.logs(container_id, tail=_LOG_LINES)
            is_written = re.search(probe.pattern, written.decode(errors="replace"), re.MULTILINE)
            return None if is_written else f"no line of its log matches {probe.pattern!r}"
        case CommandProbe():
            code, output = run_command(client, container_id, probe.command)
            shown = output[:_OUTPUT_CHARACTERS_SHOWN]
            return None if code == 0 else f"{probe.command[0]} ended with exit code {code}: {shown}"
        case HealthcheckProbe():
            return _probe_health(client, container_id)
        case _:
            assert_never(probe)


def _probe_port(client: APIClient, container_id: str, port: int) -> str | None:
    tables = read_socket_tables(client, container_id)
    if tables is None:
        return (
            f"nobody can see whether it listens on port {port}, because its image has no `cat`: give it "
            "another `ready`, such as {log: …} or {started: true}"
        )
    return None if port in parse_listening_ports(tables) else f"nothing listens on port {port}"


def read_socket_tables(client: APIClient, container_id: str, proc: Path = _PROC) -> str | None:
    """Return the kernel's tables of the container's sockets; None if nobody can read them.

    Where the image has no `cat`, as images without a shell, they are read from outside, if the engine runs on
    this machine.
    """
    try:
        _, tables = run_command(client, container_id, _PRINT_SOCKETS)
    except APIError as error:
        if _NO_PROGRAM not in str(error):
            raise
        tables = ""
    if _TABLE_HEADER in tables:
        return tables
    if not is_local(client):
        return None
    process = proc / str(client.inspect_container(container_id)["State"]["Pid"])
    with contextlib.suppress(OSError):
        if container_id in (process / "cgroup").read_text():
            paths = (process / "net" / name for name in _SOCKET_TABLES)
            return "\n".join(path.read_text() for path in paths if path.exists())
    return None


def _probe_health(client: APIClient, container_id: str) -> str | None:
    health = client.inspect_container(container_id)["State"].get("Health")
    if health is None:
        return "its image has no HEALTHCHECK: `ready` needs another condition"
    return None if health["Status"] == "healthy" else f"its HEALTHCHECK says {health['Status']}"


def run_command(client: APIClient, container_id: str, command: Sequence[str]) -> tuple[int | None, str]:
    """Run a command in the container; return its exit code (None if unknown) and what it wrote."""
    created = client.exec_create(container_id, list(command))
    written: bytes = client.exec_start(created["Id"])
    code = client.exec_inspect(created["Id"])["ExitCode"]
    return code, written.decode(errors="replace").strip()


def parse_listening_ports(tables: str) -> Iterator[int]:
    """Yield the ports of the listening sockets in the text of /proc/net/tcp and tcp6."""
    for line in tables.splitlines():
        columns = line.split()
        if len(columns) > 3 and columns[3] == _LISTENING and ":" in columns[1]:
            yield int(columns[1].rpartition(":")[2], 16)
