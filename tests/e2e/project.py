"""A small real project: a target in its folder, a locustfile, a matrix, and the harness as a command."""

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
ONE_SIZE = "target: targets/behaves\nlimits: {cpus: 0.9, memory: 64MiB}\n"
LOAD_CPU_S = 0.1
"""CPU time of five requests of the locustfile."""

UP_TO_12_USERS = """\
users: {limit: 12, spawn_rate: 12}
steps: {settle: 2s, window: {at_least: 5s, at_most: 10s}, steady: {at_most: 0s}}
search: {strategy: bisect, precision: 50%, first_users: 3, soak: 0s}
"""
UP_TO_6_USERS = """\
users: {limit: 6, spawn_rate: 12}
steps: {settle: 1s, window: {at_least: 4s, at_most: 6s}, steady: {at_most: 0s}}
search: {strategy: bisect, precision: 50%, first_users: 3, confirm: false}
"""
AT_6_USERS = UP_TO_6_USERS.replace("first_users: 3", "first_users: 6").replace("at_most: 6s", "at_most: 4s")
"""A campaign of one step, as nothing is held again at its end: for tests of what interrupts a step, and of
what is in a container. Its window has some 56 requests, where a p95 needs 20.
"""
AT_3_USERS = UP_TO_6_USERS.replace("limit: 6", "limit: 3")
"""The same for several sizes, replicas or engines at once, which must leave each other the CPU."""
WITH_DRIFT_CHECK = ("confirm: false", "soak: 0s")
"""Replaced so, a short campaign holds the first size once more at its end."""


@dataclass(frozen=True)
class Project:
    """A user's folder, in which the harness is run."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_harness(
        self, *arguments: str, timeout_s: float = 300, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.build_command(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    @contextlib.contextmanager
    def start_harness(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Run the harness in the background; interrupt it on leaving, unless it has ended."""
        with subprocess.Popen(
            self.build_command(*arguments),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=heed_hangups,
        ) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)

    def build_command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "harness", *arguments]

    def find_locust_processes(self) -> list[int]:
        """Return the ids of the Locust processes that run this project's locustfile."""
        pattern = f"locust -f .*{self.folder}"
        pids = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True).stdout
        return [int(pid) for pid in pids.split()]

    def list_containers(self, engine: str = "") -> list[str]:
        """Return the containers of the newest campaign, on the default engine or the one at `engine`."""
        name = (self.folder / "results/latest").resolve().name
        label = f"label=harness.campaign={name}"
        return run_docker("ps", "--all", "--quiet", "--filter", label, engine=engine).split()

    def read_summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads((self.folder / "results/latest/summary.json").read_text())
        return summary

    def read_events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the newest campaign's events, or only those of this name; empty if it has no log yet."""
        log = self.folder / "results/latest/events.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        events = [json.loads(line) for line in lines]
        return [event for event in events if name in (None, event["event"])]

    def wait_for(self, event: str, running: subprocess.Popen[str], within_s: float = 120) -> None:
        """Wait until the newest campaign's log has an event of this name; fail if the harness ends before."""
        self._wait_until(lambda: self.read_events(event), event, running, within_s)

    def wait_for_load(self, running: subprocess.Popen[str], within_s: float = 120, engine: str = "") -> None:
        """Wait until a container has started and used CPU time for requests: then a step is being held."""
        self.wait_for("life-started", running, within_s)
        (container, *_) = self.list_containers(engine)
        idle_s = read_cpu_s(container, engine)
        self._wait_until(
            lambda: read_cpu_s(container, engine) > idle_s + LOAD_CPU_S, "load", running, within_s
        )

    @staticmethod
    def _wait_until(
        is_done: Callable[[], object], what: str, running: subprocess.Popen[str], within_s: float
    ) -> None:
        deadline = time.monotonic() + within_s
        while not is_done():
            if running.poll() is not None:
                pytest.fail(f"the harness ended with {running.returncode}: {running.communicate()}")
            if time.monotonic() > deadline:
                pytest.fail(f"no {what} within {within_s:g} s")
            time.sleep(0.2)


def heed_hangups() -> None:
    """Let a hangup interrupt a process, also if these tests were started by nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def create_project(folder: Path) -> Project:
    """Write a project into a folder: the target that behaves as it is asked to, and its locustfile."""
    project = Project(folder)
    shutil.copytree(BEHAVES, folder / "targets/behaves/image")
    project.write("targets/behaves/target.yaml", TARGET)
    project.write("targets/behaves/locustfile.py", LOCUSTFILE)
    return project


def run_docker(*arguments: str, engine: str = "") -> str:
    """Run a docker command on the default engine, or on the one at `engine`; return its output."""
    command = ["docker", *(("--host", engine) if engine else ()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def read_cpu_s(container: str, engine: str = "") -> float:
    """Return the CPU time of a container's first process so far, in seconds."""
    fields = run_docker("exec", container, "cat", "/proc/1/stat", engine=engine).split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
