"""A campaign survives faults of engines and generator, and loses no stored step by a fault of the disk."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.campaign.engine_worker import ENGINE_TIMEOUT_S
from harness.campaign.scheduler import Scheduler
from harness.errors import EngineUnavailableError, StoreError, UsageError
from harness.measure.protocols import Image
from harness.model import Rule, Status, Target, Verdict
from harness.report.view.explanations import explain_judgement
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

TWO_SIZES = make_plan((0.1, 256), (0.2, 256))
"""They sustain few users, which are measured sooner."""


def list_faults(folder: CampaignFolder) -> list[str]:
    return [event["what"] for event in folder.event_log.read() if event["event"] == "fault"]


def make_interval(campaign: FakeCampaign, from_s: float, to_s: float) -> tuple[float, float]:
    """Return the interval between two instants that are given in seconds after now."""
    now_s = campaign.fake.clock.now_s()
    return now_s + from_s, now_s + to_s


def test_an_engine_that_comes_back_costs_the_container_run_that_it_interrupted(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, TWO_SIZES, Service())
    campaign.fake.host.unavailable_between_s = make_interval(campaign, 100, 130)
    cells = campaign.measure_cells()
    assert {cell.status for cell in cells.values()} == {Status.BRACKETED}
    assert list_faults(campaign.folder) == ["Docker could not inspect the target: Connection refused"]
    assert "trying again" in campaign.listener.notes[0]
    assert campaign.fake.host.running == []
    assert campaign.folder.read_log().state == "complete"


def test_an_engine_that_stays_away_ends_the_campaign_which_goes_on_later(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, TWO_SIZES, Service())
    campaign.fake.host.unavailable_between_s = make_interval(campaign, 100, 100 + 10 * ENGINE_TIMEOUT_S)
    with pytest.raises(EngineUnavailableError):
        campaign.measure_cells()
    assert campaign.folder.read_log().state == "interrupted"
    campaign.fake.host.unavailable_between_s = None
    campaign.folder.mark_resumed()
    assert {cell.status for cell in campaign.measure_cells().values()} == {Status.BRACKETED}


def test_an_engine_that_fails_at_every_container_ends_the_campaign(tmp_path: Path) -> None:
    """Check an engine that answers polls and fails at each container: waiting for it does not help."""
    campaign = FakeCampaign(tmp_path, make_plan((0.1, 256)), Service())
    host = campaign.fake.host

    def fail_after_first_run() -> None:
        if host.runs:
            raise EngineUnavailableError("the storage driver is broken")

    host.check_answering = fail_after_first_run  # type: ignore[method-assign]
    with pytest.raises(EngineUnavailableError, match="storage driver"):
        campaign.measure_cells()
    assert len(list_faults(campaign.folder)) <= 3


def fail_when_preparing_again(campaign: FakeCampaign, times: int) -> list[float]:
    """Let the engine go away for 30 s, and again at each of the next preparations of images, for 20 s each.

    Returns a list that receives the instants of all preparations.
    """
    host, clock = campaign.fake.host, campaign.fake.clock
    host.unavailable_between_s = make_interval(campaign, 100, 130)
    prepare, prepared_at_s = host.prepare, list[float]()

    def prepare_or_fail(target: Target) -> Image:
        prepared_at_s.append(clock.now_s())
        if 1 < len(prepared_at_s) <= 1 + times:
            host.unavailable_between_s = make_interval(campaign, 0, 20)
        return prepare(target)

    host.prepare = prepare_or_fail  # type: ignore[method-assign]
    return prepared_at_s


def test_an_engine_that_fails_again_while_images_are_prepared_is_awaited_once_more(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, TWO_SIZES, Service())
    prepared_at_s = fail_when_preparing_again(campaign, times=2)
    assert {cell.status for cell in campaign.measure_cells().values()} == {Status.BRACKETED}
    assert len(list_faults(campaign.folder)) == 3
    waits_s = [after - before for before, after in pairwise(prepared_at_s[1:])]
    assert [20 <= wait_s < 25 for wait_s in waits_s] == [True, True]


def test_an_engine_that_fails_at_every_preparation_of_images_ends_the_campaign(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, TWO_SIZES, Service())
    fail_when_preparing_again(campaign, times=100)
    with pytest.raises(EngineUnavailableError):
        campaign.measure_cells()
    assert len(list_faults(campaign.folder)) == 3
    assert campaign.folder.read_log().state == "interrupted"


def test_a_step_of_a_silent_generator_is_invalid_and_is_held_again(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.1, 256)), Service())
    campaign.fake.generator.silent_between_s = make_interval(campaign, 60, 72)
    (result,) = campaign.measure_cells().values()
    invalid = [step for step in result.steps if step.verdict is Verdict.INVALID]
    assert [step.rule for step in invalid] == [Rule.GENERATOR]
    assert "silent" in explain_judgement(invalid[0].judgement)
    assert result.status is Status.BRACKETED
    assert result.stop_reason is None


def test_a_campaign_does_not_go_on_with_another_image(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.1, 256)), Service())
    campaign.measure_cells()
    campaign.fake.host.digests["web"] = "sha256:another"
    with pytest.raises(UsageError, match="has changed since this campaign started"):
        campaign.measure_cells()


def test_a_disk_that_is_full_ends_the_campaign_and_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, TWO_SIZES, Service())
    full_folder = FullAfterSteps(campaign.folder.path, steps=3)
    scheduler = Scheduler(campaign.plan, full_folder, campaign.backends, campaign.listener)
    with pytest.raises(StoreError, match="No space left"):
        scheduler.run()
    assert campaign.fake.host.running == []
    reopened = CampaignFolder.open(campaign.folder.path)
    stored_files = [event["file"] for event in reopened.event_log.read() if event["event"] == "step-finished"]
    assert len(stored_files) == 3
    reopened.mark_resumed()
    result = Scheduler(campaign.plan, reopened, campaign.backends, campaign.listener).run()
    assert {cell.status for cell in result.cells} == {Status.BRACKETED}
    files = [event["file"] for event in reopened.event_log.read() if event["event"] == "step-finished"]
    assert files[:3] == stored_files
    assert len(files) == len(set(files))


class FullAfterSteps(CampaignFolder):
    """A folder on a disk that is full after a number of steps."""

    def __init__(self, path: Path, steps: int) -> None:
        super().__init__(path)
        self.steps_left = steps

    def add_step(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        if self.steps_left == 0:
            raise StoreError(f"{self.path}: No space left on device")
        self.steps_left -= 1
        return super().add_step(*args, **kwargs)


def test_a_demand_survives_an_outage_too(tmp_path: Path) -> None:
    plan = replace(make_plan((0.25, 256), (0.5, 256), (1.0, 256)), users_required=120, users_limit=120)
    campaign = FakeCampaign(tmp_path, plan, Service())
    campaign.fake.host.unavailable_between_s = make_interval(campaign, 50, 60)
    cells = campaign.measure_cells()
    assert Status.RUNNING not in {cell.status for cell in cells.values()}
