"""OpenTelemetry's variables reach Locust everywhere, and their secrets reach no log and no command."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import harness
from harness.errors import UsageError
from harness.measure.locust.command import build_environment
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.local_workers import build_worker_command, read_log_end
from harness.measure.locust.remote_workers import build_container_environment
from harness.measure.locust.telemetry import find_telemetry_variables, hide_secrets
from harness.model import ExternalWorkers, Scenario

SCENARIO = Scenario((Path("shop.py"),))
EXPORTING = Scenario((Path("shop.py"),), arguments=("--otel",))
HEADERS = "authorization=Bearer%20tok-9f2c,x-tenant=7,x-key: key-51aa"
ENDPOINT = "https://me:pass-77@collector.example:4318/in?token=query-33"
VARIABLES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT,
    "OTEL_EXPORTER_OTLP_HEADERS": HEADERS,
    "OTEL_SERVICE_NAME": "shop-load",
}
SECRETS = ("tok-9f2c", "key-51aa", "pass-77", "query-33")


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables for this process, and no others of OpenTelemetry."""
    for name in [*find_telemetry_variables(), "LOCUST_ENABLE_OPENTELEMETRY"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environ")
def test_locust_on_this_host_gets_the_variables_as_they_are() -> None:
    environment = build_environment()
    assert {name: environment[name] for name in VARIABLES} == VARIABLES


@pytest.mark.usefixtures("environ")
def test_a_worker_in_a_container_gets_references_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EMPTY", "")
    monkeypatch.setenv("OTEL_ODD;NAME", "x")
    environment = build_container_environment([])
    told = {name: value for name, value in environment.items() if name.startswith("OTEL_")}
    assert told == {name: f"${{{name}}}" for name in VARIABLES}


@pytest.mark.usefixtures("environ")
def test_the_command_for_another_host_demands_them_by_name_and_tells_no_value(tmp_path: Path) -> None:
    command = build_worker_command(EXPORTING, ExternalWorkers(1))
    assert all(f"${{{name}:?" in command for name in VARIABLES)
    assert not any(value in command for value in (*VARIABLES.values(), *SECRETS))
    locust = tmp_path / "locust"
    locust.write_text('#!/bin/sh\necho "$OTEL_SERVICE_NAME $*"\nexit 1\n')
    locust.chmod(0o755)
    there = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    without, with_all = (
        subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True)
        for environment in (there | {"OTEL_SERVICE_NAME": "s"}, there | VARIABLES)
    )
    assert without.stdout == ""
    assert "OTEL_EXPORTER_OTLP_ENDPOINT: set it as on the host of the harness" in without.stderr
    assert with_all.stdout == ("shop-load -f - --worker --master-host 127.0.0.1 --master-port 5557 --otel\n")


@pytest.mark.usefixtures("environ")
def test_a_worker_elsewhere_exports_if_a_variable_turns_the_export_on_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert build_worker_command(SCENARIO, ExternalWorkers(1)).startswith("while locust -f - --worker")
    monkeypatch.setenv("LOCUST_ENABLE_OPENTELEMETRY", "True")
    command = build_worker_command(SCENARIO, ExternalWorkers(1))
    assert command.endswith(" --otel; do :; done")
    assert command.startswith(': "${OTEL_EXPORTER_OTLP_ENDPOINT:?')
    assert build_worker_command(EXPORTING, ExternalWorkers(1)).count("--otel") == 1


LOG = f"""\
[2026-11-26 12:00:00,000] host/WARNING/opentelemetry: Header format invalid: {HEADERS}
Header format invalid: x-key: key-51aa
{{'authorization': 'Bearer tok-9f2c', 'x-tenant': '7'}}
Failed to export to {ENDPOINT}, error 7
"""


@pytest.mark.usefixtures("environ")
def test_no_secret_is_left_in_a_text() -> None:
    hidden = hide_secrets(LOG)
    assert not [secret for secret in SECRETS if secret in hidden]
    assert hidden.splitlines()[2:] == [
        "{'authorization': '***', 'x-tenant': '7'}",
        "Failed to export to https://me:***@collector.example:4318/in?***, error 7",
    ]


def test_a_text_is_left_as_it_is_without_secrets() -> None:
    assert hide_secrets(LOG, {"OTEL_SERVICE_NAME": "host", "PATH": "Header"}) == LOG
    assert hide_secrets(LOG, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[broken"}) == LOG


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize("most_bytes", [*range(1, 60), 10_000])
def test_the_end_of_a_log_has_no_part_of_a_secret_wherever_it_is_cut(most_bytes: int) -> None:
    with tempfile.TemporaryFile() as log:
        log.write(b"authorization: Bearer tok-9f2c\n" * 3)
        log.flush()
        end = read_log_end(log, most_bytes)
    assert "9f2c" not in end
    assert len(end) <= most_bytes


def test_an_export_without_its_packages_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stand in for Locust, which loads the file, logs that the packages are missing, and goes on."""

    def run(*_: object, **options: object) -> subprocess.CompletedProcess[str]:
        environment = options["env"]
        assert isinstance(environment, dict)
        assert environment["OTEL_TRACES_EXPORTER"] == "none"
        log = "host/ERROR/locust.opentelemetry: OpenTelemetry SDK is not installed, …"
        return subprocess.CompletedProcess([], 0, "Available Users:\n    Visitor\n", log)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(UsageError, match="OpenTelemetry is not installed") as caught:
        LocustGenerator().find_user_classes(EXPORTING)
    assert "locust[otel]" in caught.value.hint


FAKE_GRPC = """
def init_gevent():
    print("gRPC knows of gevent")
"""
SET_UP = """
import sys
sys.path[:0] = [{folder!r}, {grpc!r}]
import locust.main
locust.main.setup_opentelemetry = lambda *words: bool(print("Locust sets up", *words))
import harness_telemetry
print(locust.main.setup_opentelemetry("shop.py", None))
"""


@pytest.mark.parametrize("has_grpc", [True, False])
def test_grpc_is_told_of_gevent_before_locust_sets_its_export_up(tmp_path: Path, *, has_grpc: bool) -> None:
    """Otherwise no user goes on while an export waits for its collector."""
    package = tmp_path / "grpc/experimental"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    if has_grpc:
        (package / "gevent.py").write_text(FAKE_GRPC)
    ours = str(Path(harness.__file__).parent / "measure/locust_side")
    code = SET_UP.format(folder=ours, grpc=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first = ["gRPC knows of gevent"] if has_grpc else []
    assert done.stdout.splitlines() == [*first, "Locust sets up shop.py None", "False"]
