"""A step's facts come back from their file as they went in, and damage is noticed."""

import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.model import StepFacts
from harness.store import step_file as stepfile
from harness.store.step_file import decode_step, encode_step
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.store.any_facts import STEPS, to_plain

PATH = Path("cells/web/step-001.json.gz")
WHOLE = encode_step(make_closed_step(5))


@settings(max_examples=40)
@given(STEPS)
def test_any_facts_come_back_exact_to_ten_microseconds(facts: StepFacts) -> None:
    assert to_plain(decode_step(encode_step(facts), PATH)) == to_plain(facts)


@settings(max_examples=40)
@given(STEPS)
def test_facts_stored_twice_are_the_same_bytes(facts: StepFacts) -> None:
    data = encode_step(facts)
    assert encode_step(facts) == data
    assert encode_step(decode_step(data, PATH)) == data


def test_a_step_of_a_thousand_requests_takes_kilobytes() -> None:
    facts = make_closed_step(50)
    assert len(facts.requests.start_s) > 1000
    assert len(encode_step(facts)) < 20_000


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_or_changes_nothing(at: int, bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit
    with contextlib.suppress(StoreError):
        assert to_plain(decode_step(bytes(damaged), PATH)) == to_plain(decode_step(WHOLE, PATH))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_short_is_damaged(length: int) -> None:
    with pytest.raises(StoreError, match="step-001"):
        decode_step(WHOLE[:length], PATH)


@given(st.binary(max_size=200))
def test_any_bytes_are_no_step_and_say_so(data: bytes) -> None:
    for content in (data, gzip.compress(data)):
        with pytest.raises(StoreError, match="step-001"):
            decode_step(content, PATH)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted(json.loads(gzip.decompress(WHOLE)))
COLUMNS = ("requests", "thinks", "target", "host", "generator", "events")


@given(value=JSON, key=st.sampled_from(COLUMNS))
def test_any_json_in_place_of_columns_is_refused(value: object, key: str) -> None:
    document = json.loads(gzip.decompress(WHOLE))
    document[key] = value
    with pytest.raises(StoreError, match="step-001"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(key: str) -> None:
    document = json.loads(gzip.decompress(WHOLE))
    del document[key]
    with pytest.raises(StoreError, match=f"step-001.*'{key}'"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("column", ["start_s", "latency_s", "name", "error", "unfinished_name"])
def test_columns_of_unequal_length_are_refused(column: str) -> None:
    document = json.loads(gzip.decompress(WHOLE))
    document["requests"][column] = [*document["requests"][column], 0]
    with pytest.raises(StoreError, match="step-001"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("format_", [0, 2, "1", None])
def test_another_format_is_named_beside_the_one_that_is_read(format_: object) -> None:
    document = json.loads(gzip.decompress(WHOLE)) | {"format": format_}
    with pytest.raises(StoreError, match=f"step-001.*format {format_!r}, this harness reads 1"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


@pytest.mark.parametrize("column", ["busy_s", "work_s"])
def test_a_file_without_one_of_its_columns_is_damaged(column: str) -> None:
    document = json.loads(gzip.decompress(WHOLE))
    del document["host"][column]
    with pytest.raises(StoreError, match="damaged"):
        decode_step(gzip.compress(json.dumps(document).encode()), PATH)


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepfile, "MOST_BYTES", 1000)
    with pytest.raises(StoreError, match="unpacks to more than"):
        decode_step(gzip.compress(b"0" * 2000), Path("step-001.json.gz"))
