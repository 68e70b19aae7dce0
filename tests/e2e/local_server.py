"""Serve requests in this process: slow answers, streams and statuses, by their path."""

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers `/sleep/SECONDS` late, `/status/CODE` so, `/stream/CHUNKS` 0.1 s a chunk, all else at once."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, kind, argument = [*self.path.split("/"), ""][:3]
        if kind == "sleep":
            time.sleep(float(argument))
        self.send_response(int(argument) if kind == "status" else 200)
        if kind != "stream":
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(int(argument)):
            self.wfile.write(b"8\r\ndata: x\n\r\n")
            time.sleep(0.1)
        self.wfile.write(b"0\r\n\r\n")

    do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


class QuietServer(http.server.ThreadingHTTPServer):
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors: Locust ends in the middle of requests."""


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Serve until exit; yield the address."""
    server = QuietServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
