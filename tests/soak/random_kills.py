"""Plugs pulled at random, and a campaign of many sizes: `python -m tests.soak --kills 50 --seed 1`.

A campaign is started again and again, each time until a random moment at which something of it is killed: the
harness, its Locust, the target's container, or all at once. It must end with every size measured, no step
lost or stored twice, and nothing left over.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from harness.campaign.scheduler import Scheduler, CampaignListener
from harness.measure.session import Backends
from harness.model import CellResult
from harness.plan import plan_to_json
from harness.store import CampaignFolder
from tests.e2e.project import BEHAVES, LOCUSTFILE, TARGET, Project
from tests.fakes import FakeWorld, Service
from tests.unit.campaign.test_scheduler import plan_of

VICTIMS = ("harness",) * 6 + ("everything",) * 3 + ("interrupt", "locust", "container")
"""Whoever kills only Locust or the container spoils a step, and a step spoiled twice makes its cell INVALID:
so these are rare.
"""
KILL_AFTER_S = 0.3
END_WITHIN_S = 1800
SOAKED = """\
target: targets/behaves
limits: {cpus: [0.3, 0.5, 0.7, 0.9], memory: [48MiB, 64MiB, 96MiB]}
users: {limit: 12, spawn_rate: 12}
steps: {settle: 1s, window: {at_least: 4s, at_most: 8s}}
search: {strategy: bisect, precision: 50%, first_users: 3}
repetitions: 3
"""


@dataclass
class Tally:
    """What was killed how often, and how long it took from typing the command again to the next window."""

    kills: Counter[str] = field(default_factory=Counter)
    resumes_s: list[float] = field(default_factory=list)


def pull_plugs(project: Project, kills: int, seed: int, within_s: float = 12.0) -> Tally:
    """Run the project's matrix to its end, with so many kills on the way.

    A step that is hit twice is INVALID, and so may its cell be: exit code 2.
    """
    chance, tally = random.Random(seed), Tally()
    while sum(tally.kills.values()) < kills:
        with _started(project) as process:
            if _until(process, chance.uniform(KILL_AFTER_S, within_s)):
                raise AssertionError(f"the campaign ended after {tally.kills}: make it longer")
            victim = chance.choice(VICTIMS)
            _kill(project, process, victim)
            tally.kills[victim] += 1
            if victim in ("locust", "container"):
                _until(process, chance.uniform(0, 3))
                process.kill()
            process.wait(60)
    begun = time.monotonic()
    with _started(project) as process:
        _first_window(project, process)
        tally.resumes_s.append(time.monotonic() - begun)
        process.wait(END_WITHIN_S)
    assert process.returncode in (0, 2), f"it ended with {process.returncode}"
    return tally


@contextmanager
def _started(project: Project) -> Iterator["subprocess.Popen[str]"]:
    with (
        (project.folder / "said.txt").open("a") as said,
        subprocess.Popen(
            project.build_command("run"),
            cwd=project.folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        yield process


def _until(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Wait so long; whether it ended by itself."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is not None


def _kill(project: Project, process: "subprocess.Popen[str]", victim: str) -> None:
    if victim in ("harness", "everything"):
        process.kill()
    if victim in ("locust", "everything"):
        for pid in project.find_locusts():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if victim in ("container", "everything") and (project.folder / "results/latest").exists():
        for container in project.list_containers():
            subprocess.run(["docker", "kill", container], capture_output=True)
    if victim == "interrupt":
        process.send_signal(signal.SIGINT)


def _first_window(project: Project, process: "subprocess.Popen[str]") -> None:
    """Wait until the resumed campaign has a target that answers, or is at its end."""
    before = sum(event["event"] == "life-started" for event in project.read_events())
    while process.poll() is None:
        if sum(event["event"] == "life-started" for event in project.read_events()) > before:
            return
        time.sleep(0.05)


def unsound(project: Project) -> list[str]:
    """What is wrong with the newest campaign of a project: lost or double steps, cells, files of ours."""
    latest = (project.folder / "results/latest").resolve()
    plan = json.loads((latest / "plan.json").read_text())
    wanted = {cell["id"] for cell in plan["cells"]}
    events = project.read_events()
    files = [event["file"] for event in events if event["event"] == "step-finished"]
    finished = [(event["cell"], event["attempt"]) for event in events if event["event"] == "cell-finished"]
    measured = {cell["id"] for cell in project.read_summary()["cells"]}
    faults = []
    if project.read_summary()["state"] != "complete" or measured != wanted:
        faults.append(f"{project.read_summary()['state']}: {sorted(measured ^ wanted)}")
    if len(files) != len(set(files)):
        faults.append(f"steps stored twice: {[file for file, n in Counter(files).items() if n > 1]}")
    faults += [f"lost: {file}" for file in files if not (latest / file).is_file()]
    if {cell for cell, _ in finished} != wanted or len(finished) != len(set(finished)):
        faults.append(f"cells finished: {finished}")
    begun = [path.parent.name for path in latest.parent.glob("*/plan.json") if not path.parent.is_symlink()]
    faults += [f"more than one campaign: {begun}"] if len(begun) > 1 else []
    faults += [f"left over: {path}" for path in latest.parent.rglob("*.part")]
    return faults + [f"left over: process {pid}" for pid in project.find_locusts()]


def made(folder: Path) -> Project:
    project = Project(folder)
    shutil.copytree(BEHAVES, folder / "targets/behaves/image")
    project.write("targets/behaves/target.yaml", TARGET)
    project.write("targets/behaves/locustfile.py", LOCUSTFILE)
    project.write("matrix.yaml", SOAKED)
    return project


class Scales(CampaignListener):
    """Weighs this process after every cell."""

    def __init__(self) -> None:
        self.resident_bytes: list[int] = []

    def cell_done(self, result: CellResult) -> None:
        self.resident_bytes.append(psutil.Process().memory_info().rss)


def weighed(folder: Path, cells: int) -> list[int]:
    """Resident bytes of the harness after each cell: fakes for the load, the real store and report."""
    limits = [(0.1 + 0.01 * (number % 20), 256 + number) for number in range(cells)]
    plan, fake, scales = plan_of(*limits, strategy="bisect", users_limit=60), FakeWorld(Service()), Scales()
    world = Backends(fake.host, fake.generator, fake.probe, fake.clock)
    stored = CampaignFolder.create(folder, "many", plan_to_json(plan), fake.host.read_fingerprint())
    Scheduler(plan, stored, world, scales).run()
    return scales.resident_bytes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = weighed(Path(folder), asked.cells)
    marks = [sizes[len(sizes) * part // 4 - 1] / 2**20 for part in (1, 2, 3, 4)]
    print(f"memory after each quarter of {len(sizes)} cells: {', '.join(f'{mib:.0f} MiB' for mib in marks)}")
    with tempfile.TemporaryDirectory() as folder:
        project = made(Path(folder))
        tally = pull_plugs(project, asked.kills, asked.seed)
        faults = unsound(project)
        invalid = sum(cell["status"] == "invalid" for cell in project.read_summary()["cells"])
        cells = len(project.read_summary()["cells"])
    print(f"{sum(tally.kills.values())} kills: {dict(tally.kills)}")
    print(
        f"{cells} cells, {invalid} of them INVALID; {tally.resumes_s[0]:.1f} s from the command to a target"
    )
    print("\n".join(faults) if faults else "every size measured, no step lost or stored twice, nothing left")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
