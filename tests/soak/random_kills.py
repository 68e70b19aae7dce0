"""Kill parts of a campaign at random moments, and find what went wrong.

A campaign is started and resumed many times. Each time something is killed at a random moment: the harness,
its Locust, the target's container, or all of them. At the end, every size must be measured, no step may be
lost or stored twice, and no process or file may be left behind.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.project import BEHAVES, LOCUSTFILE, TARGET, Project

VICTIMS = ("harness",) * 6 + ("everything",) * 3 + ("interrupt", "locust", "container")
"""What may be killed; repeated words are killed more often.

"locust" and "container" are rare: each makes a step invalid, and a cell with a step that is invalid twice
has no answer.
"""

KILL_AFTER_S = 0.3
END_WITHIN_S = 1800
MATRIX = """\
target: targets/behaves
limits: {cpus: [0.3, 0.5, 0.7, 0.9], memory: [48MiB, 64MiB, 96MiB]}
users: {limit: 12, spawn_rate: 12}
steps: {settle: 1s, window: {at_least: 4s, at_most: 8s}, steady: {at_most: 0s}}
search: {strategy: bisect, precision: 50%, first_users: 3, soak: 5s}
repetitions: 3
"""


@dataclass
class KillTally:
    """How often each victim was killed, and the seconds from the last command to its first container."""

    kills: Counter[str] = field(default_factory=Counter)
    resume_s: float = 0.0


def kill_at_random(project: Project, kills: int, seed: int, within_s: float = 12.0) -> KillTally:
    """Run the project's matrix to its end, and kill parts of the campaign `kills` times on the way.

    A step that is disturbed twice is invalid, and its cell may be too: the exit code is 0 or 2.
    """
    rng, tally = random.Random(seed), KillTally()
    while sum(tally.kills.values()) < kills:
        with _start_harness(project) as process:
            if _wait_for_end(process, rng.uniform(KILL_AFTER_S, within_s)):
                raise AssertionError(f"the campaign ended after {tally.kills}: make it longer")
            victim = rng.choice(VICTIMS)
            _kill(project, process, victim)
            tally.kills[victim] += 1
            if victim in ("locust", "container"):
                _wait_for_end(process, rng.uniform(0, 3))
                process.kill()
            process.wait(60)
    started_s = time.monotonic()
    with _start_harness(project) as process:
        _wait_for_target(project, process)
        tally.resume_s = time.monotonic() - started_s
        process.wait(END_WITHIN_S)
    assert process.returncode in (0, 2), f"the harness ended with {process.returncode}"
    return tally


@contextmanager
def _start_harness(project: Project) -> Iterator["subprocess.Popen[str]"]:
    with (
        (project.folder / "output.txt").open("a") as output,
        subprocess.Popen(
            project.build_command("run"),
            cwd=project.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        yield process


def _wait_for_end(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Wait for the end of the process, at most `seconds`; return True if it has ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is not None


def _kill(project: Project, process: "subprocess.Popen[str]", victim: str) -> None:
    if victim in ("harness", "everything"):
        process.kill()
    if victim in ("locust", "everything"):
        for pid in project.find_locust_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if victim in ("container", "everything") and (project.folder / "results/latest").exists():
        for container in project.list_containers():
            subprocess.run(["docker", "kill", container], capture_output=True)
    if victim == "interrupt":
        process.send_signal(signal.SIGINT)


def _wait_for_target(project: Project, process: "subprocess.Popen[str]") -> None:
    """Wait until the resumed campaign has started a container, or has ended."""
    before = len(project.read_events("life-started"))
    while process.poll() is None:
        if len(project.read_events("life-started")) > before:
            return
        time.sleep(0.05)


def find_faults(project: Project) -> list[str]:
    """List what is wrong with a project's newest campaign: lost or duplicate steps or cells, leftovers."""
    latest = (project.folder / "results/latest").resolve()
    plan = json.loads((latest / "plan.json").read_text())
    planned = {cell["id"] for cell in plan["cells"]}
    events = project.read_events()
    files = [event["file"] for event in events if event["event"] == "step-finished"]
    finished = [(event["cell"], event["attempt"]) for event in events if event["event"] == "cell-finished"]
    measured = {cell["id"] for cell in project.read_summary()["cells"]}
    faults = []
    if project.read_summary()["state"] != "complete" or measured != planned:
        faults.append(f"{project.read_summary()['state']}: {sorted(measured ^ planned)}")
    if len(files) != len(set(files)):
        faults.append(f"steps stored twice: {[file for file, n in Counter(files).items() if n > 1]}")
    faults += [f"lost: {file}" for file in files if not (latest / file).is_file()]
    if {cell for cell, _ in finished} != planned or len(finished) != len(set(finished)):
        faults.append(f"cells finished: {finished}")
    campaigns = [
        path.parent.name for path in latest.parent.glob("*/plan.json") if not path.parent.is_symlink()
    ]
    faults += [f"more than one campaign: {campaigns}"] if len(campaigns) > 1 else []
    faults += [f"left behind: {path}" for path in latest.parent.rglob("*.part")]
    return faults + [f"left behind: process {pid}" for pid in project.find_locust_processes()]


def create_project(folder: Path) -> Project:
    """Create a project of 12 sizes, each measured three times."""
    project = Project(folder)
    shutil.copytree(BEHAVES, folder / "targets/behaves/image")
    project.write("targets/behaves/target.yaml", TARGET)
    project.write("targets/behaves/locustfile.py", LOCUSTFILE)
    project.write("matrix.yaml", MATRIX)
    return project
