"""`run_campaign` itself, on fakes of Docker and Locust: what one call does from the checks to the answer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign import run_campaign
from harness.campaign.preflight import EngineBackends
from harness.campaign.resume import create_campaign
from harness.errors import UsageError
from harness.model import ImageSource, Plan, Scenario, Status
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends
from tests.unit.campaign.fake_campaign import RecordingListener, StepInterrupter


class StartListener(RecordingListener):
    """Records the plan that is measured after all checks, and how many of its cells are already finished."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[Plan, int]] = []

    def campaign_started(self, plan: Plan, finished_cells: int, at_once: int = 1) -> None:
        self.started.append((plan, finished_cells))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text("class Visitor(HttpUser): ...\n")
    return replace(
        make_plan((0.1, 256), (0.2, 256)),
        scenario=Scenario((locustfile,)),
        hashes={"matrix": "a", "scenario": "b", "target": "c"},
    )


@pytest.fixture
def small_plan(plan: Plan) -> Plan:
    """Return a plan that is measured sooner, for tests to which the answer is no matter."""
    return replace(plan, users_limit=20)


def connect_to(fake: FakeBackends) -> Callable[[str, Plan], EngineBackends]:
    def connect(_campaign: str, _plan: Plan) -> EngineBackends:
        return {None: fake.to_backends()}

    return connect


def test_one_call_measures_all_sizes_in_a_new_folder(tmp_path: Path, plan: Plan) -> None:
    fake, listener, names = FakeBackends(), StartListener(), []

    def connect(campaign: str, plan: Plan) -> EngineBackends:
        names.append(campaign)
        return connect_to(fake)(campaign, plan)

    result, folder = run_campaign(plan, tmp_path / "results", listener, connect=connect)
    assert {cell.status for cell in result.cells} == {Status.BRACKETED}
    assert result.campaign == folder.name
    assert names == [folder.name]
    assert CampaignFolder.open(tmp_path / "results" / "latest").path == folder.path
    assert folder.read_log().state == "complete"
    assert (folder.path / "report.html").is_file()
    assert "not separated" in str(result.fingerprint.placement)
    assert [finished for _, finished in listener.started] == [0]
    assert (fake.host.running, fake.host.reserved_by) == ([], None)


def test_the_next_call_resumes_an_interrupted_campaign(tmp_path: Path, plan: Plan) -> None:
    results, fake = tmp_path / "results", FakeBackends()
    with pytest.raises(KeyboardInterrupt):
        run_campaign(plan, results, StepInterrupter(2), connect=connect_to(fake))
    assert (fake.host.running, fake.host.reserved_by) == ([], None)
    interrupted = CampaignFolder.open(results / "latest")
    (attempt,) = interrupted.read_log().attempts.values()
    stored = list(attempt.step_files)

    listener = StartListener()
    result, folder = run_campaign(plan, results, listener, connect=connect_to(fake))
    assert folder.path == interrupted.path
    assert any("was interrupted" in note for note in listener.notes)
    assert result.state == "complete"
    first, *_ = folder.read_log().attempts.values()
    assert first.step_files[: len(stored)] == stored
    assert "campaign-resumed" in [event["event"] for event in folder.event_log.read()]


def test_a_fresh_campaign_leaves_an_interrupted_one_as_it_is(tmp_path: Path, small_plan: Plan) -> None:
    results, fake = tmp_path / "results", FakeBackends()
    fingerprint = fake.host.read_fingerprint()
    interrupted = create_campaign(results, "20260101-000000-web", small_plan, fingerprint)
    events = interrupted.event_log.read()
    _, folder = run_campaign(small_plan, results, RecordingListener(), fresh=True, connect=connect_to(fake))
    assert folder.path != interrupted.path
    assert interrupted.event_log.read() == events


def test_a_campaign_is_resumed_by_its_folder_even_if_it_is_not_the_newest(
    tmp_path: Path, small_plan: Plan
) -> None:
    results, fake = tmp_path / "results", FakeBackends()
    fingerprint = fake.host.read_fingerprint()
    older = create_campaign(results, "20260101-000000-web", small_plan, fingerprint)
    create_campaign(results, "20260102-000000-web", small_plan, fingerprint)
    result, folder = run_campaign(
        small_plan, results, RecordingListener(), resume=older.path, connect=connect_to(fake)
    )
    assert (folder.path, result.campaign) == (older.path, older.name)
    assert result.state == "complete"


def test_a_size_that_does_not_fit_the_host_is_skipped(tmp_path: Path, plan: Plan) -> None:
    plan = replace(plan, cells=(plan.cells[0], make_plan((64.0, 256)).cells[0]))
    listener = StartListener()
    result, _ = run_campaign(plan, tmp_path / "results", listener, connect=connect_to(FakeBackends()))
    assert [cell.status for cell in result.cells] == [Status.BRACKETED, Status.SKIPPED]
    ((fitted, _),) = listener.started
    assert list(fitted.skipped) == [plan.cells[1].id]


@pytest.mark.parametrize("mistake", ["image", "scenario", "sizes"])
def test_a_plan_that_cannot_be_measured_is_refused_before_anything_starts(
    tmp_path: Path, plan: Plan, mistake: str
) -> None:
    fake, results = FakeBackends(), tmp_path / "results"
    changes: dict[str, Plan] = {
        "image": replace(plan, target=replace(plan.target, source=ImageSource("no-such-image:ever"))),
        "scenario": replace(plan, scenario=replace(plan.scenario, user_classes=("Nobody",))),
        "sizes": replace(plan, cells=make_plan((64.0, 256)).cells),
    }
    messages = {"image": "no-such-image", "scenario": "Nobody", "sizes": "none of the sizes"}
    with pytest.raises(UsageError, match=messages[mistake]):
        run_campaign(changes[mistake], results, RecordingListener(), connect=connect_to(fake))
    assert fake.host.runs == []
    assert not results.exists()


def test_a_port_that_a_killed_campaign_still_holds_is_free_for_the_next_one(
    tmp_path: Path, small_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, listener = FakeBackends(), RecordingListener()
    fake.host.running.append("harness-killed-1")

    def find_problems(*_: object) -> list[str]:
        return ["port 8080 is already in use"] if fake.host.running else []

    monkeypatch.setattr(fake.host, "find_problems", find_problems)
    result, _ = run_campaign(small_plan, tmp_path / "results", listener, connect=connect_to(fake))
    assert result.state == "complete"
    assert "removed a leftover: harness-killed-1" in listener.notes


@pytest.mark.parametrize("folder", ["20260101-000000-web", "nowhere"])
def test_a_campaign_that_can_not_be_resumed_is_refused_before_an_engine_is_asked(
    tmp_path: Path, plan: Plan, folder: str
) -> None:
    results, fake = tmp_path / "results", FakeBackends()
    create_campaign(results, "20260101-000000-web", plan, fake.host.read_fingerprint())
    changed = replace(plan, hashes={**plan.hashes, "matrix": "z"})

    def connect(_campaign: str, _plan: Plan) -> EngineBackends:
        raise AssertionError("an engine was asked")

    with pytest.raises(UsageError, match=r"the matrix changed|no campaign here"):
        run_campaign(changed, results, RecordingListener(), resume=results / folder, connect=connect)
