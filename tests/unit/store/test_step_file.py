"""A step's facts come back from their file as they went in, and damage is noticed."""

import contextlib
import gzip
import json
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.model import (
    CpuReading,
    EventKind,
    GeneratorSample,
    HostSample,
    StepFacts,
    TargetEvent,
    TargetSample,
    WorkerSample,
)
from harness.store import step_file
from harness.store.step_file import decode_step, encode_step
from tests.examples import count_examples
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.store.any_facts import STEPS, to_plain

PATH = Path("cells/web/step-001.json.gz")
DATA = encode_step(make_closed_step(5))


@settings(max_examples=count_examples(40))
@given(STEPS)
def test_any_facts_come_back_exact_to_ten_microseconds_and_stored_again_are_the_same_bytes(
    facts: StepFacts,
) -> None:
    data = encode_step(facts)
    read = decode_step(data, PATH)
    assert to_plain(read) == to_plain(facts)
    assert encode_step(facts) == data
    assert encode_step(read) == data


def test_a_step_of_a_thousand_requests_takes_kilobytes() -> None:
    facts = make_closed_step(50)
    assert len(facts.requests.start_s) > 1000
    assert len(encode_step(facts)) < 20_000


@given(at=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_or_changes_nothing(at: int, bit: int) -> None:
    damaged = bytearray(DATA)
    damaged[at] ^= 1 << bit
    with contextlib.suppress(StoreError):
        assert to_plain(decode_step(bytes(damaged), PATH)) == to_plain(decode_step(DATA, PATH))


@given(st.integers(0, len(DATA) - 1))
def test_a_file_cut_short_is_damaged(length: int) -> None:
    with pytest.raises(StoreError, match="step-001"):
        decode_step(DATA[:length], PATH)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    for content in (data, gzip.compress(data)):
        with pytest.raises(StoreError, match="step-001"):
            decode_step(content, PATH)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted(json.loads(gzip.decompress(DATA)))
COLUMNS = ("requests", "thinks", "target", "host", "generator", "events")


@given(value=JSON, key=st.sampled_from(COLUMNS))
def test_any_json_in_place_of_columns_is_refused(value: object, key: str) -> None:
    document = json.loads(gzip.decompress(DATA))
    document[key] = value
    with pytest.raises(StoreError, match="step-001"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("key", [key for key in KEYS if key != "note"])
def test_a_missing_key_is_named(key: str) -> None:
    document = json.loads(gzip.decompress(DATA))
    del document[key]
    with pytest.raises(StoreError, match=f"step-001.*'{key}'"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("column", ["start_s", "latency_s", "name", "error", "unfinished_name"])
def test_columns_of_unequal_length_are_refused(column: str) -> None:
    document = json.loads(gzip.decompress(DATA))
    document["requests"][column] = [*document["requests"][column], 0]
    with pytest.raises(StoreError, match="step-001"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("format_", [0, 2, "1", None])
def test_an_error_of_the_format_names_both_formats(format_: object) -> None:
    document = json.loads(gzip.decompress(DATA)) | {"format": format_}
    with pytest.raises(StoreError, match=f"step-001.*format {format_!r}, this harness reads 1"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


TABLES = {
    "target": TargetSample,
    "cpu": CpuReading,
    "host": HostSample,
    "generator": GeneratorSample,
    "events": TargetEvent,
    "workers": WorkerSample,
}
STEP_OF_ALL_TABLES = replace(
    make_closed_step(5),
    cpu=(CpuReading(0.1, 0.05), CpuReading(0.2, 0.06)),
    events=(TargetEvent(1.0, EventKind.OOM, "killed"), TargetEvent(2.0, EventKind.DIE, "137")),
    workers=(WorkerSample(1.0, 0, 0.1, 0.01, 0, False, 2.0, 0.1), WorkerSample(2.0, 1, 0.2, 0.02, 5)),
    note="exit code 137",
)


def list_columns(*, have_default: bool) -> list[tuple[str, str]]:
    """Return the tables and names of all columns with, or without, a default in their dataclass."""
    return [
        (table, field.name)
        for table, kind in TABLES.items()
        for field in fields(kind)
        if (field.default is not MISSING) is have_default
    ]


@pytest.mark.parametrize(("table", "column"), list_columns(have_default=False))
def test_a_file_without_a_column_that_has_no_default_is_damaged(table: str, column: str) -> None:
    document = json.loads(gzip.decompress(encode_step(STEP_OF_ALL_TABLES)))
    del document[table][column]
    with pytest.raises(StoreError, match=f"damaged.*{column}"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize(("table", "column"), list_columns(have_default=True))
def test_a_column_that_was_added_later_is_read_as_its_default_and_written_again(
    table: str, column: str
) -> None:
    document = json.loads(gzip.decompress(encode_step(STEP_OF_ALL_TABLES)))
    del document[table][column]
    facts = decode_step(gzip.compress(json.dumps(document).encode()), PATH)
    default = next(field.default for field in fields(TABLES[table]) if field.name == column)
    changes: dict[str, Any] = {
        table: tuple(replace(row, **{column: default}) for row in getattr(STEP_OF_ALL_TABLES, table))
    }
    assert len(changes[table]) > 1
    assert to_plain(facts) == to_plain(replace(STEP_OF_ALL_TABLES, **changes))
    assert to_plain(decode_step(encode_step(facts), PATH)) == to_plain(facts)


def test_a_file_without_a_note_is_read_as_one_with_an_empty_note() -> None:
    document = json.loads(gzip.decompress(encode_step(STEP_OF_ALL_TABLES)))
    del document["note"]
    facts = decode_step(gzip.compress(json.dumps(document).encode()), PATH)
    assert to_plain(facts) == to_plain(replace(STEP_OF_ALL_TABLES, note=""))


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_file, "MOST_BYTES", 1000)
    with pytest.raises(StoreError, match="unpacks to more than"):
        decode_step(gzip.compress(b"0" * 2000), Path("step-001.json.gz"))
