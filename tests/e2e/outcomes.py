"""Checks of a campaign with one size, in which a test has broken something on purpose."""

import subprocess
import time
from collections.abc import Callable

from tests.e2e.project import Project


def read_step_endings(project: Project) -> list[str]:
    return [event["ended"] for event in project.read_events("step-finished")]


def assert_completes(project: Project, running: subprocess.Popen[str]) -> None:
    """Wait for the end, and require a capacity, or that other load on this host made a step invalid twice."""
    output, _ = running.communicate(timeout=240)
    assert project.read_summary()["state"] == "complete", output
    (cell,) = project.read_summary()["cells"]
    assert cell["status"] == "censored" or cell["limiting_factor"] == "host", output
    assert running.returncode == (0 if cell["status"] == "censored" else 2), output


def wait_until(is_true: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, f"the condition did not become true within {within_s:g} s"
        time.sleep(0.1)
