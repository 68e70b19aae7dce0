"""A burst of a measured size, with a real container and real Locust. The soak of a guide: test_guides.py."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.project import AT_6_USERS, ONE_SIZE, Project, create_project
from tests.summary_schema import VALIDATOR

pytestmark = pytest.mark.e2e

CELL = "behaves-c0.90-m64"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure a campaign, which no test changes."""
    project = create_project(tmp_path_factory.mktemp("measured"))
    project.write("matrix.yaml", ONE_SIZE + AT_6_USERS)
    done = project.run_harness("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return project.folder


@pytest.fixture
def project(measured: Path, tmp_path: Path) -> Project:
    """Return a copy of the project with its campaign."""
    return Project(Path(shutil.copytree(measured, tmp_path / "copy", symlinks=True)))


def hold(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = project.run_harness(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_a_burst_is_held_stored_and_checked(project: Project, leftovers: Callable[[], str]) -> None:
    """Forty users ask for 100 requests a second, three quarters of which need 0.02 s: 1.5 cores of 0.9."""
    cells = project.read_summary()["cells"]
    burst = hold(project, "burst", "results/latest", "--users", "5", "--to", "8x", "--for", "10s")
    assert "5 users, then 40 for 10 s" in burst.stdout
    assert "It was steady again " in burst.stdout
    assert leftovers() == ""

    summary = project.read_summary()
    VALIDATOR.validate(summary)
    assert summary["cells"] == cells
    (told,) = summary["bursts"]
    assert (told["cell"], told["outcome"], told["users"], told["burst_users"]) == (CELL, "recovered", 5, 40)
    assert told["during"]["rps"] > 2 * told["before"]["rps"]
    assert told["during"]["worst_s"] > told["before"]["worst_s"]
    assert told["steady_after_s"] <= 30

    assert "steady again" in (project.folder / "results/latest/report.html").read_text()
    gate = project.run_harness("check", "results/latest", "--require", "recovers within 60s")
    assert gate.returncode == 0, gate.stdout + gate.stderr


def test_a_burst_that_is_interrupted_leaves_no_container_and_no_answer(
    project: Project, leftovers: Callable[[], str]
) -> None:
    with project.start_harness("burst", "results/latest", "--users", "5", "--for", "60s") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "users are held" in line:
                break
    assert running.returncode == 130
    assert leftovers() == ""
    assert project.read_summary()["bursts"] == []
