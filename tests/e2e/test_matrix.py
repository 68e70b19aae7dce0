"""A small matrix measured on a real engine with real Locust, as a user runs it."""

import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.e2e.project import (
    AT_6_USERS,
    ONE_SIZE,
    TARGET,
    UP_TO_6_USERS,
    UP_TO_12_USERS,
    Project,
    create_project,
)
from tests.summary_schema import VALIDATOR

pytestmark = pytest.mark.e2e

MATRIX = (
    """\
target: targets/behaves
sizes:
  tiny: {cpus: 0.15, memory: 64MiB}
  roomy: {cpus: 0.9, memory: 64MiB}
  starved: {cpus: 0.5, memory: 6MiB}
  huge: {cpus: 4096, memory: 64MiB}
"""
    + UP_TO_6_USERS
)


def test_a_small_matrix_is_measured_and_cleaned_up(project: Project, leftovers: Callable[[], str]) -> None:
    """A request needs 16 ms of CPU on average: 0.15 cores serve 9 a second, and six users ask for 14."""
    project.write("targets/behaves/target.yaml", TARGET.replace("within: 30s", "within: 10s"))
    project.write("matrix.yaml", MATRIX)
    done = project.run_harness("run")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = project.read_summary()
    VALIDATOR.validate(summary)
    cells = {cell["id"]: cell for cell in summary["cells"]}
    assert summary["state"] == "complete"
    assert len(cells) == 4

    roomy, tiny = cells["behaves-c0.90-m64"], cells["behaves-c0.15-m64"]
    assert (roomy["status"], roomy["sustained_users"], roomy["broken_users"]) == ("censored", 6, None)
    assert tiny["status"] in ("bracketed", "none")
    assert tiny["limiting_factor"] == "cpu"
    assert tiny["broken_users"] <= 6
    assert cells["behaves-c0.50-m6"]["status"] == "failed"
    assert cells["behaves-c4096.00-m64"]["status"] == "skipped"
    assert "behaves-c0.90-m64" in done.stdout
    assert leftovers() == ""


LEAKING_LOCUSTFILE = """\
from locust import HttpUser, between, task

class Visitor(HttpUser):
    wait_time = between(0.2, 0.6)

    @task
    def visit(self):
        self.client.get("/leak/64")
"""


def test_a_target_that_leaks_does_not_sustain_its_users_and_the_answer_says_how_long_its_memory_lasts(
    project: Project,
) -> None:
    """A user asks 2.5 times a second, and each answer keeps 64 KiB: 9 MiB a minute."""
    project.write("targets/behaves/locustfile.py", LEAKING_LOCUSTFILE)
    few = UP_TO_6_USERS.replace("limit: 6", "limit: 2").replace("first_users: 3", "first_users: 2")
    project.write("matrix.yaml", ONE_SIZE + few.replace("at_most: 0s", "at_most: 20s"))
    done = project.run_harness("run")
    (cell,) = project.read_summary()["cells"]
    assert cell["limiting_factor"] == "memory", done.stdout
    assert (cell["sustained_users"] or 0) < cell["broken_users"] <= 2
    assert re.fullmatch(
        r"its memory grows by [\d.]+ MiB a minute at \d users?: 64 MiB last \d+ \w+.*, and .*",
        cell["evidence"],
    )


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Measure a campaign with a soak at its end; its output is in the file output."""
    project = create_project(tmp_path_factory.mktemp("soaked"))
    soak = AT_6_USERS.replace("confirm: false", "confirm: false, soak: 10s")
    project.write("matrix.yaml", ONE_SIZE + soak)
    done = project.run_harness("run")
    assert done.returncode == 0, done.stdout + done.stderr
    project.write("output", done.stdout)
    return project


def test_a_campaign_has_all_its_files_and_latest_points_to_it(soaked: Project) -> None:
    project, latest = soaked, soaked.folder / "results/latest"
    assert latest.is_symlink()
    files = {path.relative_to(latest).as_posix() for path in latest.rglob("*") if path.is_file()}
    cell = "cells/behaves-c0.90-m64"
    assert files >= {
        "plan.json",
        "environment.json",
        "events.jsonl",
        "summary.json",
        "summary.csv",
        "summary.md",
        "junit.xml",
        "report.html",
        f"{cell}/step-001.json.gz",
        f"{cell}/target-1.log",
        f"{cell}/generator-1.log",
    }
    assert not [name for name in files if name.endswith(".part")]
    drawn = (latest / "report.html").read_text()
    assert project.run_harness("report", "results/latest").returncode == 0
    assert (latest / "report.html").read_text() == drawn
    stricter = project.run_harness("judge", "results/latest", "--slo", "p95=1ms")
    assert stricter.returncode == 0
    assert "p95" in stricter.stdout


def test_an_interrupted_campaign_leaves_no_containers_and_is_resumed_with_its_steps(
    project: Project, leftovers: Callable[[], str]
) -> None:
    project.write("matrix.yaml", ONE_SIZE + UP_TO_6_USERS)
    with project.start_harness("run") as running:
        project.wait_for("step-finished", running)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert leftovers() == ""
    assert project.read_summary()["state"] == "interrupted"
    VALIDATOR.validate(project.read_summary())
    stored = [event["file"] for event in project.read_events("step-finished")]

    done = project.run_harness("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going on with" in done.stdout
    assert project.read_summary()["state"] == "complete"
    files = [event["file"] for event in project.read_events("step-finished")]
    assert files[: len(stored)] == stored
    assert len(files) == len(set(files)) > len(stored)


def test_a_second_campaign_is_refused_and_the_load_of_a_killed_one_ends_and_clean_removes_its_containers(
    project: Project, leftovers: Callable[[], str]
) -> None:
    project.write("matrix.yaml", ONE_SIZE + UP_TO_6_USERS)
    with project.start_harness("run") as running:
        project.wait_for("life-started", running)
        second = project.run_harness("run")
        running.kill()
        running.wait()
    assert second.returncode == 1
    assert "another harness is measuring" in second.stderr
    assert leftovers() != ""
    done = project.run_harness("clean")
    assert done.returncode == 0, done.stdout + done.stderr
    assert leftovers() == ""
    locusts = subprocess.run(["pgrep", "-f", str(project.folder)], capture_output=True, text=True).stdout
    assert locusts == ""


def test_the_size_to_take_is_held_at_the_end_in_a_container_of_its_own(soaked: Project) -> None:
    (cell,) = soaked.read_summary()["cells"]
    assert (cell["soak_verdict"], cell["soak_users"]) == ("PASS", 6)
    assert cell["soak_window_s"] == pytest.approx(10, abs=1)
    *searched, last = soaked.read_events("life-started")
    assert last["purpose"] == "soak"
    assert {each["purpose"] for each in searched} == {"search"}
    output = " ".join((soaked.folder / "output").read_text().split())
    assert "it sustained all 6 for 10 s" in output
    assert "It did so with p95" in output


def test_a_target_that_answers_with_errors_fails_before_any_load(project: Project) -> None:
    project.write("targets/behaves/target.yaml", TARGET.replace("within: 30s", "within: 5s"))
    project.write("targets/behaves/locustfile.py", build_locustfile("/wrong"))
    project.write("matrix.yaml", ONE_SIZE + UP_TO_12_USERS)
    done = project.run_harness("run")
    assert done.returncode == 2
    (cell,) = project.read_summary()["cells"]
    assert cell["status"] == "failed"
    assert "every request failed" in cell["evidence"]


def test_a_locustfile_without_users_is_refused_before_anything_starts(project: Project) -> None:
    project.write("targets/behaves/locustfile.py", "import locust\n")
    project.write("matrix.yaml", ONE_SIZE)
    refused = project.run_harness("run")
    assert refused.returncode == 1
    assert "no user class" in refused.stderr
    assert not (project.folder / "results").exists()


def test_an_unknown_image_is_refused_before_anything_starts(project: Project) -> None:
    project.write("targets/behaves/target.yaml", "name: behaves\nimage: no-such-image:ever\nport: 8000\n")
    project.write("matrix.yaml", ONE_SIZE)
    refused = project.run_harness("run")
    assert refused.returncode == 1
    assert "no-such-image:ever" in refused.stderr
    assert not (project.folder / "results").exists()


def build_locustfile(path: str) -> str:
    return f"""\
from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def visit(self):
        self.client.get("{path}")
"""
