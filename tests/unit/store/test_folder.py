"""A campaign's folder is written in a safe order and read back, and no file outside of it is touched."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError, UsageError
from harness.model import CampaignState, ContainerRun, FailureKind, Fingerprint, Purpose
from harness.store import CampaignFolder, build_campaign_name, remove_partial_files
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.store.any_facts import to_plain

CELL = "web-c1.00-m256"
READY_RUN = ContainerRun(CELL, 1, "2026-01-01T00:00:00+00:00", 0.8)
FAILED_RUN = ContainerRun(CELL, 2, "2026-01-01T00:01:00+00:00", None, FailureKind.OOM, "killed at its start")
UNSAFE_NAMES = ("../out", "a/../../out", "/out", "..", ".", "", "a\0b", "a\n", "-rf", ".hidden")


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    return create_folder(tmp_path / "results", "one")


def create_folder(results: Path, name: str) -> CampaignFolder:
    return CampaignFolder.create(results, name, {"plan": 1}, Fingerprint(more={"cpu": "fast"}))


def test_a_created_campaign_can_be_opened(folder: CampaignFolder) -> None:
    opened = CampaignFolder.open(folder.path)
    assert (opened.name, opened.read_plan(), opened.read_fingerprint().more) == (
        "one",
        {"plan": 1},
        {"cpu": "fast"},
    )
    assert opened.read_log().started_at


def test_latest_points_to_the_newest_campaign(folder: CampaignFolder) -> None:
    latest = folder.path.parent / "latest"
    assert CampaignFolder.open(latest).name == "one"
    create_folder(folder.path.parent, "two")
    assert CampaignFolder.open(latest).name == "two"
    assert latest.readlink() == Path("two")


def test_results_that_are_moved_keep_their_latest(folder: CampaignFolder, tmp_path: Path) -> None:
    folder.path.parent.rename(tmp_path / "moved")
    assert CampaignFolder.open(tmp_path / "moved" / "latest").name == "one"


def test_a_campaign_is_never_created_over_another(folder: CampaignFolder) -> None:
    folder.add_run(READY_RUN)
    with pytest.raises(StoreError, match="File exists"):
        create_folder(folder.path.parent, "one")
    assert folder.read_log().find_last_attempt(CELL).runs == [READY_RUN]


@pytest.mark.parametrize("place", [".", "nothing"])
def test_a_folder_without_a_log_is_no_campaign(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="no campaign here"):
        CampaignFolder.open(tmp_path / place)


def test_the_log_is_read_in_order(folder: CampaignFolder) -> None:
    folder.add_run(READY_RUN)
    folder.add_step(CELL, make_closed_step(5, index=1))
    folder.add_run(FAILED_RUN)
    folder.add_step(CELL, make_closed_step(9, index=2))
    folder.finish_cell(CELL)
    folder.finish(CampaignState.COMPLETE)
    log = CampaignFolder.open(folder.path).read_log()
    attempt = log.find_last_attempt(CELL)
    assert attempt.runs == [READY_RUN, FAILED_RUN]
    assert [folder.read_step(file).users for file in attempt.step_files] == [5, 9]
    assert attempt.is_done
    assert log.state == "complete"


def test_attempts_and_drift_checks_are_separate(folder: CampaignFolder) -> None:
    second_run = replace(READY_RUN, number=2, attempt=2)
    drift_check = replace(second_run, number=3, purpose=Purpose.CONFIRM)
    folder.add_run(READY_RUN)
    folder.add_step(CELL, make_closed_step(5, index=1))
    folder.finish_cell(CELL)
    folder.add_run(second_run)
    folder.add_step(CELL, make_closed_step(9, index=2), attempt=2)
    assert not folder.read_log().find_last_attempt(CELL).is_done
    folder.finish_cell(CELL, attempt=2)
    folder.add_run(drift_check)
    folder.add_step(CELL, make_closed_step(9, index=3), attempt=2, purpose=Purpose.CONFIRM)
    first, second = folder.read_log().attempts[CELL, 1], folder.read_log().find_last_attempt(CELL)
    assert (first.runs, second.runs, second.drift_check_runs) == ([READY_RUN], [second_run], [drift_check])
    assert [len(attempt) for attempt in (first.step_files, second.step_files, second.drift_check_files)] == [
        1,
        1,
        1,
    ]
    assert first.is_done
    assert second.is_done


STORED_EVENTS = [
    {"event": "image-prepared", "reference": "web:1", "digest": "sha256:1", "engine": ""},
    {
        "event": "life-started",
        "cell": CELL,
        "number": 1,
        "started_at": "2026-01-01T00:00:00+00:00",
        "ready_after_s": 0.8,
        "failure_kind": None,
        "failure": None,
        "attempt": 1,
        "purpose": "search",
        "companions_ready_after_s": None,
        "engine": "",
    },
    {"event": "cell-finished", "cell": CELL, "attempt": 1},
    {"event": "note", "text": "look"},
    {"event": "campaign-finished", "state": "complete"},
]


def test_the_only_engine_has_an_empty_name_in_the_log(folder: CampaignFolder) -> None:
    folder.add_image("web:1", "sha256:1")
    folder.add_run(READY_RUN)
    folder.finish_cell(CELL)
    folder.add_note("look")
    folder.finish(CampaignState.COMPLETE)
    _, *events = folder.event_log.read()
    assert [
        {key: event[key] for key in event if key not in ("format", "at")} for event in events
    ] == STORED_EVENTS
    log = folder.read_log()
    assert (log.images, log.find_last_attempt(CELL).runs) == ({None: "sha256:1"}, [READY_RUN])


def test_a_campaign_that_was_killed_has_no_end_and_a_resumed_one_has_none_yet(folder: CampaignFolder) -> None:
    assert folder.read_log().state is None
    folder.finish(CampaignState.INTERRUPTED)
    assert folder.read_log().state == "interrupted"
    folder.mark_resumed()
    assert folder.read_log().state is None


def test_a_cell_that_the_log_does_not_name_has_an_empty_attempt(folder: CampaignFolder) -> None:
    attempt = folder.read_log().find_last_attempt("other")
    assert (attempt.runs, attempt.step_files, attempt.is_done) == ([], [], False)


def test_an_unknown_kind_of_event_is_ignored(folder: CampaignFolder) -> None:
    folder.event_log.append("something-new", cell=CELL)
    assert folder.read_log().last_attempts == {}


def test_a_step_comes_back_as_it_was_stored(folder: CampaignFolder) -> None:
    facts = make_closed_step(7)
    folder.add_step(CELL, facts)
    (file,) = folder.read_log().find_last_attempt(CELL).step_files
    assert to_plain(folder.read_step(file)) == to_plain(facts)


def test_a_steps_file_is_complete_before_the_log_names_it(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def append(event: str, **facts: Any) -> None:
        seen.append((event, folder.read_step(facts["file"]).users))

    monkeypatch.setattr(folder.event_log, "append", append)
    folder.add_step(CELL, make_closed_step(7))
    assert seen == [("step-finished", 7)]


def test_a_step_that_the_log_does_not_name_is_written_over(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulate a crash between file and log: the step is lost, and is measured again under its number."""
    with monkeypatch.context() as patch:
        patch.setattr(folder.event_log, "append", crash)
        with pytest.raises(KeyboardInterrupt):
            folder.add_step(CELL, make_closed_step(7))
    assert folder.read_log().last_attempts == {}
    folder.add_step(CELL, make_closed_step(9))
    (file,) = folder.read_log().find_last_attempt(CELL).step_files
    assert folder.read_step(file).users == 9


def crash(*_args: Any, **_facts: Any) -> None:
    raise KeyboardInterrupt


def test_a_crash_while_writing_leaves_the_old_file_whole(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_reports({"summary.json": "old"})
    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        folder.write_reports({"summary.json": "new"})
    assert (folder.path / "summary.json").read_text() == "old"


def test_two_processes_may_write_the_same_report_at_once(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`harness report` writes the reports of a campaign that still runs; neither may end the other."""
    sync = os.fsync

    def write_as_another_process(descriptor: int) -> None:
        monkeypatch.setattr("os.fsync", sync)
        with monkeypatch.context() as other:
            other.setattr("os.getpid", lambda: 1)
            folder.write_reports({"summary.json": "of the other"})
        sync(descriptor)

    monkeypatch.setattr("os.fsync", write_as_another_process)
    folder.write_reports({"summary.json": "ours"})
    assert (folder.path / "summary.json").read_text() == "ours"
    assert list(folder.path.glob("*.part")) == []


def test_text_that_is_not_valid_unicode_is_written_nevertheless(folder: CampaignFolder) -> None:
    folder.add_logs(CELL, 1, "caf\udce9\n", "fine\n")
    assert (folder.path / "cells" / CELL / "target-1.log").read_text() == "caf?\n"


@pytest.mark.parametrize("name", ["plan.json", "environment.json"])
@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_damaged_document_is_named(folder: CampaignFolder, name: str, content: str) -> None:
    (folder.path / name).write_text(content)
    with pytest.raises(StoreError, match=name):
        folder.read_plan() if name == "plan.json" else folder.read_fingerprint()


def test_a_missing_step_file_is_named(folder: CampaignFolder) -> None:
    with pytest.raises(StoreError, match=r"step-001\.json\.gz: No such file"):
        folder.read_step("cells/web/step-001.json.gz")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "life-started", "cell": CELL},
        {"event": "step-finished", "cell": CELL},
        {"event": "step-finished", "cell": ["web"], "file": "x", "attempt": 1, "purpose": "search"},
        {"event": "step-finished", "cell": CELL, "file": "x", "attempt": 1, "purpose": "fun"},
        {"event": "campaign-finished", "state": "odd"},
        {"event": "cell-finished"},
        {"event": "campaign-finished"},
    ],
)
def test_an_event_that_lacks_something_is_named_by_file_and_line(
    folder: CampaignFolder, event: dict[str, object]
) -> None:
    with folder.event_log.path.open("a") as file:
        file.write(json.dumps({"format": 1, **event}) + "\n")
    with pytest.raises(StoreError, match=r"events\.jsonl:2: "):
        folder.read_log()


def test_a_full_disk_is_an_error_that_names_the_file(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_disk_full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", raise_disk_full)
    with pytest.raises(StoreError, match=r"summary\.json.*No space left on device"):
        folder.write_reports({"summary.json": "{}"})
    with pytest.raises(StoreError, match=r"events\.jsonl.*No space left on device"):
        folder.finish_cell(CELL)


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_no_campaigns_name_leads_out_of_the_results(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="name"):
        create_folder(tmp_path / "results", name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cell_id", UNSAFE_NAMES)
def test_no_cells_name_leads_out_of_the_campaign(folder: CampaignFolder, cell_id: str) -> None:
    before = sorted(folder.path.parent.parent.rglob("*"))
    with pytest.raises(StoreError, match="name"):
        folder.add_step(cell_id, make_closed_step(1))
    with pytest.raises(StoreError, match="name"):
        folder.add_logs(cell_id, 1, "", "")
    assert sorted(folder.path.parent.parent.rglob("*")) == before


def test_names_of_campaigns_sort_by_time_and_are_safe() -> None:
    one = build_campaign_name("web", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    two = build_campaign_name("api", datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    assert one == "20260102-030405-web"
    assert one < two


@pytest.mark.parametrize("link_name", ["cells/web", "plan.json", "summary.json"])
def test_a_link_out_of_the_folder_is_neither_read_nor_written(
    folder: CampaignFolder, tmp_path: Path, link_name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "step-001.json.gz").write_bytes(b"secret")
    link = folder.path / link_name
    link.unlink(missing_ok=True)
    link.symlink_to(outside if link_name == "cells/web" else outside / "step-001.json.gz")
    accesses: dict[str, Callable[[], object]] = {
        "cells/web": lambda: folder.read_step("cells/web/step-001.json.gz"),
        "plan.json": folder.read_plan,
        "summary.json": lambda: folder.write_reports({"summary.json": "{}"}),
    }
    with pytest.raises(StoreError, match="leads out of the campaign's folder"):
        accesses[link_name]()
    assert (outside / "step-001.json.gz").read_bytes() == b"secret"


def test_half_written_files_are_removed_and_nothing_else(folder: CampaignFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.part").touch()
    (folder.path / "linked").symlink_to(elsewhere)
    half = folder.path / "report.html.part"
    half.touch()
    before = {path for path in folder.path.rglob("*") if path != half}
    assert remove_partial_files(tmp_path / "results") == [half]
    assert set(folder.path.rglob("*")) == before
    assert (elsewhere / "mine.part").exists()
    assert remove_partial_files(tmp_path / "nowhere") == []


def test_the_image_of_an_engine_is_read_back(folder: CampaignFolder) -> None:
    assert folder.read_log().images == {}
    folder.add_image("web:1", "sha256:1")
    assert folder.read_log().images == {None: "sha256:1"}


def test_files_of_others_beside_campaigns_are_never_removed(folder: CampaignFolder, tmp_path: Path) -> None:
    """`--results .` names a folder of the user's own."""
    results = tmp_path / "results"
    names = ("film.iso.part", "downloads/song.part", f"{folder.name}/mine/x/y.part")
    others = [results / name for name in names]
    half = [folder.path / "plan.json.part", folder.path / "cells" / "web" / "step-001.json.gz.part"]
    for path in (*others, *half):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert sorted(remove_partial_files(results)) == sorted(half)
    assert all(path.exists() for path in others)


def test_a_folder_in_the_place_of_the_link_to_the_newest_campaign_is_named(
    folder: CampaignFolder, tmp_path: Path
) -> None:
    """Copies of results, such as artifacts of a pipeline, have a folder there."""
    latest = tmp_path / "results" / "latest"
    latest.unlink()
    latest.mkdir()
    with pytest.raises(StoreError, match="latest: this is a folder"):
        CampaignFolder.create(tmp_path / "results", "two", {}, folder.read_fingerprint())
    assert not (tmp_path / "results" / "two").exists()


def test_a_disk_that_can_not_hold_links_is_named(
    folder: CampaignFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(StoreError, match="no link to the newest campaign can be made: Operation not"):
        CampaignFolder.create(tmp_path / "results", "two", {}, folder.read_fingerprint())
