"""How a target's published port is reached: on this loopback, at an address, or through an SSH tunnel."""

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from harness.errors import EngineGone

LOOPBACK = "127.0.0.1"
OPEN_WITHIN_S = 20.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Reach:
    """`address` is the one that the engine's host publishes ports on, and no other. Where `ssh` is given (an
    address as DOCKER_HOST has it), that is its loopback, and ours is forwarded to it.
    """

    address: str = LOOPBACK
    ssh: str | None = None


HERE = Reach()


class Tunnel:
    """A port of our loopback that SSH forwards to the same machine's loopback as the engine's."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
        self.port = port
        self._process = process
        self._log = log

    def look(self) -> None:
        """Raises EngineGone when it was cut."""
        if self._process.poll() is not None:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip()
            raise EngineGone(f"the SSH tunnel to the target was cut: {said or 'ssh said nothing'}")

    def wait_until_open(self) -> None:
        deadline = time.monotonic() + OPEN_WITHIN_S
        while time.monotonic() < deadline:
            self.look()
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), POLL_S):
                return
            time.sleep(POLL_S)
        raise EngineGone(f"the SSH tunnel to the target was not open after {OPEN_WITHIN_S:.0f} s")


@contextlib.contextmanager
def tunnel(ssh: str, remote_port: int) -> Iterator[Tunnel]:
    """Open until left. It notices within 15 s when the other end is gone.

    Raises:
        EngineGone: it could not be opened, with what ssh said.
    """
    local_port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            _command(ssh, local_port, remote_port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            opened = Tunnel(process, local_port, log)
            opened.wait_until_open()
            yield opened
        finally:
            process.terminate()
            process.wait()


def _command(ssh: str, local_port: int, remote_port: int) -> list[str]:
    parts = urlsplit(ssh)
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
        parts.hostname or "",
    ]


def free_port() -> int:
    """One of the loopback that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port
