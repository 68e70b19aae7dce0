"""All requests of a campaign come back from a Parquet file, with the values that its steps hold."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from harness.errors import UsageError
from harness.model import (
    MIB,
    Cell,
    ContainerRun,
    EndReason,
    Fingerprint,
    Limits,
    Purpose,
    Requests,
    StepFacts,
)
from harness.store import CampaignFolder, write_requests
from harness.store.request_table import COLUMNS
from tests.unit.pages import PAGES, read_table

CELL = Cell("web-c0.50-m256", "web", Limits(0.5, 256 * MIB, 2))


def ints(*values: int) -> Any:
    return np.array(values, dtype=np.int32)


REQUESTS = Requests(
    names=("GET /", "GET /item"),
    errors=("404 Not \ud800Found",),
    start_s=np.array([0.5, 2.0, 3.0, 9.0]),
    latency_s=np.array([0.1, 0.2, 0.3, 0.4]),
    name=ints(0, 1, 1, 0),
    error=ints(-1, -1, 0, -1),
    unfinished_start_s=np.array([8.0]),
    unfinished_name=ints(1),
    owner=ints(0, 2, 5, -1),
    unfinished_owner=ints(4),
)
"""Made by the users 0, 1, 2 (beside its own requests) and an unknown one; the unfinished one by user 2."""

STEP = StepFacts(
    index=1,
    life=3,
    users=10,
    spawn_rate=5.0,
    ramp_from_s=0.0,
    settle_from_s=2.0,
    window_from_s=3.0,
    window_to_s=9.0,
    ended_s=10.0,
    end_reason=EndReason.HELD,
    requests=REQUESTS,
)


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    """Make a campaign with a step of the search and one of a burst after it."""
    folder = CampaignFolder.create(tmp_path, "one", {}, Fingerprint())
    folder.add_run(ContainerRun(CELL.id, 3, "2026-11-26T12:00:00+00:00", 1.0))
    folder.add_step(CELL.id, STEP)
    folder.add_run(ContainerRun(CELL.id, 4, "2026-11-26T12:10:00+00:00", 1.0, purpose=Purpose.BURST))
    old = replace(REQUESTS, owner=ints(), unfinished_owner=ints())
    cut = replace(STEP, index=2, life=4, requests=old, window_from_s=None, window_to_s=None)
    folder.add_step(CELL.id, cut, purpose=Purpose.BURST)
    return folder


def read(path: Path) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = pyarrow.parquet.read_table(path).to_pydict()
    return columns


def test_each_request_is_a_row_with_the_values_of_its_step(folder: CampaignFolder, tmp_path: Path) -> None:
    assert write_requests(folder, [CELL], tmp_path / "all.parquet") == (10, 2)
    columns = {name: values[:5] for name, values in read(tmp_path / "all.parquet").items()}
    assert columns == {
        "campaign": ["one"] * 5,
        "cell": [CELL.id] * 5,
        "cpu_cores": [0.5] * 5,
        "memory_bytes": [256 * MIB] * 5,
        "replicas": [2] * 5,
        "attempt": [1] * 5,
        "purpose": ["search"] * 5,
        "run": [3] * 5,
        "step": [1] * 5,
        "users": [10] * 5,
        "phase": ["ramp", "settle", "window", "drain", "window"],
        "start_s": [0.5, 2.0, 3.0, 9.0, 8.0],
        "latency_s": [0.1, 0.2, 0.3, 0.4, 2.0],
        "outcome": ["answered", "answered", "failed", "answered", "unfinished"],
        "name": ["GET /", "GET /item", "GET /item", "GET /", "GET /item"],
        "error": [None, None, "404 Not \\ud800Found", None, None],
        "user": [0, 1, 2, None, 2],
        "spawned": [False, False, True, None, False],
    }


def test_a_trial_has_no_attempt_and_facts_of_an_older_harness_have_no_users(
    folder: CampaignFolder, tmp_path: Path
) -> None:
    write_requests(folder, [], tmp_path / "all.parquet")
    columns = {name: set(values[5:]) for name, values in read(tmp_path / "all.parquet").items()}
    assert columns["purpose"] == {"burst"}
    assert columns["phase"] == {"ramp", "settle"}
    assert columns["run"] == {4}
    unknown = {"attempt", "user", "spawned", "cpu_cores", "memory_bytes", "replicas"}
    assert {name for name, values in columns.items() if values == {None}} == unknown


def test_each_step_is_a_row_group_so_that_memory_holds_one_step(
    folder: CampaignFolder, tmp_path: Path
) -> None:
    write_requests(folder, [CELL], tmp_path / "all.parquet")
    file = pyarrow.parquet.ParquetFile(tmp_path / "all.parquet")
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [5, 5]


def test_a_campaign_without_steps_is_a_table_without_rows(tmp_path: Path) -> None:
    empty = CampaignFolder.create(tmp_path, "none", {}, Fingerprint())
    assert write_requests(empty, [CELL], tmp_path / "all.parquet") == (0, 0)
    assert list(read(tmp_path / "all.parquet")) == list(COLUMNS)


def test_the_file_says_the_unit_of_each_column_and_the_page_says_the_same(
    folder: CampaignFolder, tmp_path: Path
) -> None:
    write_requests(folder, [CELL], tmp_path / "all.parquet")
    schema = pyarrow.parquet.read_schema(tmp_path / "all.parquet")
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in schema}
    assert units == {name: column.unit for name, column in COLUMNS.items()}
    for name, unit in units.items():
        for suffix, word in (("_s", "s"), ("_bytes", "bytes"), ("_cores", "cores")):
            assert not name.endswith(suffix) or unit == word, name
    rows = read_table(PAGES["docs/observability.md"], "column")
    documented = {row[0].strip("`"): (row[1], row[2]) for row in rows}
    types = {name: column.type_name.rstrip("_") for name, column in COLUMNS.items()}
    assert documented.keys() == COLUMNS.keys()
    assert {name: documented[name] for name in COLUMNS} == {
        name: (types[name], COLUMNS[name].unit) for name in COLUMNS
    }


def test_a_file_that_cannot_be_written_is_refused_and_nothing_is_left(
    folder: CampaignFolder, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"nowhere/all\.parquet") as caught:
        write_requests(folder, [CELL], tmp_path / "nowhere/all.parquet")
    assert "--output FILE" in caught.value.hint
    with pytest.raises(UsageError, match="is a folder or a device"):
        write_requests(folder, [CELL], tmp_path)
    assert [path.name for path in tmp_path.rglob("*.part")] == []


def test_without_pyarrow_the_command_says_what_to_install(
    folder: CampaignFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pyarrow, which writes Parquet, is not installed") as caught:
        write_requests(folder, [CELL], tmp_path / "all.parquet")
    assert "pip install pyarrow, or pipx inject capacity-harness pyarrow" in caught.value.hint
    assert not (tmp_path / "all.parquet").exists()
