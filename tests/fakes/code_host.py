"""A fake of the comments that GitHub and GitLab keep on a change, as a server on 127.0.0.1."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-of-the-tests"
PULL = "/repos/me/shop/issues/7/comments"
COMMENT = re.compile(r"/repos/me/shop/issues/comments/(\d+)")
NOTES = re.compile(r"/projects/42/merge_requests/7/notes(?:/(\d+))?")
OUR_ID = 99


@dataclass
class FakeCodeHost:
    """The comments on one change. `refuses_with` is the status that answers every writing call, if any.

    `per_page` comments are on a page. `calls` are the method and the path of each call with a valid token.
    """

    address: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuses_with: int | None = None
    per_page: int = 100

    def add(self, body: str, **fields: Any) -> int:
        """Add a comment of somebody else, and return its id."""
        return int(self._create(body, **fields)["id"])

    def answer(self, method: str, address: str, body: dict[str, Any]) -> tuple[int, Any, str | None]:
        """Return the status, the document and the path of the next page."""
        parts = urlsplit(address)
        self.calls.append((method, parts.path))
        if method != "GET" and self.refuses_with is not None:
            return self.refuses_with, {"message": "Resource not accessible by integration"}, None
        if parts.path == "/user":
            return 200, {"id": OUR_ID}, None
        note, comment = NOTES.fullmatch(parts.path), COMMENT.fullmatch(parts.path)
        if parts.path == PULL or (note and not note[1]):
            return self._answer_list(method, parts.path, parse_qs(parts.query), body)
        number = (comment or note or [None, None])[1]
        for each in self.comments:
            if number is not None and each["id"] == int(number) and method in ("PATCH", "PUT"):
                each["body"] = body["body"]
                return 200, each, None
        return 404, {"message": "Not Found"}, None

    def _answer_list(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> tuple[int, Any, str | None]:
        if method == "POST":
            return 201, self._create(body["body"], user={"type": "Bot"}, author={"id": OUR_ID}), None
        page = int(query.get("page", ["1"])[0])
        first = (page - 1) * self.per_page
        more = len(self.comments) > first + self.per_page
        following = f"{self.address}{path}?per_page=100&page={page + 1}" if more else None
        return 200, self.comments[first : first + self.per_page], following

    def _create(self, body: str, **fields: Any) -> dict[str, Any]:
        number = len(self.comments) + 1
        comment = {"id": number, "body": body, "html_url": f"{self.address}/comment/{number}", **fields}
        self.comments.append(comment)
        return comment


@contextlib.contextmanager
def run_code_host() -> Iterator[FakeCodeHost]:
    """Run the fake on a free port of 127.0.0.1 until exit."""
    host = FakeCodeHost()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, document, following = 401, {"message": "Bad credentials"}, None
            else:
                status, document, following = host.answer(self.command, self.path, json.loads(raw or b"{}"))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if following:
                self.send_header("Link", f'<{following}>; rel="next"')
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = _handle

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
