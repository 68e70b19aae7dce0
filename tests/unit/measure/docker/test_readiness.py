"""Readiness against sockets of our own: what counts, and what is said when it doesn't."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.measure.docker.readiness import is_port_free, probe_port
from harness.model import HttpProbe, NetworkProbe, TcpProbe

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\nstocks"
HTTP = HttpProbe("/healthz")
TCP = TcpProbe()


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
    ("probe", "answer", "seen"),
    [
        (HTTP, OK, None),
        (HttpProbe("/", status=503), BUSY, None),
        (HTTP, BUSY, "HTTP 503 on /healthz, not 200: stocks"),
        (HTTP, None, "no answer within 0.2 s"),
        (TCP, None, None),
        (TCP, b"", "the connection was closed at once"),
    ],
)
def test_readiness_says_what_was_seen_instead(
    probe: NetworkProbe, answer: bytes | None, seen: str | None
) -> None:
    with server(answer) as port:
        assert probe_port(probe, port, 0.2) == seen


@pytest.mark.parametrize("probe", [HTTP, TCP])
def test_nobody_listening_is_not_ready(probe: NetworkProbe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in (probe_port(probe, port, 0.2) or "")


def test_a_port_is_free_when_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_port_free(port)
    assert is_port_free(port)
