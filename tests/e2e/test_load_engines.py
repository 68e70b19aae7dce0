"""Locust's workers in containers on a further engine: with the scenario's own files, killed, swept."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Project
from tests.e2e.own_engine import OwnEngine, own_engine
from tests.e2e.test_faults import ONE_SIZE, endings, ends_well

pytestmark = pytest.mark.e2e

BESIDE = """\
import os

import steps

with open("data/users.csv") as file:
    assert file.read() == "somebody"
assert os.environ["SHOP_TOKEN"] == "a ${token}"
assert steps.KNOWN
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    with own_engine(tmp_path_factory.mktemp("load"), number=5) as started:
        yield started


def test_workers_in_containers_of_which_one_is_killed(project: Project, engine: OwnEngine) -> None:
    """What the locustfile imports, opens and asks its environment for is there."""
    folder = "targets/behaves"
    text = (project.folder / folder / "locustfile.py").read_text()
    project.write(f"{folder}/locustfile.py", BESIDE + text)
    project.write(f"{folder}/steps.py", "KNOWN = True\n")
    project.write(f"{folder}/data/users.csv", "somebody")
    project.write("matrix.yaml", f"load: {{workers: 2, engines: ['{engine.address}']}}\n" + ONE_SIZE)
    with project.running("run", SHOP_TOKEN="a ${token}") as running:
        project.wait_for("life-started", running, within_s=240)
        workers = engine.docker("ps", "--quiet").stdout.decode().split()
        assert len(workers) == 2
        users = engine.docker("inspect", "--format", "{{.Config.User}}", *workers).stdout.decode().split()
        assert users == ["65534:65534"] * 2
        engine.docker("kill", workers[0])
        ends_well(project, running)
    assert "generator-died" in endings(project)
    assert engine.docker("ps", "--all", "--quiet").stdout == b""
    assert engine.address not in (project.folder / "results/latest/plan.json").read_text()


def test_a_scenario_that_fails_there_is_shown_with_its_words(project: Project, engine: OwnEngine) -> None:
    """It loads here, where its package is; on the engine it does not."""
    folder = "targets/behaves"
    text = (project.folder / folder / "locustfile.py").read_text()
    project.write(f"{folder}/locustfile.py", "import docker\n" + text)
    project.write("matrix.yaml", f"load: {{engines: ['{engine.address}']}}\n" + ONE_SIZE)
    ran = project.harness("run")
    assert ran.returncode == 2
    assert "No module named 'docker'" in ran.stdout + ran.stderr
    assert engine.docker("ps", "--all", "--quiet").stdout == b""
