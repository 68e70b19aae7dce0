"""Whatever the files hold, loading gives a Plan or an InputError, never another exception."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError, UsageError
from harness.model import Slo
from harness.plan import load_plan, parse_slo
from harness.plan.schema.matrix import MatrixFile
from harness.plan.schema.target import TargetFile
from tests.examples import count_examples

BASE: dict[str, Any] = {
    "target": {"name": "web", "image": "web", "port": 80},
    "scenario": {"locustfile": "locustfile.py"},
    "limits": {"cpus": [0.5, 1], "memory": ["64MiB", "1g"]},
}
WORDS = (
    "off",
    "1s",
    "5%",
    "64MiB",
    "512 mb",
    "p95",
    "by_name",
    "cpus",
    "memory",
    "/",
    "..",
    "${A}",
    "bisect",
)
FRAGMENTS = (
    "a: ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "&x ",
    "*x",
    "!!int ",
    "? ",
    "|\n",
    "---\n",
    "%YAML 1.1\n",
)

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("any")
    (project / "locustfile.py").touch()
    return project


def read_or_refuse(folder: Path, content: bytes) -> None:
    """Load the content as a matrix: it has cells, or an InputError with a message that can be encoded."""
    (folder / "matrix.yaml").write_bytes(content)
    refusal = ""
    try:
        assert load_plan(folder / "matrix.yaml", {}).cells
    except InputError as error:
        refusal = str(error)
    refusal.encode()


@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(folder: Path, content: bytes) -> None:
    read_or_refuse(folder, content)


@given(parts=st.lists(st.sampled_from(FRAGMENTS + WORDS) | st.text(max_size=3), max_size=30))
def test_any_fragments_of_yaml_are_read_or_refused(folder: Path, parts: list[str]) -> None:
    read_or_refuse(folder, "".join(parts).encode(errors="surrogatepass"))


@settings(max_examples=count_examples(120))
@given(key=st.sampled_from(sorted(MatrixFile.model_fields)), value=VALUES)
def test_any_value_at_any_key_of_the_matrix_is_read_or_refused(folder: Path, key: str, value: object) -> None:
    read_or_refuse(folder, json.dumps({**BASE, key: value}).encode())


@settings(max_examples=count_examples(120))
@given(key=st.sampled_from(sorted(TargetFile.model_fields)), value=VALUES)
def test_any_value_at_any_key_of_the_target_is_read_or_refused(folder: Path, key: str, value: object) -> None:
    read_or_refuse(folder, json.dumps({**BASE, "target": {**BASE["target"], key: value}}).encode())


@given(
    source=st.binary(max_size=100)
    | st.text(alphabet="def f():\n\t x=1(['\"\\\0", max_size=40).map(str.encode)
)
def test_any_locustfile_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, source: bytes) -> None:
    folder = tmp_path_factory.mktemp("any", numbered=True)
    (folder / "locustfile.py").write_bytes(source)
    read_or_refuse(folder, json.dumps(BASE).encode())


@given(
    text=st.text(max_size=30)
    | st.lists(st.sampled_from([*WORDS, "=", "@", "mean", "errors"]), max_size=5).map("".join)
)
def test_any_slo_on_the_command_line_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(parse_slo(text), Slo)
