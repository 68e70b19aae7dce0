"""Serve the live page on 127.0.0.1, to GET requests that ask by this machine's own names."""

import contextlib
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from harness.errors import UsageError
from harness.model.resources import LOOPBACK
from harness.report.html.live import render_live_page
from harness.watch.state import StateReader

_OWN_NAMES = (LOOPBACK, "localhost")
"""The hosts by which a browser may ask. A page elsewhere whose name leads to 127.0.0.1 asks by that name."""

_IDLE_CONNECTION_S = 10.0
_END_WITHIN_S = 0.1
_LOOK_WITHIN_S = 3.0
"""Somebody who asked within this time is shown the end before the page is closed; it asks every second."""

_ANYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NOTHING_ELSE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The report has a stricter policy of its own within. In the sandbox it can't read the live page's state."""


class LivePage(ThreadingHTTPServer):
    """The page of one campaign. Nothing is computed while nobody asks."""

    daemon_threads = True

    def __init__(self, port: int, reader: StateReader) -> None:
        self.reader = reader
        self.page, self.policy = render_live_page()
        self._asked = threading.Condition()
        self._asked_at_s = self._shown_from_s = float("-inf")
        super().__init__((LOOPBACK, port), _Handler)

    def server_bind(self) -> None:
        """Bind the port, without asking for this machine's name in a network as HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    @contextlib.contextmanager
    def record_look(self) -> Iterator[None]:
        """Remember that somebody asks, and on exit that the answer was sent."""
        asked_at_s = time.monotonic()
        with self._asked:
            self._asked_at_s = asked_at_s
        yield
        with self._asked:
            self._shown_from_s = max(self._shown_from_s, asked_at_s)
            self._asked.notify_all()

    def await_last_look(self) -> None:
        """Wait until somebody who was looking has asked once more; return at once if nobody was."""
        with self._asked:
            now_s = time.monotonic()
            if now_s - self._asked_at_s < _LOOK_WITHIN_S:
                self._asked.wait_for(lambda: self._shown_from_s > now_s, _LOOK_WITHIN_S)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that leaves in the middle of an answer is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: LivePage
    timeout = _IDLE_CONNECTION_S

    def do_GET(self) -> None:
        """Answer with the page, its state, or the report."""
        if not _is_own_host(self.headers.get_all("Host") or []):
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "ask for 127.0.0.1 or localhost")
            return
        match self.path.partition("?")[0]:
            case "/":
                self._answer(self.server.page, "text/html; charset=utf-8", self.server.policy)
            case "/state.json":
                with self.server.record_look():
                    self._answer(self.server.reader.read(), "application/json", _NOTHING_ELSE)
            case "/report.html" if (report := self.server.reader.read_report()) is not None:
                self._answer(report, "text/html; charset=utf-8", _REPORT_POLICY)
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "there is /, /state.json and /report.html")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that is not well formed, or has another method than GET."""
        is_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if is_method else HTTPStatus(code)
        self._refuse(status, "only GET is allowed" if is_method else "this is no request that is understood")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(status, f"{status.phrase}: {why}\n".encode(), "text/plain; charset=utf-8", _NOTHING_ELSE)

    def _answer(self, body: bytes, kind: str, policy: str) -> None:
        self._send(HTTPStatus.OK, body, kind, policy)

    def _send(self, status: HTTPStatus, body: bytes, kind: str, policy: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Content-Security-Policy": policy}
        for name, value in (headers | _ANYWHERE).items():
            self.send_header(name, value)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Return the name of this server, without versions."""
        return "harness"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal shows the campaign."""


def _is_own_host(hosts: list[str]) -> bool:
    """Return True for one host that is this machine's own name, with any port: a tunnel has its own."""
    if len(hosts) != 1:
        return False
    name, _, port = hosts[0].strip().lower().partition(":")
    return name in _OWN_NAMES and (not port or (port.isascii() and port.isdigit()))


@contextlib.contextmanager
def serve_page(reader: StateReader, port: int = 0, *, shows_end: bool = False) -> Iterator[LivePage]:
    """Serve the page of a campaign until exit, in a thread; `port` 0 takes a free one.

    With `shows_end` the page is closed only when those who look have seen the end, unless an error is raised.
    Raises UsageError if the port can't be used.
    """
    try:
        page = LivePage(port, reader)
    except OSError as error:
        raise UsageError(
            f"the port {port} of {LOOPBACK} can't be used: {error.strerror}", "name another one with --port"
        ) from None
    with page:
        serving = threading.Thread(target=page.serve_forever, args=(_END_WITHIN_S,), daemon=True)
        serving.start()
        try:
            yield page
            if shows_end:
                page.await_last_look()
        finally:
            page.shutdown()
            serving.join()
