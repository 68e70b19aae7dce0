"""A real Locust master with its workers: facts on one clock, and workers that are killed or missing."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.errors import GeneratorError
from harness.measure.docker.port_access import find_free_port
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.local_workers import build_worker_command
from harness.measure.protocols import GeneratorFacts, RunningGenerator
from harness.model import ExternalWorkers, Scenario
from tests.contract.backends import Backend, open_real_backend
from tests.e2e.outcomes import assert_completes, read_step_endings
from tests.e2e.project import AT_6_USERS, ONE_SIZE, Project

pytestmark = pytest.mark.e2e

SCENARIO = Scenario((Path(__file__).parents[1] / "contract/locustfile.py",), ("Visitor",))
AHEAD_S = 5000
"""How far the clock of one worker is ahead."""


@pytest.fixture
def backend() -> Iterator[Backend]:
    with open_real_backend() as backend:
        yield backend


@contextlib.contextmanager
def run_worker_elsewhere(command: str, folder: Path, ahead_s: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """Run the printed command in a folder without the scenario's files, on a clock `ahead_s` ahead."""
    clock = ["unshare", "--time", "--monotonic", str(ahead_s)] if ahead_s else []
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (
        (folder / "worker.log").open("ab") as log,
        subprocess.Popen(
            [*clock, "bash", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def hold_users(generator: RunningGenerator, users: int, seconds: float) -> list[GeneratorFacts]:
    generator.hold(users, spawn_rate=5)
    until = time.monotonic() + 20
    while generator.poll(0.25).reached_users != users:
        assert time.monotonic() < until
    until = time.monotonic() + seconds
    parts = []
    while time.monotonic() < until:
        parts.append(generator.poll(0.25))
    return [part for part in (*parts, generator.close_step()) if part.samples]


def test_facts_of_a_worker_on_another_clock_are_on_the_local_one(backend: Backend, tmp_path: Path) -> None:
    """Let one worker's clock be 5,000 s ahead, as on a host that booted earlier."""
    load = ExternalWorkers(2, port=find_free_port())
    command = build_worker_command(SCENARIO, load)
    with (
        backend.run(backend.build_target()) as running,
        run_worker_elsewhere(command, tmp_path),
        run_worker_elsewhere(command, tmp_path, AHEAD_S),
        backend.generator.start(SCENARIO, running.url, load) as generator,
    ):
        began_s = time.monotonic()
        parts = hold_users(generator, 6, 4.0)
        ended_s = time.monotonic()
    samples = [sample for part in parts for sample in part.workers]
    remote = [sample for sample in samples if not sample.here]
    assert {sample.worker for sample in samples} == {0, 1, 2}
    assert len({sample.worker for sample in remote}) == 1
    assert all(abs(sample.clock_offset_s - AHEAD_S) <= sample.clock_error_s + 1e-4 for sample in remote)
    assert max(sample.clock_error_s for sample in remote) < 0.005
    starts = np.concatenate([part.requests.start_s for part in parts])
    assert began_s - 1 < starts.min() < starts.max() <= ended_s
    assert {sample.users for sample in samples if sample.worker} == {3}
    assert {sample.users for part in parts for sample in part.samples} == {6}


def test_the_step_of_a_killed_worker_is_held_again_with_a_new_one(project: Project) -> None:
    project.write("matrix.yaml", "load: {workers: 2}\n" + ONE_SIZE + AT_6_USERS)
    with project.start_harness("run") as running:
        project.wait_for_load(running)
        workers = [pid for pid in project.find_locust_processes() if "--worker" in read_command_line(pid)]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        assert_completes(project, running)
    assert "generator-died" in read_step_endings(project)
    assert project.find_locust_processes() == []


def read_command_line(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def test_external_workers_start_by_the_printed_command(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """End the worker once: its step ends, and is held again as soon as another worker has connected."""
    port = find_free_port()
    load = f"load: {{workers: external, expect: 1, bind: '127.0.0.1:{port}'}}\n"
    project.write("matrix.yaml", load + ONE_SIZE + AT_6_USERS)
    scenario = Scenario((project.folder / "targets/behaves/locustfile.py",))
    command = build_worker_command(scenario, ExternalWorkers(1, port=port))
    folder = tmp_path_factory.mktemp("remote")
    with project.start_harness("run") as running:
        with run_worker_elsewhere(command, folder):
            project.wait_for_load(running)
        project.wait_for("step-finished", running, 60)
        with run_worker_elsewhere(command, folder, AHEAD_S):
            output, _ = running.communicate(timeout=240)
    assert re.sub(r"\s+", "", command) in re.sub(r"\s+", "", output)
    assert project.read_summary()["state"] == "complete", output
    assert "generator-died" in read_step_endings(project), output


FAILING = """
from locust import HttpUser, constant, events, task

@events.quitting.add_listener
def fail_the_build(environment, **_):
    environment.process_exit_code = 3

class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task
    def visit(self):
        self.client.get("/")
"""


@pytest.mark.side_by_side
def test_a_worker_serves_one_master_after_the_other_however_they_ended(tmp_path: Path) -> None:
    """Every request fails, the scenario sets an exit code, and the second master is killed."""
    (tmp_path / "locustfile.py").write_text(FAILING)
    scenario, load = Scenario((tmp_path / "locustfile.py",)), ExternalWorkers(1, port=find_free_port())
    (tmp_path / "elsewhere").mkdir()
    with run_worker_elsewhere(build_worker_command(scenario, load), tmp_path / "elsewhere"):
        for is_killed in (False, True, False):
            began_s = time.monotonic()
            with LocustGenerator().start(scenario, "http://127.0.0.1:9", load) as generator:
                assert time.monotonic() - began_s < 30, generator.read_logs()
                assert sum(len(part.requests.error) for part in hold_users(generator, 2, 1.0))
                if is_killed:
                    os.killpg(generator.process.pid, signal.SIGKILL)


@pytest.mark.side_by_side
def test_missing_workers_are_reported_with_the_command_that_starts_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.measure.locust.generator.CONNECT_WITHIN_S", 3.0)
    load = ExternalWorkers(3, port=find_free_port())
    scenario = Scenario((project.folder / "targets/behaves/locustfile.py",))
    with (
        pytest.raises(GeneratorError, match="0 of 3 Locust workers") as caught,
        LocustGenerator().start(scenario, "http://127.0.0.1:9", load),
    ):
        pass
    assert shlex.split(caught.value.hint.partition("while ")[2].partition(";")[0])[0] == "locust"
