"""Locust exports to a collector by OpenTelemetry, and its secrets stay out of files and outputs."""

import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.project import ONE_SIZE, UP_TO_6_USERS, Project

pytestmark = pytest.mark.e2e

TOKEN, KEY = "tok-3f9a1c", "key-77be20"
SCENARIO = """
scenario: {locustfile: targets/behaves/locustfile.py, requirements: needed.txt, arguments: [--otel]}
load: {workers: 2}
"""


class Collector(http.server.ThreadingHTTPServer):
    """A collector that keeps the path and the authorization of each export."""

    daemon_threads = True

    def __init__(self) -> None:
        self.exports: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), ExportHandler)


class ExportHandler(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.exports.append((self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def run_collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join()


def test_a_collector_gets_traces_and_metrics_and_its_secrets_are_stored_and_shown_nowhere(
    project: Project,
) -> None:
    """The second header is written as people write headers: it comes into Locust's log."""
    project.write("needed.txt", "locust[otel]\n")
    project.write("matrix.yaml", ONE_SIZE + UP_TO_6_USERS + SCENARIO)
    with run_collector() as collector:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{TOKEN},x-key: {KEY}",
        }
        with project.start_harness("run", **variables) as running:
            project.wait_for("step-finished", running, 300)
            running.terminate()
            output, _ = running.communicate(timeout=60)
    assert {event["ended"] for event in project.read_events("step-finished")} == {"held"}
    assert {"/v1/traces", "/v1/metrics"} <= {path for path, _ in collector.exports}
    assert {header for _, header in collector.exports} == {f"Bearer {TOKEN}"}
    written = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    for secret in (TOKEN, KEY):
        assert secret not in output
        assert [path for path, content in written.items() if secret.encode() in content] == []
    logs = [content for path, content in written.items() if path.name.startswith("generator-")]
    assert any(b"***" in log for log in logs)
