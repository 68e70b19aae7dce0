"""The search against a brute-force oracle: every capacity, and every sequence of verdicts."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.search.bracket import find_bracket
from harness.analyse.search.search import choose_next_step, choose_plain_users, is_bracket_sufficient
from harness.analyse.step.judge import judge_steps
from harness.model import (
    Cell,
    CellResult,
    Plan,
    Search,
    SearchStrategy,
    Slo,
    Status,
    Step,
    StepFacts,
    StepResult,
    TargetUse,
    Verdict,
)
from harness.store.step_file import decode_step, encode_step
from tests.builders import make_plan
from tests.unit.analyse.synthetic import CELL, always, make_closed_step, make_step, response_on_paper_s

STRATEGIES = ("bisect", "ladder", "predict")
SMALL_LIMITS = (1, 2, 3, 5, 8, 13, 60)
VERDICTS = (("PASS", None), ("FAIL", None), ("INVALID", None))
VERDICTS_AND_WANT = (*VERDICTS, ("INVALID", "too-few-requests"))
Steps = list[StepResult]


def make_search_plan(strategy: str, limit: int, precision_ratio: float = 0.05, first_users: int = 10) -> Plan:
    search = Search(SearchStrategy(strategy), precision_ratio, first_users, ladder_users=max(1, limit // 4))
    plan = make_plan(users_limit=limit)
    return replace(plan, cells=(CELL,), slos=(Slo("p95", 0.2),), search=search)


def neighbour(found_users: float) -> CellResult:
    """Return a cell of the same CPU with another memory, whose capacity makes the estimate."""
    limits = CELL.limits
    other = Cell("web-c1.00-m512", "web", type(limits)(limits.cpu_cores, 2 * limits.memory_bytes))
    ends = (max(1, int(found_users)), int(found_users) + 1)
    return CellResult(other, Status.BRACKETED, *ends, estimate_users=found_users)


def walk(plan: Plan, capacity: int, neighbours: Sequence[CellResult] = ()) -> Steps:
    """A whole search on a target that sustains exactly so many users."""
    steps: Steps = []
    while (step := choose_next_step(plan, CELL, steps, neighbours)) is not None:
        verdict = Verdict.PASS if step.users <= capacity else Verdict.FAIL
        steps.append(make_step(step.users, verdict, len(steps) + 1))
        assert len(steps) <= plan.users_limit, "the search does not end"
    return steps


def every_path(
    plan: Plan, neighbours: Sequence[CellResult], depth: int, verdicts: Sequence[tuple[str, str | None]]
) -> Iterator[Steps]:
    """The steps of every search, whatever the verdicts; cut at `depth`, and then answered PASS to its end."""
    unfinished: list[Steps] = [[]]
    while unfinished:
        steps = unfinished.pop()
        step = choose_next_step(plan, CELL, steps, neighbours)
        if step is None:
            yield steps
            continue
        for verdict, rule in verdicts if len(steps) < depth else (("PASS", None),):
            unfinished.append([*steps, make_step(step.users, verdict, len(steps) + 1, rule=rule)])
        assert len(steps) <= depth + plan.users_limit, "the search does not end"


# Every capacity


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 60])
@pytest.mark.parametrize("precision_ratio", [0.02, 0.05, 0.3])
@pytest.mark.parametrize("first_users", [1, 10])
def test_bisecting_finds_every_capacity(limit: int, precision_ratio: float, first_users: int) -> None:
    plan = make_search_plan("bisect", limit, precision_ratio, first_users)
    for capacity in range(limit + 1):
        assert_bracketed(plan, capacity, walk(plan, capacity))


@pytest.mark.parametrize("estimate", [0.4, 1, 5, 20, 40, 59, 61, 70, 1000])
@pytest.mark.parametrize("precision_ratio", [0.02, 0.05, 0.3])
def test_a_wrong_estimate_does_not_change_the_bracket(estimate: float, precision_ratio: float) -> None:
    plan = make_search_plan("predict", 60, precision_ratio)
    for capacity in range(61):
        assert_bracketed(plan, capacity, walk(plan, capacity, [neighbour(estimate)]))


def assert_bracketed(plan: Plan, capacity: int, steps: Steps) -> None:
    """The bracket holds the capacity, both its ends were measured, and it is narrow enough."""
    known, limit = find_bracket(steps), plan.users_limit
    if capacity == limit:
        assert (known.sustained_users, known.broken_users) == (limit, None)
        return
    low, high = known.sustained_users or 0, known.broken_users
    assert high is not None
    assert low <= capacity < high
    assert high <= max(low * (1 + plan.search.precision_ratio), low + 1)


@pytest.mark.parametrize("limit", [1, 4, 17, 100])
def test_a_ladder_ends_at_its_first_failing_rung(limit: int) -> None:
    plan = make_search_plan("ladder", limit)
    height = plan.search.ladder_users
    for capacity in range(limit + 1):
        known = find_bracket(walk(plan, capacity))
        rungs = [*range(height, limit, height), limit]
        assert known.sustained_users == max((rung for rung in rungs if rung <= capacity), default=None)
        assert known.broken_users == min((rung for rung in rungs if rung > capacity), default=None)


def test_a_good_estimate_costs_two_steps_and_a_bad_one_not_many() -> None:
    """The least is two windows: one that passes just below the capacity, one that fails just above it."""
    plan = make_search_plan("predict", 400)
    for capacity in range(20, 380):
        assert len(walk(plan, capacity, [neighbour(capacity + 0.5)])) == 2
        assert len(walk(plan, capacity, [neighbour(capacity * 1.1)])) <= 5
        assert len(walk(plan, capacity, [neighbour(capacity / 1.1)])) <= 7
        for estimate in (1, 30, 400, 10_000):
            assert len(walk(plan, capacity, [neighbour(estimate)])) <= 20


def test_bisecting_to_a_twentieth_takes_at_most_eleven_steps_up_to_400_users() -> None:
    plan = make_search_plan("bisect", 400)
    assert max(len(walk(plan, capacity)) for capacity in range(401)) <= 11


# Every sequence of verdicts


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("limit", SMALL_LIMITS)
@pytest.mark.parametrize(("verdicts", "depth"), [(VERDICTS, 7), (VERDICTS_AND_WANT, 5)])
def test_a_search_keeps_its_rules_whatever_the_verdicts_are(
    strategy: str, limit: int, verdicts: Sequence[tuple[str, str | None]], depth: int
) -> None:
    plan = make_search_plan(strategy, limit, first_users=min(3, limit))
    estimates: list[list[CellResult]] = [[]]
    if strategy == "predict":
        estimates += [[neighbour(estimate)] for estimate in (1.0, limit * 0.6, limit * 2.0)]
    for neighbours in estimates:
        for steps in every_path(plan, neighbours, depth, verdicts):
            assert_not_repeated(steps)
            assert_never_above_a_failure(steps)
            assert all(1 <= step.users <= limit for step in steps)


def assert_not_repeated(steps: Steps) -> None:
    """Check that a number of users is repeated only right after an INVALID step, and only once.

    One that only wants requests is repeated once something has passed, or at the users limit.
    """
    for before, after in itertools.pairwise(steps):
        if before.rule.is_for_want_of_requests:
            assert after.users >= before.users
        else:
            assert (before.users == after.users) == (before.verdict is Verdict.INVALID)
    told = [step.users for step in steps if step.verdict is not Verdict.INVALID]
    assert len(told) == len(set(told))
    invalid_users = [step.users for step in steps if step.verdict is Verdict.INVALID]
    assert all(invalid_users.count(users) <= 2 for users in invalid_users)


def assert_never_above_a_failure(steps: Steps) -> None:
    known = find_bracket(steps)
    passed = {step.users for step in steps if step.verdict is Verdict.PASS}
    failed = {step.users for step in steps if step.verdict is Verdict.FAIL}
    below = [users for users in passed if all(users < broken for broken in failed)]
    assert known.sustained_users == max(below, default=None)
    assert known.broken_users == min(failed, default=None)


# A bracket by itself: steps in any order, as stored facts judged under other SLOs may give them


def test_a_bracket_of_any_verdicts_is_the_highest_pass_below_every_failure() -> None:
    for verdicts in itertools.product(("PASS", "FAIL", "INVALID"), repeat=5):
        for order in ((1, 2, 3, 4, 5), (4, 2, 5, 1, 3), (3, 3, 2, 3, 2)):
            assert_never_above_a_failure(
                [make_step(users, verdict) for users, verdict in zip(order, verdicts, strict=True)]
            )


def test_a_pass_above_a_failure_counts_for_nothing() -> None:
    known = find_bracket([make_step(10, "PASS"), make_step(20, "FAIL"), make_step(40, "PASS")])
    assert (known.sustained_users, known.broken_users) == (10, 20)


def test_a_number_of_users_that_passed_and_failed_is_broken() -> None:
    known = find_bracket([make_step(10, "PASS"), make_step(10, "FAIL")])
    assert (known.sustained_users, known.broken_users) == (None, 10)


@pytest.mark.parametrize("low", range(1, 30))
def test_the_middle_of_a_bracket_lies_strictly_within(low: int) -> None:
    for high in range(low + 2, 60):
        assert low < find_bracket([make_step(low, "PASS"), make_step(high, "FAIL")]).compute_middle() < high


# Spoiled steps


def test_an_invalid_step_is_held_once_more() -> None:
    plan = make_search_plan("bisect", 400)
    once = [make_step(10, "PASS"), make_step(20, "INVALID")]
    again = choose_next_step(plan, CELL, once)
    assert again is not None
    assert again.users == 20
    assert choose_next_step(plan, CELL, [*once, make_step(20, "INVALID")]) is None


# Steps that want requests


def wanting(users: int, **figures: Any) -> StepResult:
    return make_step(users, "INVALID", rule="too-few-requests", **figures)


@pytest.mark.parametrize(("strategy", "expected"), [("bisect", 20), ("ladder", 110), ("predict", 20)])
def test_a_light_step_that_wants_requests_is_followed_by_a_heavier_one(strategy: str, expected: int) -> None:
    """Of 10 users: twice as many, or one rung of 100 more."""
    step = choose_next_step(make_search_plan(strategy, 400), CELL, [wanting(10)])
    assert step is not None
    assert step.users == expected


def test_the_light_step_predicts_the_next_one_even_if_it_wants_requests() -> None:
    """10 users make 4 RPS, so a cycle lasts 2.5 s; of it 0.1 s is waiting and 2.4 s is thinking.

    1 core serves 1 / 0.05 s = 20 RPS. At p95 ≤ 0.2 s the mean is taken as 0.06 s: 20 · 2.46 = 49.2 users.
    """
    light = wanting(10, rps=4.0, mean_s=0.1, target=TargetUse(cpu_cores=0.2, cpu_per_request_s=0.05))
    step = choose_next_step(make_search_plan("predict", 400), CELL, [light])
    assert step is not None
    assert step.users == 49


def test_a_demand_goes_on_to_its_users_after_a_light_step_that_wants_requests() -> None:
    plan = replace(make_search_plan("predict", 400), users_required=400)
    assert choose_next_step(plan, CELL, [wanting(10)]) == Step(400, plan.timing)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_verdicts_above_a_step_that_wants_requests_decide(strategy: str) -> None:
    """Windows below 30 users hold too few requests; the target sustains 44."""
    plan = make_search_plan(strategy, 400)
    steps: Steps = []
    while (step := choose_next_step(plan, CELL, steps)) is not None:
        verdict = "PASS" if step.users <= 44 else "FAIL"
        steps.append(wanting(step.users) if step.users < 30 else make_step(step.users, verdict))
        assert len(steps) < 20
    bracket = find_bracket(steps)
    if strategy != "ladder":
        assert bracket.sustained_users in (43, 44)
        assert bracket.broken_users in (45, 46)


def test_a_search_ends_where_a_failure_meets_a_step_that_wants_requests() -> None:
    """11 fails and 10 can't be told: there is no number between them."""
    plan = make_search_plan("bisect", 400)
    assert choose_next_step(plan, CELL, [wanting(10), make_step(11, "FAIL")]) is None
    between = choose_next_step(plan, CELL, [wanting(10), make_step(20, "FAIL")])
    assert between is not None
    assert between.users == 14, "the geometric mean of 10 and 20"


def test_a_search_in_which_no_step_has_enough_requests_ends_after_four() -> None:
    """As where an SLO names a request that the scenario never makes."""
    plan = make_search_plan("bisect", 400)
    steps: Steps = []
    while (step := choose_next_step(plan, CELL, steps)) is not None:
        steps.append(wanting(step.users))
    assert [step.users for step in steps] == [10, 20, 40, 80]


def test_a_step_that_wants_requests_above_a_pass_is_held_once_more() -> None:
    """A window with fewer users held enough of them, so this is chance."""
    plan = make_search_plan("bisect", 400)
    once = [make_step(10, "PASS"), wanting(20)]
    again = choose_next_step(plan, CELL, once)
    assert again is not None
    assert again.users == 20
    assert choose_next_step(plan, CELL, [*once, wanting(20)]) is None


def test_a_step_that_wants_requests_at_the_users_limit_is_held_once_more() -> None:
    plan = make_search_plan("bisect", 10)
    again = choose_next_step(plan, CELL, [wanting(10)])
    assert again is not None
    assert again.users == 10
    assert choose_next_step(plan, CELL, [wanting(10), wanting(10)]) is None


def test_after_a_spoiled_light_step_one_that_wants_requests_does_not_end_the_search() -> None:
    step = choose_next_step(make_search_plan("bisect", 400), CELL, [make_step(10, "INVALID"), wanting(10)])
    assert step is not None
    assert step.users == 20


def test_the_first_light_step_has_as_long_a_window_as_any_other() -> None:
    """Its verdict bounds the cell for good, so it may settle."""
    plan = make_search_plan("predict", 400)
    assert choose_next_step(plan, CELL, []) == Step(10, plan.timing)


# Resuming


def test_a_plain_search_needs_nothing_but_the_bracket() -> None:
    plan = make_search_plan("bisect", 400)
    steps = walk(plan, 137)
    for count, asked in enumerate(steps):
        known = find_bracket(steps[:count])
        assert choose_plain_users(plan.search, 400, known) == asked.users
    assert is_bracket_sufficient(plan.search, 400, find_bracket(steps))
    assert choose_plain_users(plan.search, 400, find_bracket(steps)) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resumed_search_asks_the_same_next(strategy: str) -> None:
    """Replayed from stored facts, at every prefix; on a target that sustains 44 users on paper."""
    plan = make_search_plan(strategy, 120)
    asked, facts = measured_search(plan, lambda users: response_on_paper_s(users) - 1e-6)
    stored = [decode_step(encode_step(one), Path("step")) for one in facts]
    for count, users in enumerate([*asked, None]):
        step = choose_next_step(plan, CELL, judge_steps(stored[:count], plan.slos))
        assert (step.users if step else None) == users
    known = find_bracket(judge_steps(stored, plan.slos))
    assert known.sustained_users is not None
    assert known.broken_users is not None
    assert known.sustained_users <= 44 < known.broken_users


def measured_search(plan: Plan, response_s: Callable[[int], float]) -> tuple[list[int], list[StepFacts]]:
    asked: list[int] = []
    facts: list[StepFacts] = []
    while (step := choose_next_step(plan, CELL, judge_steps(facts, plan.slos))) is not None:
        asked.append(step.users)
        facts.append(
            make_closed_step(step.users, latency=always(response_s(step.users)), index=len(facts) + 1)
        )
    return asked, facts
