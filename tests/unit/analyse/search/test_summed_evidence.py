"""Windows at one number of users count together, and an end that all windows contradict is held again."""

from dataclasses import replace

import pytest

from harness.analyse.search.bracket import Bracket, find_bracket
from harness.analyse.search.search import choose_next_step
from harness.analyse.search.summed_evidence import choose_doubtful_end, is_sustained_by_sum
from harness.model import Judgement, Rule, Slo, StepResult
from harness.model.evidence import SloBroken, SloEvaluation, SlosHold
from tests.builders import make_plan
from tests.unit.analyse.synthetic import CELL, make_step

P95, P99 = Slo("p95", 1.0), Slo("p99", 1.0)


def hold(
    users: int, slow_ratio: float, requests: int = 1000, *, index: int = 1, slo: Slo = P95
) -> StepResult:
    """Return the step that a window with this share of slow requests gives under one SLO."""
    holds = slow_ratio <= 1 - slo.percent / 100
    evaluation = SloEvaluation(slo, 0.9 if holds else 1.1, holds=holds, is_settled=True)
    judgement = (
        Judgement(Rule.SLOS_HOLD, SlosHold((evaluation,)))
        if holds
        else Judgement(Rule.SLO_BROKEN, SloBroken(evaluation))
    )
    step = make_step(users, "PASS", index, slow_ratio=slow_ratio, requests=requests)
    return replace(step, judgement=judgement, life=index)


@pytest.mark.parametrize(
    ("windows", "passes"),
    [
        (((0.03, 1000), (0.06, 1000)), True),
        (((0.03, 1000), (0.08, 1000)), False),
        (((0.03, 3000), (0.08, 1000)), True),
        (((0.03, 1000), (0.055, 3000)), True),
        (((0.04, 1000), (0.055, 3000)), False),
    ],
    ids=["4.5 %", "5.5 %", "4.25 %", "4.875 %", "5.125 %"],
)
def test_windows_that_contradict_one_another_are_decided_by_all_their_requests(
    windows: tuple[tuple[float, int], ...], passes: bool
) -> None:
    steps = [hold(100, share, requests, index=i) for i, (share, requests) in enumerate(windows, 1)]
    assert is_sustained_by_sum(steps) is passes
    assert find_bracket(steps) == (Bracket(100, None) if passes else Bracket(None, 100))


@pytest.mark.parametrize(
    "other",
    [
        make_step(100, "FAIL", rule="died", slow_ratio=0.0),
        make_step(100, "FAIL", rule="shortfall", slow_ratio=0.0),
        hold(100, 0.02, slo=P99),
    ],
    ids=["death", "another SLO", "another percentile"],
)
def test_a_failure_by_anything_but_the_slow_share_is_enough(other: StepResult) -> None:
    assert not is_sustained_by_sum([hold(100, 0.01), other])


def test_a_failure_that_the_sum_outvotes_opens_the_bracket_again() -> None:
    steps = [hold(95, 0.01), hold(100, 0.06, 400), hold(105, 0.2)]
    assert find_bracket(steps) == Bracket(95, 100)
    assert find_bracket([*steps, hold(100, 0.02, 2000, index=4)]) == Bracket(100, 105)


QUICK = [hold(users, 0.001, 20_000, index=users) for users in (101, 103, 105)]
CONTRADICTED = [*QUICK, hold(95, 0.001, 4000, index=1), hold(99, 0.06, 300, index=2)]


def test_an_end_that_all_windows_contradict_is_held_for_as_long_as_a_window_may_be() -> None:
    plan = make_plan()
    step = choose_doubtful_end(plan, CONTRADICTED, 95, 99)
    assert step is not None
    assert (step.users, step.timing.window_at_least_s) == (99, plan.timing.window_at_most_s)
    assert choose_next_step(plan, CELL, CONTRADICTED) == step


def test_an_end_is_held_again_once() -> None:
    again = hold(99, 0.06, 300, index=10)
    assert choose_doubtful_end(make_plan(), [*CONTRADICTED, again], 95, 99) is None


@pytest.mark.parametrize(("share", "is_held"), [(0.03, False), (0.001, True)])
def test_only_a_capacity_far_beyond_an_end_contradicts_it(share: float, *, is_held: bool) -> None:
    """Half of the precision of 5 % is allowed: the fit must lie above 99 * 1.025 = 101.4 users."""
    steps = [hold(95, share, 4000), hold(99, 0.051, 1000, index=2)]
    assert (choose_doubtful_end(make_plan(), steps, 95, 99) is not None) is is_held


def test_ends_that_the_windows_agree_with_are_not_held_again() -> None:
    assert choose_doubtful_end(make_plan(), [hold(95, 0.03), hold(99, 0.08, index=2)], 95, 99) is None


def test_only_a_search_that_predicts_holds_an_end_again() -> None:
    plan = make_plan(strategy="bisect")
    assert choose_doubtful_end(plan, CONTRADICTED, 95, 99) is None


def test_a_failure_at_light_load_that_may_be_chance_is_held_twice_more() -> None:
    """Of 8 requests of 100 and then 18 of 300 fewer than 10 % are slow, twice the 5 % that are allowed."""
    plan, passed = make_plan(), hold(9, 0.04, 250, index=2)
    once = [hold(10, 0.08, 100), passed]
    twice = [*once, hold(10, 0.06, 300, index=3)]
    for steps in (once, twice):
        step = choose_doubtful_end(plan, steps, 9, 10)
        assert step is not None
        assert (step.users, step.timing.window_at_least_s) == (10, plan.timing.window_at_most_s)
    assert choose_doubtful_end(plan, [*twice, hold(10, 0.06, 300, index=4)], 9, 10) is None


def test_a_light_failure_with_twice_the_allowed_share_is_no_chance() -> None:
    passed = [hold(9, 0.04, 250, index=index) for index in (2, 3)]
    assert choose_doubtful_end(make_plan(), [hold(10, 0.11, 300), *passed], 9, 10) is None


def test_a_light_failure_that_the_next_windows_outvote_opens_the_bracket() -> None:
    """9 of 100 and 12 of 330 are 4.9 %."""
    again = hold(10, 12 / 330, 330, index=3)
    assert find_bracket([hold(10, 0.09, 100), hold(9, 0.04, index=2), again]) == Bracket(10, None)
