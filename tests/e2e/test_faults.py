"""Real faults: the harness names what died, hung, vanished or filled up, and the campaign goes on."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.engine_proxy import run_engine_proxy
from tests.e2e.outcomes import assert_completes, read_step_endings, wait_until
from tests.e2e.own_engine import run_own_engine
from tests.e2e.project import AT_6_USERS, BASE, ONE_SIZE, UP_TO_6_USERS, WITH_DRIFT_CHECK, Project
from tests.soak.random_kills import find_faults, kill_at_random

pytestmark = pytest.mark.e2e

GONE_WITHIN_S = 10.0


@pytest.fixture
def one_size(project: Project) -> Project:
    project.write("matrix.yaml", ONE_SIZE + UP_TO_6_USERS)
    return project


@pytest.fixture
def one_step(project: Project) -> Project:
    project.write("matrix.yaml", ONE_SIZE + AT_6_USERS)
    return project


# The generator


def test_the_step_of_a_killed_locust_is_held_again(one_step: Project, leftovers: Callable[[], str]) -> None:
    with one_step.start_harness("run") as running:
        one_step.wait_for_load(running)
        for pid in one_step.find_locust_processes():
            os.kill(pid, signal.SIGKILL)
        assert_completes(one_step, running)
    assert "generator-died" in read_step_endings(one_step)
    assert leftovers() == ""


def test_a_stopped_locust_is_detected_by_its_silence(one_step: Project) -> None:
    with one_step.start_harness("run") as running:
        one_step.wait_for_load(running)
        for pid in one_step.find_locust_processes():
            os.kill(pid, signal.SIGSTOP)
        assert_completes(one_step, running)
    assert "generator-died" in read_step_endings(one_step)
    assert one_step.find_locust_processes() == []


def test_a_killed_harness_ends_even_a_stopped_locust(one_step: Project) -> None:
    with one_step.start_harness("run") as running:
        one_step.wait_for("life-started", running)
        for pid in one_step.find_locust_processes():
            os.kill(pid, signal.SIGSTOP)
        running.kill()
        running.wait()
        wait_until(lambda: not one_step.find_locust_processes(), GONE_WITHIN_S)
    assert one_step.run_harness("clean").returncode == 0


# The engine


def test_a_target_killed_through_the_engine_is_measured_again(one_step: Project) -> None:
    with one_step.start_harness("run") as running:
        one_step.wait_for_load(running)
        subprocess.run(["docker", "kill", *one_step.list_containers()], check=True, capture_output=True)
        assert_completes(one_step, running)
    assert "target-removed" in read_step_endings(one_step)


def test_an_engine_that_goes_away_and_comes_back_costs_one_container_run(
    one_step: Project, leftovers: Callable[[], str]
) -> None:
    with run_engine_proxy() as proxy, one_step.start_harness("run", DOCKER_HOST=proxy.address) as running:
        one_step.wait_for_load(running)
        proxy.cut()
        one_step.wait_for("fault", running)
        proxy.restore()
        assert_completes(one_step, running)
    (fault,) = one_step.read_events("fault")
    assert fault["kind"] == "engine"
    assert leftovers() == ""


def test_an_engine_that_crashes_and_is_started_again_costs_one_container_run(
    one_step: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with run_own_engine(tmp_path_factory.mktemp("engine")) as engine:
        engine.load_base()
        with one_step.start_harness("run", DOCKER_HOST=engine.address) as running:
            one_step.wait_for_load(running, engine=engine.address)
            engine.kill()
            one_step.wait_for("fault", running)
            engine.start()
            assert_completes(one_step, running)
        assert engine.run_docker("ps", "--all", "--quiet").stdout == b""
    assert "fault" in [event["event"] for event in one_step.read_events()]


def test_an_image_that_vanishes_is_built_again(one_step: Project) -> None:
    with one_step.start_harness("run") as running:
        one_step.wait_for("life-started", running)
        (image,) = one_step.read_events("image-prepared")
        subprocess.run(["docker", "rmi", "--force", image["reference"]], check=True, capture_output=True)
        for pid in one_step.find_locust_processes():
            os.kill(pid, signal.SIGKILL)
        assert_completes(one_step, running)
    assert [event["kind"] for event in one_step.read_events("fault")] == ["engine"]


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 100 KiB; skip the test without root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_build_on_a_full_disk_of_the_engine_is_reported(
    one_size: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dockerfile = one_size.folder / "targets/behaves/image/Dockerfile"
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nRUN head -c 400M /dev/zero > /large\n")
    with run_own_engine(tmp_path_factory.mktemp("engine"), disk_mib=350) as engine:
        engine.load(BASE)
        full = one_size.run_harness("run", DOCKER_HOST=engine.address)
    assert full.returncode in (1, 2), full.stdout + full.stderr
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr


def test_a_full_disk_is_named_and_the_campaign_goes_on_once_there_is_room(
    one_step: Project, small_disk: Path, leftovers: Callable[[], str]
) -> None:
    full = one_step.run_harness("run", "--results", str(small_disk))
    assert full.returncode == 2, full.stdout + full.stderr
    assert "No space left on device" in full.stderr
    assert leftovers() == ""
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    again = one_step.run_harness("run", "--results", str(small_disk))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "going on with" in again.stdout


# The user


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_harness_removes_its_containers(
    one_step: Project, leftovers: Callable[[], str], signal_number: int
) -> None:
    """The signal comes twice, as a closed terminal sends it."""
    with one_step.start_harness("run") as running:
        one_step.wait_for_load(running)
        for _ in range(2):
            running.send_signal(signal_number)
            time.sleep(0.05)
        assert running.wait(60) == 130
    assert leftovers() == ""
    assert one_step.read_summary()["state"] == "interrupted"


def test_a_second_interruption_exits_at_once_and_clean_removes_the_rest(
    one_size: Project, leftovers: Callable[[], str]
) -> None:
    with one_size.start_harness("run") as running:
        one_size.wait_for("life-started", running)
        interrupt_until_it_ends(running, within_s=5)
        assert running.returncode == 130
    wait_until(lambda: not one_size.find_locust_processes(), GONE_WITHIN_S)
    assert one_size.run_harness("clean").returncode == 0
    assert leftovers() == ""


def test_kills_at_random_lose_nothing(project: Project, leftovers: Callable[[], str]) -> None:
    sizes = "{cpus: [0.7, 0.9], memory: 64MiB}"
    search = AT_6_USERS.replace(*WITH_DRIFT_CHECK)
    project.write("matrix.yaml", f"target: targets/behaves\nlimits: {sizes}\n{search}")
    tally = kill_at_random(project, kills=4, seed=11, within_s=5)
    assert sum(tally.kills.values()) == 4
    assert find_faults(project) == []
    assert leftovers() == ""


def interrupt_until_it_ends(running: subprocess.Popen[str], within_s: float) -> None:
    """Send interrupts until the harness ends: several that arrive together count as one."""
    deadline = time.monotonic() + within_s
    while running.poll() is None:
        assert time.monotonic() < deadline, f"the harness was still running after {within_s:g} s"
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(0.05)
