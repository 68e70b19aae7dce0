"""A running comparison shows its windows and pairs in its folder, and leaves nothing of that at its end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.campaign.ab import AbRequest, run_ab
from harness.campaign.ab_listener import AbListener
from harness.model import Cell, Plan, Purpose, Step, StepResult
from harness.model.ab import AbAnswer, Pair
from harness.model.live import LiveCampaign, LiveStep
from harness.store import CampaignFolder
from harness.store.live_files import StepFollower, read_live_campaign
from tests.fakes import FakeBackends
from tests.unit.campaign.fake_comparison import WORSE, connect_to, make_ab_plan

LIVE_FILES = ("live.json", "cells/*/step.part")
REQUEST = AbRequest("unchanged", "web:2", users=20)


class Observer(AbListener):
    """Reads the folder as another process would: as each window is judged, and after each pair."""

    def __init__(self, most_pairs: int = 1000) -> None:
        self.folder: CampaignFolder | None = None
        self.most_pairs = most_pairs
        self.windows: list[tuple[str, Step, LiveStep | None]] = []
        self.waiting: list[list[str]] = []
        self.comparisons: list[LiveCampaign | None] = []
        self.files: list[bool] = []
        self._step: Step | None = None

    def open(self, folder: CampaignFolder) -> None:
        self.folder = folder

    def container_starting(self, cell: Cell) -> None:
        assert self.folder is not None
        self.waiting.append(sorted(path.parent.name for path in self.folder.path.glob(LIVE_FILES[1])))

    def step_started(self, cell: Cell, step: Step) -> None:
        self._step = step

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        assert self.folder is not None
        assert self._step is not None
        step = StepFollower(self.folder, cell.id).read()
        self.windows.append((cell.limits.variant or "", self._step, step))

    def pair_finished(self, pair: Pair, answer: AbAnswer) -> None:
        assert self.folder is not None
        self.comparisons.append(read_live_campaign(self.folder))
        self.files.append((self.folder.path / "ab.html").is_file())
        if len(self.comparisons) == self.most_pairs:
            raise KeyboardInterrupt


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_ab_plan(tmp_path)


@pytest.fixture
def compare(plan: Plan, tmp_path: Path) -> Callable[[Observer], CampaignFolder]:
    def run(observer: Observer) -> CampaignFolder:
        connect = connect_to(FakeBackends(services={"web:2": WORSE}))
        try:
            run_ab(plan, REQUEST, tmp_path / "results", observer, connect=connect, on_folder=observer.open)
        except KeyboardInterrupt:
            assert len(observer.comparisons) == observer.most_pairs
        assert observer.folder is not None
        return observer.folder

    return run


def list_live_files(folder: CampaignFolder) -> list[Path]:
    return [path for pattern in LIVE_FILES for path in folder.path.glob(pattern)]


def test_every_window_is_in_the_folder_while_it_is_held(
    compare: Callable[[Observer], CampaignFolder],
) -> None:
    """The pilot is a window of the base; then come base and head, head and base."""
    observer = Observer(most_pairs=2)
    compare(observer)
    assert [side for side, _, _ in observer.windows] == ["base", "base", "head", "head", "base"]
    for _, step, stored in observer.windows:
        assert stored is not None
        assert (stored.head.users, stored.head.purpose) == (step.users, Purpose.AB)
        assert stored.points


def test_no_window_is_in_the_folder_while_the_next_one_waits_for_its_container(
    compare: Callable[[Observer], CampaignFolder],
) -> None:
    observer = Observer(most_pairs=2)
    compare(observer)
    assert observer.waiting == [[]] * 5


def test_the_pairs_so_far_are_in_the_folder_in_words(
    compare: Callable[[Observer], CampaignFolder],
) -> None:
    observer = Observer(most_pairs=2)
    compare(observer)
    first, second = observer.comparisons
    assert first is not None
    assert second is not None
    assert [size.limits.variant for size in first.sizes] == ["base", "head"]
    assert first.comparison is not None
    assert second.comparison is not None
    assert first.comparison.title == "base unchanged and head web:2 at 0.5 CPU / 256 MiB with 20 users"
    assert [pair.number for pair in first.comparison.pairs] == [1]
    assert [pair.number for pair in second.comparison.pairs] == [1, 2]
    assert second.comparison.answer.startswith("Undecided: ")
    (pair,) = first.comparison.pairs
    assert pair.base.endswith("ms")
    assert pair.head.endswith("ms")
    assert pair.meaning == "counts"


def test_the_page_of_the_pairs_so_far_is_there_from_the_first_one_on(
    compare: Callable[[Observer], CampaignFolder],
) -> None:
    observer = Observer()
    folder = compare(observer)
    assert set(observer.files) == {True}
    assert json.loads((folder.path / "ab.json").read_text())["over"] is True


def test_a_comparison_that_goes_on_shows_the_pairs_from_before(
    compare: Callable[[Observer], CampaignFolder],
) -> None:
    compare(Observer(most_pairs=2))
    observer = Observer(most_pairs=1)
    compare(observer)
    (comparison,) = observer.comparisons
    assert comparison is not None
    assert comparison.comparison is not None
    assert [pair.number for pair in comparison.comparison.pairs] == [1, 2, 3]


@pytest.mark.parametrize("most_pairs", [1, 1000])
def test_at_the_end_and_after_an_interruption_nothing_is_left(
    compare: Callable[[Observer], CampaignFolder], most_pairs: int
) -> None:
    assert list_live_files(compare(Observer(most_pairs))) == []


def test_before_the_pilot_is_over_it_says_so(plan: Plan, tmp_path: Path) -> None:
    shown: list[LiveCampaign | None] = []

    class Pilot(Observer):
        def step_judged(self, cell: Cell, result: StepResult) -> None:
            assert self.folder is not None
            shown.append(read_live_campaign(self.folder))
            raise KeyboardInterrupt

    observer = Pilot()
    with pytest.raises(KeyboardInterrupt):
        run_ab(
            plan,
            REQUEST,
            tmp_path / "results",
            observer,
            connect=connect_to(FakeBackends()),
            on_folder=observer.open,
        )
    (campaign,) = shown
    assert campaign is not None
    assert campaign.comparison is not None
    assert campaign.comparison.title == "base unchanged and head web:2 at 0.5 CPU / 256 MiB"
    assert campaign.comparison.answer.startswith("A pilot finds out")
    assert observer.folder is not None
    assert list_live_files(observer.folder) == []
