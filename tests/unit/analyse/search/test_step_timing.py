"""What earlier steps have shown of the scenario decides how a step is held."""

from dataclasses import replace

from harness.analyse.search.step_timing import fit_step
from harness.model import Rule, Step
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
