"""The JSON Schemas for editors come from the models, and accept what the harness accepts."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.unit.pages import BLOCKS, ROOT
from tools.json_schema import FOLDER, build_schemas

SCHEMAS = {name: Draft202012Validator(json.loads(text)) for name, text in build_schemas().items()}
MATRIX, TARGET = SCHEMAS["matrix.schema.json"], SCHEMAS["target.schema.json"]
MINIMAL = {"target": "targets/web", "limits": {"cpus": 1, "memory": "64MiB"}}


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("name", build_schemas())
def test_the_file_in_docs_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == build_schemas()[name], "write it again: python -m tools.json_schema"
    Draft202012Validator.check_schema(json.loads(build_schemas()[name]))


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.yaml")), ids=lambda path: path.name)
def test_every_bundled_matrix_fits_the_schema(path: Path) -> None:
    MATRIX.validate(read(path.read_text()))


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("targets/**/target.yaml")), ids=lambda path: path.parent.name
)
def test_every_bundled_target_fits_the_schema(path: Path) -> None:
    TARGET.validate(read(path.read_text()))


def test_the_examples_of_the_reference_fit_the_schema() -> None:
    examples = [
        read(block.text) for block in BLOCKS if block.page == "docs/matrix.md" and block.kind == "yaml"
    ]
    matrices = [each for each in examples if "target" in each]
    targets = [each for each in examples if "port" in each]
    assert len(matrices) >= 1
    assert len(targets) >= 1
    for each in matrices:
        MATRIX.validate(each)
    for each in targets:
        TARGET.validate({key: value for key, value in each.items() if key != "host_port"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"usres": {}},
        {"limits": {"cpus": "500m", "memory": "64MiB"}},
        {"repetitions": 0},
        {"search": {"strategy": "guess"}},
        {"slos": {"p95": "1s", "colour": "2s"}},
        {"slos": {"by_name": {"/x": {"shortfall": "1%"}}}},
        {"target": {"name": "web", "port": 1}},
        {"users": {"limit": 0}},
    ],
)
def test_a_mistake_that_the_harness_refuses_is_refused_by_the_schema(wrong: dict[str, object]) -> None:
    assert MATRIX.is_valid(MINIMAL)
    assert not MATRIX.is_valid(MINIMAL | wrong)


def test_an_old_key_is_marked_as_deprecated() -> None:
    keys = json.loads(build_schemas()["matrix.schema.json"])["$defs"]["PriceSection"]["properties"]
    assert [key for key, schema in keys.items() if schema.get("deprecated")] == ["gb_hour"]


@pytest.mark.parametrize(
    "right",
    [
        {"limits": {"cpus": [0.5, 1], "memory": ["64MiB", 1073741824]}},
        {"scenario": {"locustfile": "a.py", "users": ["A", "B"]}},
        {"slos": {"p99.9": 3, "shortfall": "off", "by_name": {"/x": {"p99": "2s", "errors": 0.01}}}},
        {"target": {"name": "web", "port": 1, "image": "nginx"}},
        {"sizes": {"small": {"cpus": 1, "memory": "1g", "price": 0.1}}},
        {"sizes": {"preset": "aws-fargate", "cpus": {"at_most": 1}, "memory": {"at_least": "1GiB"}}},
        {"price": {"cpu_hour": 0.034, "gib_hour": 0.004}},
        {"price": {"gb_hour": 0.004}},
    ],
)
def test_values_that_the_harness_accepts_are_accepted_by_the_schema(right: dict[str, object]) -> None:
    MATRIX.validate(MINIMAL | right)
