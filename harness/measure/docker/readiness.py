"""Whether a started target answers, and what was seen instead."""

import contextlib
import http.client
import socket

from harness.measure.docker.port_access import LOOPBACK
from harness.model import Ready

SILENCE_S = 0.25
BODY_BYTES_SHOWN = 200


def not_ready(ready: Ready, port: int, timeout_s: float, host: str = LOOPBACK) -> str | None:
    """None when the target is ready, else what it did instead."""
    try:
        if ready.http_path is None:
            return _tcp(host, port, timeout_s)
        return _http(ready.http_path, ready.status, host, port, timeout_s)
    except TimeoutError:
        return f"no answer within {timeout_s:.1f} s"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def _http(path: str, status: int, host: str, port: int, timeout_s: float) -> str | None:
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=timeout_s)) as connection:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        if answer.status == status:
            return None
        body = answer.read(BODY_BYTES_SHOWN).decode(errors="replace").strip()
        return f"HTTP {answer.status} on {path}, not {status}: {body}".rstrip(": ")


def _tcp(host: str, port: int, timeout_s: float) -> str | None:
    """The engine's proxy accepts connections before the target does: one must also stay open."""
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        connection.settimeout(SILENCE_S)
        with contextlib.suppress(TimeoutError):
            if not connection.recv(1):
                return "the connection was closed at once"
    return None


def port_is_free(port: int) -> bool:
    """Whether something could be published on this port of the loopback right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
