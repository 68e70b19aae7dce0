"""Errors that are as frequent with few users as with many are not caused by load, and end the search."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.analyse.result.capacity import Attempt, build_cell_result, explain_shared_errors
from harness.analyse.search.constant_errors import find_constant_errors
from harness.analyse.search.search import choose_next_step
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Factor,
    Failures,
    Judgement,
    Limits,
    NameStats,
    Plan,
    RequestFailure,
    Rule,
    Slo,
    Status,
    StepResult,
    Verdict,
)
from harness.model.cell_evidence import ErrorsAtAnyLoad
from harness.model.evidence import SloBroken, SloEvaluation
from harness.report.view.explanations import explain_evidence
from tests.builders import make_plan
from tests.unit.analyse.synthetic import CELL, make_step

ERRORS = Slo("errors", 0.01)
NOT_FOUND = "HTTPError: 404 Client Error: Not Found for url: /icon"
LIGHT, BUSY = 0.05, 0.9
SMALLER = Cell("web-c0.50-m256", "web", Limits(0.5, 256 * MIB))


def make_errors(
    users: int,
    failed: int,
    of_name: int,
    of_all: int,
    *,
    wait_ratio: float = LIGHT,
    error: str = NOT_FOUND,
    slo: Slo = ERRORS,
) -> StepResult:
    """Return a step that broke the SLO on errors: `failed` of `of_name` requests of GET /icon failed."""
    judgement = Judgement(Rule.SLO_BROKEN, SloBroken(SloEvaluation(slo, failed / of_all, False, True)))
    step = make_step(users, "FAIL", requests=of_all, rps=(of_all - failed) / 20.0)
    failure = RequestFailure("GET /icon", error, failed, of_name)
    others = of_all - of_name
    names = (
        NameStats("GET /", others, 0, None, None, None),
        NameStats("GET /icon", of_name, failed, None, None, None),
    )
    failures = Failures(failed / of_all, {error: failed}, by_name=(failure,))
    return replace(step, judgement=judgement, failures=failures, wait_ratio=wait_ratio, by_name=names)


TEN, FIVE = make_errors(10, 48, 48, 200), make_errors(5, 25, 25, 100)
FOUND = ErrorsAtAnyLoad(ERRORS, RequestFailure("GET /icon", NOT_FOUND, 25, 25), ((5, 0.25), (10, 0.24)))


def make_search_plan(strategy: str = "predict") -> Plan:
    plan = make_plan(users_limit=400, strategy=strategy)
    return replace(plan, slos=(Slo("p95", 1.0), ERRORS))


def search_users(
    plan: Plan, steps: Sequence[StepResult], neighbours: Sequence[CellResult] = ()
) -> int | None:
    step = choose_next_step(plan, CELL, steps, neighbours)
    return None if step is None else step.users


@pytest.mark.parametrize("strategy", ["predict", "bisect"])
def test_errors_of_the_same_share_end_the_search_after_two_steps(strategy: str) -> None:
    """With 10 users all 48 of 48 icons fail, and with 5 users all 25 of 25."""
    plan = make_search_plan(strategy)
    assert search_users(plan, [TEN]) == 5
    assert find_constant_errors([TEN, FIVE]) == FOUND
    assert search_users(plan, [TEN, FIVE]) is None


def test_after_a_busy_step_a_single_user_tells_whether_load_causes_the_errors() -> None:
    """Users without think time overload the target with 10 users and with 5 alike."""
    busy = make_errors(10, 48, 48, 200, wait_ratio=BUSY)
    assert search_users(make_search_plan(), [busy]) == 1
    assert find_constant_errors([busy, make_errors(5, 25, 25, 100, wait_ratio=BUSY)]) is None
    single = make_errors(1, 13, 13, 50, wait_ratio=BUSY)
    found = find_constant_errors([busy, single])
    assert found is not None
    assert found.shares == ((1, 0.26), (10, 0.24))


@pytest.mark.parametrize(
    ("failed", "of_name", "is_constant"),
    [
        (25, 25, True),
        (20, 100, True),
        (10, 100, False),
        (2, 10, False),
        (30, 100, True),
    ],
)
def test_two_shares_are_equal_unless_chance_can_not_explain_it(
    failed: int, of_name: int, is_constant: bool
) -> None:
    """With 10 users 60 of 240 fail, 25 %; with 5 users errors in proportion to load would be 12.5 %.

    20 of 100 differ from 25 % by 1.0 standard errors, and their interval begins at 13.3 %. 10 of 100 differ
    by 3.1. 2 of 10 would also fit 12.5 %: their interval begins at 5.7 %.
    """
    ten, five = make_errors(10, 60, 240, 240), make_errors(5, failed, of_name, of_name)
    assert (find_constant_errors([ten, five]) is not None) == is_constant


def test_another_error_or_a_pass_is_no_sign_of_constant_errors() -> None:
    reset = make_errors(5, 25, 25, 100, error="ConnectionResetError")
    assert find_constant_errors([TEN, reset]) is None
    assert find_constant_errors([TEN, make_step(5, "PASS")]) is None
    assert search_users(make_search_plan(), [TEN, make_step(5, "PASS")]) not in (None, 4)


def test_errors_that_fall_with_the_load_are_followed_down_by_halves() -> None:
    """28 % with 10 users and 10 % with 5: with 2 users they may be gone."""
    plan = make_search_plan()
    steps = [make_errors(10, 28, 100, 100), make_errors(5, 10, 100, 100)]
    assert search_users(plan, steps) == 2
    assert search_users(plan, [*steps, make_step(2, "PASS")]) in (3, 4)


def test_a_single_user_has_no_smaller_load_to_compare_with() -> None:
    single = make_errors(1, 13, 13, 50, wait_ratio=BUSY)
    found = find_constant_errors([single])
    assert found is not None
    assert found.shares == ((1, 0.26),)
    assert search_users(make_search_plan(), [single]) is None


def test_an_slo_on_one_name_looks_at_its_requests_alone() -> None:
    """25 of 25 icons fail: 100 % of the requests with the name."""
    slo = Slo("errors", 0.05, "/icon")
    steps = [make_errors(10, 48, 48, 200, slo=slo), make_errors(5, 25, 25, 100, slo=slo)]
    found = find_constant_errors(steps)
    assert found is not None
    assert found.shares == ((5, 1.0), (10, 1.0))


def test_a_cell_says_that_its_errors_come_at_any_load() -> None:
    result = build_cell_result(CELL, 400, (ERRORS,), Attempt([], [TEN, FIVE], is_done=True))
    assert (result.status, result.limiting_factor, result.evidence) == (Status.NONE, Factor.ERRORS, FOUND)
    assert explain_evidence(result.evidence) == (
        "100 % of GET /icon fail at any load (404 Not Found): 25 % of all requests with 5 users, "
        "24 % with 10; fix them, or judge only what load adds (slos.added_errors)"
    )


def test_another_size_confirms_constant_errors_with_a_single_light_step() -> None:
    """Without the other size's errors its first step would be at the estimate; then one step is enough."""
    plan = make_search_plan()
    first = build_cell_result(SMALLER, 400, (ERRORS,), Attempt([], [TEN, FIVE], is_done=True))
    assert search_users(plan, [], [first]) == 10
    same = make_errors(10, 44, 44, 190)
    assert search_users(plan, [same], [first]) is None
    second = build_cell_result(CELL, 400, (ERRORS,), Attempt([], [same], is_done=True))
    explained = explain_shared_errors([first, second])[1]
    assert isinstance(explained.evidence, ErrorsAtAnyLoad)
    assert explained.evidence.shares == ((10, 44 / 190),)
    heavy = make_errors(60, 300, 300, 1250, wait_ratio=BUSY)
    assert search_users(plan, [heavy], [first]) is None, "a heavier step shows it as well"
    more = make_errors(10, 90, 90, 190, error="HTTPError: 503 Server Error: x for url: /")
    assert search_users(plan, [more], [first]) == 5, "another error is another question"


@pytest.mark.parametrize("first_users", [10, 100])
def test_a_search_in_which_every_step_fails_halves(first_users: int) -> None:
    """Slow answers that are as many at any load tell nothing of where the size passes."""
    plan = make_search_plan()
    plan = replace(plan, search=replace(plan.search, first_users=first_users))
    steps: list[StepResult] = []
    while (step := choose_next_step(plan, CELL, steps)) is not None:
        steps.append(
            make_step(
                step.users,
                Verdict.FAIL,
                len(steps) + 1,
                requests=20 * step.users,
                slow_ratio=0.08,
                rps=step.users / 1.1,
                mean_s=0.1,
                p95_s=2.0,
                think_s=1.0,
            )
        )
    halves = [before.users / after.users for before, after in itertools.pairwise(steps[1:])]
    assert steps[-1].users == 1
    assert min(halves) >= 2
    assert len(steps) <= 5 if first_users == 10 else len(steps) <= 8


def test_errors_of_a_heavy_first_step_are_followed_down_like_any_failure() -> None:
    """The first step of a later size is at its estimate: load may well cause its errors."""
    other = Cell("web-c1.00-m512", "web", Limits(1.0, 512 * MIB))
    neighbour = CellResult(other, Status.BRACKETED, 55, 57, estimate_users=56.0)
    plan = make_search_plan()
    heavy = make_errors(60, 20, 300, 1250, wait_ratio=BUSY)
    assert 50 < (search_users(plan, [heavy], [neighbour]) or 0) < 60
    demand = replace(plan, users_required=60, users_limit=60)
    assert search_users(demand, [heavy], [neighbour]) is None, (
        "it does not sustain them, and that is the answer"
    )
