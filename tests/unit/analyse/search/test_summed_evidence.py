"""Windows at one number of users count together, and an end that all windows contradict is held again."""

from dataclasses import replace

import pytest

from harness.analyse.search.bracket import Bracket, find_bracket
from harness.analyse.search.search import choose_next_step
from harness.analyse.search.summed_evidence import choose_doubtful_end, is_sustained_by_sum
from harness.model import (
    Judgement,
    Latency,
    PercentileShare,
    Rule,
    Slo,
    StepResult,
    TargetUse,
)
from harness.model.evidence import SloBroken, SloEvaluation, SlosHold
from harness.model.host import HostUse
from tests.builders import make_plan
from tests.unit.analyse.synthetic import CELL, make_step

P95, P99 = Slo("p95", 1.0), Slo("p99", 1.0)
CHECKOUT, P99_2S = Slo("p95", 1.0, "/checkout"), Slo("p99", 2.0)


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


QUICK = [hold(users, 0.001, 20_000, index=users) for users in (92, 93, 94)]
CONTRADICTED = [*QUICK, hold(95, 0.001, 4000, index=1), hold(99, 0.06, 300, index=2)]


def test_an_end_that_all_windows_contradict_is_held_for_as_long_as_a_window_may_be() -> None:
    plan = make_plan()
    step = choose_doubtful_end(plan, CELL.limits, CONTRADICTED, 95, 99)
    assert step is not None
    assert (step.users, step.timing.window_at_least_s) == (99, plan.timing.window_at_most_s)
    assert choose_next_step(plan, CELL, CONTRADICTED) == step


def test_an_end_is_held_again_once() -> None:
    again = hold(99, 0.06, 300, index=10)
    assert choose_doubtful_end(make_plan(), CELL.limits, [*CONTRADICTED, again], 95, 99) is None


@pytest.mark.parametrize(("share", "is_held"), [(0.03, False), (0.001, True)])
def test_only_a_capacity_far_beyond_an_end_contradicts_it(share: float, *, is_held: bool) -> None:
    """Half of the precision of 5 % is allowed: the fit must lie above 99 * 1.025 = 101.4 users."""
    steps = [hold(95, share, 4000), hold(99, 0.051, 1000, index=2)]
    assert (choose_doubtful_end(make_plan(), CELL.limits, steps, 95, 99) is not None) is is_held


def test_ends_that_the_windows_agree_with_are_not_held_again() -> None:
    steps = [hold(95, 0.03), hold(99, 0.08, index=2)]
    assert choose_doubtful_end(make_plan(), CELL.limits, steps, 95, 99) is None


def test_only_a_search_that_predicts_holds_an_end_again() -> None:
    plan = make_plan(strategy="bisect")
    assert choose_doubtful_end(plan, CELL.limits, CONTRADICTED, 95, 99) is None


def test_a_failure_at_light_load_that_may_be_chance_is_held_twice_more() -> None:
    """Of 8 requests of 100 and then 18 of 300 fewer than 10 % are slow, twice the 5 % that are allowed."""
    plan, passed = make_plan(), hold(9, 0.04, 250, index=2)
    once = [hold(10, 0.08, 100), passed]
    twice = [*once, hold(10, 0.06, 300, index=3)]
    for steps in (once, twice):
        step = choose_doubtful_end(plan, CELL.limits, steps, 9, 10)
        assert step is not None
        assert (step.users, step.timing.window_at_least_s) == (10, plan.timing.window_at_most_s)
    assert choose_doubtful_end(plan, CELL.limits, [*twice, hold(10, 0.06, 300, index=4)], 9, 10) is None


def test_a_light_failure_with_twice_the_allowed_share_is_no_chance() -> None:
    passed = [hold(9, 0.04, 250, index=index) for index in (2, 3)]
    assert choose_doubtful_end(make_plan(), CELL.limits, [hold(10, 0.11, 300), *passed], 9, 10) is None


def test_a_light_failure_that_the_next_windows_outvote_opens_the_bracket() -> None:
    """9 of 100 and 12 of 330 are 4.9 %."""
    again = hold(10, 12 / 330, 330, index=3)
    assert find_bracket([hold(10, 0.09, 100), hold(9, 0.04, index=2), again]) == Bracket(10, None)


# More users outvote a failure of fewer


@pytest.mark.parametrize(
    ("shares", "bracket"),
    [
        (((10, 0.06, 300), (20, 0.035, 600)), Bracket(20, None)),
        (((10, 0.09, 300), (20, 0.045, 600)), Bracket(None, 10)),
        (((10, 0.06, 300), (20, 0.055, 600), (40, 0.03, 1200)), Bracket(40, None)),
        (((10, 0.06, 300), (20, 0.035, 600), (40, 0.1, 1200)), Bracket(20, 40)),
    ],
    ids=["39 of 900", "54 of 900", "87 of 2100", "a failure above"],
)
def test_windows_with_more_users_outvote_a_failure(
    shares: tuple[tuple[int, float, int], ...], bracket: Bracket
) -> None:
    """Of 2,100 requests 105 may be slow, of 900 only 45."""
    assert find_bracket([hold(*each, index=index) for index, each in enumerate(shares, 1)]) == bracket


def test_a_death_is_not_outvoted_and_nothing_beyond_it_counts() -> None:
    died = make_step(20, "FAIL", 2, rule="died", slow_ratio=0.0)
    steps = [hold(10, 0.06, 300), died, hold(40, 0.01, 5000, index=3)]
    assert find_bracket(steps) == Bracket(None, 10)


@pytest.mark.parametrize(
    ("light", "is_doubled"),
    [
        (hold(10, 0.08, 100), True),
        (hold(10, 9 / 74, 74), True),
        (hold(10, 0.2, 100), False),
        (replace(hold(10, 0.08, 100), target=TargetUse(cpu_cores=0.9)), False),
        (make_step(10, "FAIL", rule="died", slow_ratio=0.0), False),
    ],
    ids=["chance", "chance of few requests", "too many for chance", "its CPU is used up", "died"],
)
def test_after_a_light_step_that_may_have_failed_by_chance_twice_its_users_are_held(
    light: StepResult, *, is_doubled: bool
) -> None:
    """Chance is less than twice the 5 % that are allowed, or a 99.9 % interval from less than 5 % on.

    That of 9 of 74 requests (12 %) begins at 4.4 %, that of 20 of 100 at 10 %. Other failures send the search
    down.
    """
    step = choose_next_step(make_plan(), CELL, [light])
    assert step is not None
    assert step.users == 20 if is_doubled else step.users < 10


def test_a_light_step_that_may_have_failed_by_chance_does_not_decide_a_demand() -> None:
    """8 of 100 requests are slow with 10 users, and 90 of 3,000 with the 100 that are required: 3.2 %."""
    plan = replace(make_plan(users_limit=100), users_required=100)
    light, required = hold(10, 0.08, 100), hold(100, 0.03, 3000, index=2)
    step = choose_next_step(plan, CELL, [light])
    assert (step and step.users) == 100
    assert choose_next_step(plan, CELL, [light, required]) is None
    assert find_bracket([light, required]) == Bracket(100, None)
    assert choose_next_step(plan, CELL, [hold(10, 0.2, 100)]) is None


def test_twice_the_users_are_held_once() -> None:
    """Both failed: the search goes on below them."""
    step = choose_next_step(make_plan(), CELL, [hold(10, 0.08, 100), hold(20, 0.08, 200, index=2)])
    assert step is not None
    assert step.users < 10


def test_twice_the_users_that_may_fail_by_chance_too_are_doubled_once_more() -> None:
    """Of 17 requests of 311 and 34 of 641 5.4 % are slow, with an interval from 4.1 % on.

    With 48 of 1,280 at 40 users they are 99 of 2,232, 4.4 %. If those fail too, the search goes down.
    """
    failed = [hold(10, 17 / 311, 311), hold(20, 34 / 641, 641, index=2)]
    step = choose_next_step(make_plan(), CELL, failed)
    assert (step and step.users) == 40
    assert find_bracket([*failed, hold(40, 48 / 1280, 1280, index=3)]) == Bracket(40, None)
    below = choose_next_step(make_plan(), CELL, [*failed, hold(40, 0.06, 1280, index=3)])
    assert below is not None
    assert below.users < 10


def test_a_light_step_that_failed_by_one_name_is_doubled_too() -> None:
    """Of 60 checkouts 5 are slow (8 %), and then 10 of 60 (17 %, by a 99.9 % interval at least 6 %)."""
    for slow, is_doubled in ((5, True), (10, False)):
        step = choose_next_step(make_plan(), CELL, [hold_named(10, (slow, 60))])
        assert step is not None
        assert step.users == 20 if is_doubled else step.users < 10


def test_a_light_step_that_failed_by_a_second_percentile_is_doubled_too() -> None:
    """4 of 300 requests took more than the p99 allows, 1.3 %; together with 1 of 600 it is 0.6 %."""
    light, heavier = hold_p99(10, (4, 300)), hold_p99(20, (1, 600), index=2)
    step = choose_next_step(make_plan(), CELL, [light])
    assert (step and step.users) == 20
    assert find_bracket([light, heavier]) == Bracket(20, None)


def test_an_end_that_broke_a_second_percentile_is_not_compared_with_the_shares_of_the_first() -> None:
    *passed, _ = CONTRADICTED
    plan = replace(make_plan(), slos=(P95, P99_2S))
    assert choose_doubtful_end(plan, CELL.limits, [*passed, hold_p99(99, (4, 300))], 95, 99) is None


# An end that was held while the host was faster or slower


def test_an_end_is_held_again_once_even_if_the_host_was_too_slow_for_that_window_to_count() -> None:
    """Before, such a window did not count as a hold, so that the end was held again and again."""
    *others, failed = CONTRADICTED
    first = replace(failed, host=HostUse(work_s=0.002))
    again = replace(hold(99, 0.06, 300, index=10), host=HostUse(work_s=0.0024))
    assert find_bracket([*others, first, again]) == Bracket(95, 99)
    assert choose_doubtful_end(make_plan(), CELL.limits, [*others, first], 95, 99) is not None
    assert choose_doubtful_end(make_plan(), CELL.limits, [*others, first, again], 95, 99) is None


@pytest.mark.parametrize(("cpu_cores", "is_held_again"), [(0.9, False), (0.84, True), (None, True)])
def test_a_pass_on_a_faster_host_is_not_contradicted_by_a_failure_on_a_slower_one(
    cpu_cores: float | None, *, is_held_again: bool
) -> None:
    """The windows together say 97.4 users, and 97.6 would agree with a pass at 100.

    If the CPU stops the size (85 % of its core), 100 users on a host that was 1.049 times as fast as in both
    windows on average, the root of 1.1, are worth 95.3.
    """
    target = TargetUse(cpu_cores=cpu_cores, cpu_per_request_s=0.01)
    passed, failed = hold(100, 0.03, 4000), hold(104, 0.45, 4000, index=2)
    steps = [
        replace(step, target=target, host=HostUse(work_s=work_s))
        for step, work_s in ((passed, 0.002), (failed, 0.0022))
    ]
    step = choose_doubtful_end(make_plan(), CELL.limits, steps, 100, 104)
    assert (step is not None and step.users == 100) is is_held_again


# Further percentiles: of one request name, or the second one of all requests


def hold_named(users: int, named: tuple[int, int], *, index: int = 1, of_all: int = 1100) -> StepResult:
    """Return the step of a window with so many slow checkouts of so many; of all requests 1 % are slow."""
    slow, requests = named
    step = hold(users, 0.01, of_all, index=index)
    holds = slow <= 0.05 * requests
    evaluation = SloEvaluation(CHECKOUT, 0.9 if holds else 1.1, holds=holds, is_settled=True)
    broken = Judgement(Rule.SLO_BROKEN, SloBroken(evaluation))
    return replace(
        step,
        judgement=step.judgement if holds else broken,
        further_shares=(PercentileShare(CHECKOUT, requests, Latency(slow_ratio=slow / requests)),),
    )


def hold_p99(users: int, p99: tuple[int, int], *, index: int = 1) -> StepResult:
    """Return the step of a window with so many requests above the limit of its p99; 1 % are above p95's."""
    slow, requests = p99
    step = hold(users, 0.01, requests, index=index)
    holds = slow <= 0.01 * requests
    evaluation = SloEvaluation(P99_2S, 1.9 if holds else 2.1, holds=holds, is_settled=True)
    broken = Judgement(Rule.SLO_BROKEN, SloBroken(evaluation))
    return replace(
        step,
        judgement=step.judgement if holds else broken,
        further_shares=(PercentileShare(P99_2S, requests, Latency(slow_ratio=slow / requests)),),
    )


@pytest.mark.parametrize(("other", "passes"), [((1, 300), True), ((3, 300), False)], ids=["0.8 %", "1.2 %"])
def test_windows_of_a_second_percentile_are_decided_by_its_own_limit(
    other: tuple[int, int], *, passes: bool
) -> None:
    """4 of 300 requests failed, with 1 or with 3 of 300."""
    assert is_sustained_by_sum([hold_p99(100, (4, 300)), hold_p99(100, other, index=2)]) is passes


@pytest.mark.parametrize(
    ("windows", "passes"),
    [
        (((6, 100), (3, 100)), True),
        (((8, 100), (3, 100)), False),
        (((4, 33), (1, 99)), True),
        (((4, 33), (4, 99)), False),
    ],
    ids=["4.5 %", "5.5 %", "3.8 %", "6.1 %"],
)
def test_windows_of_a_named_percentile_are_decided_by_the_requests_of_that_name(
    windows: tuple[tuple[int, int], ...], *, passes: bool
) -> None:
    steps = [hold_named(100, named, index=index) for index, named in enumerate(windows, 1)]
    assert is_sustained_by_sum(steps) is passes


def test_a_failure_by_all_requests_is_not_outvoted_if_one_name_is_too_slow_in_sum() -> None:
    """Of all requests 4 % are slow in both windows together, but 7 of 100 checkouts."""
    slow = replace(hold(100, 0.07, 1100), further_shares=hold_named(100, (6, 50)).further_shares)
    quick = hold_named(100, (1, 50), index=2)
    assert not is_sustained_by_sum([slow, quick])
    assert is_sustained_by_sum([replace(slow, further_shares=()), quick])


def test_a_failure_by_a_name_that_another_window_does_not_show_is_enough() -> None:
    assert not is_sustained_by_sum([hold_named(100, (4, 33)), hold(100, 0.01, index=2)])
