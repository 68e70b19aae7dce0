"""What earlier steps have shown of the scenario decides how a step is held."""

from dataclasses import replace

import pytest

from harness.analyse.search.step_timing import fit_step, slow_first_ramp, starts_above_curve
from harness.model import Purpose, Rule, Step, StepResult
from tests.builders import make_plan
from tests.unit.analyse.synthetic import make_step

PLAN = make_plan((1.0, 256))


def test_users_arrive_by_the_cycle_of_the_step_with_the_most_requests() -> None:
    few = replace(make_step(10, "PASS", requests=40), cycle_s=33.0)
    many = replace(make_step(100, "FAIL", requests=400), cycle_s=30.0)
    assert fit_step(PLAN, Step(200), [few, many]).cycle_s == 30.0


def test_a_disturbed_step_shows_no_cycle_but_one_with_too_few_requests_does() -> None:
    disturbed = replace(make_step(100, "INVALID", requests=400), cycle_s=30.0)
    assert fit_step(PLAN, Step(200), [disturbed]).cycle_s == 0.0
    few = replace(make_step(10, "INVALID", requests=40, rule=Rule.TOO_FEW_REQUESTS), cycle_s=33.0)
    assert fit_step(PLAN, Step(200), [disturbed, few]).cycle_s == 33.0


def test_without_an_earlier_step_the_cycle_is_unknown() -> None:
    assert fit_step(PLAN, Step(200), []) == Step(200)


# The ramp that is measured


def find_ramp_s(step: Step, *own: StepResult, strategy: str = "predict", users_limit: int = 400) -> float:
    plan = replace(make_plan((1.0, 256), strategy=strategy), users_limit=users_limit)
    return slow_first_ramp(plan, step, own).ramp_s


def test_the_first_ramp_beyond_light_load_takes_as_long_as_a_shortest_window() -> None:
    assert find_ramp_s(Step(200)) == 20.0
    assert find_ramp_s(Step(200), make_step(10, "PASS")) == 20.0
    assert find_ramp_s(Step(220), make_step(10, "PASS"), make_step(200, "FAIL")) == 0.0


def test_the_ramp_of_the_step_at_light_load_is_slow_only_where_there_are_few_users_at_all() -> None:
    """10 of 400 users are few; of 40 they are a fourth of the curve."""
    assert find_ramp_s(Step(10)) == 0.0
    assert find_ramp_s(Step(10), users_limit=50) == 0.0
    assert find_ramp_s(Step(10), users_limit=40) == 20.0


def test_a_size_of_few_users_has_a_slow_ramp_too() -> None:
    assert find_ramp_s(Step(11)) == 20.0
    assert find_ramp_s(Step(13), make_step(11, "PASS")) == 0.0
    assert find_ramp_s(Step(6)) == find_ramp_s(Step(6), make_step(10, "FAIL")) == 20.0
    assert find_ramp_s(Step(7), make_step(6, "PASS")) == 0.0
    assert find_ramp_s(Step(4), make_step(10, "FAIL"), make_step(6, "FAIL")) == 0.0


def test_a_curve_that_would_miss_more_than_its_lower_fifth_begins_in_a_fresh_container() -> None:
    """10 users are a fifth of 50. A ramp that is not slow draws no curve."""
    slow = Step(49, ramp_s=20.0)
    assert starts_above_curve(slow, 10)
    assert not starts_above_curve(replace(slow, users=50), 10)
    assert not starts_above_curve(Step(49), 10)


def test_the_ramp_of_a_variant_that_is_not_better_is_not_slow() -> None:
    assert find_ramp_s(Step(200, precision_ratio=0.2)) == 20.0
    assert find_ramp_s(Step(200, draws_curve=False)) == 0.0


def test_a_ramp_spans_two_cycles_of_a_user() -> None:
    assert find_ramp_s(Step(200, cycle_s=30.0)) == 60.0


def test_a_ramp_of_few_users_is_long_enough_for_the_response_times_of_its_curve() -> None:
    """Half of the users ask every 2.5 s: 8 of them 1.6 times a second, so 40 answers take 25 s.

    4 users ask 0.8 times a second, 24 times in 30 s; 3 of them 18 times, which is too few for a p95.
    """
    steps = {users: Step(users, cycle_s=2.5) for users in (3, 4, 8, 10, 40)}
    below = make_step(10, "FAIL")
    assert find_ramp_s(steps[8], below) == pytest.approx(40 / 1.6)
    assert find_ramp_s(steps[10], below) == 20.0
    assert find_ramp_s(steps[40]) == 20.0
    assert find_ramp_s(steps[4], below) == 30.0
    assert find_ramp_s(steps[3], below) == 0.0


def test_a_disturbed_ramp_is_measured_again() -> None:
    assert find_ramp_s(Step(200), make_step(200, "INVALID")) == 20.0
    assert find_ramp_s(Step(200), make_step(200, "INVALID", rule=Rule.TOO_FEW_REQUESTS)) == 0.0


def test_only_a_search_that_starts_at_the_capacity_needs_a_slow_ramp() -> None:
    assert find_ramp_s(Step(200, purpose=Purpose.SOAK)) == 0.0
    assert find_ramp_s(Step(200), strategy="bisect") == 0.0
