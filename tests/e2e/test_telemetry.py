"""Locust exports to a collector by OpenTelemetry, and its secrets stay out of files and outputs."""

import contextlib
import gzip
import http.server
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.measure.locust.requirements_env import prepare_interpreter
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
        output = measure_step(project, collector.server_port, "http/protobuf")
    assert {"/v1/traces", "/v1/metrics"} <= {path for path, _ in collector.exports}
    assert {header for _, header in collector.exports} == {f"Bearer {TOKEN}"}
    check_secrets(project, output)


def measure_step(project: Project, port: int, protocol: str) -> str:
    """Hold a first step while Locust exports to a port; return what the harness printed."""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{TOKEN},x-key: {KEY}",
    }
    with project.start_harness("run", **variables) as running:
        project.wait_for("step-finished", running, 300)
        running.terminate()
        output, _ = running.communicate(timeout=60)
    assert {event["ended"] for event in project.read_events("step-finished")} == {"held"}
    return output


def check_secrets(project: Project, output: str) -> None:
    """Check that the secrets are in no output and in no file, and that a log has stars in their place."""
    written = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    for secret in (TOKEN, KEY):
        assert secret not in output
        assert [path for path, content in written.items() if secret.encode() in content] == []
    logs = [content for path, content in written.items() if path.name.startswith("generator-")]
    assert any(b"***" in log for log in logs)


@contextlib.contextmanager
def run_grpc_collector(python: Path, exports: Path) -> Iterator[int]:
    """Run a collector by a Python that has grpcio; yield its port. What it collects is written to a file."""
    script = Path(__file__).with_name("grpc_collector.py")
    with exports.open("w") as file, subprocess.Popen([python, script], stdout=file) as process:
        try:
            while not exports.read_text().endswith("\n"):
                assert process.poll() is None
                time.sleep(0.1)
            yield int(exports.read_text())
        finally:
            process.terminate()


def test_a_collector_gets_the_same_over_grpc_and_no_user_waits_for_it(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The packages of the scenario bring grpcio. Each export takes the collector a second."""
    project.write("needed.txt", "locust[otel]\n")
    project.write("matrix.yaml", ONE_SIZE + UP_TO_6_USERS + SCENARIO)
    python = prepare_interpreter(project.folder / "needed.txt")
    file = tmp_path_factory.mktemp("collector") / "exports"
    with run_grpc_collector(python, file) as port:
        output = measure_step(project, port, "grpc")
    exports = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert {"traces", "metrics"} <= {export["signal"] for export in exports}
    assert {export["authorization"] for export in exports} == {f"Bearer {TOKEN}"}
    assert all(export["bytes"] > 0 for export in exports)
    check_secrets(project, output)
    assert max(read_lags_s(project)) < 0.5


def read_lags_s(project: Project) -> list[float]:
    """Return how late each Locust process did what was due, in each half second of the steps."""
    (event, *_) = project.read_events("step-finished")
    data = (project.folder / "results/latest" / event["file"]).read_bytes()
    lags: list[float] = json.loads(gzip.decompress(data))["workers"]["loop_lag_s"]
    return lags
