"""What a rare request needs: a longer window, more users, or another name in the SLO."""

from dataclasses import replace

import pytest

from harness.analyse.search.rare_requests import (
    count_fewest_requests,
    find_longest_window_s,
    find_unjudged_users,
    find_window_s,
)
from harness.analyse.search.search import choose_next_step
from harness.analyse.search.step_timing import fit_step
from harness.analyse.step.slo import evaluate_slo
from harness.model import CellResult, NameStats, Plan, Rule, Slo, Status, Step, StepResult, Timing
from tests.builders import make_plan
from tests.unit.analyse.synthetic import CELL, make_step, make_step_of, require_window

CHECKOUT = Slo("p99", 2.0, "/checkout")


def make_rare_plan(slo: Slo = CHECKOUT, **changes: object) -> Plan:
    plan = replace(make_plan((1.0, 256), strategy="bisect"), slos=(Slo("p95", 1.0), slo))
    return replace(plan, **changes)  # type: ignore[arg-type]


def make_seen(users: int, checkouts: int, of_all: int, verdict: str = "PASS") -> StepResult:
    """Make a step whose window of 20 s holds so many checkouts of so many requests."""
    rule = Rule.TOO_FEW_REQUESTS if verdict == "INVALID" else None
    names = [("GET /", of_all - checkouts), ("POST /checkout", checkouts)]
    stats = tuple(NameStats(name, count, 0, None, None, None) for name, count in names if count)
    return replace(make_step(users, verdict, rule=rule, requests=of_all), by_name=stats)


@pytest.mark.parametrize("slo", [Slo("p50", 1.0), Slo("p95", 1.0), Slo("p99", 1.0), Slo("mean", 1.0)])
def test_an_slo_has_a_value_from_the_fewest_requests_on(slo: Slo) -> None:
    fewest = count_fewest_requests(slo)
    for count in (fewest - 1, fewest):
        facts = make_step_of(*((12.0 + 20.0 * number / count, 0.1) for number in range(count)))
        assert (evaluate_slo(require_window(facts), slo, None).value is None) is (count < fewest)


@pytest.mark.parametrize(
    ("users", "window_s"),
    [
        (100, 250.0),  # 500 requests, at 2 a second
        (20, 600.0),  # 500 requests would take 1250 s
        (2, 0.0),  # 100 requests would take longer than 600 s, even if chance hid more than half of them
    ],
)
def test_a_window_lasts_for_five_times_the_fewest_requests(users: int, window_s: float) -> None:
    """Ten users made 4 checkouts in 20 s: each makes one in 50 s."""
    assert find_window_s(make_rare_plan(), CHECKOUT, users, [make_seen(10, 4, 76)]) == pytest.approx(window_s)


def test_a_step_is_planned_with_the_window_that_its_rarest_request_needs() -> None:
    plan, seen = make_rare_plan(), [make_seen(10, 4, 76, "INVALID")]
    assert fit_step(plan, Step(100), seen).timing.window_at_most_s == pytest.approx(250)
    assert fit_step(plan, Step(400), seen).timing.window_at_most_s == 90


def test_a_user_may_allow_longer_windows() -> None:
    plan = make_rare_plan(timing=Timing(window_at_most_s=1800))
    assert find_longest_window_s(plan) == 1800
    assert find_window_s(plan, CHECKOUT, 20, [make_seen(10, 4, 76)]) == pytest.approx(1250)


def test_a_name_that_was_not_seen_needs_no_longer_window() -> None:
    assert find_window_s(make_rare_plan(), CHECKOUT, 100, [make_seen(10, 0, 76)]) == 0
    assert find_window_s(make_rare_plan(), CHECKOUT, 100, []) == 0


@pytest.mark.parametrize(
    ("seen", "users"),
    [
        (make_seen(10, 4, 76), 3),  # at most 0.055 a second each: 100 in 600 s take more than 3 users
        (make_seen(400, 1, 60_000), 222),  # at most 6 in 8000 s
        (make_seen(400, 0, 2000), 400),  # at most 3 in 8000 s: 400 users make at most 90 in 600 s
        (make_seen(10, 0, 2999), 11),  # at most 3 in 200 s
        (make_seen(10, 0, 3000), 400),  # so it is taken to be a wrong name
        (make_seen(10, 0, 76, "FAIL"), 0),  # a failing target may have kept its users from asking
    ],
)
def test_few_users_make_too_few_requests(seen: StepResult, users: int) -> None:
    assert find_unjudged_users(make_rare_plan(), [seen]) == users


# The search


def test_a_search_ends_once_a_name_is_known_to_be_wrong() -> None:
    """After the light step chance could still hide three checkouts: so many that 12 users make enough."""
    light, second = make_seen(10, 0, 76, "INVALID"), make_seen(22, 0, 3000, "INVALID")
    plan = make_rare_plan()
    assert choose_next_step(plan, CELL, [light]) == Step(22)
    assert choose_next_step(plan, CELL, [light, second]) is None


def test_no_step_is_held_in_a_cell_if_another_has_shown_that_requests_are_too_few() -> None:
    other = CellResult(CELL, Status.INVALID, steps=(make_seen(10, 0, 3000, "INVALID"),))
    assert choose_next_step(make_rare_plan(), CELL, [], [other]) is None


def test_a_step_whose_window_was_planned_without_its_rare_requests_is_held_again() -> None:
    """The first step saw no checkout. The second saw 10 in 20 s: too few then, but enough in 600 s.

    A light step is not held again, because its window is short on purpose.
    """
    plan, light = make_rare_plan(), make_seen(10, 0, 76, "INVALID")
    assert choose_next_step(plan, CELL, [light, make_seen(100, 10, 760, "INVALID")]) == Step(100)
    assert choose_next_step(plan, CELL, [make_seen(10, 4, 76, "INVALID")]) == Step(20)
    long = replace(make_seen(100, 90, 22_800, "INVALID"), window_s=600.0)
    after = choose_next_step(plan, CELL, [light, make_seen(100, 10, 760, "INVALID"), long])
    assert after == Step(200)


def test_a_size_that_breaks_below_the_users_who_make_enough_requests_shows_it_itself() -> None:
    """Other sizes have shown that 222 users make too few. This one breaks at 200, so 100 users are tried."""
    other = CellResult(CELL, Status.INVALID, steps=(make_seen(400, 1, 60_000, "INVALID"),))
    plan, broken = make_rare_plan(), make_step(200, "FAIL")
    assert choose_next_step(plan, CELL, [broken], [other]) == Step(100)
    assert choose_next_step(plan, CELL, [broken, make_seen(100, 0, 700, "INVALID")], [other]) is None
