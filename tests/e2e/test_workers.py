"""Locust's master and workers for real: spread, watched, on clocks of their own, killed."""

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
from harness.measure.docker.port_access import free_port
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.local_workers import worker_command
from harness.measure.protocols import GeneratorFacts, RunningGenerator
from harness.model import Load, Scenario
from tests.contract.conftest import Ground, real_ground
from tests.e2e.conftest import Project
from tests.e2e.test_faults import ONE_SIZE, endings, ends_well

pytestmark = pytest.mark.e2e

SCENARIO = Scenario((Path(__file__).parents[1] / "contract/locustfile.py",), ("Visitor",))
AHEAD_S = 5000


@pytest.fixture
def ground() -> Iterator[Ground]:
    with real_ground() as made:
        yield made


@contextlib.contextmanager
def worker_elsewhere(command: str, folder: Path, ahead_s: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """The command as it is printed, in a folder without our files, on a clock that is so far ahead."""
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


def held(generator: RunningGenerator, users: int, seconds: float) -> list[GeneratorFacts]:
    generator.hold(users, spawn_rate=5)
    until = time.monotonic() + 20
    while generator.poll(0.25).reached != users:
        assert time.monotonic() < until
    until = time.monotonic() + seconds
    parts = []
    while time.monotonic() < until:
        parts.append(generator.poll(0.25))
    return [part for part in (*parts, generator.close_step()) if part.samples]


def test_workers_on_another_clock_count_into_our_windows(ground: Ground, tmp_path: Path) -> None:
    """One of them 5,000 s ahead, as on a host that was booted earlier: no instant is off by 5 ms."""
    load = Load(2, external=True, port=free_port())
    command = worker_command(SCENARIO, load)
    with (
        ground.run(ground.target()) as running,
        worker_elsewhere(command, tmp_path),
        worker_elsewhere(command, tmp_path, AHEAD_S),
        ground.generator.start(SCENARIO, running.url, load) as generator,
    ):
        began_s = time.monotonic()
        parts = held(generator, 6, 4.0)
        ended_s = time.monotonic()
    samples = [sample for part in parts for sample in part.workers]
    away = [sample for sample in samples if not sample.here]
    assert {sample.worker for sample in samples} == {0, 1, 2}
    assert len({sample.worker for sample in away}) == 1
    assert all(abs(sample.clock_offset_s - AHEAD_S) <= sample.clock_error_s + 1e-4 for sample in away)
    assert max(sample.clock_error_s for sample in away) < 0.005
    starts = np.concatenate([part.requests.start_s for part in parts])
    assert began_s - 1 < starts.min() < starts.max() <= ended_s
    assert {sample.users for sample in samples if sample.worker} == {3}
    assert {sample.users for part in parts for sample in part.samples} == {6}


def test_a_killed_worker_spoils_its_step_and_is_replaced(project: Project) -> None:
    project.write("matrix.yaml", "load: {workers: 2}\n" + ONE_SIZE)
    with project.running("run") as running:
        project.wait_for("life-started", running)
        time.sleep(4)
        workers = [pid for pid in project.locusts() if "--worker" in words_of(pid)]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        ends_well(project, running)
    assert "generator-died" in endings(project)
    assert project.locusts() == []


def words_of(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def test_a_campaign_with_workers_from_elsewhere_by_the_command_that_it_prints(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The worker is lost once on the way: its step is held again as soon as another one has come."""
    port = free_port()
    load = f"load: {{workers: external, expect: 1, bind: '127.0.0.1:{port}'}}\n"
    project.write("matrix.yaml", load + ONE_SIZE)
    scenario = Scenario((project.folder / "targets/behaves/locustfile.py",))
    command = worker_command(scenario, Load(1, external=True, port=port))
    away = tmp_path_factory.mktemp("away")
    with project.running("run") as running:
        with worker_elsewhere(command, away):
            project.wait_for("life-started", running)
            time.sleep(4)
        with worker_elsewhere(command, away, AHEAD_S):
            said, _ = running.communicate(timeout=240)
    assert re.sub(r"\s+", "", command) in re.sub(r"\s+", "", said)
    assert project.summary()["state"] == "complete", said
    assert "generator-died" in endings(project), said


def test_workers_that_do_not_come_are_asked_for_by_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.measure.locust.generator.COME_WITHIN_S", 3.0)
    load = Load(3, external=True, port=free_port())
    scenario = Scenario((project.folder / "targets/behaves/locustfile.py",))
    with (
        pytest.raises(GeneratorError, match="0 of 3 workers") as caught,
        LocustGenerator().start(scenario, "http://127.0.0.1:9", load),
    ):
        pass
    assert shlex.split(caught.value.hint.partition("while ")[2].partition(";")[0])[0] == "locust"
