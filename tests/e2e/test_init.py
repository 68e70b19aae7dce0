"""What `harness init` writes from an OpenAPI document runs in Locust, and sends what is described."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}, "note": {"const": "n"}},
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://shop.example/api/v3"}],
    "paths": {
        "/import": {"get": {"responses": {"200": {}}}},
        "/wait/{id}": {
            "get": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "example": "a b/c"},
                    {"name": "q", "in": "query", "required": True, "example": ["x&y", "z"]},
                    {"name": "X-Version", "in": "header", "required": True, "example": "2"},
                ]
            }
        },
        "/items": {
            "post": {"requestBody": {"content": {"application/json": {"example": {"ä": [1, None, True]}}}}}
        },
        "/files": {"post": {"requestBody": {"content": {"multipart/form-data": {"schema": FORM}}}}},
        "/texts": {"put": {"requestBody": {"content": {"text/plain": {"example": "Grüße"}}}}},
        "/\n    import os": {"get": {}},
    },
}


class Recorder(BaseHTTPRequestHandler):
    """Answers 200, and keeps what it was asked."""

    seen: dict[tuple[str, str], tuple[str, bytes]]
    has_all: threading.Event

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen[(self.command, self.path)] = (str(self.headers), body)
        if len(self.seen) == len(DOCUMENT["paths"]):
            self.has_all.set()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_: object) -> None:
        pass


def test_locust_sends_what_the_document_describes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("openapi.json", json.dumps(DOCUMENT))
    project.write("Dockerfile", "FROM scratch\nEXPOSE 8000\n")
    run = project.run_harness("init", "web", "--openapi", "openapi.json")
    assert run.returncode == 0, run.stderr
    assert '{http: "/api/v3/import", within: 60s}' in (tmp_path / "targets/web/target.yaml").read_text()
    file = tmp_path / "targets/web/locustfile.py"
    project.write("fast.py", file.read_text().replace("between(1, 4)", "between(0.01, 0.02)"))
    handler = type("Handler", (Recorder,), {"seen": {}, "has_all": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        command = [sys.executable, "-m", "locust", "-f", "fast.py", "--headless", "--host", host]
        command += ["--users", "4", "--spawn-rate", "4", "--only-summary"]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as locust:
            handler.has_all.wait(30)  # type: ignore[attr-defined]
            locust.terminate()
            output, _ = locust.communicate(timeout=30)
        server.shutdown()
    assert locust.returncode == 0, output
    seen = handler.seen  # type: ignore[attr-defined]
    assert seen.keys() == {
        ("GET", "/api/v3/import"),
        ("GET", "/api/v3/wait/a%20b%2Fc?q=x%26y&q=z"),
        ("GET", "/api/v3/%0A%20%20%20%20import%20os"),
        ("POST", "/api/v3/items"),
        ("POST", "/api/v3/files"),
        ("PUT", "/api/v3/texts"),
    }
    assert "X-Version: 2" in seen["GET", "/api/v3/wait/a%20b%2Fc?q=x%26y&q=z"][0]
    assert json.loads(seen["POST", "/api/v3/items"][1]) == {"ä": [1, None, True]}
    assert b'name="file"; filename="file.txt"' in seen["POST", "/api/v3/files"][1]
    assert b'name="note"\r\n\r\nn\r\n' in seen["POST", "/api/v3/files"][1]
    headers, body = seen["PUT", "/api/v3/texts"]
    assert "Content-Type: text/plain" in headers
    assert body.decode() == "Grüße"
