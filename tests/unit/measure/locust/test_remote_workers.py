"""Script, files and environment of a worker's container. These tests use no engine."""

import io
import shlex
import tarfile
from itertools import pairwise
from pathlib import Path

import pytest

from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.remote_workers import (
    ContainerWorkers,
    WorkerPool,
    build_container_environment,
    build_tar,
    build_worker_script,
    build_worker_service,
)
from harness.model import EngineFacts, ExternalWorkers, Fingerprint, Load, Scenario
from harness.plan import find_named_variables, find_scenario_files

PLUGIN = Path("/opt/harness/plugin.py")


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    files = {
        "shop/locustfile.py": "import os, steps\nopen('data/users.csv')\nos.environ['SHOP_TOKEN']\n",
        "shop/steps.py": "import os\nos.getenv('SHOP_REGION', 'PATH')\n",
        "shop/data/users.csv": "a\n",
        "shop/unused.txt": "",
        "more/extra.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Scenario(
        (tmp_path / "shop/locustfile.py", tmp_path / "more/extra.py"), ("Shopper",), tags=("read",)
    )


def test_a_container_runs_the_same_command_as_a_local_worker(scenario: Scenario) -> None:
    script = build_worker_script(scenario, [PLUGIN], "http://10.0.0.7:8000", "10.0.0.5", 6000)
    folder, _, command = script.partition(" && exec ")
    assert folder == "cd /scenario/shop"
    words = shlex.split(command)
    assert words[:4] == [
        "locust",
        "-f",
        "/harness/plugin.py,/scenario/shop/locustfile.py,/scenario/more/extra.py",
        "Shopper",
    ]
    pairs = dict(pairwise(words))
    assert pairs["--master-host"] == "10.0.0.5"
    assert pairs["--master-port"] == "6000"
    assert pairs["--host"] == "http://10.0.0.7:8000"
    assert pairs["--tags"] == "read"


def test_a_container_gets_the_scenarios_files_with_their_relative_paths(
    scenario: Scenario, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text("# plugin\n")
    plugin.chmod(0o600)
    content = build_tar([plugin], sorted(tmp_path.glob("shop/**/*.*")), scenario)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        entries = {entry.name: entry for entry in archive}
    assert set(entries) == {
        "harness/plugin.py",
        "scenario/shop",
        "scenario/shop/data/users.csv",
        "scenario/shop/locustfile.py",
        "scenario/shop/steps.py",
        "scenario/shop/unused.txt",
    }
    assert {(entry.mode, entry.uid) for entry in entries.values() if entry.isfile()} == {(0o644, 0)}


def test_a_container_gets_only_the_variables_that_the_scenarios_files_name(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SHOP_TOKEN", "SHOP_REGION", "OTHER_SECRET", "LOCUST_FLAVOUR", "LOCUST_USERS"):
        monkeypatch.setenv(name, "x")
    environment = build_container_environment(find_scenario_files(scenario))
    assert environment["SHOP_TOKEN"] == "${SHOP_TOKEN}"
    assert {"SHOP_REGION", "LOCUST_FLAVOUR"} <= environment.keys()
    assert environment.keys().isdisjoint({"OTHER_SECRET", "LOCUST_USERS", "PATH"})
    assert find_named_variables(find_scenario_files(scenario), {}) == set()


def test_a_container_has_no_more_rights_than_requests_need() -> None:
    service = build_worker_service("worker:1", "exec locust", {"A": "b"})
    assert (service.user, service.entrypoint) == ("65534:65534", ("sh", "-c", "exec locust"))
    assert service.host_network
    assert service.port == 0
    assert (service.capabilities, service.options.dropped_capabilities) == ((), ("ALL",))


class FakeHost:
    """An engine that has only a fingerprint."""

    def __init__(self, *, is_local: bool) -> None:
        self._is_local = is_local

    def read_fingerprint(self) -> Fingerprint:
        return Fingerprint(engine=EngineFacts(is_local=self._is_local, architecture="x86_64"))


def test_workers_on_another_machine_need_an_address_of_this_one() -> None:
    def find_problems(load: Load, *, is_local: bool) -> list[str]:
        pool = WorkerPool([FakeHost(is_local=is_local)], 5557)  # type: ignore[list-item]
        return LocustGenerator(worker_pool=pool).find_problems(load)

    on_loopback, on_address = ExternalWorkers(2), ExternalWorkers(2, bind="10.0.0.5")
    assert "name it: load: {bind:" in find_problems(on_loopback, is_local=False)[0]
    assert find_problems(on_address, is_local=False) == find_problems(on_loopback, is_local=True) == []
    assert LocustGenerator().find_problems(on_address) == []


def test_without_workers_there_are_no_logs_and_no_process_ids() -> None:
    workers = ContainerWorkers()
    workers.check_alive()
    assert (workers.read_logs(10), list(workers.pids)) == ("", [])
    workers.end()
