"""Readiness against sockets of our own: what counts, and what is said when it doesn't."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.measure.docker.readiness import not_ready, port_is_free
from harness.model import Ready

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\nstocks"
HTTP = Ready(http_path="/healthz")
TCP = Ready(http_path=None)


@contextlib.contextmanager
def server(answer: bytes | None) -> Iterator[int]:
    """Accepts one connection; answers it, closes it at once (empty), or holds it silently (None)."""
    done = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            if answer:
                connection.recv(4096)
                connection.sendall(answer)
            if answer is None:
                done.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    ("ready", "answer", "seen"),
    [
        (HTTP, OK, None),
        (Ready(http_path="/", status=503), BUSY, None),
        (HTTP, BUSY, "HTTP 503 on /healthz, not 200: stocks"),
        (HTTP, None, "no answer within 0.2 s"),
        (TCP, None, None),
        (TCP, b"", "the connection was closed at once"),
    ],
)
def test_readiness_says_what_was_seen_instead(ready: Ready, answer: bytes | None, seen: str | None) -> None:
    with server(answer) as port:
        assert not_ready(ready, port, 0.2) == seen


@pytest.mark.parametrize("ready", [HTTP, TCP])
def test_nobody_listening_is_not_ready(ready: Ready) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in (not_ready(ready, port, 0.2) or "")


def test_a_port_is_free_when_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not port_is_free(port)
    assert port_is_free(port)
