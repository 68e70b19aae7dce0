"""Reach a target's published port: on this machine's loopback, at an address, or through an SSH tunnel."""

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from harness.errors import EngineUnavailableError
from harness.model import LOOPBACK

_OPEN_WITHIN_S = 20.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class PortAccess:
    """How an engine's published ports are reached: its host publishes them on `address` and nowhere else.

    With `ssh`, an ssh:// address as in DOCKER_HOST, `address` is the loopback of the engine's host, and a
    tunnel forwards a port of this machine's loopback to the published one.
    """

    address: str = LOOPBACK
    ssh: str | None = None


LOCAL = PortAccess()


class Tunnel:
    """An SSH process that forwards a port of this machine's loopback to the loopback of the engine's host."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
        self.port = port
        self._process = process
        self._log = log

    def check_alive(self) -> None:
        """Raise EngineUnavailableError, with what ssh wrote, if the tunnel was cut."""
        if self._process.poll() is not None:
            self._log.seek(0)
            output = self._log.read().decode(errors="replace").strip()
            raise EngineUnavailableError(
                f"the SSH tunnel to the target was cut: {output or 'ssh wrote nothing'}"
            )

    def wait_until_open(self) -> None:
        """Wait until the tunnel accepts connections. Raises EngineUnavailableError if that takes too long."""
        deadline = time.monotonic() + _OPEN_WITHIN_S
        while time.monotonic() < deadline:
            self.check_alive()
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), _POLL_S):
                return
            time.sleep(_POLL_S)
        raise EngineUnavailableError(
            f"the SSH tunnel to the target was not open after {_OPEN_WITHIN_S:.0f} s"
        )


@dataclass(frozen=True, slots=True)
class OpenPort:
    """Where this machine reaches a container's port; `number` is 0 if the container publishes none."""

    address: str
    number: int
    tunnel: Tunnel | None = None

    @property
    def host(self) -> str:
        """The address as it stands in a URL: one of IPv6 is in brackets."""
        return f"[{self.address}]" if ":" in self.address else self.address

    def check_alive(self) -> None:
        """Raise EngineUnavailableError if the port is reached through a tunnel and the tunnel was cut."""
        if self.tunnel is not None:
            self.tunnel.check_alive()


@contextlib.contextmanager
def open_port(access: PortAccess, published: int) -> Iterator[OpenPort]:
    """Make a published port (0: none) reachable until exit, through a tunnel if it needs one.

    Raises EngineUnavailableError, with what ssh wrote, if the tunnel can't be opened.
    """
    if access.ssh and published:
        with _open_tunnel(access.ssh, published) as tunnel:
            yield OpenPort(LOOPBACK, tunnel.port, tunnel)
    else:
        yield OpenPort(LOOPBACK if access.ssh else access.address, published)


@contextlib.contextmanager
def _open_tunnel(ssh: str, remote_port: int) -> Iterator[Tunnel]:
    """Open a tunnel and close it on exit. It ends by itself within 15 s after it lost the other side."""
    local_port = find_free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            build_ssh_command(ssh, local_port, remote_port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            tunnel = Tunnel(process, local_port, log)
            tunnel.wait_until_open()
            yield tunnel
        finally:
            process.terminate()
            process.wait()


def build_ssh_command(ssh: str, local_port: int, remote_port: int) -> list[str]:
    """Build the command that forwards a local port to the remote one; `ssh` is an ssh:// address."""
    parts = urlsplit(ssh)
    place = parts.netloc.rpartition("@")[2]  # `hostname` is in lower case: another alias for ssh
    host = place.removesuffix(f":{parts.port}").strip("[]")
    options = {
        "BatchMode": "yes",
        "ExitOnForwardFailure": "yes",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
    }
    return [
        "ssh",
        "-N",
        *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
        *(("-p", str(parts.port)) if parts.port else ()),
        *(("-l", parts.username) if parts.username else ()),
        "-L",
        f"{LOOPBACK}:{local_port}:{LOOPBACK}:{remote_port}",
        "--",
        host,
    ]


def find_free_port() -> int:
    """Return a port of the loopback on which nothing listens at the moment."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def is_port_free(port: int) -> bool:
    """Return True if a container could publish this port of the loopback at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
