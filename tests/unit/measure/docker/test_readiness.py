"""When a port counts as ready, and what is reported otherwise. The tests open the ports themselves."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from docker.api import APIClient
from docker.errors import APIError

from harness.measure.docker.port_access import OpenPort, is_port_free
from harness.measure.docker.readiness import (
    parse_listening_ports,
    probe_container,
    probe_network,
    read_socket_tables,
)
from harness.model import LOOPBACK, HttpProbe, NetworkProbe, PortProbe, TcpProbe

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


class Engine:
    """Runs a command in a container: it writes a text, or the engine has an error."""

    def __init__(self, output: str | APIError, base_url: str = "http+docker://localhost") -> None:
        self.output, self.base_url = output, base_url

    def exec_create(self, container_id: str, command: list[str]) -> dict[str, str]:
        return {"Id": "1"}

    def exec_start(self, exec_id: str) -> bytes:
        if isinstance(self.output, APIError):
            raise self.output
        return self.output.encode()

    def exec_inspect(self, exec_id: str) -> dict[str, int]:
        return {"ExitCode": 1}

    def inspect_container(self, container_id: str) -> dict[str, dict[str, int]]:
        return {"State": {"Pid": 7}}


NO_CAT = 'OCI runtime exec failed: exec: "cat": executable file not found in $PATH'


@pytest.mark.parametrize("output", [NO_CAT, APIError(NO_CAT)])
def test_sockets_of_an_image_without_cat_are_seen_from_outside(
    tmp_path: Path, output: str | APIError
) -> None:
    (tmp_path / "7/net").mkdir(parents=True)
    (tmp_path / "7/cgroup").write_text("0::/docker/abc\n")
    (tmp_path / "7/net/tcp").write_text(TABLES)
    assert read(Engine(output), "abc", tmp_path) == TABLES
    assert read(Engine(output), "other", tmp_path) is None
    assert read(Engine(output, "https://far.example:2376"), "abc", tmp_path) is None
    assert read(Engine(output), "abc", tmp_path / "nowhere") is None
    assert read(Engine(TABLES), "other", tmp_path) == TABLES.strip()


def read(engine: Engine, container_id: str, proc: Path) -> str | None:
    return read_socket_tables(cast("APIClient", engine), container_id, proc)


def test_other_errors_of_the_engine_are_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(APIError, match="is not running"):
        read(Engine(APIError("container abc is not running")), "abc", tmp_path)


def test_a_port_that_nobody_can_see_says_what_to_write_instead() -> None:
    seen = probe_container(cast("APIClient", Engine(NO_CAT, "https://far.example")), "abc", PortProbe(4222))
    assert seen is not None
    assert "because its image has no `cat`: give it another `ready`" in seen
