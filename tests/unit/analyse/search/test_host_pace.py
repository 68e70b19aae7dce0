"""A failure on a slow host is held once more, and the window on the faster host counts."""

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
from harness.model import CellResult, Step, StepResult
from tests.builders import make_plan, make_result
from tests.unit.analyse.synthetic import make_step

BEST_S, SLOW_S = 0.0020, 0.0023


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
    assert needs_faster_host([PASS_AT_BEST, last], []) is is_held_again
    assert needs_faster_host([last], [NEIGHBOUR]) is is_held_again
    assert not needs_faster_host([last], [])


def test_an_invalid_window_is_not_the_hosts_best() -> None:
    fast = make_window(90, "INVALID", BEST_S)
    assert not needs_faster_host([fast, make_window(100, "FAIL", SLOW_S)], [])


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


def test_a_host_that_has_become_slower_for_good_costs_a_cell_one_step() -> None:
    slow = [make_window(100, "FAIL", SLOW_S), make_window(100, "FAIL", SLOW_S)]
    assert not needs_faster_host(slow, [NEIGHBOUR])
    assert find_bracket([PASS_AT_BEST, *slow]) == Bracket(90, 100)
    assert not needs_faster_host([*slow, make_window(95, "FAIL", SLOW_S)], [NEIGHBOUR])


def test_a_death_is_not_superseded() -> None:
    died = make_window(100, "FAIL", SLOW_S, "died")
    assert find_superseding_step(died, [died, make_window(100, "PASS", BEST_S)]) is None
