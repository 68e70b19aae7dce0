"""Fingerprints as environment.json stores them: exactly, and whatever a file holds."""

import json
import operator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from harness.model import EngineFacts, Fingerprint, MachineFacts

ENGINE = {
    "version": "20.10.24+dfsg1",
    "api_version": "1.41",
    "local": True,
    "architecture": "x86_64",
    "cores": 2,
    "memory_bytes": 25276502016,
    "kernel": "6.1.0",
    "os": "Debian GNU/Linux 12 (bookworm)",
    "cgroup_version": "1",
    "cgroup_driver": "cgroupfs",
    "storage_driver": "overlay2",
    "runtime": None,
    "swap_limit": True,
    "rootless": False,
}
STORED = {
    "machine": {
        "cpu_model": "AMD EPYC",
        "cores": 2,
        "usable_cores": 2,
        "memory_bytes": 25276502016,
        "kernel": "6.1.0",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "architecture": "x86_64",
        "virtual": True,
    },
    "engine": ENGINE,
    "software": {"python": "3.11.7", "locust": None},
    "notes": ["the engine can't limit swap"],
    "placement": "generator on 3, targets on 0,1,2",
    "load_engines": [ENGINE | {"local": False}],
    "engines": {"one": ENGINE, "two": ENGINE},
}

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*STORED, *ENGINE, "usable_cores", "cpu_model", "virtual"]) | st.text(max_size=5)
OBJECTS = st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=4), max_size=6)


def test_a_stored_file_is_read_and_written_back_byte_for_byte() -> None:
    assert json.dumps(Fingerprint.from_json(STORED).to_json()) == json.dumps(STORED)


def test_its_facts_are_values() -> None:
    fingerprint = Fingerprint.from_json(STORED)
    assert fingerprint.machine.is_virtual
    assert fingerprint.engine == EngineFacts.from_json(ENGINE)
    assert not fingerprint.load_engines[0].is_local
    assert fingerprint.engines["two"].cores == 2
    assert fingerprint.placement == "generator on 3, targets on 0,1,2"


def test_unknown_keys_and_values_of_another_type_survive() -> None:
    stored = STORED | {"machine": {"cores": "two", "colour": "red"}, "future": [1]}
    fingerprint = Fingerprint.from_json(stored)
    assert fingerprint.machine == MachineFacts(more={"cores": "two", "colour": "red"})
    assert fingerprint.to_json()["machine"]["cores"] == "two"
    assert fingerprint.to_json()["future"] == [1]


def test_a_fingerprint_without_facts_is_stored_as_it_came() -> None:
    assert Fingerprint().to_json() == {}
    assert Fingerprint.from_json({"machine": 3}).to_json() == {"machine": 3}


def has_all_facts(written: Any, stored: Any) -> bool:
    """Return True if each fact of a stored engine was written. Facts that are unknown are written as well."""
    if not isinstance(stored, dict):
        return bool(written == stored)
    return all(written.get(name) == value for name, value in stored.items() if value is not None)


@given(OBJECTS)
@example({"load_engines": [{}]})
@example({"load_engines": [{"cores": 2}, 3]})
def test_no_file_is_refused_and_nothing_of_it_is_lost(stored: dict[str, Any]) -> None:
    fingerprint = Fingerprint.from_json(stored)
    written = fingerprint.to_json()
    assert Fingerprint.from_json(written) == fingerprint
    for key, value in stored.items():
        if isinstance(value, dict):
            kept = written.get(key, {})
            is_kept = has_all_facts if key == "engines" else operator.eq
            assert all(is_kept(kept.get(name), inner) for name, inner in value.items() if inner is not None)
        elif key == "load_engines" and isinstance(value, list):
            assert len(written.get(key, [])) == len(value)
            assert all(map(has_all_facts, written.get(key, []), value))
        elif value not in (None, []):
            assert written[key] == value
