"""Real faults: what dies, hangs, vanishes or fills up is told by its name, and the campaign goes on."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BASE, Project
from tests.e2e.line import engine_behind_a_line
from tests.e2e.own_engine import own_engine
from tests.soak import pull_plugs, unsound

pytestmark = pytest.mark.e2e

QUICK = """\
users: {limit: 6, spawn_rate: 12}
steps: {settle: 1s, window: {at_least: 4s, at_most: 6s}}
search: {strategy: bisect, precision: 50%, first_users: 3}
"""
ONE_SIZE = "target: targets/behaves\nlimits: {cpus: 0.9, memory: 64MiB}\n" + QUICK
GONE_WITHIN_S = 10.0


@pytest.fixture
def one_size(project: Project) -> Project:
    project.write("matrix.yaml", ONE_SIZE)
    return project


def endings(project: Project) -> list[str]:
    return [event["ended"] for event in project.events() if event["event"] == "step-finished"]


def ends_well(project: Project, running: subprocess.Popen[str]) -> None:
    """With its answer; or, on a host that others use too, with what they did to the step held again."""
    said, _ = running.communicate(timeout=240)
    assert project.summary()["state"] == "complete", said
    (cell,) = project.summary()["cells"]
    assert cell["status"] == "censored" or cell["limiting_factor"] == "host", said
    assert running.returncode == (0 if cell["status"] == "censored" else 2), said


def wait_until(holds: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


# The generator


def test_a_killed_locust_spoils_its_step_which_is_held_again(
    one_size: Project, leftovers: Callable[[], str]
) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("life-started", running)
        time.sleep(3)
        for pid in one_size.locusts():
            os.kill(pid, signal.SIGKILL)
        ends_well(one_size, running)
    assert "generator-died" in endings(one_size)
    assert leftovers() == ""


def test_a_wedged_locust_is_found_by_its_silence(one_size: Project) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("life-started", running)
        time.sleep(3)
        for pid in one_size.locusts():
            os.kill(pid, signal.SIGSTOP)
        ends_well(one_size, running)
    assert "generator-died" in endings(one_size)
    assert one_size.locusts() == []


def test_not_even_a_stopped_locust_outlives_a_killed_harness(one_size: Project) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("life-started", running)
        for pid in one_size.locusts():
            os.kill(pid, signal.SIGSTOP)
        running.kill()
        running.wait()
        wait_until(lambda: not one_size.locusts(), GONE_WITHIN_S)
    assert one_size.harness("clean").returncode == 0


# The engine


def test_a_target_killed_through_the_engine_is_no_answer_and_is_measured_again(one_size: Project) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("life-started", running)
        time.sleep(2)
        subprocess.run(["docker", "kill", *one_size.containers()], check=True, capture_output=True)
        ends_well(one_size, running)
    assert "target-removed" in endings(one_size)


def test_an_engine_that_goes_away_and_comes_back_costs_one_life(
    one_size: Project, leftovers: Callable[[], str]
) -> None:
    with engine_behind_a_line() as line, one_size.running("run", DOCKER_HOST=line.address) as running:
        one_size.wait_for("life-started", running)
        time.sleep(2)
        line.cut()
        one_size.wait_for("fault", running)
        time.sleep(2)
        line.mend()
        ends_well(one_size, running)
    (fault,) = [event for event in one_size.events() if event["event"] == "fault"]
    assert fault["kind"] == "engine"
    assert leftovers() == ""


def test_an_engine_that_crashes_and_is_started_again_costs_one_life(
    one_size: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with own_engine(tmp_path_factory.mktemp("engine")) as engine:
        engine.load(BASE)
        with one_size.running("run", DOCKER_HOST=engine.address) as running:
            one_size.wait_for("life-started", running)
            time.sleep(2)
            engine.kill()
            one_size.wait_for("fault", running)
            engine.start()
            ends_well(one_size, running)
        assert engine.docker("ps", "--all", "--quiet").stdout == b""
    assert "fault" in [event["event"] for event in one_size.events()]


def test_an_image_that_vanishes_is_made_again(one_size: Project) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("life-started", running)
        (made,) = [event for event in one_size.events() if event["event"] == "image-prepared"]
        subprocess.run(["docker", "rmi", "--force", made["reference"]], check=True, capture_output=True)
        for pid in one_size.locusts():
            os.kill(pid, signal.SIGKILL)
        ends_well(one_size, running)
    assert [event["kind"] for event in one_size.events() if event["event"] == "fault"] == ["engine"]


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 KiB; it needs root, as the engine's installation does."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_an_engine_whose_disk_is_full_says_so_while_it_builds(
    one_size: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dockerfile = one_size.folder / "targets/behaves/image/Dockerfile"
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nRUN head -c 400M /dev/zero > /large\n")
    with own_engine(tmp_path_factory.mktemp("engine"), disk_mib=350) as engine:
        engine.load(BASE)
        full = one_size.harness("run", DOCKER_HOST=engine.address)
    assert full.returncode in (1, 2), full.stdout + full.stderr
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr


def test_a_full_disk_is_named_and_the_campaign_goes_on_once_there_is_room(
    one_size: Project, small_disk: Path, leftovers: Callable[[], str]
) -> None:
    full = one_size.harness("run", "--results", str(small_disk))
    assert full.returncode == 2, full.stdout + full.stderr
    assert "No space left on device" in full.stderr
    assert leftovers() == ""
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    again = one_size.harness("run", "--results", str(small_disk))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "going on with" in again.stdout


# Whoever runs it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_asked_end_is_tidy(one_size: Project, leftovers: Callable[[], str], number: int) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("step-finished", running)
        running.send_signal(number)
        assert running.wait(60) == 130
    assert leftovers() == ""
    assert one_size.summary()["state"] == "interrupted"


def test_a_second_interruption_leaves_at_once_and_the_next_run_sweeps(
    one_size: Project, leftovers: Callable[[], str]
) -> None:
    with one_size.running("run") as running:
        one_size.wait_for("life-started", running)
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(ProcessLookupError):
            running.send_signal(signal.SIGINT)
            time.sleep(0.05)
            running.send_signal(signal.SIGINT)
        assert running.wait(5) == 130
    wait_until(lambda: not one_size.locusts(), GONE_WITHIN_S)
    assert one_size.harness("clean").returncode == 0
    assert leftovers() == ""


def test_plugs_pulled_at_random_lose_nothing(project: Project, leftovers: Callable[[], str]) -> None:
    sizes = "{cpus: [0.7, 0.9], memory: 64MiB}"
    project.write("matrix.yaml", f"target: targets/behaves\nlimits: {sizes}\n{QUICK}")
    tally = pull_plugs(project, kills=4, seed=11, within_s=5)
    assert sum(tally.kills.values()) == 4
    assert unsound(project) == []
    assert leftovers() == ""
