"""Tell what requests cost at a size, from the slices of all valid steps."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.result.request_costs import add_request_costs, assess_request_costs
from harness.model import (
    CampaignResult,
    CampaignState,
    CellResult,
    HostSpeed,
    Sizing,
    Status,
    StepResult,
    TargetUse,
)
from harness.model.request_costs import CostKind, RequestCost, RequestCosts
from harness.model.request_slices import RequestSlices
from harness.model.stalls import Stalls
from tests.builders import SLOS, make_result
from tests.unit.analyse.synthetic import make_step

RATES: dict[str | None, float] = {"GET /a": 0.3, "POST /b": 0.1}
COSTS: dict[str | None, float] = {"GET /a": 0.01, "POST /b": 0.04}
"""Requests a second of each user, and the CPU seconds of one."""


def make_slices(
    users: int,
    seed: int,
    rates: dict[str | None, float],
    costs: dict[str | None, float],
    level: float,
    slices: int = 40,
) -> RequestSlices:
    """Return slices of 2 s with Poisson numbers of requests, and exactly the CPU time that these cost."""
    chance = np.random.default_rng(seed)
    counts = chance.poisson([2 * users * rate for rate in rates.values()], (slices, len(rates)))
    cpu_s = level * (counts @ np.array([costs[name] for name in rates]))
    return RequestSlices(
        names=tuple(rates),
        length_s=(2.0,) * slices,
        users=(float(users),) * slices,
        cpu_s=tuple(cpu_s.tolist()),
        counts=tuple(tuple(map(float, row)) for row in counts.tolist()),
        starts=tuple(tuple(map(float, row)) for row in counts.tolist()),
    )


def hold(
    users: int,
    verdict: str = "PASS",
    *,
    rates: dict[str | None, float] = RATES,
    costs: dict[str | None, float] = COSTS,
    level: float = 1.0,
    work_s: float | None = None,
    slices: int = 40,
) -> StepResult:
    step = make_step(users, verdict, work_s=work_s)
    return replace(step, slices=make_slices(users, users, rates, costs, level, slices))


def make_campaign(*cells: CellResult, speed: HostSpeed | None = None) -> CampaignResult:
    return CampaignResult(
        "web-1",
        "web",
        CampaignState.COMPLETE,
        "2026-01-01T12:00:00+00:00",
        400,
        SLOS,
        cells,
        host_speed=speed,
    )


def make_cell(*steps: StepResult, cores: float = 1.0) -> CellResult:
    return replace(make_result(cores, 100, 110), steps=steps)


def assess(*cells: CellResult, speed: HostSpeed | None = None) -> RequestCosts:
    costs = assess_request_costs(make_campaign(*cells, speed=speed), cells[0])
    assert costs is not None
    return costs


def find(costs: RequestCosts, name: str | None) -> RequestCost:
    return next(cost for cost in costs.rows if name in cost.names)


def test_each_name_has_its_cost_and_its_shares() -> None:
    """A quarter of the requests of 40 ms makes 4/7 of the CPU time; the average is 17.5 ms."""
    costs = assess(make_cell(hold(10), hold(50), hold(100)))
    assert [cost.names for cost in costs.rows] == [("POST /b",), ("GET /a",)]
    heavy, light = costs.rows
    assert (heavy.cpu_s, light.cpu_s) == pytest.approx((0.04, 0.01))
    assert (heavy.request_ratio, light.request_ratio) == pytest.approx((0.25, 0.75), abs=0.02)
    assert (heavy.cpu_ratio, light.cpu_ratio) == pytest.approx((4 / 7, 3 / 7), abs=0.03)
    assert costs.mean_s == pytest.approx(0.0175, rel=0.03)
    assert costs.users == 100
    assert (costs.load_s, costs.slices) == (240.0, 120)
    assert all(cost.is_resolved and cost.kind is CostKind.NAME for cost in costs.rows)


def test_another_size_tells_how_costs_relate_but_not_their_level() -> None:
    """The other size needs half as much again for everything, as one that is short of memory."""
    alone = make_cell(hold(20, slices=6))
    other = make_cell(hold(30, level=1.5), hold(60, level=1.5), cores=0.5)
    costs = assess(alone, other)
    assert find(costs, "GET /a").cpu_s == pytest.approx(0.01, rel=0.02)
    assert find(costs, "POST /b").cpu_s == pytest.approx(0.04, rel=0.02)
    assert find(assess(other, alone), "POST /b").cpu_s == pytest.approx(0.06, rel=0.02)


def test_steps_on_a_slow_host_are_brought_to_the_pace_of_the_size() -> None:
    """On a host that is a fifth slower the pace rises by 1.2, and all costs with it (elasticity 1)."""
    speed = HostSpeed(0.001, 1.0, 0.1)
    usual = [hold(users, work_s=0.001) for users in (10, 50)]
    slow = [hold(users, work_s=0.0012, level=1.2) for users in (12, 60)]
    costs = assess(make_cell(*usual, *slow), speed=speed)
    assert find(costs, "POST /b").cpu_s == pytest.approx(0.04 * 1.1, rel=0.02)
    assert find(costs, "POST /b").high_s - find(costs, "POST /b").low_s < 0.001


def test_steps_that_are_invalid_or_died_do_not_count() -> None:
    bad = (
        hold(40, "INVALID", level=3.0),
        replace(hold(45, level=3.0), judgement=make_step(45, "FAIL", rule="died").judgement),
    )
    costs = assess(make_cell(hold(10), hold(50), *bad))
    assert find(costs, "POST /b").cpu_s == pytest.approx(0.04)


def test_a_step_that_was_short_of_memory_does_not_count() -> None:
    """Work waited for memory for a fifth of the time: the kernel doubles the CPU time of everything."""
    short = TargetUse(stalls=Stalls(memory_ratio=0.2, limit_hits=9))
    thrashing = replace(hold(60, "FAIL", level=2.0), target=short)
    costs = assess(make_cell(hold(10), hold(50)), make_cell(hold(30), thrashing, cores=0.5))
    assert find(costs, "GET /a").cpu_s == pytest.approx(0.01)
    assert costs.slices == 120
    roomy = replace(thrashing, target=replace(short, stalls=Stalls(memory_ratio=0.2, limit_hits=0)))
    assert assess(make_cell(hold(10), hold(50)), make_cell(hold(30), roomy, cores=0.5)).slices == 160


def test_a_size_without_a_valid_step_has_no_costs() -> None:
    campaign = make_campaign(make_cell(make_step(10, "PASS")), make_cell(hold(50), cores=0.5))
    assert assess_request_costs(campaign, campaign.cells[0]) is None


def test_names_that_always_come_together_have_one_cost() -> None:
    """A picture comes with each page: both together take 50 ms, 25 ms on average."""
    paired = hold(50)
    assert paired.slices is not None
    counts = tuple((a, a) for a, _ in paired.slices.counts)
    cpu_s = tuple(0.05 * a for a, _ in counts)
    costs = assess(
        make_cell(replace(paired, slices=replace(paired.slices, counts=counts, starts=counts, cpu_s=cpu_s)))
    )
    (cost,) = costs.rows
    assert cost.kind is CostKind.TOGETHER
    assert set(cost.names) == {"GET /a", "POST /b"}
    assert cost.cpu_s == pytest.approx(0.025)
    assert cost.cpu_ratio == pytest.approx(1)


def test_rare_names_have_one_cost_together() -> None:
    rates: dict[str | None, float] = {**RATES, "GET /once": 0.001, "GET /seldom": 0.001, None: 0.0005}
    costs: dict[str | None, float] = {**COSTS, "GET /once": 0.02, "GET /seldom": 0.02, None: 0.02}
    assessed = assess(make_cell(hold(10, rates=rates, costs=costs), hold(50, rates=rates, costs=costs)))
    rare = find(assessed, "GET /once")
    assert rare.kind is CostKind.RARE
    assert set(rare.names) == {"GET /once", "GET /seldom", None}
    assert find(assessed, "POST /b").cpu_s == pytest.approx(0.04, rel=0.02)


def test_a_cost_that_is_uncertain_says_how_much_load_would_resolve_it() -> None:
    """Noise as large as the CPU time of a slice hides what a rather rare name costs."""
    rates: dict[str | None, float] = {"GET /a": 0.3, "GET /report": 0.01}
    costs: dict[str | None, float] = {"GET /a": 0.01, "GET /report": 0.01}
    step = hold(50, rates=rates, costs=costs)
    assert step.slices is not None
    noise = np.random.default_rng(9).normal(0, 0.3, 40)
    noisy = replace(step.slices, cpu_s=tuple((np.array(step.slices.cpu_s) + noise).tolist()))
    cost = find(assess(make_cell(replace(step, slices=noisy))), "GET /report")
    assert not cost.is_resolved
    assert cost.needed_s is not None
    assert cost.needed_s > 80


def test_the_campaign_has_the_costs_of_the_size_to_take() -> None:
    cell = make_cell(hold(10), hold(50))
    campaign = make_campaign(cell)
    assert add_request_costs(campaign).request_costs is None
    sized = replace(campaign, sizing=Sizing(100, 100, recommended=cell))
    costs = add_request_costs(sized).request_costs
    assert costs is not None
    assert costs.result is cell


def test_a_size_that_was_inferred_has_no_costs() -> None:
    cell = make_result(2.0, 100, None, Status.INFERRED, None)
    assert assess_request_costs(make_campaign(cell, make_cell(hold(50))), cell) is None
