"""The workers of all engines share claims, notes and a stop; reports are written seldom, without the lock."""

import math
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.campaign.session import CampaignSession, StopRequested
from harness.errors import EngineUnavailableError
from harness.model import CampaignState, Plan, Purpose
from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.campaign.fake_campaign import FakeCampaign

ENGINES: dict[str | None, float] = {"big": math.inf, "tall": math.inf}


@pytest.fixture
def campaign(tmp_path: Path) -> FakeCampaign:
    return FakeCampaign(tmp_path, make_plan((0.25, 256), (0.5, 256)), Service())


def open_session(campaign: FakeCampaign, plan: Plan | None = None) -> CampaignSession:
    return CampaignSession(plan or campaign.plan, campaign.folder, campaign.listener, ENGINES)


def test_a_text_is_noted_once(campaign: FakeCampaign) -> None:
    session = open_session(campaign)
    session.note_once(["the load shape Mine is not used"])
    session.note_once(["the load shape Mine is not used"])
    assert campaign.listener.notes == ["the load shape Mine is not used"]
    assert [event["text"] for event in campaign.folder.event_log.read() if event["event"] == "note"] == [
        "the load shape Mine is not used"
    ]


def test_no_cell_is_claimed_twice(campaign: FakeCampaign) -> None:
    session = open_session(campaign)
    first, second = session.claim_work("big"), session.claim_work("tall")
    assert first is not None
    assert second is not None
    assert first != second
    session.release("big")
    assert session.claim_work("big") == first


def test_a_worker_that_waits_for_a_cell_is_woken_by_a_stop(campaign: FakeCampaign) -> None:
    session = open_session(campaign)
    raised: list[BaseException] = []

    def claim() -> None:
        try:
            session.claim_work("late")
        except StopRequested as error:
            raised.append(error)

    assert session.claim_work("big")
    assert session.claim_work("tall")
    waiting = threading.Thread(target=claim)
    waiting.start()
    session.stop()
    waiting.join(timeout=10)
    assert len(raised) == 1


def test_the_loss_of_the_last_engine_is_raised(campaign: FakeCampaign) -> None:
    session = open_session(campaign)
    session.lose_engine("big", EngineUnavailableError("no answer"))
    assert any("big is lost" in note for note in campaign.listener.notes)
    with pytest.raises(EngineUnavailableError, match="no answer"):
        session.lose_engine("tall", EngineUnavailableError("no answer"))


def test_others_claim_cells_while_reports_are_written(
    campaign: FakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(campaign)
    claimed: list[object] = []

    def claim_in_another_thread(_files: object) -> None:
        other = threading.Thread(target=lambda: claimed.append(session.claim_work("big")))
        other.start()
        other.join(timeout=10)

    monkeypatch.setattr(campaign.folder, "write_reports", claim_in_another_thread)
    session.finish(CampaignState.INTERRUPTED)
    assert len(claimed) == 1


def test_reports_take_at_most_a_twentieth_of_the_time(
    campaign: FakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take 2 s each time, from 100 s to 102 s at first: so none are due until 102 + 19·2 = 140 s."""
    clock, written_at_s = [100.0], list[float]()

    def write_slowly(files: Mapping[str, str]) -> None:
        if "report.html" in files:  # the live page's file is written at once
            written_at_s.append(clock[0])
            clock[0] += 2.0

    monkeypatch.setattr(campaign.folder, "write_reports", write_slowly)
    plan, listener = campaign.plan, campaign.listener
    session = CampaignSession(plan, campaign.folder, listener, ENGINES, now_s=lambda: clock[0])
    cell = plan.cells[0]
    session.start_cell(cell, "big")
    for index, at_s in enumerate((100.0, 103.0, 140.0, 140.1, 150.0), 1):
        clock[0] = at_s
        session.record_step(cell, make_closed_step(10, index=index), Purpose.SEARCH)
    assert written_at_s == [100.0, 140.1]
    session.finish(CampaignState.INTERRUPTED)
    assert len(written_at_s) == 3, "at the end they are always written"
