"""Faults of engines, generator and disk: which are reported, which steps are tried again, what goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.engine_worker import ENGINE_TIMEOUT_S
from harness.campaign.scheduler import Scheduler
from harness.errors import EngineUnavailableError, StoreError, UsageError
from harness.model import Rule, Status, Verdict
from harness.report.view.explanations import explain_judgement
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign


def list_faults(folder: CampaignFolder) -> list[str]:
    return [event["what"] for event in folder.event_log.read() if event["event"] == "fault"]


def shift_from_now(campaign: FakeCampaign, from_s: float, to_s: float) -> tuple[float, float]:
    """Seconds after now."""
    now_s = campaign.fake.clock.now_s()
    return now_s + from_s, now_s + to_s


def test_an_engine_that_comes_back_costs_the_container_run_that_it_interrupted(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256), (0.5, 256)), Service())
    campaign.fake.host.unavailable_between_s = shift_from_now(campaign, 100, 130)
    cells = campaign.run()
    assert {cell.status for cell in cells.values()} == {Status.BRACKETED}
    assert list_faults(campaign.folder) == ["Docker could not inspect the target: Connection refused"]
    assert "trying again" in campaign.listener.notes[0]
    assert campaign.fake.host.running == []
    assert campaign.folder.read_log().state == "complete"


def test_an_engine_that_stays_away_ends_the_campaign_which_goes_on_later(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256), (0.5, 256)), Service())
    campaign.fake.host.unavailable_between_s = shift_from_now(campaign, 100, 100 + 10 * ENGINE_TIMEOUT_S)
    with pytest.raises(EngineUnavailableError):
        campaign.run()
    assert campaign.folder.read_log().state == "interrupted"
    campaign.fake.host.unavailable_between_s = None
    campaign.folder.mark_resumed()
    assert {cell.status for cell in campaign.run().values()} == {Status.BRACKETED}


def test_an_engine_that_fails_at_every_container_ends_the_campaign(tmp_path: Path) -> None:
    """It answers when asked, and fails at each container: that is no passing fault."""
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256)), Service())
    host = campaign.fake.host

    def gone() -> None:
        if host.runs:
            raise EngineUnavailableError("the storage driver is broken")

    host.check_answering = gone  # type: ignore[method-assign]
    with pytest.raises(EngineUnavailableError, match="storage driver"):
        campaign.run()
    assert len(list_faults(campaign.folder)) <= 3


def test_a_step_of_a_wedged_generator_is_invalid_and_is_held_again(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256)), Service())
    campaign.fake.generator.silent_between_s = shift_from_now(campaign, 60, 72)
    (result,) = campaign.run().values()
    invalid = [step for step in result.steps if step.verdict is Verdict.INVALID]
    assert [step.rule for step in invalid] == [Rule.GENERATOR]
    assert "silent" in explain_judgement(invalid[0].judgement)
    assert result.status is Status.BRACKETED
    assert result.stop_reason is None


def test_a_campaign_does_not_go_on_with_another_image(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256)), Service())
    campaign.run()
    campaign.fake.host.digests["web"] = "sha256:another"
    with pytest.raises(UsageError, match="has changed since this campaign started"):
        campaign.run()


def test_a_disk_that_is_full_ends_the_campaign_and_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256), (0.5, 256)), Service())
    full = FullAfterSteps(campaign.folder.path, steps=3)
    scheduler = Scheduler(campaign.plan, full, campaign.backends, campaign.listener)
    with pytest.raises(StoreError, match="No space left"):
        scheduler.run()
    assert campaign.fake.host.running == []
    again = CampaignFolder.open(campaign.folder.path)
    kept = [event["file"] for event in again.event_log.read() if event["event"] == "step-finished"]
    assert len(kept) == 3
    again.mark_resumed()
    done = Scheduler(campaign.plan, again, campaign.backends, campaign.listener).run()
    assert {cell.status for cell in done.cells} == {Status.BRACKETED}
    files = [event["file"] for event in again.event_log.read() if event["event"] == "step-finished"]
    assert files[:3] == kept
    assert len(files) == len(set(files))


class FullAfterSteps(CampaignFolder):
    """A folder on a disk that is full after so many steps."""

    def __init__(self, path: Path, steps: int) -> None:
        super().__init__(path)
        self.left = steps

    def add_step(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        if self.left == 0:
            raise StoreError(f"{self.path}: No space left on device")
        self.left -= 1
        return super().add_step(*args, **kwargs)


def test_a_demand_survives_an_outage_too(tmp_path: Path) -> None:
    plan = replace(make_plan((0.25, 256), (0.5, 256), (1.0, 256)), users_required=120, users_limit=120)
    campaign = FakeCampaign(tmp_path, plan, Service())
    campaign.fake.host.unavailable_between_s = shift_from_now(campaign, 50, 60)
    cells = campaign.run()
    assert Status.RUNNING not in {cell.status for cell in cells.values()}
