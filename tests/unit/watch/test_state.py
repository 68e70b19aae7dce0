"""The state of the live page follows from a campaign's files, which are only read."""

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.model import Fingerprint, Purpose
from harness.model.live import LiveHead
from harness.store import CampaignFolder, hold_folder
from harness.watch.state import StateReader
from tests.soak.fuzz import mutate
from tests.unit.watch.live_campaign import (
    LARGE,
    SMALL,
    StoredCampaign,
    make_campaign,
    make_comparison,
)


@pytest.fixture
def stored(tmp_path: Path) -> StoredCampaign:
    return StoredCampaign(tmp_path)


def read(reader: StateReader) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(reader.read())
    return state


def set_age(path: Path, at_s: float) -> None:
    os.utime(path, (at_s, at_s))


def test_a_running_campaign_shows_its_searches(stored: StoredCampaign) -> None:
    state = read(StateReader(stored.folder))
    assert (state["target"], state["campaign"], state["state"]) == ("web", "one", "running")
    assert state["started_at"] == "2026-11-26 12:00:00 UTC"
    assert (state["users_limit"], state["p95_limit_s"], state["steps"]) == (400, 1.0, [])
    assert state["has_report"] is False
    small, large = state["sizes"]
    assert small == {
        "id": SMALL,
        "size": "0.5 CPU / 256 MiB",
        "status": "running",
        "sustained_users": 184,
        "broken_users": 200,
        "outcome": "sustains 184, breaks at 200: 8.7 % apart",
        "steps": [[10, "PASS"], [200, "FAIL"], [184, "PASS"]],
    }
    assert (large["id"], large["outcome"], large["steps"]) == (LARGE, "waiting", [])
    (verdict,) = state["verdicts"]
    assert verdict == {
        "size": "0.5 CPU / 256 MiB",
        "text": "184 users PASS: p95 0.61 s ≤ 1 s (RPS 61)",
        "verdict": "PASS",
    }


def test_the_step_in_progress_grows(stored: StoredCampaign) -> None:
    """A point has 64 MiB, 0.45 cores and a p95 of 0.5 s and a hundredth of its instant."""
    reader = StateReader(stored.folder, now_s=lambda: 1000.0)
    stored.start_step(190)
    stored.add_points(1, 2, phase="ramp")
    path = stored.folder.path / "cells" / SMALL / "step.part"
    set_age(path, 996.5)
    (step,) = read(reader)["steps"]
    assert (step["id"], step["size"], step["users"]) == (SMALL, "0.5 CPU / 256 MiB", 190)
    assert step["doing"] == "search: ramp at 190 users, 2 s since the step began"
    assert (step["cores_limit"], step["memory_limit_mib"], step["silent_s"]) == (0.5, 256, 3.5)
    assert (step["at_s"], step["phase"]) == ([1, 2], ["ramp", "ramp"])
    stored.add_points(30.26)
    (step,) = read(reader)["steps"]
    assert (step["at_s"], step["phase"]) == ([1, 2, 30.3], ["ramp", "ramp", "window"])
    assert step["p95_s"] == [0.51, 0.52, 0.8026]
    assert [step[name][-1] for name in ("active_users", "in_flight", "rps", "errors_ps")] == [
        190,
        12,
        63.5,
        0,
    ]
    assert [step[name][-1] for name in ("p50_s", "cpu_cores", "memory_mib")] == [0.1, 0.45, 64]
    stored.writer.end_step(SMALL)
    assert read(reader)["steps"] == []


@pytest.mark.parametrize(
    ("purpose", "doing"),
    [
        (Purpose.SEARCH, "search: 1 user begin to arrive"),
        (Purpose.CONFIRM, "drift check: 1 user begin to arrive"),
        (Purpose.SOAK, "soak: 1 user begin to arrive"),
        (Purpose.BURST, "burst: 1 user begin to arrive"),
    ],
)
def test_a_step_says_what_it_is_for(stored: StoredCampaign, purpose: Purpose, doing: str) -> None:
    stored.start_step(1, purpose)
    (step,) = read(StateReader(stored.folder))["steps"]
    assert step["doing"] == doing


def test_a_cell_that_waits_for_a_container_says_for_how_long(stored: StoredCampaign) -> None:
    stored.writer.start_step(SMALL, LiveHead("2026-11-26T12:10:00"))
    set_age(stored.folder.path / "cells" / SMALL / "step.part", 1000.0)
    (step,) = read(StateReader(stored.folder, now_s=lambda: 1012.0))["steps"]
    assert (step["doing"], step["users"]) == ("starting a fresh container, for 12 s", None)


def test_the_newest_point_of_a_long_step_is_always_shown(stored: StoredCampaign) -> None:
    """After 1000 points every fourth is kept, and 999 is none of these."""
    stored.start_step()
    stored.add_points(*range(1000))
    (step,) = read(StateReader(stored.folder))["steps"]
    assert (len(step["at_s"]), step["at_s"][-2:]) == (251, [996, 999])


def test_a_verdict_moves_the_bracket(stored: StoredCampaign) -> None:
    reader = StateReader(stored.folder)
    assert read(reader)["sizes"][0]["outcome"].endswith("8.7 % apart")
    stored.writer.write_campaign(make_campaign("sustains 190, breaks at 200: 5.3 % apart"))
    assert read(reader)["sizes"][0]["outcome"].endswith("5.3 % apart")


def test_how_long_nothing_was_stored_is_told(stored: StoredCampaign) -> None:
    set_age(stored.folder.path / "live.json", 1000.0)
    assert read(StateReader(stored.folder, now_s=lambda: 1047.25))["silent_s"] == 47.2
    assert read(StateReader(stored.folder, now_s=lambda: 990.0))["silent_s"] == 0


def test_a_silent_campaign_was_killed_if_no_process_holds_its_folder(stored: StoredCampaign) -> None:
    stored.start_step()
    for name in ("live.json", f"cells/{SMALL}/step.part"):
        set_age(stored.folder.path / name, 1000.0)
    soon, late = StateReader(stored.folder, lambda: 1014.0), StateReader(stored.folder, lambda: 1016.0)
    assert (read(soon)["killed"], read(late)["killed"]) == (False, True)
    with hold_folder(stored.folder.path):
        assert read(late)["killed"] is False


def test_a_finished_campaign_shows_its_answer_and_has_a_report(stored: StoredCampaign) -> None:
    reader = StateReader(stored.folder)
    assert read(reader)["state"] == "running"
    stored.finish()
    state = read(reader)
    assert (state["state"], state["has_report"], state["take"]) == ("complete", True, "0.5 CPU / 256 MiB")
    assert "silent_s" not in state
    (size,) = state["sizes"]
    assert size["outcome"] == "184 – 192 — its CPU quota is used up"
    assert size["steps"] == [[184, "PASS"], [192, "FAIL"]]
    assert reader.read_report() == b"<title>The report</title><p>all of it</p>"


def test_a_finished_campaign_without_a_size_to_take_says_none(stored: StoredCampaign) -> None:
    stored.finish(take=None)
    assert read(StateReader(stored.folder))["take"] is None


def test_a_comparison_shows_its_pairs_and_the_window_in_progress(tmp_path: Path) -> None:
    stored = StoredCampaign(tmp_path, make_comparison())
    stored.start_step(120, Purpose.AB)
    stored.add_points(1, phase="ramp")
    state = read(StateReader(stored.folder))
    assert state["comparison"] == {
        "title": "base web:1 and head web:2 at 0.5 CPU / 256 MiB with 120 users",
        "answer": "Undecided: 1 pair of windows can't tell anything yet.",
        "pairs": [
            {"number": 1, "base": "4.02 ms", "head": "4.33 ms", "change": "+7.7 %", "meaning": "counts"},
            {"number": 2, "base": "4.05 ms", "head": "–", "change": "–", "meaning": "left out"},
        ],
    }
    (step,) = state["steps"]
    assert step["size"] == "0.5 CPU / 256 MiB (base)"
    assert step["doing"] == "comparison: ramp at 120 users, 1 s since the step began"


@pytest.mark.parametrize(("is_over", "state_"), [(True, "complete"), (False, "interrupted")])
def test_a_comparison_that_has_ended_shows_its_answer_and_its_page(
    tmp_path: Path, is_over: bool, state_: str
) -> None:
    stored = StoredCampaign(tmp_path, make_comparison())
    reader = StateReader(stored.folder)
    assert read(reader)["state"] == "running"
    stored.finish_comparison(is_over=is_over)
    state = read(reader)
    assert (state["state"], state["target"], state["has_report"]) == (state_, "web", True)
    assert state["comparison"] == {
        "title": "base web:1 and head web:2 at 0.5 CPU / 256 MiB with 120 users",
        "answer": "The head needs 7.1 % more CPU time per request.",
        "pairs": [],
    }
    assert reader.read_report() == b"<title>Two versions</title>"


def test_a_campaign_compares_nothing(stored: StoredCampaign) -> None:
    assert "comparison" not in read(StateReader(stored.folder))


def test_a_trial_after_the_campaign_is_shown(stored: StoredCampaign) -> None:
    stored.finish()
    reader = StateReader(stored.folder)
    assert read(reader)["steps"] == []
    stored.start_step(400, Purpose.LONG_SOAK)
    stored.add_points(1)
    (step,) = read(reader)["steps"]
    assert step["doing"] == "soak: window at 400 users, 1 s since the step began"


def test_a_campaign_that_has_stored_no_search_yet_shows_none(tmp_path: Path) -> None:
    folder = CampaignFolder.create(tmp_path, "new", {"plan": 1}, Fingerprint())
    state = read(StateReader(folder))
    assert (state["campaign"], state["sizes"], state["steps"], state["has_report"]) == ("new", [], [], False)
    assert StateReader(folder).read_report() is None


@pytest.mark.parametrize("damage", ["", "null", "{}", "[]", '{"format": 1}'])
@pytest.mark.parametrize("name", ["live.json", "summary.json", "ab.json"])
def test_a_damaged_file_is_told_and_hides_nothing_for_good(
    stored: StoredCampaign, name: str, damage: str
) -> None:
    reader = StateReader(stored.folder)
    if name == "summary.json":
        stored.finish()
    elif name == "ab.json":
        stored.finish_comparison()
    (stored.folder.path / name).write_text(damage)
    assert name in read(reader)["problem"]
    stored.writer.write_campaign(make_campaign())
    assert read(reader)["state"] == "running"


def test_a_cell_that_leads_out_of_the_folder_is_refused(stored: StoredCampaign) -> None:
    text = (stored.folder.path / "live.json").read_text()
    (stored.folder.path / "live.json").write_text(text.replace(SMALL, "../../outside"))
    assert "not a valid name" in read(StateReader(stored.folder))["problem"]


def test_a_report_that_leads_out_of_the_folder_is_not_read(stored: StoredCampaign, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (stored.folder.path / "report.html").symlink_to(tmp_path / "secret")
    assert StateReader(stored.folder).read_report() is None


def test_foreign_texts_are_cleaned(tmp_path: Path) -> None:
    stored = StoredCampaign(tmp_path, make_campaign("\x1b[31mred\u202e", target="a\x00b"))
    state = read(StateReader(stored.folder))
    assert (state["sizes"][0]["outcome"], state["target"]) == ("red", "ab")


def test_looking_writes_nothing(stored: StoredCampaign) -> None:
    stored.start_step()
    stored.add_points(1, 2)

    def list_files() -> dict[str, tuple[int, bytes]]:
        paths = [path for path in stored.folder.path.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}

    before, folders = list_files(), sorted(stored.folder.path.rglob("*"))
    reader = StateReader(stored.folder)
    reader.read()
    reader.read_report()
    assert (list_files(), sorted(stored.folder.path.rglob("*"))) == (before, folders)


@pytest.mark.parametrize("name", ["live.json", f"cells/{SMALL}/step.part", "summary.json", "ab.json"])
def test_whatever_a_file_holds_the_state_is_told(stored: StoredCampaign, name: str) -> None:
    """Each of 150 broken files gives a state that is JSON: with a problem, or with what is known."""
    if name == "summary.json":
        stored.finish()
    elif name == "ab.json":
        stored.finish_comparison()
    else:
        stored.writer.write_campaign(replace(make_campaign(), comparison=make_comparison().comparison))
    stored.start_step()
    stored.add_points(1, 2)
    path, rng = stored.folder.path / name, random.Random(7)
    valid, reader = path.read_bytes(), StateReader(stored.folder)
    for _ in range(150):
        path.write_bytes(mutate(valid, rng))
        assert "campaign" in read(reader)
