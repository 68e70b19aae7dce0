"""The calibration target on a real engine, at sizes whose calculated capacity is at most two dozen users."""

from pathlib import Path

import pytest

from bench.calibration import experiments
from bench.calibration.__main__ import build_rows, run_campaign
from bench.calibration.experiments import Experiment
from harness.analyse.result.request_costs import assess_request_costs
from harness.campaign import rejudge
from harness.model import MIB
from harness.plan import plan_from_json
from harness.store import CampaignFolder
from tests.e2e.quick_experiment import QuickExperiment

pytestmark = pytest.mark.e2e

MAX_ERROR_RATIO = 0.25
"""The largest difference from the calculated capacity. Windows are short, and brackets up to 20 % wide."""

SLOTS = QuickExperiment("quick-slots", "slots", (0.3, 0.7), 0.4, environment={"SLOTS": "2"})
CPU = QuickExperiment("quick-cpu", "cpu", (0.3, 0.7), environment={"DEMAND_S": "0.02"}, heavy=4)
MEMORY = QuickExperiment(
    "quick-memory", "memory", (0.3, 0.7), memory_mib=(64,), environment={"HELD_BYTES": f"{4 * MIB}"}
)


def check_capacity(
    experiment: Experiment, campaign: Path, factor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Require that the campaign's size is limited by this, at about the calculated capacity."""
    monkeypatch.setattr(experiments, "EXPERIMENTS", (experiment,))
    (row,) = build_rows(campaign)
    assert row.cell["status"] == "bracketed"
    assert row.cell["limiting_factor"] == factor
    assert row.error_ratio == pytest.approx(0, abs=MAX_ERROR_RATIO)


@pytest.mark.parametrize(
    ("experiment", "factor"),
    [(SLOTS, "target"), (MEMORY, "memory")],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_limiting_factor_and_capacity_are_about_as_calculated(
    experiment: Experiment, factor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_capacity(experiment, run_campaign(experiment, tmp_path), factor, monkeypatch)


@pytest.fixture(scope="module")
def two_costs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure the size that every fourth request, by chance, asks for four times the work of the others."""
    return run_campaign(CPU, tmp_path_factory.mktemp("two-costs"))


def test_cpu_is_the_limit_at_about_the_calculated_capacity(
    two_costs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_capacity(CPU, two_costs, "cpu", monkeypatch)


def test_requests_of_20_ms_and_of_80_ms_are_told_apart_and_cost_35_ms_on_average(two_costs: Path) -> None:
    """Two minutes tell them roughly."""
    folder = CampaignFolder.open(two_costs)
    result = rejudge(plan_from_json(folder.read_plan()), folder)
    costs = assess_request_costs(result, result.cells[0])
    assert costs is not None
    assert {cost.names for cost in costs.rows} == {("GET /",), ("GET /4",)}
    assert costs.mean_s == pytest.approx(0.035, rel=0.2)
    light, heavy = (
        next(cost for cost in costs.rows if cost.names == (name,)) for name in ("GET /", "GET /4")
    )
    assert heavy.cpu_s / light.cpu_s == pytest.approx(4.0, rel=0.4)
