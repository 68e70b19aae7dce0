"""`harness run --live` shows a real step in progress, and leaves nothing of it in the campaign's folder."""

import json
import re
import subprocess
import time
import urllib.request
from typing import Any

import pytest

from tests.e2e.project import ONE_SIZE, UP_TO_6_USERS, Project

pytestmark = pytest.mark.e2e


def read_address(running: subprocess.Popen[str]) -> str:
    """Read lines until the page's address is printed."""
    assert running.stdout is not None
    for line in running.stdout:
        if address := re.search(r"live page: (http://127\.0\.0\.1:\d+/)", line):
            return address[1]
    pytest.fail("the harness ended without an address")


def await_step(address: str, within_s: float = 60) -> dict[str, Any]:
    """Ask until a step in progress has five points; return the state."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{address}state.json", timeout=10) as answer:
            state: dict[str, Any] = json.load(answer)
        if any(len(step["at_s"]) >= 5 for step in state["steps"]):
            return state
        time.sleep(0.5)
    pytest.fail(f"no step in progress within {within_s:g} s")


def test_a_real_step_is_shown_while_it_is_held(project: Project) -> None:
    project.write("matrix.yaml", ONE_SIZE + UP_TO_6_USERS)
    with project.start_harness("run", "--live") as running:
        state = await_step(read_address(running))
        assert running.stdout is not None
        said = running.stdout.read()
    (step,) = [each for each in state["steps"] if each["users"] is not None]
    assert step["active_users"][-1] == step["users"]
    assert step["rps"][-1] > 0
    assert step["p95_s"][-1] > 0
    assert 0 < step["cpu_cores"][-1] < 1
    assert 0 < step["memory_mib"][-1] < 64
    folder = (project.folder / "results/latest").resolve()
    assert [path for path in folder.rglob("*") if path.name in ("live.json", "step.part")] == []
    assert "report: results/" in said  # whatever the verdict: the host may be busy
