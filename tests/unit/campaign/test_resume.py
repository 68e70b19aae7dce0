"""A campaign is resumed only with an unchanged plan and on the same machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.resume import (
    create_campaign,
    find_unfinished_campaign,
    open_campaign,
    reopen_campaign,
)
from harness.campaign.stored_ab import find_unfinished_comparison
from harness.errors import UsageError
from harness.model import CampaignState, Plan
from harness.store import hold_folder, is_held
from tests.builders import make_fingerprint, make_plan

HASHES = {"matrix": "a", "scenario": "b", "target": "c"}


def make_hashed_plan(**changed: str) -> Plan:
    return replace(make_plan((0.25, 256)), hashes={**HASHES, **changed})


def test_a_campaign_of_another_machine_is_refused(tmp_path: Path) -> None:
    folder = create_campaign(tmp_path, "one", make_hashed_plan(), make_fingerprint())
    with pytest.raises(UsageError, match=r"another machine.* machine cores 2, was 4") as refused:
        reopen_campaign(folder.path, make_hashed_plan(), make_fingerprint(machine_cores=2))
    assert "--fresh" in refused.value.hint
    assert "campaign-resumed" not in [event["event"] for event in folder.event_log.read()]


@pytest.mark.parametrize("changed", ["matrix", "scenario", "target"])
def test_a_campaign_with_another_plan_is_refused_or_a_new_one_starts(tmp_path: Path, changed: str) -> None:
    folder = create_campaign(tmp_path, "one", make_hashed_plan(), make_fingerprint())
    other = make_hashed_plan(**{changed: "z"})
    with pytest.raises(UsageError, match=f"the {changed} changed"):
        reopen_campaign(folder.path, other, make_fingerprint())
    notes: list[str] = []
    assert find_unfinished_campaign(tmp_path, other, notes.append) is None
    assert notes == [f"one was interrupted, but the {changed} changed since: starting a new campaign"]


def test_an_interrupted_campaign_is_resumed_and_a_complete_one_is_not(tmp_path: Path) -> None:
    notes: list[str] = []
    assert find_unfinished_campaign(tmp_path, make_hashed_plan(), notes.append) is None
    folder = create_campaign(tmp_path, "one", make_hashed_plan(), make_fingerprint())
    assert find_unfinished_campaign(tmp_path, make_hashed_plan(), notes.append) == folder.path
    folder.finish(CampaignState.COMPLETE)
    assert find_unfinished_campaign(tmp_path, make_hashed_plan(), notes.append) is None
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("events.jsonl", '{"format": 7, "event": "campaign-started"}\n', "format 7, this harness reads 1"),
        ("events.jsonl", "nonsense\n", "this line is not an event"),
        ("plan.json", "{", "plan.json"),
    ],
)
def test_a_newest_campaign_that_can_not_be_read_is_left_as_it_is(
    tmp_path: Path, file: str, text: str, why: str
) -> None:
    """An older or a newer version of the harness may have written it, or a crash of the machine cut it."""
    folder = create_campaign(tmp_path, "one", make_hashed_plan(), make_fingerprint())
    (folder.path / file).write_text(text)
    notes: list[str] = []
    assert find_unfinished_campaign(tmp_path, make_hashed_plan(), notes.append) is None
    assert len(notes) == 1
    assert why in notes[0]
    assert notes[0].endswith("starting a new campaign")
    assert (folder.path / file).read_text() == text


def test_a_comparison_starts_though_the_newest_campaign_can_not_be_read(tmp_path: Path) -> None:
    folder = create_campaign(tmp_path, "one", make_hashed_plan(), make_fingerprint())
    (folder.path / "events.jsonl").write_text("nonsense\n")
    notes: list[str] = []
    assert find_unfinished_comparison(tmp_path, make_hashed_plan(), lambda _: True, notes.append) is None
    assert notes[0].endswith("starting a new comparison")


def test_a_campaign_that_another_harness_measures_is_not_gone_on_with(tmp_path: Path) -> None:
    """It runs on another engine, so the lock of this engine does not refuse the second one."""
    folder = create_campaign(tmp_path, "one", make_hashed_plan(), make_fingerprint())
    notes: list[str] = []
    with hold_folder(folder.path):
        assert find_unfinished_campaign(tmp_path, make_hashed_plan(), notes.append) is None
        with (
            pytest.raises(UsageError, match="another harness"),
            open_campaign(folder.path, tmp_path, "one", make_hashed_plan(), make_fingerprint()),
        ):
            pass
    assert notes == ["one is being measured by another harness: starting a new campaign"]
    assert "campaign-resumed" not in [event["event"] for event in folder.event_log.read()]


def test_a_campaign_is_held_while_it_is_open(tmp_path: Path) -> None:
    with open_campaign(None, tmp_path, "one", make_hashed_plan(), make_fingerprint()) as folder:
        assert is_held(folder.path)
    assert not is_held(folder.path)
