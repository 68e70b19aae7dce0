"""Secrets do not leak, escape sequences of a target have no effect, and files have few rights."""

import stat
import subprocess

import pytest

from tests.e2e.project import ONE_SIZE, TARGET, UP_TO_12_USERS, Project

pytestmark = pytest.mark.e2e

SECRET = "correct-horse-battery-staple"
SECRETS = 'environment: {TOKEN: "${SHOP_TOKEN}"}\ncontents: {/run/secrets/token: "${SHOP_TOKEN}"}\n'
MATRIX = ONE_SIZE + UP_TO_12_USERS


def test_a_secret_is_in_the_container_and_in_no_file_and_no_output(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    project.write("targets/behaves/target.yaml", TARGET + SECRETS)
    project.write("matrix.yaml", MATRIX)
    with project.start_harness("run") as running:
        project.wait_for("life-started", running)
        (container,) = project.list_containers()
        environment = subprocess.run(
            ["docker", "exec", container, "env"], capture_output=True, text=True
        ).stdout
        assert f"TOKEN={SECRET}" in environment
        read = ["docker", "exec", container, "cat", "/run/secrets/token"]
        assert subprocess.run(read, capture_output=True, text=True).stdout == SECRET
        project.wait_for("step-finished", running)
        running.terminate()
        output, _ = running.communicate(timeout=60)
    assert SECRET not in output
    written = [path for path in (project.folder / "results").rglob("*") if path.is_file()]
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


def test_result_files_are_neither_executable_nor_writable_by_others(project: Project) -> None:
    project.write("matrix.yaml", MATRIX)
    with project.start_harness("run") as running:
        project.wait_for("step-finished", running)
        running.terminate()
        running.communicate(timeout=60)
    for path in (project.folder / "results").rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            assert not mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH | stat.S_IWGRP | stat.S_IWOTH), path
