"""The live page is served on 127.0.0.1 to GET requests of this machine only, and computes only when asked."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.watch import LivePage, StateReader, serve_page
from tests.unit.watch.live_campaign import StoredCampaign


class CountingReader(StateReader):
    """Counts how often the state was built."""

    reads = 0

    def read(self) -> bytes:
        self.reads += 1
        return super().read()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> CountingReader:
    """Store a running campaign with a report, which no test changes."""
    stored = StoredCampaign(tmp_path_factory.mktemp("watched"))
    (stored.folder.path / "report.html").write_text("<title>The report</title>")
    return CountingReader(stored.folder)


@pytest.fixture(scope="module")
def page(reader: CountingReader) -> Iterator[LivePage]:
    with serve_page(reader) as page:
        yield page


def ask(
    page: LivePage, path: str = "/state.json", host: str | None = None, method: str = "GET"
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Return the status, the headers and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=10)
    try:
        connection.request(method, path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def exchange(page: LivePage, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", page.server_port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_the_page_its_state_and_the_report_are_served(page: LivePage) -> None:
    status, headers, body = ask(page, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'fetch("state.json"' in body
    status, headers, body = ask(page)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body)["target"] == "web"
    status, headers, body = ask(page, "/report.html?from=here")
    assert (status, body) == (200, b"<title>The report</title>")


def test_without_a_report_there_is_none(tmp_path: Path) -> None:
    with serve_page(StateReader(StoredCampaign(tmp_path).folder)) as page:
        assert ask(page, "/report.html")[0] == 404


def test_it_listens_on_the_loopback_only(page: LivePage) -> None:
    assert page.socket.getsockname()[0] == "127.0.0.1"
    assert page.url == f"http://127.0.0.1:{page.server_port}/"


def test_nothing_is_computed_while_nobody_asks(page: LivePage, reader: CountingReader) -> None:
    before = reader.reads
    ask(page, "/")
    ask(page, "/report.html")
    assert reader.reads == before
    ask(page)
    assert reader.reads == before + 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "localhost", "LOCALHOST:9000"])
def test_a_tunnel_may_have_another_port(page: LivePage, host: str) -> None:
    assert ask(page, host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "evil.example:127.0.0.1",
            "",
        ),
        *("127.0.0.1:80@evil.example", "[::1]", "0.0.0.0", "127.0.0.2", "localhost:x", "user@localhost"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/state.json", "/report.html"])
def test_a_page_elsewhere_reads_nothing_by_dns_rebinding(page: LivePage, host: str, path: str) -> None:
    status, _, body = ask(page, path, host)
    assert status == 421
    assert b"web" not in body


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
def test_a_request_with_no_host_or_with_two_is_refused(page: LivePage, hosts: bytes) -> None:
    assert b" 421 " in exchange(page, b"GET /state.json HTTP/1.1\r\n" + hosts + b"\r\n").splitlines()[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH", "NONSENSE"])
def test_only_get_is_answered(page: LivePage, reader: CountingReader, method: str) -> None:
    before = reader.reads
    status, headers, body = ask(page, method=method)
    assert (status, headers["Allow"], reader.reads) == (405, "GET", before)
    assert body == (b"" if method == "HEAD" else b"Method Not Allowed: only GET is allowed\n")


@pytest.mark.parametrize(
    "path", ["/events.jsonl", "/../events.jsonl", "/%2e%2e/events.jsonl", "/cells", "/state"]
)
def test_nothing_else_is_served(page: LivePage, path: str) -> None:
    assert ask(page, path)[0] == 404


@pytest.mark.parametrize(
    "request_line", [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\xff\xfe\r\n\r\n"]
)
def test_a_request_that_is_none_is_refused_and_the_next_one_is_answered(
    page: LivePage, request_line: bytes
) -> None:
    exchange(page, request_line)
    assert ask(page)[0] == 200


@pytest.mark.parametrize("path", ["/", "/state.json", "/report.html", "/nothing"])
def test_every_answer_forbids_what_it_does_not_need(page: LivePage, path: str) -> None:
    _, headers, _ = ask(page, path)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("connect-src 'self'" in policy) == (path == "/")
    assert ("sandbox allow-scripts" in policy) == (path == "/report.html")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


def test_a_port_that_is_taken_is_named(page: LivePage, reader: CountingReader) -> None:
    taken = f"the port {page.server_port} of 127.0.0.1 can't be used"
    with pytest.raises(UsageError, match=taken), serve_page(reader, page.server_port):
        pass


def test_who_looks_is_shown_the_end_before_the_page_is_closed(tmp_path: Path) -> None:
    stored, states = StoredCampaign(tmp_path), []
    with serve_page(StateReader(stored.folder)) as page:
        ask(page)
        stored.finish()
        closing = threading.Thread(target=page.await_last_look)
        closing.start()
        while closing.is_alive():
            states.append(json.loads(ask(page)[2])["state"])
        closing.join()
    assert set(states) == {"complete"}


def test_a_page_at_which_nobody_looks_is_closed_at_once(reader: CountingReader) -> None:
    with serve_page(reader, shows_end=True):
        pass
