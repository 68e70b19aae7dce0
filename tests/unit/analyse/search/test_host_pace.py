"""An end of the bracket that failed on a slow host is held once more, and the faster window counts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.analyse.search.bracket import Bracket, find_bracket
from harness.analyse.search.host_pace import (
    drop_superseded_steps,
    find_superseding_step,
    needs_faster_host,
)
from harness.analyse.search.search import choose_next_step
from harness.model import CellResult, MemoryOutlook, MemoryTrend, Slo, Step, StepResult
from harness.model.stalls import MemoryShort
from tests.builders import make_plan, make_result
from tests.unit.analyse.synthetic import make_step

BEST_S, SLOW_S = 0.0020, 0.0023
SLOS = (Slo("p95", 1.0),)


def make_window(users: int, verdict: str, work_s: float | None, rule: str | None = None) -> StepResult:
    return make_step(users, verdict, work_s=work_s, rule=rule)


PASS_AT_BEST = make_window(90, "PASS", BEST_S)
NEIGHBOUR = replace(make_result(2.0, 200, 210), steps=(make_window(200, "PASS", BEST_S),))


@pytest.mark.parametrize(
    ("last", "is_held_again"),
    [
        (make_window(100, "FAIL", SLOW_S), True),
        (make_window(100, "FAIL", 0.0022), False),
        (make_window(100, "FAIL", 0.00221), True),
        (make_window(100, "FAIL", None), False),
        (make_window(100, "PASS", SLOW_S), False),
        (make_window(100, "FAIL", SLOW_S, "died"), False),
        (make_window(100, "INVALID", SLOW_S), False),
    ],
)
def test_a_broken_slo_is_held_again_if_the_host_was_more_than_a_tenth_slower_than_at_its_best(
    last: StepResult, is_held_again: bool
) -> None:
    assert needs_faster_host([PASS_AT_BEST, last], 100, [], SLOS) is is_held_again
    assert needs_faster_host([last], 100, [NEIGHBOUR], SLOS) is is_held_again
    assert not needs_faster_host([last], 100, [], SLOS)


def test_an_invalid_window_is_not_the_hosts_best() -> None:
    fast = make_window(90, "INVALID", BEST_S)
    assert not needs_faster_host([fast, make_window(100, "FAIL", SLOW_S)], 100, [], SLOS)


@pytest.mark.parametrize(("slow_ratio", "is_held_again"), [(0.15, True), (0.19, True), (0.21, False)])
def test_a_failure_that_the_fastest_host_would_not_carry_is_not_held_again(
    slow_ratio: float, *, is_held_again: bool
) -> None:
    """At 100 users the logit rises by 11 for each factor e of the users, and 5 % are -2.944.

    19 % (19.1 % with half a request more) are -1.445: 1.499 more, so 87.3 users would do. A host that is 1.15
    times as fast carries 100.3. 21 % are -1.321: 86.3 users, and 99.2 on the faster host.
    """
    failed = make_step(100, "FAIL", work_s=SLOW_S, slow_ratio=slow_ratio)
    assert needs_faster_host([PASS_AT_BEST, failed], 100, [], SLOS) is is_held_again


@pytest.mark.parametrize(("slows_requests", "is_held_again"), [(True, False), (False, True)])
def test_work_that_waited_for_memory_is_no_question_of_the_hosts_speed(
    *, slows_requests: bool, is_held_again: bool
) -> None:
    shortage = MemoryShort(0.24, 96, 900.0, slows_requests=slows_requests)
    memory = MemoryTrend(MemoryOutlook.UNKNOWN, 60.0, 80, 95, 0.0, 0.0, 0.0, 95.0, None, shortage=shortage)
    failed = replace(make_window(100, "FAIL", SLOW_S), memory=memory)
    assert needs_faster_host([PASS_AT_BEST, failed], 100, [], SLOS) is is_held_again


def choose(*steps: StepResult, neighbours: Sequence[CellResult] = ()) -> Step | None:
    plan = make_plan((1.0, 256))
    return choose_next_step(plan, plan.cells[0], steps, neighbours)


def test_the_search_holds_the_same_users_once_more_and_counts_the_window_on_the_faster_host() -> None:
    slow = make_window(94, "FAIL", SLOW_S)
    step = choose(PASS_AT_BEST, slow)
    assert step is not None
    assert step.users == 94
    passed, failed = make_window(94, "PASS", BEST_S), make_window(94, "FAIL", BEST_S)
    assert find_superseding_step(slow, [PASS_AT_BEST, slow, passed]) is passed
    assert find_bracket([PASS_AT_BEST, slow, passed]) == Bracket(94, None)
    assert find_bracket([PASS_AT_BEST, slow, failed]) == Bracket(90, 94)
    assert drop_superseded_steps([PASS_AT_BEST, slow, passed]) == [PASS_AT_BEST, passed]
    assert choose(PASS_AT_BEST, slow, failed) is None


def test_a_failure_above_the_bracket_is_not_held_again() -> None:
    """Both failures were on a slow host, but only 94 users are the end of the bracket from 90 users on."""
    steps = [PASS_AT_BEST, make_window(110, "FAIL", SLOW_S)]
    between = choose(*steps)
    assert between is not None
    assert between.users < 110
    again = choose(*steps, make_window(94, "FAIL", SLOW_S))
    assert again is not None
    assert again.users == 94


def test_the_users_that_are_asked_for_are_held_again_before_the_answer_is_no() -> None:
    plan = replace(make_plan((1.0, 256), users_limit=100), users_required=100)
    light, failed = make_window(10, "PASS", BEST_S), make_window(100, "FAIL", SLOW_S)
    step = choose_next_step(plan, plan.cells[0], [light, failed])
    assert step is not None
    assert step.users == 100
    again = [light, failed, make_window(100, "FAIL", SLOW_S)]
    assert choose_next_step(plan, plan.cells[0], again) is None


def test_a_host_that_has_become_slower_for_good_costs_a_cell_one_step() -> None:
    slow = [make_window(100, "FAIL", SLOW_S), make_window(100, "FAIL", SLOW_S)]
    assert not needs_faster_host(slow, 100, [NEIGHBOUR], SLOS)
    assert find_bracket([PASS_AT_BEST, *slow]) == Bracket(90, 100)
    lower = [*slow, make_window(95, "FAIL", SLOW_S)]
    assert not needs_faster_host(lower, 95, [NEIGHBOUR], SLOS)


def test_a_death_is_not_superseded() -> None:
    died = make_window(100, "FAIL", SLOW_S, "died")
    assert find_superseding_step(died, [died, make_window(100, "PASS", BEST_S)]) is None


def test_a_pass_on_a_slow_host_is_not_superseded_by_a_failure_on_a_faster_one() -> None:
    """The slower host carried these users, so both windows count together."""
    passed, failed = make_window(100, "PASS", SLOW_S), make_window(100, "FAIL", BEST_S)
    assert drop_superseded_steps([passed, failed]) == [passed, failed]
