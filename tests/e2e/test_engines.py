"""Two real engines at once, each with its own root: they share the sizes, and one is killed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.outcomes import wait_until
from tests.e2e.own_engine import OwnEngine, run_own_engine
from tests.e2e.project import AT_3_USERS, WITH_DRIFT_CHECK, Project

pytestmark = pytest.mark.e2e

SIZES = "limits: {cpus: [0.2, 0.3], memory: [48MiB, 64MiB]}\n"
LOCUSTFILE = """\
from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(0.2, 0.6)

    @task
    def look(self):
        self.client.get("/")
"""
"""It asks for so little that one engine's load is no foreign load to the other, whatever their quotas."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnEngine, OwnEngine]]:
    """Start two engines. The last test of this module kills one of them."""
    with (
        run_own_engine(tmp_path_factory.mktemp("one"), number=3) as one,
        run_own_engine(tmp_path_factory.mktemp("other"), number=4) as other,
    ):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda engine: engine.load_base(), (one, other)))
        yield one, other


def write_matrix(project: Project, one: OwnEngine, other: OwnEngine, search: str) -> None:
    engines = f"engines:\n  one: {{host: '{one.address}'}}\n  other: {{host: '{other.address}'}}\n"
    project.write("targets/behaves/locustfile.py", LOCUSTFILE)
    project.write("matrix.yaml", "target: targets/behaves\n" + SIZES + search + engines)


def read_container_runs(project: Project) -> list[dict[str, str]]:
    return project.read_events("life-started")


def wait_for_container_runs(project: Project, engines: set[str], within_s: float = 120) -> None:
    wait_until(lambda: engines <= {run["engine"] for run in read_container_runs(project)}, within_s)


def test_two_engines_share_the_sizes_and_hold_the_reference_on_both(
    project: Project, pair: tuple[OwnEngine, OwnEngine]
) -> None:
    write_matrix(project, *pair, AT_3_USERS.replace(*WITH_DRIFT_CHECK))
    done = project.run_harness("run")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    assert (project.folder / "results/latest/summary.json").exists(), done.stdout + done.stderr
    summary = project.read_summary()
    assert summary["state"] == "complete", done.stdout + done.stderr
    assert {cell["engine"] for cell in summary["cells"]} == {"one", "other"}
    (repeatability,) = summary["engines"]
    assert {repeatability["engine"], repeatability["against"]} == {"one", "other"}
    report = (project.folder / "results/latest/report.html").read_text()
    assert "other against one" in report or "one against other" in report
    for engine in pair:
        assert engine.run_docker("ps", "--all", "--quiet").stdout == b""


def test_the_cell_of_a_killed_engine_is_measured_by_the_other(
    project: Project, pair: tuple[OwnEngine, OwnEngine]
) -> None:
    one, other = pair
    write_matrix(project, one, other, AT_3_USERS)
    with project.start_harness("run") as running:
        wait_for_container_runs(project, {"one", "other"})
        other.kill()
        output, _ = running.communicate(timeout=280)
    assert "the engine other is lost" in output
    summary = project.read_summary()
    assert summary["state"] == "complete", output
    assert len(summary["cells"]) == 4
    last = {run["cell"]: run["engine"] for run in read_container_runs(project) if run["purpose"] == "search"}
    assert set(last.values()) <= {"one", "other"}
    assert list(last.values()).count("one") >= 3
    assert Path(project.folder / "results/latest/report.html").exists()
