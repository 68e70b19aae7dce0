"""A running campaign shows its step and its searches in its folder, and leaves nothing of them at its end."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.campaign.listener import CampaignListener
from harness.campaign.live import StepRecorder
from harness.measure.step import ProgressSample
from harness.model import Cell, CellResult, Purpose, Status, Step, StepResult, Verdict
from harness.model.live import LiveCampaign, LiveStep
from harness.store import CampaignFolder
from harness.store.live_files import StepFollower, read_live_campaign
from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign, RecordingListener, StepInterrupter

PLAN = make_plan((0.1, 256), (0.2, 256))
CELL = PLAN.cells[0]
LIVE_FILES = ("live.json", "cells/*/step.part")


class Observer(RecordingListener):
    """Reads the campaign's folder as another process would: at each verdict, and when a cell is done."""

    def __init__(self) -> None:
        super().__init__()
        self.folder: CampaignFolder | None = None
        self.steps: list[tuple[Step, LiveStep | None]] = []
        self.campaigns: list[LiveCampaign | None] = []
        self._step: Step | None = None

    def step_started(self, cell: Cell, step: Step) -> None:
        self._step = step

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        super().step_judged(cell, result)
        assert self.folder is not None
        assert self._step is not None
        self.steps.append((self._step, StepFollower(self.folder, cell.id).read()))

    def cell_finished(self, result: CellResult) -> None:
        super().cell_finished(result)
        assert self.folder is not None
        self.campaigns.append(read_live_campaign(self.folder))


def list_live_files(folder: CampaignFolder) -> list[Path]:
    return [path for pattern in LIVE_FILES for path in folder.path.glob(pattern)]


@pytest.fixture
def campaign(tmp_path: Path) -> FakeCampaign:
    return FakeCampaign(tmp_path, PLAN, Service())


@pytest.fixture
def observer(campaign: FakeCampaign) -> Observer:
    """Let an observer read the campaign's folder while the campaign is measured."""
    observer = Observer()
    observer.folder = campaign.folder
    campaign.listener = observer
    return observer


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Observer, Mapping[str, CellResult]]:
    """Measure a campaign that is observed; return what was seen, and the answers by the ids of cells."""
    campaign, observer = FakeCampaign(tmp_path_factory.mktemp("observed"), PLAN, Service()), Observer()
    observer.folder, campaign.listener = campaign.folder, observer
    return observer, campaign.measure_cells()


def test_every_step_is_in_the_folder_while_it_is_held(
    observed: tuple[Observer, Mapping[str, CellResult]],
) -> None:
    observer, _ = observed
    assert len(observer.steps) > 5
    for step, stored in observer.steps:
        assert stored is not None
        assert (stored.head.users, stored.head.purpose) == (step.users, step.purpose)
        assert stored.points
    starts = [stored.head.started_at for _, stored in observer.steps if stored is not None]
    assert len(set(starts)) == len(starts)


def test_the_bracket_of_a_search_is_in_the_folder_with_its_steps(
    observed: tuple[Observer, Mapping[str, CellResult]],
) -> None:
    """When the first cell is done, all of its steps are stored, and the second one still waits."""
    observer, answer = observed
    first = observer.campaigns[0]
    assert first is not None
    assert (first.campaign, first.target, first.users_limit) == ("one", "web", 400)
    assert first.p95_limit_s == 1.0
    done, waiting = sorted(first.sizes, key=lambda size: len(size.steps), reverse=True)
    expected = answer[done.id]
    assert (done.sustained_users, done.broken_users) == (expected.sustained_users, expected.broken_users)
    assert done.steps == tuple((step.users, step.verdict) for step in expected.steps)
    assert {Verdict.PASS, Verdict.FAIL} <= {verdict for _, verdict in done.steps}
    assert (waiting.status, waiting.outcome) == (Status.RUNNING, "waiting")
    assert first.verdicts[-1].text.startswith(f"{done.steps[-1][0]} users {done.steps[-1][1]}")


def test_at_the_end_nothing_is_left(observed: tuple[Observer, Mapping[str, CellResult]]) -> None:
    observer, _ = observed
    assert observer.folder is not None
    assert list_live_files(observer.folder) == []


def test_after_an_interrupt_nothing_is_left(campaign: FakeCampaign) -> None:
    campaign.listener = StepInterrupter(3)
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    assert list_live_files(campaign.folder) == []


def test_a_resumed_campaign_shows_the_steps_from_before(campaign: FakeCampaign) -> None:
    campaign.listener = interrupter = StepInterrupter(3)
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    observer = Observer()
    observer.folder, campaign.listener = campaign.folder, observer
    campaign.measure()
    assert observer.campaigns[0] is not None
    (first, *_) = [size for size in observer.campaigns[0].sizes if size.steps]
    before = [f"{users} {verdict}" for users, verdict in first.steps[:3]]
    assert before == [line for line in interrupter.lines if line.endswith(("PASS", "FAIL"))]


def test_what_a_killed_campaign_left_says_nothing_in_the_next_run(
    campaign: FakeCampaign, observer: Observer
) -> None:
    left = campaign.folder.path / "cells" / PLAN.cells[1].id / "step.part"
    left.parent.mkdir(parents=True)
    left.write_text('{"format":1,"started_at":"x","users":7,"purpose":"search"}\n')
    (campaign.folder.path / "live.json").write_text("{}")
    campaign.measure()
    assert all(step.users == stored.head.users for step, stored in observer.steps if stored is not None)
    assert None not in observer.campaigns


def test_a_point_is_stored_about_once_a_second(campaign: FakeCampaign) -> None:
    """Of samples every quarter of a second, over 4 s, those at 0, 1, 2, 3 and 4 s are stored."""
    clock = [100.0]
    recorder = StepRecorder(CampaignListener(), campaign.folder, [CELL], now_s=lambda: clock[0])
    recorder.step_started(CELL, Step(50, purpose=Purpose.SOAK))
    for quarter in range(17):
        clock[0] = 100 + quarter / 4
        recorder.step_progressed(CELL, ProgressSample("window", 50, quarter / 4, (), ()))
    step = StepFollower(campaign.folder, CELL.id).read()
    assert step is not None
    assert [point.at_s for point in step.points] == [0, 1, 2, 3, 4]
    recorder.close()


def test_a_cell_that_waits_for_a_container_says_so(campaign: FakeCampaign) -> None:
    recorder = StepRecorder(CampaignListener(), campaign.folder, [CELL])
    recorder.container_starting(CELL)
    step = StepFollower(campaign.folder, CELL.id).read()
    assert step is not None
    assert (step.head.users, step.points) == (None, ())


def test_everything_is_passed_on(campaign: FakeCampaign) -> None:
    listener = RecordingListener()
    recorder = StepRecorder(listener, campaign.folder, [CELL])
    recorder.note("a note")
    recorder.step_started(CELL, Step(50))
    recorder.step_progressed(CELL, ProgressSample("settle", 50, 1.0, (), ()))
    assert (listener.notes, listener.lines, listener.phases) == (["a note"], ["hold 50"], {"settle"})
