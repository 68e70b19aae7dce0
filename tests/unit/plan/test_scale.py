"""Replicas, Locust processes and engines are read from the matrix."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.model import (
    DEFAULT_ENGINE,
    MIB,
    Engine,
    EngineWorkers,
    ExternalWorkers,
    Limits,
    Load,
    LocalWorkers,
    Plan,
)
from harness.plan import fit_to_host, load_plan, plan_from_json, plan_to_json

TARGET = {"name": "web", "image": "web:1", "port": 8000}
MATRIX: dict[str, Any] = {"target": TARGET, "scenario": {"locustfile": "l.py"}}
SIZES = {"cpus": 0.5, "memory": "64MiB"}


def load_matrix(folder: Path, **more: Any) -> Plan:
    (folder / "l.py").touch()
    (folder / "matrix.yaml").write_text(json.dumps(MATRIX | {"limits": SIZES} | more))
    return load_plan(folder / "matrix.yaml", {})


def test_replicas_are_an_axis(tmp_path: Path) -> None:
    plan = load_matrix(tmp_path, limits={"cpus": [0.5, 1], "memory": "64MiB", "replicas": [1, 2]})
    assert [cell.id for cell in plan.cells] == [
        "web-c0.50-m64",
        "web-c1.00-m64",
        "web-c0.50-m64-x2",
        "web-c1.00-m64-x2",
    ]
    assert plan.cells[2].limits == Limits(0.5, 64 * MIB, 2)
    assert plan.target.balancer is not None
    assert plan.target.balancer.limits == Limits(1.0, 256 * MIB)


def test_only_replicas_need_a_balancer_which_changes_no_other_hash(tmp_path: Path) -> None:
    alone = load_matrix(tmp_path)
    assert alone.target.balancer is None
    unused = load_matrix(tmp_path, balancer={"algorithm": "leastconn"})
    assert unused.hashes == alone.hashes
    replicated = load_matrix(tmp_path, limits=SIZES | {"replicas": 2})
    leastconn = load_matrix(tmp_path, limits=SIZES | {"replicas": 2}, balancer={"algorithm": "leastconn"})
    assert replicated.hashes["matrix"] != leastconn.hashes["matrix"] != alone.hashes["matrix"]
    assert replicated.hashes["target"] == alone.hashes["target"]


def test_sizes_are_ordered_by_total_cpu_and_total_memory() -> None:
    half, whole, two_halves = Limits(0.5, 64 * MIB), Limits(1.0, 128 * MIB), Limits(0.5, 64 * MIB, 2)
    assert sorted([two_halves, whole, half]) == [half, whole, two_halves]
    assert (two_halves.total_cores, two_halves.total_bytes) == (1.0, 128 * MIB)
    assert two_halves.covers(half)
    assert not whole.covers(two_halves)
    assert not two_halves.covers(whole)


def test_a_host_must_have_cores_for_every_replica_and_the_balancer(tmp_path: Path) -> None:
    plan = load_matrix(tmp_path, limits={"cpus": 0.5, "memory": "64MiB", "replicas": [1, 2, 4]})
    fitted = fit_to_host(plan, 3, 8 * 1024 * MIB)
    assert list(fitted.skipped) == ["web-c0.50-m64-x4"]
    assert "needs 3.00 cores" in fitted.skipped["web-c0.50-m64-x4"]
    assert not fit_to_host(plan, 3, 8 * 1024 * MIB, is_shared=False).skipped


@pytest.mark.parametrize(
    ("section", "load"),
    [
        ({}, LocalWorkers(1)),
        ({"workers": 4}, LocalWorkers(4)),
        ({"workers": "auto"}, LocalWorkers(None)),
        ({"workers": "external", "expect": 8}, ExternalWorkers(8, "127.0.0.1", 5557)),
        ({"expect": 2, "bind": "10.0.0.5:6000"}, ExternalWorkers(2, "10.0.0.5", 6000)),
        ({"engines": ["ssh://a", "b"]}, EngineWorkers((Engine("ssh://a"), Engine(context="b")), 2)),
        (
            {"engines": ["a"], "workers": "auto", "image": "locust:2"},
            EngineWorkers((Engine(context="a"),), None, image="locust:2"),
        ),
        (
            {"engines": ["a"], "workers": 3, "bind": "10.0.0.5:1"},
            EngineWorkers((Engine(context="a"),), 3, "10.0.0.5", 1),
        ),
    ],
)
def test_the_load_section_names_the_locust_processes(
    section: dict[str, Any], load: Load, tmp_path: Path
) -> None:
    assert load_matrix(tmp_path, load=section).load == load


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"workers": "external"}, "expect: 4"),
        ({"workers": 3, "expect": 3}, "workers is 3"),
        ({"bind": "10.0.0.5:1"}, "expect: 4"),
        ({"expect": 1, "bind": "10.0.0.5"}, "10.0.0.5:5557"),
        ({"workers": 0}, "workers"),
        ({"image": "locust:2"}, "engines: "),
        ({"engines": ["a", "b"], "workers": 1}, "workers is 1 for 2 engines"),
        ({"engines": ["a"], "expect": 1}, "write workers: 4"),
        ({"engines": [{"context": "a", "address": "10.0.0.7"}]}, "address"),
    ],
)
def test_contradictions_in_the_load_section_are_refused(
    section: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        load_matrix(tmp_path, load=section)


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("ssh://me@big", Engine("ssh://me@big")),
        ("farm", Engine(context="farm")),
        (
            {"host": "tcp://10.0.0.7:2376", "address": "10.0.0.7"},
            Engine("tcp://10.0.0.7:2376", address="10.0.0.7"),
        ),
    ],
)
def test_an_engine_is_an_address_or_a_context(engine: Any, expected: Engine, tmp_path: Path) -> None:
    plan = load_matrix(tmp_path, engine=engine)
    assert plan.engines == {None: expected}
    assert plan.hashes == load_matrix(tmp_path).hashes
    stored = json.dumps(plan_to_json(plan))
    assert not any(word in stored for word in ("me@big", "farm", "10.0.0.7"))
    assert plan_from_json(json.loads(stored), tmp_path) == replace(plan, engines={None: DEFAULT_ENGINE})


def test_several_engines_have_names_and_certificates_of_their_own(tmp_path: Path) -> None:
    engines = {"one": {"host": "tcp://a:2376", "certificates": "keys"}, "two": {"context": "farm"}}
    plan = load_matrix(tmp_path, engines=engines)
    assert plan.engines["one"].certificates == tmp_path / "keys"
    assert plan.engines["two"] == Engine(context="farm")
    assert plan_from_json(plan_to_json(plan), tmp_path).engines == {
        "one": DEFAULT_ENGINE,
        "two": DEFAULT_ENGINE,
    }
    with pytest.raises(InputError, match="keep one of them"):
        load_matrix(tmp_path, engines=engines, engine="farm")


def test_external_workers_have_one_master(tmp_path: Path) -> None:
    engines = {"one": {"context": "a"}, "two": {"context": "b"}}
    with pytest.raises(InputError, match="one master"):
        load_matrix(tmp_path, engines=engines, load={"expect": 2})


def test_the_addresses_of_load_engines_are_not_stored(tmp_path: Path) -> None:
    plan = load_matrix(tmp_path, load={"engines": ["ssh://me@load-1", "ssh://me@load-2"]})
    stored = json.dumps(plan_to_json(plan))
    assert "me@load" not in stored
    assert plan_from_json(json.loads(stored), tmp_path).load == EngineWorkers(
        (DEFAULT_ENGINE, DEFAULT_ENGINE), 2
    )
    assert plan.hashes == load_matrix(tmp_path).hashes


@pytest.mark.parametrize(
    ("load", "is_remote"),
    [
        (LocalWorkers(4), False),
        (ExternalWorkers(4), False),
        (ExternalWorkers(4, "localhost"), False),
        (ExternalWorkers(4, "10.0.0.5"), True),
        (EngineWorkers((DEFAULT_ENGINE,), 1), False),
        (EngineWorkers((DEFAULT_ENGINE,), 1, "10.0.0.5"), True),
    ],
)
def test_workers_are_remote_if_the_master_listens_beyond_the_loopback(load: Load, is_remote: bool) -> None:
    assert load.is_remote is is_remote


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_an_address_on_every_network_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="publishes on every network"):
        load_matrix(tmp_path, engine={"host": "ssh://big", "address": address})


@pytest.mark.parametrize("host", ["big", "http://big", "ssh://", "tcp://big", "ssh://-oProxyCommand=x"])
def test_a_text_that_is_no_engine_address_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_matrix(tmp_path, engine={"host": host})
