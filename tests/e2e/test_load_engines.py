"""Locust workers in containers on a second engine: they get the scenario's files, and one is killed."""

from collections.abc import Iterator

import pytest

from tests.e2e.outcomes import assert_completes, read_step_endings
from tests.e2e.own_engine import OwnEngine, run_own_engine
from tests.e2e.project import AT_6_USERS, ONE_SIZE, Project

pytestmark = pytest.mark.e2e

CHECK_OF_NEEDS = """\
import os

import steps

with open("data/users.csv") as file:
    assert file.read() == "somebody"
assert os.environ["SHOP_TOKEN"] == "a ${token}"
assert os.environ["OTEL" + "_SERVICE_NAME"] == "shop load"  # not named as a whole
assert steps.KNOWN
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    with run_own_engine(tmp_path_factory.mktemp("load"), number=5) as started:
        yield started


def test_the_step_of_a_killed_worker_container_is_held_again(project: Project, engine: OwnEngine) -> None:
    """Use a locustfile that needs a module, a file and an environment variable."""
    folder = "targets/behaves"
    text = (project.folder / folder / "locustfile.py").read_text()
    project.write(f"{folder}/locustfile.py", CHECK_OF_NEEDS + text)
    project.write(f"{folder}/steps.py", "KNOWN = True\n")
    project.write(f"{folder}/data/users.csv", "somebody")
    project.write(
        "matrix.yaml", f"load: {{workers: 2, engines: ['{engine.address}']}}\n" + ONE_SIZE + AT_6_USERS
    )
    variables = {"SHOP_TOKEN": "a ${token}", "OTEL_SERVICE_NAME": "shop load"}
    with project.start_harness("run", **variables) as running:
        project.wait_for("life-started", running, within_s=240)
        workers = engine.run_docker("ps", "--quiet").stdout.decode().split()
        assert len(workers) == 2
        users = engine.run_docker("inspect", "--format", "{{.Config.User}}", *workers).stdout.decode().split()
        assert users == ["65534:65534"] * 2
        engine.run_docker("kill", workers[0])
        assert_completes(project, running)
    assert "generator-died" in read_step_endings(project)
    assert engine.run_docker("ps", "--all", "--quiet").stdout == b""
    assert engine.address not in (project.folder / "results/latest/plan.json").read_text()


def test_a_scenario_that_fails_in_a_container_is_reported_with_its_error(
    project: Project, engine: OwnEngine
) -> None:
    """Import a package that is installed on this host, but not in the container."""
    folder = "targets/behaves"
    text = (project.folder / folder / "locustfile.py").read_text()
    project.write(f"{folder}/locustfile.py", "import docker\n" + text)
    project.write("matrix.yaml", f"load: {{engines: ['{engine.address}']}}\n" + ONE_SIZE + AT_6_USERS)
    done = project.run_harness("run")
    assert done.returncode == 2
    assert "No module named 'docker'" in done.stdout + done.stderr
    assert engine.run_docker("ps", "--all", "--quiet").stdout == b""
