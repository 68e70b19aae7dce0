"""A campaign is resumed only with an unchanged plan and on the same machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.resume import create_campaign, find_unfinished_campaign, reopen_campaign
from harness.errors import UsageError
from harness.model import CampaignState, Plan
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
