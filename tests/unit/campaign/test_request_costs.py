"""A simulated campaign tells what the requests of its two names cost."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.simulation.backends import simulate_backends
from bench.simulation.model import RequestKind, Service
from harness.analyse.result.request_costs import assess_request_costs
from harness.campaign.listener import CampaignListener
from harness.campaign.progress import rejudge
from harness.campaign.scheduler import Scheduler
from harness.plan import plan_to_json
from harness.store import CampaignFolder
from tests.builders import make_fingerprint, make_plan

SHOP = Service(
    cpu_s=0.02, law="uniform", kinds=(RequestKind("GET /a", 3.0, 0.5), RequestKind("POST /b", 1.0, 2.5))
)
"""Requests of 10 ms and of 50 ms, each half as long to one and a half times as long."""


def test_the_costs_of_a_size_that_its_cpu_stops_are_those_of_the_simulated_service(tmp_path: Path) -> None:
    plan = replace(make_plan((0.5, 256)), users_limit=200)
    folder = CampaignFolder.create(tmp_path, "costs", plan_to_json(plan), make_fingerprint())
    Scheduler(plan, folder, {None: simulate_backends(SHOP, seed=1)}, CampaignListener()).run()
    result = rejudge(plan, folder)
    costs = assess_request_costs(result, result.cells[0])
    assert costs is not None
    by_name = {cost.names: cost for cost in costs.rows}
    assert by_name[("GET /a",)].cpu_s == pytest.approx(0.01, rel=0.15)
    assert by_name[("POST /b",)].cpu_s == pytest.approx(0.05, rel=0.1)
    assert all(cost.is_resolved for cost in costs.rows)
    ratios = [by_name[names].request_ratio for names in (("GET /a",), ("POST /b",))]
    assert ratios == pytest.approx([0.75, 0.25], abs=0.05)
    assert costs.mean_s == pytest.approx(ratios[0] * 0.01 + ratios[1] * 0.05, rel=0.05)
    assert costs.idle_cores is None or costs.idle_cores < 0.02
