"""Small real projects: a target in its folder, a locustfile, a matrix, and the harness as a command."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BEHAVES = Path(__file__).with_name("images") / "behaves"
BASE = os.environ.get("HARNESS_TEST_BASE", "harness-base:bookworm")

TARGET = f"""\
name: behaves
build: {{context: image, args: {{BASE: {BASE}}}}}
port: 8000
ready: {{http: /, within: 30s}}
"""
LOCUSTFILE = """\
from locust import HttpUser, TaskSet, between, task


class Work(TaskSet):
    @task(3)
    def burn(self):
        self.client.get("/burn/0.02")

    @task(1)
    def look(self):
        self.client.get("/")


class Visitor(HttpUser):
    tasks = [Work]
    wait_time = between(0.2, 0.6)
"""
QUICK = """\
users: {limit: 12, spawn_rate: 12}
steps: {settle: 2s, window: {at_least: 5s, at_most: 15s}}
search: {strategy: bisect, precision: 50%, first_users: 3}
"""


@dataclass(frozen=True)
class Project:
    """A user's folder, and the harness run in it."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def harness(
        self, *arguments: str, timeout_s: float = 300, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    @contextlib.contextmanager
    def running(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """The harness in the background; ended on leaving, if a test did not end it."""
        with subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "harness", *arguments]

    def locusts(self) -> list[int]:
        """The processes that make load with this project's locustfile."""
        pattern = f"locust -f .*{self.folder}"
        found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True).stdout
        return [int(pid) for pid in found.split()]

    def containers(self) -> list[str]:
        """The containers of the newest campaign."""
        name = (self.folder / "results/latest").resolve().name
        label = f"label=harness.campaign={name}"
        command = ["docker", "ps", "--all", "--quiet", "--filter", label]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results/latest/summary.json").read_text())
        return found

    def events(self) -> list[dict[str, Any]]:
        lines = (self.folder / "results/latest/events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def wait_for(self, event: str, running: subprocess.Popen[str], within_s: float = 120) -> None:
        """Until the newest campaign's log tells of such an event."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if running.poll() is not None:
                pytest.fail(f"it ended with {running.returncode}: {running.communicate()}")
            if (self.folder / "results/latest/events.jsonl").exists() and any(
                told["event"] == event for told in self.events()
            ):
                return
            time.sleep(0.2)
        pytest.fail(f"no {event} within {within_s:g} s")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    shutil.copytree(BEHAVES, tmp_path / "targets/behaves/image")
    made.write("targets/behaves/target.yaml", TARGET)
    made.write("targets/behaves/locustfile.py", LOCUSTFILE)
    return made


@pytest.fixture
def leftovers() -> Callable[[], str]:
    """Containers and networks of ours that are still there, running or not."""

    def asked() -> str:
        label = "label=harness.campaign"
        containers = ["docker", "ps", "--all", "--quiet", "--filter", label]
        networks = ["docker", "network", "ls", "--quiet", "--filter", label]
        return "".join(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
            for command in (containers, networks)
        )

    return asked
