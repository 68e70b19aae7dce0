"""Events are read as they were appended; an incomplete last line is ignored, other damage has its place."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.store import FORMAT
from harness.store.event_log import EventLog
from tests.examples import count_examples

TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=20)
"""Texts with lone surrogates too, which a target's last log lines may contain."""
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
FACTS = st.dictionaries(
    st.text(max_size=8).filter(lambda key: key not in ("self", "event", "format", "at")), VALUES, max_size=4
)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


@settings(max_examples=count_examples(40))
@given(st.lists(st.tuples(st.text(max_size=10), FACTS), max_size=5))
def test_what_was_appended_is_read_in_order(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, dict[str, object]]]
) -> None:
    log = EventLog(tmp_path_factory.mktemp("log") / "events.jsonl")
    log.path.touch()
    for event, facts in events:
        log.append(event, **facts)
    read = [{key: value for key, value in line.items() if key not in ("format", "at")} for line in log.read()]
    assert read == [{"event": event, **facts} for event, facts in events]


def test_every_line_carries_its_format_and_its_time(log: EventLog) -> None:
    log.append("note", text="a\nb")
    (line,) = log.path.read_text().splitlines()
    event = json.loads(line)
    assert event["format"] == FORMAT
    assert event["at"].endswith("+00:00")


def test_a_torn_last_line_is_left_out_wherever_it_is_torn(log: EventLog) -> None:
    log.append("one")
    whole = log.path.read_bytes()
    log.append("two", text="caf\u00e9")
    both = log.path.read_bytes()
    for length in range(len(whole), len(both)):
        log.path.write_bytes(both[:length])
        assert [event["event"] for event in log.read()] == ["one"]
    log.path.write_bytes(both)
    assert [event["event"] for event in log.read()] == ["one", "two"]


def test_after_the_removal_of_a_torn_line_the_next_event_has_a_line_of_its_own(log: EventLog) -> None:
    log.append("one")
    log.path.write_bytes(log.path.read_bytes() + b'{"format": 1, "ev')
    log.remove_torn_line()
    log.append("two")
    assert [event["event"] for event in log.read()] == ["one", "two"]


def test_a_log_without_a_torn_line_is_not_changed(log: EventLog) -> None:
    log.append("one")
    before = log.path.read_bytes()
    log.remove_torn_line()
    assert log.path.read_bytes() == before


def test_a_log_torn_in_its_first_line_is_empty(log: EventLog) -> None:
    log.path.write_bytes(b'{"format"')
    assert log.read() == []
    log.remove_torn_line()
    assert log.path.read_bytes() == b""


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"event": 3}',
        b"\xff\xfe",
        b'{"format": 1, "event": "x"',
        b"\x00\x00",
    ],
)
def test_damage_before_the_last_line_is_named_by_file_and_line(log: EventLog, damage: bytes) -> None:
    log.append("one")
    log.path.write_bytes(log.path.read_bytes() + damage + b"\n")
    log.append("three")
    with pytest.raises(StoreError) as caught:
        log.read()
    assert str(caught.value).startswith(f"{log.path}:2: ")
    assert "\n  try: " in str(caught.value)


def test_an_error_of_the_format_names_both_formats(log: EventLog) -> None:
    log.path.write_text('{"format": 2, "event": "one"}\n')
    with pytest.raises(StoreError, match=r":1: format 2, this harness reads 1"):
        log.read()


def test_a_missing_log_is_an_error_that_names_the_file(log: EventLog) -> None:
    with pytest.raises(StoreError, match=r"events\.jsonl"):
        log.read()


@given(st.binary(max_size=100))
def test_any_bytes_are_a_log_or_damage(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    log = EventLog(tmp_path_factory.mktemp("log") / "events.jsonl")
    log.path.write_bytes(content)
    with contextlib.suppress(StoreError):
        assert all(event["format"] == FORMAT for event in log.read())


@pytest.mark.parametrize("written", [0, 1, 30])
def test_a_disk_that_fills_up_tears_no_line(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    log.append("one")
    whole = log.path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:written]))
    with pytest.raises(StoreError, match="No space left"):
        log.append("two", text="x" * 100)
    monkeypatch.undo()
    assert log.path.read_bytes() == whole
    log.append("three")
    assert [event["event"] for event in log.read()] == ["one", "three"]


def test_endless_nesting_is_damage_that_is_named_by_file_and_line(log: EventLog) -> None:
    """Check a RecursionError of the parser, which is no ValueError; a fuzz test found it."""
    log.append("one")
    with log.path.open("ab") as file:
        file.write(b'{"a":' * 100_000 + b"\n")
    with pytest.raises(StoreError, match=r"events\.jsonl:2: this line is not an event of a campaign"):
        log.read()
