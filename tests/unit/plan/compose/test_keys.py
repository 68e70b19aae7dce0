"""Every key of the official schema of compose files is honoured, named or refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.plan.compose.keys import TREATMENTS, Fate, find_lost_keys
from harness.plan.compose.schema_check import read_schema

SCHEMA = read_schema()
DEFINITIONS = SCHEMA.get("$defs") or SCHEMA["definitions"]


def walk_keys(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every key in a schema: `*` for a name that the user chooses, lists left out."""
    if "$ref" in schema:
        schema = DEFINITIONS[schema["$ref"].rpartition("/")[2]]
    for each in (*schema.get("oneOf", []), *schema.get("anyOf", [])):
        yield from walk_keys(each, path)
    if isinstance(schema.get("items"), dict):
        yield from walk_keys(schema["items"], path)
    named = list(schema.get("properties", {}).items())
    chosen = [("*", each) for key, each in schema.get("patternProperties", {}).items() if key != "^x-"]
    for key, each in named + [(key, each) for key, each in chosen if holds_keys(each)]:
        inner = f"{path}.{key}" if path else key
        yield inner
        yield from walk_keys(each, inner)


def holds_keys(schema: Any) -> bool:
    return any(True for _ in walk_keys(schema)) if isinstance(schema, dict) and schema else False


def has_treatment(path: str) -> bool:
    """Return True if a key has a treatment, or is within a key that is lost with all it holds."""
    parts = path.split(".")
    around = (TREATMENTS.get(".".join(parts[:length])) for length in range(1, len(parts)))
    return path in TREATMENTS or any(each and each.fate is not Fate.HONOURED for each in around)


def test_every_key_of_the_schema_has_a_treatment() -> None:
    paths = sorted(set(walk_keys(SCHEMA)))
    assert len(paths) > 250
    assert [path for path in paths if not has_treatment(path)] == []


def test_every_treatment_is_of_a_key_of_the_schema() -> None:
    paths = set(walk_keys(SCHEMA))
    assert sorted(set(TREATMENTS) - paths) == []


def test_what_is_lost_says_what_it_means() -> None:
    lost = [each for each in TREATMENTS.values() if each.fate in (Fate.NOTE, Fate.REFUSED)]
    assert all(each.text for each in lost)
    assert not any(each.text for each in TREATMENTS.values() if each.fate is Fate.HONOURED)


@pytest.mark.parametrize(
    ("service", "lost"),
    [
        ({"image": "x", "environment": {"privileged": "1"}, "ports": [{"target": 80}]}, []),
        ({"privileged": False, "devices": [], "logging": None, "x-own": 1}, []),
        ({"privileged": True}, ["privileged"]),
        ({"privileged": "no", "oom_kill_disable": "off", "attach": False}, []),
        ({"networks": {"n": {"interface_name": "net1", "driver_opts": {"a": "b"}}}},
         ["networks.n.driver_opts", "networks.n.interface_name"]),
        ({"networks": {"n": {"interface_name": "eth0", "priority": 5}}}, ["networks.n.priority"]),
        ({"privileged": "true"}, ["privileged"]),
        ({"deploy": {"resources": {"reservations": {"devices": [{"driver": "nvidia"}]}}}},
         ["deploy.resources.reservations.devices"]),
        ({"build": {"context": ".", "privileged": True, "tags": ["a"]}}, ["build.privileged", "build.tags"]),
        ({"ipc": "private"}, []),
        ({"ipc": "host"}, ["ipc"]),
        ({"security_opt": ["no-new-privileges:true"]}, []),
        ({"security_opt": ["no-new-privileges"]}, []),
        ({"security_opt": ["no-new-privileges:false"]}, ["security_opt"]),
        ({"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]}, ["security_opt"]),
        ({"volumes": [{"type": "volume", "target": "/a", "volume": {"subpath": "b"}}]},
         ["volumes.volume.subpath"]),
        ({"networks": {"privileged": {"priority": 5, "aliases": ["a"]}}}, ["networks.privileged.priority"]),
        ({"of_the_year_2030": 1}, ["of_the_year_2030"]),
    ],
)  # fmt: skip
def test_lost_keys_are_found_wherever_they_are(service: dict[str, Any], lost: list[str]) -> None:
    assert [each.path for each in find_lost_keys(service, "services.*")] == lost
