"""The calibration target with two kinds of requests: what each costs is found from real counters."""

from pathlib import Path

import pytest

from bench.calibration.__main__ import run_campaign
from harness.analyse.result.request_costs import assess_request_costs
from harness.campaign import rejudge
from harness.plan import plan_from_json
from harness.store import CampaignFolder
from tests.e2e.quick_experiment import QuickExperiment

pytestmark = pytest.mark.e2e

EXPERIMENT = QuickExperiment("two-costs", "cpu", (0.3, 0.7), cpus=(0.5,), environment={"DEMAND_S": "0.02"})


def test_requests_of_20_ms_and_of_80_ms_are_told_apart_and_cost_35_ms_on_average(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fourth request, by chance, asks for four times the work. Two minutes tell them roughly."""
    monkeypatch.setenv("HEAVY", "4")
    folder = CampaignFolder.open(run_campaign(EXPERIMENT, tmp_path))
    result = rejudge(plan_from_json(folder.read_plan()), folder)
    costs = assess_request_costs(result, result.cells[0])
    assert costs is not None
    assert {cost.names for cost in costs.rows} == {("GET /",), ("GET /4",)}
    assert costs.mean_s == pytest.approx(0.035, rel=0.2)
    light, heavy = (
        next(cost for cost in costs.rows if cost.names == (name,)) for name in ("GET /", "GET /4")
    )
    assert heavy.cpu_s / light.cpu_s == pytest.approx(4.0, rel=0.4)
