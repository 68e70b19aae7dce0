"""What a running campaign shows of itself is written beside its facts, and only what is new is read."""

import json
import os
import shutil
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.model import Fingerprint, Purpose
from harness.model.live import LiveHead, LivePoint
from harness.store import CampaignFolder, remove_partial_files
from harness.store.live_files import LiveWriter, StepFollower, read_live_campaign
from tests.unit.watch.live_campaign import (
    LARGE,
    SMALL,
    StoredCampaign,
    make_campaign,
    make_comparison,
    make_point,
)


@pytest.fixture
def stored(tmp_path: Path) -> StoredCampaign:
    return StoredCampaign(tmp_path)


def find_step(stored: StoredCampaign) -> Path:
    return stored.folder.path / "cells" / SMALL / "step.part"


def read_instants(follower: StepFollower) -> list[float]:
    step = follower.read()
    assert step is not None
    return [point.at_s for point in step.points]


def test_the_searches_are_read_as_they_were_written(stored: StoredCampaign) -> None:
    assert read_live_campaign(stored.folder) == make_campaign()


def test_the_pairs_of_a_comparison_are_read_as_they_were_written(stored: StoredCampaign) -> None:
    stored.writer.write_campaign(make_comparison())
    assert read_live_campaign(stored.folder) == make_comparison()


def test_a_campaign_of_an_older_harness_compares_nothing(stored: StoredCampaign) -> None:
    path = stored.folder.path / "live.json"
    document = json.loads(path.read_bytes())
    del document["comparison"]
    path.write_text(json.dumps(document))
    assert read_live_campaign(stored.folder) == make_campaign()


@pytest.mark.parametrize("damage", [7, [], {}, {"title": "a", "answer": "b", "pairs": [{"number": "1"}]}])
def test_damaged_pairs_are_refused(stored: StoredCampaign, damage: object) -> None:
    path = stored.folder.path / "live.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"comparison": damage}))
    with pytest.raises(StoreError, match=r"live\.json"):
        read_live_campaign(stored.folder)


def test_a_campaign_that_does_not_run_has_no_searches(tmp_path: Path) -> None:
    folder = CampaignFolder.create(tmp_path, "old", {"plan": 1}, Fingerprint())
    assert read_live_campaign(folder) is None
    assert StepFollower(folder, SMALL).read() is None


def test_a_step_is_read_as_it_was_written(stored: StoredCampaign) -> None:
    stored.start_step(190, Purpose.SOAK)
    stored.writer.add_point(SMALL, make_point(1.0))
    stored.writer.add_point(SMALL, LivePoint(2.0, "window", 190, 0))
    step = StepFollower(stored.folder, SMALL).read()
    assert step is not None
    assert step.head == LiveHead("2026-11-26T12:10:00", 190, Purpose.SOAK)
    assert step.points == (make_point(1.0), LivePoint(2.0, "window", 190, 0))
    assert step.last == step.points[-1]
    assert step.written_at_s == find_step(stored).stat().st_mtime
    assert StepFollower(stored.folder, LARGE).read() is None


def test_only_what_was_appended_is_read(stored: StoredCampaign) -> None:
    """The lines that were read are made worthless in their place, and their points are known all the same."""
    stored.start_step()
    stored.add_points(1, 2)
    follower = StepFollower(stored.folder, SMALL)
    assert read_instants(follower) == [1, 2]
    head, first, second = find_step(stored).read_bytes().splitlines(keepends=True)
    with find_step(stored).open("r+b") as file:
        file.seek(len(head))
        file.write(b"x" * (len(first) + len(second) - 1) + b"\n")
    stored.add_points(3)
    assert read_instants(follower) == [1, 2, 3]
    assert read_instants(StepFollower(stored.folder, SMALL)) == [3]


def test_a_line_counts_once_it_is_whole(stored: StoredCampaign) -> None:
    stored.start_step()
    stored.add_points(1, 2)
    whole = find_step(stored).read_bytes()
    find_step(stored).write_bytes(whole[:-20])
    follower = StepFollower(stored.folder, SMALL)
    assert read_instants(follower) == [1]
    find_step(stored).write_bytes(whole)
    assert read_instants(follower) == [1, 2]


def test_the_next_step_replaces_the_one_before_even_if_its_file_is_longer(stored: StoredCampaign) -> None:
    stored.start_step()
    stored.add_points(1, 2)
    follower = StepFollower(stored.folder, SMALL)
    assert read_instants(follower) == [1, 2]
    stored.writer.end_step(SMALL)
    stored.start_step(second=50)
    stored.add_points(1, 2, 3, 4)
    assert read_instants(follower) == [1, 2, 3, 4]
    stored.writer.end_step(SMALL)
    assert follower.read() is None


def test_a_step_that_is_held_again_begins_anew(stored: StoredCampaign) -> None:
    stored.start_step()
    stored.add_points(1, 2, 3, 0.5, 1.5)
    assert read_instants(StepFollower(stored.folder, SMALL)) == [0.5, 1.5]


def test_of_a_long_step_every_fourth_point_is_kept_and_the_last(stored: StoredCampaign) -> None:
    """361 points are halved to 181, every second one. With point 720 these are 361 again, and halved."""
    stored.start_step()
    stored.add_points(*range(1000))
    follower = StepFollower(stored.folder, SMALL)
    assert read_instants(follower) == list(range(0, 1000, 4))
    step = follower.read()
    assert step is not None
    assert step.last == make_point(999)


@pytest.mark.parametrize(
    "damaged",
    [
        *(
            b"\n",
            b"{}\n",
            b"[1]\n",
            b'{"at_s": "1"}\n',
            b'{"at_s": NaN}\n',
            b"\xff\xfe\n",
            b"9" * 400 + b"\n",
        ),
        *(b'{"at_s":1e999,"phase":"ramp","users":1,"in_flight":0}\n', b"[" * 100_000 + b"\n"),
    ],
)
def test_damaged_lines_are_left_out(stored: StoredCampaign, damaged: bytes) -> None:
    stored.start_step()
    stored.add_points(1)
    with find_step(stored).open("ab") as file:
        file.write(damaged)
    stored.add_points(2)
    assert read_instants(StepFollower(stored.folder, SMALL)) == [1, 2]


@pytest.mark.parametrize("first_line", [b"", b"{", b"{}\n", b'{"format": 2}\n', b"[]\n", b"x" * 9000])
def test_a_step_whose_first_line_is_damaged_is_none(stored: StoredCampaign, first_line: bytes) -> None:
    stored.start_step()
    find_step(stored).write_bytes(first_line)
    assert StepFollower(stored.folder, SMALL).read() is None


def test_a_link_and_a_pipe_in_place_of_a_step_are_not_read(stored: StoredCampaign, tmp_path: Path) -> None:
    stored.start_step()
    follower = StepFollower(stored.folder, SMALL)
    outside = shutil.move(find_step(stored), tmp_path / "outside")
    find_step(stored).symlink_to(outside)
    assert follower.read() is None
    find_step(stored).unlink()
    os.mkfifo(find_step(stored))
    assert follower.read() is None


@pytest.mark.parametrize("damage", ["", "null", "[]", "{}", '{"format": 2}', "9" * 400, "[" * 100_000])
def test_damaged_searches_are_refused(stored: StoredCampaign, damage: str) -> None:
    (stored.folder.path / "live.json").write_text(damage)
    with pytest.raises(StoreError, match=r"live\.json"):
        read_live_campaign(stored.folder)


def test_a_folder_that_is_gone_ends_no_measurement(stored: StoredCampaign) -> None:
    shutil.rmtree(stored.folder.path)
    stored.folder.path.write_text("a file in its place")
    stored.writer.write_campaign(make_campaign())
    stored.start_step()
    stored.add_points(1)
    stored.writer.end_step(SMALL)
    stored.writer.close()


def test_nothing_is_written_through_a_link_that_leads_out(stored: StoredCampaign, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (stored.folder.path / "cells" / SMALL).symlink_to(outside)
    stored.start_step()
    stored.add_points(1)
    assert list(outside.iterdir()) == []
    with pytest.raises(StoreError, match="leads out"):
        StepFollower(stored.folder, SMALL)


def test_at_the_end_nothing_is_left(stored: StoredCampaign) -> None:
    stored.start_step()
    stored.writer.close()
    assert not (stored.folder.path / "live.json").exists()
    assert not find_step(stored).exists()


def test_what_a_killed_campaign_left_is_removed_by_the_next_run(stored: StoredCampaign) -> None:
    stored.start_step()
    assert remove_partial_files(stored.folder.path.parent) == [find_step(stored)]


def test_the_writer_of_one_cell_leaves_the_others_alone(stored: StoredCampaign) -> None:
    stored.start_step()
    LiveWriter(stored.folder, [LARGE]).end_step(LARGE)
    assert find_step(stored).exists()
