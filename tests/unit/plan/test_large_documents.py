"""Large JSON and YAML documents are read as JSON values, by the rules of YAML 1.2, whatever their size."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.plan.yaml.large import parse_large_document, read_large_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{\n\t"a":\t[1, 2.5, true, null, "x"]\n}', {"a": [1, 2.5, True, None, "x"]}),
        ('\ufeff{"a": 1}', {"a": 1}),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("", None),
        ("a: 1\n---\nb: 2\n", {"a": 1}),
        ("no: no\non: yes\ny: off\n", {"no": "no", "on": "yes", "y": "off"}),
        ("a: true\nb: False\nc: ~\nd:\ne: null\n", {"a": True, "b": False, "c": None, "d": None, "e": None}),
        (
            "a: 010\nb: 0o10\nc: 0x10\nd: 1_000\ne: 12:30:45\n",
            {"a": 10, "b": 8, "c": 16, "d": "1_000", "e": "12:30:45"},
        ),
        (
            "a: 1.5\nb: 1e3\nc: .5\nd: .inf\ne: 1.2.3\n",
            {"a": 1.5, "b": 1000.0, "c": 0.5, "d": ".inf", "e": "1.2.3"},
        ),
        ("a: 2024-01-01\nb: '1'\nc: !!str 1\n", {"a": "2024-01-01", "b": "1", "c": "1"}),
        ("200: {a: x}\n'404': y\n1.0: z\n", {"200": {"a": "x"}, "404": "y", "1.0": "z"}),
        ("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
        ("a: &x {b: 1}\nd:\n  <<: [*x, {b: 3, c: 4}]\n  c: 5\n", {"a": {"b": 1}, "d": {"b": 1, "c": 5}}),
        ("a: !!python/object/apply:os.system [true]\n", {"a": [True]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("1" * 250, "1" * 250),
    ],
)
def test_values_are_those_of_json_and_yaml_1_2(text: str, value: Any) -> None:
    assert parse_large_document(text.encode()) == value


def test_text_in_utf_16_is_read() -> None:
    assert parse_large_document('{"a": "ä"}'.encode("utf-16")) == {"a": "ä"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{a: 1", "is not JSON"),
        (b"a: [", "is neither JSON nor YAML"),
        (b"a: &x [*x]", "contains itself"),
        (b"a: *x", "means nothing"),
        (b"? [a]\n: b", "a key that is no text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"- " * 1_000 + b"a", "nested too deeply|neither JSON nor YAML"),
        (b"a: \xff", "is not text in UTF-8"),
        (b'{"a": 1}}', "is not JSON"),
    ],
)
def test_anything_else_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_large_document(content)


def test_a_document_of_four_mebibytes_is_read(tmp_path: Path) -> None:
    document = {"paths": {f"/{number}": {"get": {"summary": "x" * 100}} for number in range(32_000)}}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    assert file.stat().st_size > 4 * 1024**2
    assert read_large_document(file) == document


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: can't be read: No such file"):
        read_large_document(tmp_path / "none.json")
