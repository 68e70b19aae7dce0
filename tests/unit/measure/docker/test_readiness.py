"""When a port counts as ready, and what is reported otherwise. The tests open the ports themselves."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.measure.docker.port_access import OpenPort, is_port_free
from harness.measure.docker.readiness import parse_listening_ports, probe_network
from harness.model import LOOPBACK, HttpProbe, NetworkProbe, TcpProbe

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\nstocks"
HTTP = HttpProbe("/healthz")
TCP = TcpProbe()

TABLES = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 1 1 0 100 0 0 10 0
   1: 020011AC:1538 010011AC:9C40 01 00000000:00000000 00:00000000 00000000   102        0 2 1 0 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:18EB 00000000000000000000000000000000:0000 0A 00000000:00000000
cat: /proc/net/tcp6: No such file or directory
"""


@contextlib.contextmanager
def serve(answer: bytes | None) -> Iterator[int]:
    """Accept one connection: answer it, close it at once (empty answer) or leave it without answer (None)."""
    done = threading.Event()

    def accept() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            if answer:
                connection.recv(4096)
                connection.sendall(answer)
            if answer is None:
                done.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
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
        (HttpProbe("/größe?a=%20b"), OK, None),
        (HttpProbe("/", status=503), BUSY, None),
        (HTTP, BUSY, "HTTP 503 on /healthz, not 200: stocks"),
        (HTTP, None, "no answer within 0.2 s"),
        (TCP, None, None),
        (TCP, b"", "the connection was closed at once"),
        (TCP, BUSY, "the port is open, but GET / is answered with HTTP 503"),
        (TCP, b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "the port is open, but GET / is answered with HTTP 502"),
        (TCP, OK, None),
        (TCP, b"HTTP/1.1 404 Not Found\r\n\r\n", None),
        (TCP, b"HTTP/1.1 500 Internal Server Error\r\n\r\n", None),
        (TCP, b"-ERR unknown command\r\n", None),
    ],
)
def test_a_probe_returns_none_if_ready_and_what_was_seen_if_not(
    probe: NetworkProbe, answer: bytes | None, seen: str | None
) -> None:
    with serve(answer) as port:
        assert probe_network(probe, OpenPort(LOOPBACK, port), 0.2) == seen


@pytest.mark.parametrize("probe", [HTTP, TCP])
def test_a_port_without_a_listener_is_not_ready(probe: NetworkProbe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in (probe_network(probe, OpenPort(LOOPBACK, port), 0.2) or "")


def test_a_server_that_speaks_first_is_not_asked_by_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"220 mail\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        assert probe_network(TCP, OpenPort(LOOPBACK, listener.getsockname()[1]), 1.0) is None
        thread.join()


def test_a_port_is_free_if_it_has_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_port_free(port)
    assert is_port_free(port)


def test_only_listening_sockets_count_and_those_of_ipv6_too() -> None:
    assert list(parse_listening_ports(TABLES)) == [5432, 6379]
    assert list(parse_listening_ports("")) == []
