"""Several engines measure one campaign at the same time, on fakes, and take over each other's cells."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.listener import CampaignListener
from harness.campaign.progress import rejudge
from harness.campaign.scheduler import Scheduler
from harness.errors import EngineUnavailableError, UsageError
from harness.measure.session import Backends
from harness.model import CampaignResult, Fingerprint, Plan, Status
from harness.plan import plan_to_json
from harness.report import render_report
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service

SIZES = ((0.5, 128), (0.25, 256), (0.5, 256), (1.0, 256))
QUICK = make_plan(*SIZES, users_limit=100)
"""It asks for no more users than all sizes sustain on a host as fast as usual, so it is measured sooner."""


class FakeCampaignOnEngines:
    """A campaign in a new folder, on fake engines by their names."""

    def __init__(self, folder: Path, plan: Plan, engines: Mapping[str, FakeBackends]) -> None:
        self.plan = plan
        self.engines = engines
        self.folder = CampaignFolder.create(
            folder / "results", "20261124-120000-web", plan_to_json(plan), Fingerprint()
        )

    def measure(self) -> CampaignResult:
        backends: dict[str | None, Backends] = {
            name: fake.to_backends() for name, fake in self.engines.items()
        }
        return Scheduler(self.plan, self.folder, backends, CampaignListener()).run()

    def list_engines_by_cell(self) -> dict[str, set[str]]:
        """Return the engines on which each cell had a container."""
        engines: dict[str, set[str]] = {}
        for event in self.folder.event_log.read():
            if event["event"] == "life-started" and event["purpose"] == "search":
                engines.setdefault(event["cell"], set()).add(event["engine"])
        return engines


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeCampaignOnEngines, CampaignResult]:
    """Measure a campaign on two engines, which no test changes."""
    engines = {"big": FakeBackends(seed=1), "tall": FakeBackends(seed=2)}
    campaign = FakeCampaignOnEngines(tmp_path_factory.mktemp("measured"), make_plan(*SIZES), engines)
    return campaign, campaign.measure()


def test_every_cell_is_measured_by_one_of_the_engines_and_the_reference_on_all(
    measured: tuple[FakeCampaignOnEngines, CampaignResult],
) -> None:
    campaign, answer = measured
    assert {cell.status for cell in answer.cells} <= {Status.BRACKETED, Status.CENSORED}
    assert all(len(engines) == 1 for engines in campaign.list_engines_by_cell().values())
    assert {cell.engine for cell in answer.cells} == set(answer.engines) <= {"big", "tall"}
    assert answer.drift is not None
    (other,) = answer.engine_comparisons
    assert {other.engine, other.against} == {"big", "tall"}
    assert not other.is_marked
    assert all(fake.host.running == [] for fake in campaign.engines.values())


def test_stored_facts_give_the_same_answer_as_the_run(
    measured: tuple[FakeCampaignOnEngines, CampaignResult],
) -> None:
    campaign, answer = measured
    assert render_report(rejudge(campaign.plan, campaign.folder)) == render_report(answer)


def test_a_slower_engine_is_reported_as_not_alike(tmp_path: Path) -> None:
    slow = FakeBackends(Service(cpu_s=Service().cpu_s * 1.5))
    answer = FakeCampaignOnEngines(tmp_path, QUICK, {"big": FakeBackends(), "slow": slow}).measure()
    (other,) = answer.engine_comparisons
    assert other.is_marked
    assert other.cpu_per_request_ratio is not None
    assert abs(other.cpu_per_request_ratio) > 0.25
    page = render_report(answer)
    assert "The engines are not alike" in page["summary.json"]
    assert "The engines are not alike" in page["report.html"]


def test_the_cells_of_an_engine_that_is_lost_go_to_the_others(tmp_path: Path) -> None:
    lost = FakeBackends(seed=2)
    lost.host.unavailable_between_s = (lost.clock.now_s() + 60, float("inf"))
    campaign = FakeCampaignOnEngines(tmp_path, QUICK, {"big": FakeBackends(seed=1), "lost": lost})
    answer = campaign.measure()
    assert {cell.status for cell in answer.cells} <= {Status.BRACKETED, Status.CENSORED}
    assert campaign.folder.read_log().state == "complete"
    for cell in answer.cells:
        assert campaign.list_engines_by_cell()[cell.cell.id] <= {"big", "lost"}
        assert cell.first is None
        assert {step.verdict for step in cell.steps}
    assert any("is lost" in str(event) for event in campaign.folder.event_log.read())
    assert render_report(rejudge(campaign.plan, campaign.folder)) == render_report(answer)


def test_a_campaign_that_lost_all_engines_ends_and_is_resumed_later(tmp_path: Path) -> None:
    engines = {"big": FakeBackends(seed=1), "tall": FakeBackends(seed=2)}
    for fake in engines.values():
        fake.host.unavailable_between_s = (fake.clock.now_s() + 60, float("inf"))
    campaign = FakeCampaignOnEngines(tmp_path, QUICK, engines)
    with pytest.raises(EngineUnavailableError):
        campaign.measure()
    assert campaign.folder.read_log().state == "interrupted"
    for fake in engines.values():
        fake.host.unavailable_between_s = None
    campaign.folder.mark_resumed()
    assert {cell.status for cell in campaign.measure().cells} <= {Status.BRACKETED, Status.CENSORED}


def test_another_image_on_one_engine_ends_the_work_of_all(tmp_path: Path) -> None:
    campaign = FakeCampaignOnEngines(
        tmp_path,
        make_plan(*SIZES[:2], users_limit=40),
        {"big": FakeBackends(seed=1), "tall": FakeBackends(seed=2)},
    )
    campaign.measure()
    campaign.engines["tall"].host.digests["web"] = "sha256:another"
    with pytest.raises(UsageError, match="has changed since this campaign started"):
        campaign.measure()
    assert all(fake.host.running == [] for fake in campaign.engines.values())


def test_a_demand_is_met_by_several_engines(tmp_path: Path) -> None:
    plan = replace(make_plan(*SIZES, users_limit=100), users_required=100)
    campaign = FakeCampaignOnEngines(
        tmp_path, plan, {"big": FakeBackends(seed=1), "tall": FakeBackends(seed=2)}
    )
    answer = campaign.measure()
    assert answer.sizing.recommended is not None
