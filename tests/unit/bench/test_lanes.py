"""Sizes on several lanes are simulated in the order of one common time."""

from dataclasses import replace

from bench.search.lanes import measure_on_lanes
from bench.search.scenarios import SHOP, STRATEGIES
from bench.search.trial import build_grid, build_plan
from harness.analyse.search.time_estimate import LANES_CHECK_S
from harness.model import Status

SCENARIO = replace(SHOP, users_limit=60)
SIZES = build_plan(STRATEGIES[0], build_grid((0.25, 0.5), (96, 256)), SCENARIO)
PLAN = replace(SIZES, search=replace(SIZES.search, soak_s=0.0))


def test_two_lanes_measure_all_sizes_in_less_time_than_one_and_always_in_the_same() -> None:
    one, two, again = (measure_on_lanes(PLAN, SCENARIO, 1, 8, at_once) for at_once in (1, 2, 2))
    assert (one.lanes, two.lanes) == (1, 2)
    for outcome in (one, two):
        assert {cell.status for cell in outcome.result.cells} <= {Status.BRACKETED, Status.CENSORED}
    assert {cell.engine for cell in two.result.cells} == {"cores 0", "cores 1"}
    assert two.wall_s - LANES_CHECK_S < 0.9 * one.wall_s
    assert again.wall_s == two.wall_s
