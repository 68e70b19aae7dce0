"""What the pages say of matrix.yaml and target.yaml is what the reader of these files accepts."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from harness.errors import InputError
from harness.model import RATIO_INDICATORS, Plan, Slo
from harness.plan import load_plan, parse_slo
from harness.plan.schema.matrix import MatrixFile
from harness.plan.schema.presets import PresetSection
from harness.plan.schema.target import CompanionSection, ServiceSection, TargetFile
from harness.plan.slos import check_indicator
from harness.plan.yaml.problems import find_models, is_deprecated
from tests.unit.pages import BLOCKS, MATRIX, PAGES, Block, find_spans, read_table


def nest(key: str, value: Any) -> dict[str, Any]:
    head, dot, rest = key.partition(".")
    return {head: nest(rest, value) if dot else value}


def merge(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: merge(base[key], more[key]) for key in base.keys() & more if isinstance(more[key], dict)}
    return {**base, **more, **both}


MINIMAL = {"target": "targets/web", "limits": {"cpus": 1, "memory": "64MiB"}}
MINIMAL_TARGET = {"name": "web", "build": {}, "port": 8000}
COMPANION = {"image": "postgres:16", "ready": {"port": 5432}}
SIZE = {"cpus": 1, "memory": "64MiB"}


def load(folder: Path, matrix: str | Mapping[str, Any], target: str | Mapping[str, Any]) -> Plan:
    """Load the plan from these files, in a folder that has every file they name."""
    texts = [text if isinstance(text, str) else json.dumps(text) for text in (matrix, target)]
    named = parse(texts[0])["target"]
    home = folder / named if isinstance(named, str) else folder
    home.mkdir(parents=True, exist_ok=True)
    files = ("locustfile.py", "Dockerfile", "web.conf", "seed.sql")
    for file in (*(home / name for name in files), folder / "shop.py", folder / "needed.txt"):
        file.touch()
    (home / "target.yaml").write_text(texts[1], encoding="utf-8")
    (folder / "matrix.yaml").write_text(texts[0], encoding="utf-8")
    return load_plan(folder / "matrix.yaml", dict.fromkeys(re.findall(r"\$\{(\w+)\}", texts[1]), "set"))


def parse(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


MATRICES = [block for block in BLOCKS if block.kind == "yaml" and parse(block.text).keys() >= {"target"}]
TARGETS = [block for block in BLOCKS if block.kind == "yaml" and parse(block.text).keys() >= {"port"}]


def name_block(block: Block) -> str:
    return f"{block.page} {block.text.splitlines()[0]}"


def test_every_page_with_a_matrix_is_read() -> None:
    assert {block.page for block in MATRICES} >= {"README.md", "docs/matrix.md", "docs/scale.md"}
    assert {block.page for block in MATRICES} >= {f"docs/guides/{name}.md" for name in ("ci", "own-image")}
    assert {block.page for block in TARGETS} >= {"README.md", "docs/matrix.md"}


@pytest.mark.parametrize("block", MATRICES, ids=name_block)
def test_every_matrix_that_is_shown_loads(block: Block, tmp_path: Path) -> None:
    load(tmp_path, block.text, MINIMAL_TARGET)


@pytest.mark.parametrize("block", TARGETS, ids=name_block)
def test_every_target_that_is_shown_loads(block: Block, tmp_path: Path) -> None:
    load(tmp_path, MINIMAL, block.text)


def test_the_mistakes_that_are_shown_are_those_of_the_matrix_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = next(number for number, block in enumerate(BLOCKS) if block.kind == "yaml mistakes")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load(tmp_path, BLOCKS[at].text, MINIMAL_TARGET)
    assert str(caught.value).splitlines() == BLOCKS[at + 1].text.splitlines()


def find_keys(section: type[BaseModel], around: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    """Yield every key by its full name; NAME stands for a name that the user chooses: `sizes.NAME.cpus`.

    A section that lies in one of its own kind, such as a build within a build, is not entered again.
    """
    for name, field in section.model_fields.items():
        if is_deprecated(field):
            continue
        inner = next(find_models(field.annotation), None)
        if name == "companions":
            own = [key for key in find_keys(CompanionSection) if key not in {*find_keys(ServiceSection)}]
            yield from ("companions", *(f"companions.NAME.{key}" for key in own))
        elif inner is None or inner in around:
            yield name
        else:
            named = ".NAME" if get_origin(field.annotation) is dict else ""
            yield from (f"{name}{named}.{key}" for key in find_keys(inner, (*around, section)))


DOCUMENTED = [
    (key, find_spans(row[1]), find_spans(row[2]), "above" in row[2])
    for below in ("## matrix.yaml", "### SLOs", "## target.yaml")
    for row in read_table(MATRIX, "key", below)
    for key in find_spans(row[0])
]
"""Each key with its default, its bounds, and True if its lower bound is not allowed itself."""


def test_the_reference_has_every_key_and_no_other() -> None:
    keys = [key for key, *_ in DOCUMENTED]
    assert len(keys) == len(set(keys))
    slos = {key.removeprefix("slos.") for key in keys if key.startswith("slos.")}
    assert {key for key in keys if not key.startswith("slos.")} == {
        *find_keys(MatrixFile),
        *(f"sizes.{key}" for key in find_keys(PresetSection)),
        *find_keys(TargetFile),
    }
    for indicator in slos - {"by_name"}:
        check_indicator(indicator)
    assert {*RATIO_INDICATORS, "mean", "by_name"} <= slos


def try_value(folder: Path, key: str, text: str) -> Plan:
    """Load the plan with `key` set to `text`, where no other value of the matrix limits it."""
    roomy = {
        "users": {"limit": 1_000_000},
        "steps": {"window": {"at_least": "1s", "at_most": "60m"}},
        "search": {"precision": "0.5%"},
    }
    base = MINIMAL if key.startswith("users.required") else merge(MINIMAL, roomy)
    return load_with(folder, base, key, text)


def load_with(folder: Path, base: Mapping[str, Any], key: str, text: str) -> Plan:
    value = nest(key, parse(text))
    if key.startswith("companions.NAME"):
        value = nest(key.replace("NAME", "database"), parse(text))
        base_target = {**MINIMAL_TARGET, "companions": {"database": {**COMPANION, "limits": SIZE}}}
        return load(folder, base, merge(base_target, value))
    if key.startswith("sizes.NAME"):
        value = merge(
            {"sizes": {"small": {"cpus": 2, "memory": "64MiB"}}},
            nest(key.replace("NAME", "small"), parse(text)),
        )
    if key.partition(".")[0] in MatrixFile.model_fields:
        return load(folder, merge(base, value), MINIMAL_TARGET)
    return load(folder, base, merge(MINIMAL_TARGET, value))


@pytest.mark.parametrize(("key", "default"), [(key, found[0]) for key, found, *_ in DOCUMENTED if found])
def test_writing_a_default_changes_nothing(key: str, default: str, tmp_path: Path) -> None:
    unwritten = load(tmp_path, MINIMAL, MINIMAL_TARGET)
    assert replace(load_with(tmp_path, MINIMAL, key, default), hashes=unwritten.hashes) == unwritten


BOUNDED = [(key, *bounds, above) for key, _, bounds, above in DOCUMENTED if bounds]


@pytest.mark.parametrize(("key", "least", "most", "above"), BOUNDED)
def test_the_bounds_of_a_key_are_where_they_are_said_to_be(
    key: str, least: str, most: str, above: bool, tmp_path: Path
) -> None:
    for allowed in [most] if above else [least, most]:
        try_value(tmp_path, key, allowed)
    for refused in [least if above else step_beyond(least, -1), step_beyond(most, 1)]:
        with pytest.raises(InputError, match=re.escape(key.rpartition(".")[2])):
            try_value(tmp_path, key, refused)


def step_beyond(bound: str, direction: int) -> str:
    """Return a value just beyond the bound, in the same unit."""
    match = re.fullmatch(r"([\d.]+)(.*)", bound)
    assert match, bound
    amount = Decimal(match[1])
    further = amount + direction if amount == 0 or amount >= 1 else amount * (10 + direction) / 10
    return f"{further:f}{match[2]}"


def test_every_slo_of_a_command_line_that_is_shown_is_one() -> None:
    shown = [slo for text in PAGES.values() for slo in re.findall(r"--slo ([^\s`]+)", text)]
    assert len(shown) >= 3
    for text in shown:
        assert isinstance(parse_slo(text), Slo)
