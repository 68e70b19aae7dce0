"""The estimate of how long a plan takes says what the time goes into, and counts the soak at its end."""

from dataclasses import replace

import pytest

from harness.analyse.search.time_estimate import (
    TimeEstimate,
    estimate_cell,
    estimate_lanes,
    estimate_plan,
    estimate_soak_s,
    estimate_window_s,
)
from harness.model import DEFAULT_ENGINE, Engine, ImageSource, Limits, Plan, Target, Timing
from harness.model.plan import Companion
from tests.builders import make_plan

PLAN = make_plan((0.5, 256), (1.0, 256), (2.0, 256))
SOAKING = replace(PLAN, search=replace(PLAN.search, soak_s=300.0))


def test_a_soak_takes_a_ramp_a_settling_its_window_a_drain_and_a_container() -> None:
    """400 users at 40 a second, 10 s to settle, 300 s, 1 s of drain, 2 s for the container."""
    assert estimate_soak_s(SOAKING) == 10 + 10 + 300 + 1 + 2


def test_the_estimate_of_a_plan_counts_one_soak() -> None:
    soak_s = 323
    assert estimate_plan(SOAKING).total_s - estimate_plan(PLAN).total_s == pytest.approx(soak_s)
    demand = {"users_limit": 400, "users_required": 400}
    plan, soaking = (replace(each, **demand) for each in (PLAN, SOAKING))  # type: ignore[arg-type]
    assert estimate_plan(soaking).total_s - estimate_plan(plan).total_s == pytest.approx(soak_s)


def test_nothing_is_held_if_the_plan_wants_no_soak_or_measures_no_size() -> None:
    assert estimate_soak_s(PLAN) == 0
    skipped = {cell.id: "larger than this host" for cell in PLAN.cells}
    assert estimate_soak_s(replace(SOAKING, skipped=skipped)) == 0
    assert estimate_plan(replace(SOAKING, skipped=skipped)).total_s == 0


def test_a_size_takes_its_steps_and_most_of_a_container_for_each() -> None:
    """To 5 % it takes 3.1 steps. Half of 400 users arrive over 20 s in the first, and over 10 s later.

    A step settles for three quarters of 10 s. A ramp after the first takes three quarters of that:
    20 + 2.1 * 7.5 s. A window takes 35 % of the way from 20 s to 90 s, and the drain 1 s: 3.1 * 45.5 s.
    Memory is waited for in 40 % of the other 255.5 s.
    """
    cell = estimate_cell(PLAN)
    assert cell.ramp_s == pytest.approx(35.75)
    assert cell.settle_s == pytest.approx(23.25)
    assert cell.window_s == pytest.approx(141.05)
    assert cell.memory_s == pytest.approx(102.2)
    assert cell.container_s == pytest.approx(2.48 * 2)
    assert cell.soak_s == 0
    assert cell.total_s == pytest.approx(307.21)


def test_a_ladder_has_no_slow_ramp_and_climbs_to_half_of_the_limit() -> None:
    """200 users in rungs of 25 are eight steps: 10 + 7 * 7.5 s of ramps."""
    assert estimate_cell(make_plan((0.5, 256), strategy="ladder")).ramp_s == pytest.approx(62.5)


@pytest.mark.parametrize(
    ("precision_ratio", "window_s"), [(0.01, 90.0), (0.0175, 90.0), (0.035, 55.0), (0.1, 32.25)]
)
def test_windows_are_the_longer_the_finer_the_precision(precision_ratio: float, window_s: float) -> None:
    assert estimate_window_s(PLAN, precision_ratio) == pytest.approx(window_s)


def test_sizes_away_from_the_decision_take_less() -> None:
    """Of six sizes three take 3.1 windows of 45.5 s (to 5 %), and three 2.1 of 33.25 s (to 10 %)."""
    six = make_plan(*((cores, mib) for cores in (0.5, 1.0, 2.0) for mib in (128, 256)))
    assert estimate_cell(six).window_s == pytest.approx((141.05 + 2.1 * 33.25) / 2)
    alike = replace(six, search=replace(six.search, elsewhere_ratio=0.05))
    assert estimate_cell(alike).window_s == pytest.approx(141.05)


def test_memory_is_waited_for_around_the_decision_and_once_for_each_memory() -> None:
    """102.2 s in three of six sizes of two memories, in four of eight of four, and in all precise ones."""
    six, eight = (
        make_plan(*((cores, mib) for cores in cpus for mib in memories))
        for cpus, memories in (((0.5, 1.0, 2.0), (128, 256)), ((1.0, 2.0), (64, 128, 256, 512)))
    )
    assert estimate_cell(six).memory_s == pytest.approx(102.2 * 3 / 6)
    assert estimate_cell(eight).memory_s == pytest.approx(102.2 * 4 / 8)
    alike = replace(six, search=replace(six.search, elsewhere_ratio=0.05))
    assert estimate_cell(alike).memory_s == pytest.approx(102.2)


def test_memory_that_is_not_judged_is_not_waited_for() -> None:
    assert estimate_cell(replace(PLAN, timing=Timing(steady_at_most_s=0.0))).memory_s == 0


def test_companions_take_time_to_start() -> None:
    database = Companion(Target("db", 0, ImageSource("db:1")), Limits(1.0, 2**28))
    plan = replace(PLAN, target=replace(PLAN.target, companions=(database,)))
    assert estimate_cell(plan).container_s == pytest.approx(2 * estimate_cell(PLAN).container_s)


def test_a_demand_takes_one_step_at_its_users_for_rows_and_columns() -> None:
    """Three sizes of CPU with one of memory: three at most. 100 users arrive over 20 s."""
    plan: Plan = replace(PLAN, users_limit=100, users_required=100)
    estimate = estimate_plan(plan)
    assert estimate.ramp_s == pytest.approx(3 * 20)
    assert estimate.settle_s == pytest.approx(3 * 7.5)
    assert estimate.container_s == pytest.approx(3 * 2)
    again = tuple(replace(cell, id=f"{cell.id}-r2", repetition=2) for cell in plan.cells)
    twice = replace(plan, cells=(*plan.cells, *again))
    assert estimate_plan(twice).total_s == pytest.approx(2 * estimate.total_s)


def test_sizes_that_are_measured_at_once_take_the_time_of_one_after_a_check_of_two_minutes() -> None:
    """Three sizes, two at a time: the third one alone. The drift check and the soak take as long as ever."""
    saved_s = estimate_plan(SOAKING).total_s - estimate_plan(SOAKING, at_once=2).total_s
    assert saved_s == pytest.approx(estimate_cell(SOAKING).total_s)
    assert estimate_lanes(SOAKING, 2).total_s == pytest.approx(estimate_plan(SOAKING, 2).total_s + 120)
    assert estimate_plan(SOAKING, at_once=1) == estimate_plan(SOAKING)


def test_each_engine_measures_a_size_of_its_own() -> None:
    engines: dict[str | None, Engine] = {"a": DEFAULT_ENGINE, "b": DEFAULT_ENGINE}
    assert estimate_plan(replace(SOAKING, engines=engines)) == estimate_plan(SOAKING, at_once=2)


def test_sizes_that_are_finished_take_no_more_time() -> None:
    """The drift check and the soak are still to come."""
    saved_s = estimate_plan(SOAKING).total_s - estimate_plan(SOAKING, finished=2).total_s
    assert saved_s == pytest.approx(2 * estimate_cell(SOAKING).total_s)
    assert estimate_plan(SOAKING, finished=4) == estimate_plan(SOAKING, finished=3)


def test_the_parts_add_up() -> None:
    estimate = TimeEstimate(1, 2, 3, 4, 5, 6)
    assert estimate.total_s == 21
    assert estimate.add(TimeEstimate(ramp_s=2, soak_s=1), 3) == TimeEstimate(7, 2, 3, 4, 5, 9)
