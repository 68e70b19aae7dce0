"""The estimate of how long a plan takes counts the soak at its end."""

from dataclasses import replace

from harness.analyse.search.time_estimate import (
    estimate_cell_s,
    estimate_plan_s,
    estimate_soak_s,
    estimate_step_s,
)
from tests.builders import make_plan

PLAN = make_plan((0.5, 256), (1.0, 256), (2.0, 256))
SOAKING = replace(PLAN, search=replace(PLAN.search, soak_s=300.0))


def test_a_soak_takes_a_ramp_a_settling_its_window_a_drain_and_a_container() -> None:
    """400 users at 40 a second, 10 s to settle, 300 s, 1 s of drain, 5 s for the container."""
    assert estimate_soak_s(SOAKING) == 10 + 10 + 300 + 1 + 5


def test_the_estimate_of_a_plan_counts_one_soak() -> None:
    assert estimate_plan_s(SOAKING) - estimate_plan_s(PLAN) == 326
    demand = {"users_limit": 100, "users_required": 100}
    plan, soaking = (replace(each, **demand) for each in (PLAN, SOAKING))  # type: ignore[arg-type]
    assert estimate_plan_s(soaking) - estimate_plan_s(plan) == estimate_soak_s(soaking)


def test_nothing_is_held_if_the_plan_wants_no_soak_or_measures_no_size() -> None:
    assert estimate_soak_s(PLAN) == 0
    skipped = {cell.id: "larger than this host" for cell in PLAN.cells}
    assert estimate_soak_s(replace(SOAKING, skipped=skipped)) == 0


def test_the_first_ramp_of_a_size_counts_as_slow() -> None:
    """Half of 400 users arrive over 10 s, and over 20 s in the first of three steps."""
    assert estimate_cell_s(PLAN) == 3 * estimate_step_s(PLAN, 200) + 10 + 5
    bisecting = make_plan((0.5, 256), strategy="ladder")
    assert estimate_cell_s(bisecting) == 8 * estimate_step_s(bisecting, 200) + 5
