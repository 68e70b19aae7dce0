"""At its end a campaign holds the size to take for longer, and recommends the next one if that breaks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.listener import CampaignListener
from harness.campaign.progress import rejudge
from harness.campaign.scheduler import Scheduler
from harness.model import (
    CampaignResult,
    Cell,
    CellResult,
    Plan,
    Price,
    Purpose,
    Status,
    Step,
    StepResult,
    Verdict,
)
from harness.plan import plan_to_json
from harness.report import build_view, render_report, write_recommendation
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service
from tests.unit.campaign.fake_campaign import FakeCampaign, RecordingListener

USERS = 50
SMALL, MIDDLE, LARGE = "web-c0.10-m256", "web-c0.30-m256", "web-c0.60-m256"
SIZES = ((0.1, 256), (0.3, 256), (0.6, 256))
"""Fifty users make 20 requests a second of 6 ms each: they need 0.12 cores, so two sizes sustain them."""

PRICE = Price("EUR")
SOAK_S = 40.0
USUAL = Service(law="deterministic")
SLOW = replace(USUAL, cpu_s=0.06)
"""With it 20 requests a second need 1.2 cores: no size sustains the users."""

Change = Callable[[FakeBackends], None]


def soak_plan(*sizes: tuple[float, int], **changes: int) -> Plan:
    plan = make_plan(*(sizes or SIZES), users_limit=USERS)
    return replace(plan, search=replace(plan.search, soak_s=SOAK_S), **changes)  # type: ignore[arg-type]


class SoakListener(RecordingListener):
    """Changes the fakes when the soak of a cell begins, and interrupts the campaign at a moment of a soak."""

    def __init__(
        self, fake: FakeBackends, changes: Mapping[str, Change] | None = None, moment: str = ""
    ) -> None:
        super().__init__()
        self.fake = fake
        self.changes = changes or {}
        self.moment = moment
        self.soaked: list[str] = []

    def soak_started(self, cell: Cell, step: Step) -> None:
        self.soaked.append(cell.id)
        self.fake.services["web"] = USUAL  # type: ignore[index]
        if cell.id in self.changes:
            self.changes[cell.id](self.fake)

    def drift_check_started(self, cell: Cell) -> None:
        self.fake.services["web"] = USUAL  # type: ignore[index]

    def cell_started(self, cell: Cell) -> None:
        super().cell_started(cell)
        self.fake.services["web"] = USUAL  # type: ignore[index]

    def container_starting(self, cell: Cell) -> None:
        self.interrupt("container")

    def step_started(self, cell: Cell, step: Step) -> None:
        super().step_started(cell, step)
        self.interrupt("step")

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        super().step_judged(cell, result)
        self.interrupt("judged")

    def interrupt(self, moment: str) -> None:
        if self.soaked and moment == self.moment:
            raise KeyboardInterrupt


def serve(service: Service) -> Change:
    def change(fake: FakeBackends) -> None:
        fake.services["web"] = service  # type: ignore[index]

    return change


def lose_users(fake: FakeBackends) -> None:
    fake.generator.max_users = USERS // 2


def make_campaign(folder: Path, plan: Plan, changes: Mapping[str, Change] | None = None) -> FakeCampaign:
    campaign = FakeCampaign(folder, plan, USUAL)
    campaign.listener = SoakListener(campaign.fake, changes)
    return campaign


def list_soaked(campaign: FakeCampaign) -> list[str]:
    assert isinstance(campaign.listener, SoakListener)
    return campaign.listener.soaked


def index_cells(result: CampaignResult) -> dict[str, CellResult]:
    return {cell.cell.id: cell for cell in result.cells}


def name_recommended(result: CampaignResult) -> str | None:
    recommended = result.sizing.recommended
    return recommended.cell.id if recommended else None


def recommend(result: CampaignResult) -> str:
    return write_recommendation(build_view(result))


Measured = tuple[FakeCampaign, CampaignResult]


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Measure a campaign whose soak passes, which no test changes."""
    campaign = make_campaign(tmp_path_factory.mktemp("passing"), soak_plan())
    campaign.reports_each_step = True
    return campaign, campaign.measure()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> FakeCampaign:
    """Measure a campaign until the container of its soak is to start. Tests go on with copies."""
    campaign = make_campaign(tmp_path_factory.mktemp("searched"), soak_plan())
    campaign.listener = SoakListener(campaign.fake, moment="container")
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    return campaign


def resume_copy(
    campaign: FakeCampaign, folder: Path, changes: Mapping[str, Change] | None = None
) -> FakeCampaign:
    copied = campaign.copy_to(folder)
    copied.listener = SoakListener(copied.fake, changes)
    copied.folder.mark_resumed()
    return copied


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, searched: FakeCampaign) -> Measured:
    """Measure a campaign whose first soak breaks, which no test changes."""
    campaign = resume_copy(searched, tmp_path_factory.mktemp("broken"), {MIDDLE: serve(SLOW)})
    return campaign, campaign.measure()


@pytest.fixture(scope="module")
def without_soak(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Measure a campaign without a soak, which no test changes."""
    campaign = make_campaign(tmp_path_factory.mktemp("off"), make_plan(*SIZES, users_limit=USERS))
    return campaign, campaign.measure()


def test_the_size_to_take_is_held_for_the_soak_in_a_fresh_container(passing: Measured) -> None:
    campaign, result = passing
    soak = index_cells(result)[MIDDLE].soak
    assert list_soaked(campaign) == [MIDDLE]
    assert soak is not None
    assert soak.step is not None
    assert (soak.verdict, soak.users) == (Verdict.PASS, USERS)
    assert soak.step.window_s == pytest.approx(SOAK_S, abs=0.5)
    record = campaign.folder.read_log().find_last_attempt(MIDDLE)
    assert (len(record.soak_runs), len(record.soak_files)) == (1, 1)
    assert record.soak_runs[0].number == len(record.runs) + 1
    assert campaign.fake.host.runs[-1].id == MIDDLE


def test_the_sentence_says_how_long_the_size_was_held_and_what_was_seen(passing: Measured) -> None:
    _, result = passing
    assert name_recommended(result) == MIDDLE
    assert "0.3 CPU / 256 MiB: it sustained all 50 for 40 s" in recommend(result)
    assert " It did so with p95 " in recommend(result)
    assert "MiB of memory." in recommend(result)


def test_the_soak_is_no_step_of_the_search(passing: Measured, without_soak: Measured) -> None:
    (_, soaked), (_, off) = passing, without_soak
    assert tuple(replace(cell, soak=None) for cell in soaked.cells) == off.cells
    assert soaked.drift == off.drift


def test_a_size_that_breaks_in_its_soak_is_not_recommended_but_the_next_one_is(broken: Measured) -> None:
    campaign, result = broken
    assert list_soaked(campaign) == [MIDDLE, LARGE]
    middle = index_cells(result)[MIDDLE]
    assert middle.soak is not None
    assert middle.soak.verdict is Verdict.FAIL
    assert (middle.status, middle.sustained_users, middle.broken_users) == (Status.NONE, None, USERS)
    assert name_recommended(result) == LARGE
    assert (
        "With less CPU, 0.3 CPU / 256 MiB sustains fewer than 50, because at 50 users it passed for "
        in recommend(result)
    )
    assert any(
        "0.3 CPU / 256 MiB is not recommended for 50 users" in line for line in build_view(result).warnings
    )


def test_none_is_recommended_if_every_size_breaks_in_its_soak(tmp_path: Path, searched: FakeCampaign) -> None:
    campaign = resume_copy(searched, tmp_path, {MIDDLE: serve(SLOW), LARGE: serve(SLOW)})
    result = campaign.measure()
    assert list_soaked(campaign) == [MIDDLE, LARGE]
    assert name_recommended(result) is None
    assert recommend(result).startswith("None of these sizes sustains 50 users")


def test_stored_facts_give_the_same_answer_as_the_run(broken: Measured) -> None:
    campaign, result = broken
    assert render_report(rejudge(campaign.plan, campaign.folder)) == render_report(result)


@pytest.mark.parametrize(
    ("change", "held", "reason"),
    [
        (lose_users, 2, "because holding it was invalid twice (50 users were not reached in time"),
        (
            serve(replace(USUAL, exits_at_start=1)),
            0,
            "because it did not come up again (ended with exit code 1",
        ),
    ],
    ids=["invalid twice", "not ready"],
)
def test_a_soak_that_says_nothing_leaves_the_recommendation_and_says_so(
    tmp_path: Path, searched: FakeCampaign, change: Change, held: int, reason: str
) -> None:
    campaign = resume_copy(searched, tmp_path, {MIDDLE: change})
    result = campaign.measure()
    record = campaign.folder.read_log().find_last_attempt(MIDDLE)
    assert len(record.soak_files) == held
    assert name_recommended(result) == MIDDLE
    assert f"It is not confirmed for longer at 50 users, {reason}" in recommend(result)


def test_a_soak_that_passes_takes_the_place_of_the_drift_check_at_the_same_cell_and_users(
    tmp_path: Path,
) -> None:
    campaign = make_campaign(tmp_path, soak_plan((0.05, 256), (0.1, 256), (0.6, 256)))
    result = campaign.measure()
    assert list_soaked(campaign) == [LARGE]
    assert campaign.folder.read_log().find_last_attempt(LARGE).drift_check_runs == []
    assert result.drift is not None
    assert (result.drift.cell.id, result.drift.users, result.drift.is_soak) == (LARGE, USERS, True)
    assert not result.drift.is_marked


def test_the_drift_check_is_held_after_all_if_the_soak_in_its_place_fails(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path, soak_plan((0.05, 256), (0.1, 256), (0.6, 256)), {LARGE: serve(SLOW)})
    result = campaign.measure()
    assert len(campaign.folder.read_log().find_last_attempt(LARGE).drift_check_files) == 1
    assert result.drift is not None
    assert (result.drift.users, result.drift.verdict, result.drift.is_marked) == (USERS, Verdict.PASS, False)
    assert name_recommended(result) is None


def test_without_a_soak_nothing_is_held_and_the_report_says_so(without_soak: Measured) -> None:
    campaign, result = without_soak
    assert list_soaked(campaign) == []
    assert all(cell.soak is None for cell in result.cells)
    assert "it sustained all 50" in recommend(result)
    assert "it sustained all 50 for" not in recommend(result)
    assert [fact.value for fact in build_view(result).trust if fact.label == "Soak"] == ["off"]


def test_of_a_repeated_size_one_cell_is_held(tmp_path: Path) -> None:
    plan = soak_plan()
    cells = tuple(
        replace(cell, id=f"{cell.id}-r{number}", repetition=number)
        for number in (1, 2)
        for cell in plan.cells
    )
    campaign = make_campaign(tmp_path, replace(plan, cells=cells), {f"{MIDDLE}-r1": serve(SLOW)})
    result = campaign.measure()
    assert list_soaked(campaign) == [f"{MIDDLE}-r1", f"{LARGE}-r1"]
    assert name_recommended(result) == f"{LARGE}-r1"


@pytest.mark.parametrize("moment", ["container", "step", "judged"])
def test_a_soak_that_was_interrupted_is_held_again_and_a_stored_one_is_not(
    tmp_path: Path, searched: FakeCampaign, moment: str
) -> None:
    campaign = resume_copy(searched, tmp_path)
    campaign.listener = SoakListener(campaign.fake, moment=moment)
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    campaign.listener = SoakListener(campaign.fake)
    campaign.folder.mark_resumed()
    result = campaign.measure()
    record = campaign.folder.read_log().find_last_attempt(MIDDLE)
    assert len(record.soak_files) == 1
    assert list_soaked(campaign) == ([] if moment == "judged" else [MIDDLE])
    assert [line for line in campaign.listener.lines if line.startswith("start")] == []
    soak = index_cells(result)[MIDDLE].soak
    assert soak is not None
    assert soak.verdict is Verdict.PASS


def test_a_demand_holds_the_smallest_size_and_searches_on_if_it_breaks(tmp_path: Path) -> None:
    plan = soak_plan((0.1, 256), (0.3, 256), (0.4, 256), (0.6, 256), users_required=USERS)
    campaign = make_campaign(tmp_path, plan, {MIDDLE: serve(SLOW)})
    result = campaign.measure()
    cells = index_cells(result)
    assert list_soaked(campaign) == [MIDDLE, "web-c0.40-m256"]
    assert (cells[MIDDLE].status, cells[MIDDLE].broken_users) == (Status.NONE, USERS)
    assert cells["web-c0.40-m256"].steps
    assert name_recommended(result) == "web-c0.40-m256"
    assert render_report(rejudge(campaign.plan, campaign.folder)) == render_report(result)


def test_a_soak_longer_than_a_window_is_not_explained_by_rare_requests(tmp_path: Path) -> None:
    plan = soak_plan()
    short = replace(plan.timing, window_at_most_s=0.75 * SOAK_S)
    campaign = make_campaign(tmp_path, replace(plan, timing=short))
    campaign.measure()
    assert list_soaked(campaign) == [MIDDLE]
    assert not [note for note in campaign.listener.notes if "windows are longer" in note]


def test_a_demand_with_headroom_holds_a_larger_size_that_follows(tmp_path: Path) -> None:
    """The users leave 8 % of 0.13 CPU, which they pass, and 60 % of 0.3 CPU, which is not searched."""
    plan = soak_plan((0.1, 256), (0.13, 256), (0.3, 256), users_required=USERS)
    campaign = make_campaign(tmp_path, replace(plan, headroom_ratio=0.3))
    result = campaign.measure()
    assert list_soaked(campaign) == [MIDDLE]
    assert name_recommended(result) == MIDDLE
    assert result.sizing.just_enough is not None
    assert result.sizing.just_enough.cell.id == "web-c0.13-m256"
    assert "sustains 50" in recommend(result)


def test_a_demand_holds_a_cheaper_size_that_was_never_measured(tmp_path: Path) -> None:
    plan = soak_plan((0.1, 256), (0.3, 256), (0.4, 256), (0.6, 256), users_required=USERS)
    named = tuple(replace(cell, size_name=cell.id) for cell in plan.cells)
    by_name = {cell.id: 1.0 for cell in named} | {"web-c0.40-m256": 0.1}
    campaign = make_campaign(
        tmp_path,
        replace(plan, cells=named, price=replace(PRICE, by_name=by_name)),
        {"web-c0.40-m256": serve(SLOW)},
    )
    result = campaign.measure()
    broken = index_cells(result)["web-c0.40-m256"]
    assert list_soaked(campaign)[0] == "web-c0.40-m256"
    assert (broken.status, broken.broken_users) == (Status.NONE, USERS)
    assert name_recommended(result) not in (None, "web-c0.40-m256")


def test_of_two_engines_the_one_that_searched_the_size_holds_it_alone(tmp_path: Path) -> None:
    plan = soak_plan()
    engines = {"big": FakeBackends(USUAL, seed=1), "tall": FakeBackends(USUAL, seed=2)}
    folder = CampaignFolder.create(
        tmp_path, "one", plan_to_json(plan), engines["big"].host.read_fingerprint()
    )
    backends = {name: fake.to_backends() for name, fake in engines.items()}
    result = Scheduler(plan, folder, backends, CampaignListener()).run()  # type: ignore[arg-type]
    (run,) = folder.read_log().find_last_attempt(MIDDLE).soak_runs
    assert run.engine == index_cells(result)[MIDDLE].engine
    assert run.purpose is Purpose.SOAK
    soak = index_cells(result)[MIDDLE].soak
    assert soak is not None
    assert soak.verdict is Verdict.PASS
    assert render_report(rejudge(plan, folder)) == render_report(result)


class EngineLoser(CampaignListener):
    """Takes away the engine that searched the size, as soon as its soak begins for the first time."""

    def __init__(self, engines: Mapping[str, FakeBackends]) -> None:
        self.engines = engines
        self.searchers: dict[str, str] = {}
        self.lost: list[str] = []

    def cell_finished(self, result: CellResult) -> None:
        assert result.engine is not None
        self.searchers[result.cell.id] = result.engine

    def soak_started(self, cell: Cell, step: Step) -> None:
        if not self.lost:
            self.lost.append(self.searchers[cell.id])
            fake = self.engines[self.lost[0]]
            fake.host.unavailable_between_s = (fake.clock.now_s(), float("inf"))


def test_another_engine_holds_the_soak_if_the_one_that_searched_the_size_is_lost(tmp_path: Path) -> None:
    plan = soak_plan()
    engines = {"big": FakeBackends(USUAL, seed=1), "tall": FakeBackends(USUAL, seed=2)}
    folder = CampaignFolder.create(
        tmp_path, "one", plan_to_json(plan), engines["big"].host.read_fingerprint()
    )
    backends = {name: fake.to_backends() for name, fake in engines.items()}
    listener = EngineLoser(engines)
    result = Scheduler(plan, folder, backends, listener).run()  # type: ignore[arg-type]
    soak = index_cells(result)[MIDDLE].soak
    assert soak is not None
    assert soak.verdict is Verdict.PASS
    *_, run = folder.read_log().find_last_attempt(MIDDLE).soak_runs
    assert run.engine not in (None, *listener.lost)
    assert folder.read_log().state == "complete"


def test_the_soak_is_held_again_if_the_only_engine_is_away_for_a_while(tmp_path: Path) -> None:
    def lose_engine(fake: FakeBackends) -> None:
        if fake.host.unavailable_between_s is None:
            fake.host.unavailable_between_s = (fake.clock.now_s() + 20, fake.clock.now_s() + 40)

    campaign = make_campaign(tmp_path, soak_plan(), {MIDDLE: lose_engine})
    result = campaign.measure()
    assert list_soaked(campaign) == [MIDDLE, MIDDLE]
    record = campaign.folder.read_log().find_last_attempt(MIDDLE)
    assert (len(record.soak_runs), len(record.soak_files)) == (2, 1)
    assert name_recommended(result) == MIDDLE
    soak = index_cells(result)[MIDDLE].soak
    assert soak is not None
    assert soak.verdict is Verdict.PASS
