"""The machine's section says in words what a reader asks for, and leaves nothing out that is stored."""

from typing import Any

from harness.report.view.machine import build_machine_facts

STORED: dict[str, Any] = {
    "machine": {
        "cpu_model": "AMD EPYC",
        "cores": 2,
        "usable_cores": 2,
        "memory_bytes": 8 << 30,
        "kernel": "6.1.0",
        "os": "Debian GNU/Linux 12",
        "architecture": "x86_64",
        "virtual": True,
    },
    "engine": {
        "version": "24.0",
        "api_version": "1.43",
        "local": True,
        "architecture": "x86_64",
        "cores": 2,
        "memory_bytes": 8 << 30,
        "kernel": "6.1.0",
        "os": "Debian GNU/Linux 12",
        "cgroup_version": "2",
        "cgroup_driver": "systemd",
        "storage_driver": "overlay2",
        "runtime": "runc",
        "swap_limit": True,
        "rootless": False,
    },
    "software": {"python": "3.11.7", "locust": "2.46.3"},
    "notes": [],
    "placement": "shared cores",
}


def describe(stored: dict[str, Any]) -> dict[str, str]:
    return {fact.label: fact.value for fact in build_machine_facts(stored)}


def test_a_machine_is_described_in_the_words_of_a_reader() -> None:
    assert describe(STORED) == {
        "CPU": "AMD EPYC, 2 cores, x86_64",
        "Memory": "8 GiB",
        "System": "Debian GNU/Linux 12, kernel 6.1.0",
        "Virtual machine": "yes",
        "Engine": "Docker 24.0, API 1.43",
        "Engine runs on": "this machine",
        "Containers": "runc, cgroups v2, systemd, overlay2",
        "Can limit swap": "yes",
        "Engine without root": "no",
        "Software": "Python 3.11.7, Locust 2.46.3",
        "Cores": "shared cores",
    }


def test_an_engine_elsewhere_is_described_with_its_own_machine() -> None:
    engine = STORED["engine"] | {"local": False, "cores": 16, "memory_bytes": 64 << 30}
    facts = describe(STORED | {"engine": engine})
    assert facts["Engine runs on"] == "another machine"
    assert facts["Engine's CPU"] == "16 cores, x86_64"
    assert facts["Engine's Memory"] == "64 GiB"


def test_several_engines_and_those_of_the_load_are_described_in_a_line_each() -> None:
    away = STORED["engine"] | {"local": False, "cores": 16, "memory_bytes": 64 << 30}
    engines = {"engines": {"here": STORED["engine"], "away": away}, "load_engines": [dict(away)]}
    facts = describe(STORED | engines)
    assert facts["Engine away"] == facts["Load engine 1"]
    assert facts["Engine away"] == (
        "Docker 24.0, API 1.43, another machine, 16 cores, x86_64, 64 GiB, Debian GNU/Linux 12, "
        "kernel 6.1.0, runc, cgroups v2, systemd, overlay2"
    )
    assert facts["Engine here"].startswith("Docker 24.0, API 1.43, this machine")
    assert not any("{" in value or "True" in value for value in facts.values())
    assert {"Engine", "engines here version", "load engines"}.isdisjoint(facts)


def test_fewer_usable_cores_are_said() -> None:
    machine = STORED["machine"] | {"usable_cores": 1}
    assert describe(STORED | {"machine": machine})["CPU"] == "AMD EPYC, 2 cores (1 usable), x86_64"


def test_unknown_facts_are_shown_by_their_path_and_no_truth_value_of_python() -> None:
    facts = describe({"build": {"is_cached": True, "peak_bytes": 3 << 20}, "cpu": "x", "list": [True, 1]})
    assert facts == {"build is cached": "yes", "build peak": "3 MiB", "cpu": "x", "list": "yes, 1"}


def test_a_value_of_an_unexpected_type_is_shown_and_no_fault() -> None:
    facts = describe(
        {"machine": {"cores": "many", "memory_bytes": "much", "virtual": "perhaps"}, "engine": 5}
    )
    assert facts == {"CPU": "many cores", "Memory": "much", "Virtual machine": "perhaps", "engine": "5"}
