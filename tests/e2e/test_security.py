"""Secrets do not leak, escape sequences of a target have no effect, and files have few rights."""

import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.project import AT_6_USERS, ONE_SIZE, TARGET, Project, create_project

pytestmark = pytest.mark.e2e

SECRET = "correct-horse-battery-staple"
SECRETS = 'environment: {TOKEN: "${SHOP_TOKEN}"}\ncontents: {/run/secrets/token: "${SHOP_TOKEN}"}\n'
MATRIX = ONE_SIZE + AT_6_USERS


@dataclass(frozen=True)
class Stopped:
    """A campaign with a secret, stopped after its first step: what was in its container, and its output."""

    results: Path
    environment: str
    file: str
    output: str


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    project = create_project(tmp_path_factory.mktemp("stopped"))
    project.write("targets/behaves/target.yaml", TARGET + SECRETS)
    project.write("matrix.yaml", MATRIX)
    with project.start_harness("run", SHOP_TOKEN=SECRET) as running:
        project.wait_for("life-started", running)
        (container,) = project.list_containers()
        environment = run_inside(container, "env")
        file = run_inside(container, "cat", "/run/secrets/token")
        project.wait_for("step-finished", running)
        running.terminate()
        output, _ = running.communicate(timeout=60)
    return Stopped(project.folder / "results", environment, file, output)


def run_inside(container: str, *command: str) -> str:
    return subprocess.run(["docker", "exec", container, *command], capture_output=True, text=True).stdout


def test_a_secret_is_in_the_container_and_in_no_file_and_no_output(stopped: Stopped) -> None:
    assert f"TOKEN={SECRET}" in stopped.environment
    assert stopped.file == SECRET
    assert SECRET not in stopped.output
    written = [path for path in stopped.results.rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


def test_escape_sequences_of_a_target_do_not_reach_the_terminal(project: Project) -> None:
    script = 'import sys\nsys.exit("\\033[2J\\033]0;title\\007 owned \\033[31m")\n'
    project.write("targets/behaves/image/behave.py", script)
    project.write("matrix.yaml", MATRIX)
    done = project.run_harness("run")
    assert done.returncode == 2
    assert "owned" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    report = (project.folder / "results/latest/report.html").read_text()
    assert "owned" in report
    assert "\x1b" not in report


def test_result_files_are_neither_executable_nor_writable_by_others(stopped: Stopped) -> None:
    for path in stopped.results.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            assert not mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH | stat.S_IWGRP | stat.S_IWOTH), path
