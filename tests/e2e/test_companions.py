"""The bundled order service with its real PostgreSQL and Redis; companions that do not start."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.project import Project

pytestmark = pytest.mark.e2e

ORDERS = Path(__file__).parents[2] / "targets/orders"
ONE_SIZE = f"""\
target: {ORDERS}
users: {{limit: 10, spawn_rate: 10}}
limits: {{cpus: 0.4, memory: 128MiB}}
steps: {{settle: 2s, window: {{at_least: 5s, at_most: 10s}}, steady: {{at_most: 0s}}}}
search: {{strategy: bisect, precision: 50%, first_users: 10, confirm: false}}
"""
COMPANION = """
companions:
  store:
    build: {{context: image, args: {{BASE: harness-base:bookworm}}}}
    limits: {{cpus: 0.3, memory: 64MiB}}
    ready: {ready}
    {more}
"""


def test_the_order_service_runs_with_its_database_and_cache(
    project: Project, leftovers: Callable[[], str]
) -> None:
    project.write("matrix.yaml", ONE_SIZE)
    done = project.run_harness("run", timeout_s=500)
    assert done.returncode == 0, done.stdout + done.stderr
    (cell,) = project.read_summary()["cells"]
    assert (cell["status"], cell["error_ratio"]) == ("censored", 0)
    (run, *_) = project.read_events("life-started")
    assert run["companions_ready_after_s"] > 0
    page = (project.folder / "results/latest/report.html").read_text()
    assert "database" in page
    assert leftovers() == ""


def add_companion(project: Project, ready: str, more: str = "") -> None:
    target = project.folder / "targets/behaves/target.yaml"
    target.write_text(target.read_text() + COMPANION.format(ready=ready, more=more))
    few = ONE_SIZE.replace("limit: 10", "limit: 3").replace("first_users: 10", "first_users: 3")
    few = few.replace("at_least: 5s, at_most: 10s", "at_least: 4s, at_most: 6s")
    project.write("matrix.yaml", few.replace(str(ORDERS), "targets/behaves").replace("0.4", "0.5"))


def test_a_companion_that_does_not_start_is_named_and_nothing_is_left(
    project: Project, leftovers: Callable[[], str]
) -> None:
    """For what other reasons it may not start is a matter of the host: see test_container_options.py."""
    add_companion(project, "{port: 9999, within: 3s}")
    done = project.run_harness("run")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "the companion store: not ready within 3 s" in done.stderr
    assert "Traceback" not in done.stderr
    assert leftovers() == ""


def test_a_companion_is_reached_by_its_name_and_its_use_is_stored(project: Project) -> None:
    add_companion(project, "{port: 8000, within: 20s}", "seed: [python3, --version]")
    done = project.run_harness("run")
    assert done.returncode == 0, done.stdout + done.stderr
    file = next(event["file"] for event in project.read_events() if event["event"] == "step-finished")
    facts = json.loads(gzip.decompress((project.folder / "results/latest" / file).read_bytes()))
    assert facts["companions"]["store"]["memory_bytes"] == 64 * 2**20
    assert len(facts["companions"]["store"]["cpu_s"]) >= 5


def test_a_companion_without_cat_is_ready_when_its_port_listens(project: Project) -> None:
    add_companion(project, "{port: 8000, within: 20s}")
    folder = project.folder / "targets/behaves"
    text = (folder / "image/Dockerfile").read_text()
    (folder / "image/NoCat").write_text(f"{text}\nUSER root\nRUN rm $(command -v cat)\nUSER nobody\n")
    before, mark, after = (folder / "target.yaml").read_text().rpartition("{context: image, ")
    (folder / "target.yaml").write_text(f"{before}{mark}dockerfile: NoCat, {after}")
    with project.start_harness("run") as running:
        project.wait_for("life-started", running)
    (run, *_) = project.read_events("life-started")
    assert run["companions_ready_after_s"] < 20


LOSES_CHILDREN = """\
import runpy, subprocess, sys, threading, time

def lose_children():
    while True:
        time.sleep(1)
        subprocess.run([sys.executable, "-c", "x = []\\nwhile True: x.append(bytearray(2**20))"])

threading.Thread(target=lose_children, daemon=True).start()
sys.argv = ["behave.py", "answer"]
runpy.run_path("/srv/behave.py", run_name="__main__")
"""
"""It answers as ever. Each second a child of it outgrows its memory, and the kernel kills that."""


def test_a_companion_whose_processes_the_kernel_kills_is_the_limit(project: Project) -> None:
    command = json.dumps([LOSES_CHILDREN])
    add_companion(project, "{port: 8000, within: 20s}", f"entrypoint: [python3, -c]\n    command: {command}")
    few = (project.folder / "matrix.yaml").read_text()
    one = few.replace("limit: 3, spawn_rate: 10", "limit: 1, spawn_rate: 1")
    project.write("matrix.yaml", one.replace("first_users: 3", "first_users: 1"))
    done = project.run_harness("run")
    (cell,) = project.read_summary()["cells"]
    assert (cell["status"], cell["limiting_factor"]) == ("none", "dependency"), done.stdout + done.stderr
    assert "the kernel killed a process of the companion store for lack of memory" in cell["evidence"]
