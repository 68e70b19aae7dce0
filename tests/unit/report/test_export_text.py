"""Whatever the values are, an exported file holds them exactly, and its reasons stay comments."""

import re
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from harness.report.export.names import to_cores, to_label, to_mebibytes, to_millicores
from harness.report.export.terraform import quote_template
from harness.report.export.tree import Explained, Node, Unknown, strip
from harness.report.export.yaml_text import to_yaml
from tests.examples import count_examples

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = TEXTS | st.integers(-(10**9), 10**9) | st.booleans()
REASONS = st.text(max_size=200)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(TEXTS.filter(bool), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(
    TEXTS.filter(bool), VALUES | st.builds(Explained, VALUES, REASONS), min_size=1, max_size=4
)


@settings(max_examples=count_examples(50))
@given(MAPPINGS, REASONS)
def test_both_versions_of_yaml_read_back_what_was_written(values: dict[str, Any], heading: str) -> None:
    text = to_yaml([values], heading)
    assert yaml.safe_load(text) == strip(values)
    assert YAML(typ="safe", pure=True).load(text) == strip(values)


def test_a_reason_stands_behind_its_line_or_above_it_if_it_is_long() -> None:
    long = "because " + "it is so " * 14 + "and ends"
    values: dict[str, Node] = {
        "cpu": Explained("500m", "measured"),
        "memory": Explained("64Mi", long),
        "gap": Unknown("why not"),
    }
    text = to_yaml([values], "one\ntwo")
    assert text.splitlines()[:3] == ["# one", "# two", 'cpu: "500m"  # measured']
    assert text.splitlines()[3].startswith("# because it is so")
    assert text.splitlines()[-2:] == ['memory: "64Mi"', "# gap: why not"]
    assert max(map(len, text.splitlines())) <= 100


def test_a_reason_can_not_leave_its_comment() -> None:
    text = to_yaml(
        [{"a": Explained(1, "x\nb: 2"), "c": Explained([1], "y\r\nd: 3"), "e": Unknown("z\nf: 4")}]
    )
    assert yaml.safe_load(text) == {"a": 1, "c": [1]}


def test_several_documents_are_one_stream() -> None:
    assert list(yaml.safe_load_all(to_yaml([{"a": 1}, {"b": 2}]))) == [{"a": 1}, {"b": 2}]


def test_words_that_yaml_takes_for_other_types_are_quoted() -> None:
    values = {
        word: word for word in ("yes", "No", "null", "~", "1e3", "0x10", "2026-01-01", "on", "a: b", "")
    }
    assert yaml.safe_load(to_yaml([values])) == values


def test_terraform_finds_nothing_to_replace() -> None:
    assert quote_template('a ${b} %{c} "d"\n') == '"a $${b} %%{c} \\"d\\"\\n"'


def test_amounts_are_rounded_up() -> None:
    assert to_millicores(0.3441) == "345m"
    assert to_millicores(0.3) == "300m"
    assert to_mebibytes(100 * 1024 * 1024 + 1) == 101
    assert to_cores(0.5) == "0.5"
    assert to_cores(2.0) == "2"
    assert to_cores(0.00001) == "0.00001"


@given(st.text(max_size=100))
def test_every_name_becomes_a_dns_label(name: str) -> None:
    label = to_label(name)
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", label), (name, label)
