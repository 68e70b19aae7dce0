"""The search of a cell, checked by brute force: every capacity, and every sequence of verdicts."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.search.bracket import find_bracket
from harness.analyse.search.search import (
    choose_next_step,
    choose_users_without_estimate,
    is_bracket_sufficient,
)
from harness.analyse.step.judge import judge_steps
from harness.model import (
    Cell,
    CellResult,
    Plan,
    Rule,
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
from harness.model.evidence import Judgement, SloBroken, SloEvaluation, SlosHold
from harness.model.task_evidence import TasksRaised, TaskUse
from harness.store.step_file import decode_step, encode_step
from tests.builders import make_plan
from tests.unit.analyse.synthetic import CELL, always, make_closed_step, make_step, response_on_paper_s

P95 = Slo("p95", 1.0)
STRATEGIES = ("bisect", "ladder", "predict")
SMALL_LIMITS = (1, 2, 3, 5, 8, 13, 60)
VERDICTS = (("PASS", None), ("FAIL", None), ("INVALID", None))
VERDICTS_AND_TOO_FEW_REQUESTS = (*VERDICTS, ("INVALID", "too-few-requests"))
Steps = list[StepResult]


def make_search_plan(strategy: str, limit: int, precision_ratio: float = 0.05, first_users: int = 10) -> Plan:
    search = Search(SearchStrategy(strategy), precision_ratio, first_users, ladder_users=max(1, limit // 4))
    plan = make_plan(users_limit=limit)
    return replace(plan, cells=(CELL,), slos=(Slo("p95", 0.2),), search=search)


REFERENCE_PLAN_SLOS = (Slo("p95", 1.0), Slo("shortfall", 0.15))


@pytest.mark.parametrize(
    ("wait_ratio", "rps", "window_s"), [(0.5, 100.0, 20.0), (0.5, 20.0, 25.0), (0.13, 1.0, 90.0)]
)
def test_a_busy_first_step_is_followed_by_a_single_user(
    wait_ratio: float, rps: float, window_s: float
) -> None:
    """A user of ten makes rps / 10 requests a second, and 50 in 500 / rps seconds: within 20 s to 90 s."""
    for strategy in STRATEGIES:
        plan = replace(make_search_plan(strategy, 400), slos=REFERENCE_PLAN_SLOS)
        busy = replace(make_step(10, "PASS", rps=rps), wait_ratio=wait_ratio)
        step = choose_next_step(plan, CELL, [busy])
        assert step is not None
        assert (step.users, step.timing.window_at_least_s) == (1, window_s)
        assert step.timing.window_at_most_s == plan.timing.window_at_most_s


def test_a_single_user_is_measured_once_and_only_for_an_slo_on_the_shortfall() -> None:
    plan = replace(make_search_plan("bisect", 400), slos=REFERENCE_PLAN_SLOS)
    busy = replace(make_step(10, "PASS", rps=100.0), wait_ratio=0.5)
    light = replace(busy, wait_ratio=0.12)
    single = replace(make_step(1, "PASS", 2, rps=20.0), wait_ratio=1.0)
    empty = replace(make_inconclusive_step(1), wait_ratio=0.3)
    neighbour = make_neighbour(100.0)
    for chosen in (
        choose_next_step(plan, CELL, [light]),
        choose_next_step(plan, CELL, [busy, single]),
        choose_next_step(plan, CELL, [busy, empty]),
        choose_next_step(plan, CELL, [busy], [neighbour]),
        choose_next_step(replace(plan, slos=(Slo("p95", 1.0),)), CELL, [busy]),
    ):
        assert chosen is not None
        assert chosen.users == 20


def make_neighbour(capacity: float) -> CellResult:
    """Return a cell of the same CPU with another memory; its capacity is the estimate of the search."""
    limits = CELL.limits
    other = Cell("web-c1.00-m512", "web", type(limits)(limits.cpu_cores, 2 * limits.memory_bytes))
    ends = (max(1, int(capacity)), int(capacity) + 1)
    return CellResult(other, Status.BRACKETED, *ends, estimate_users=capacity)


Chosen = dict[tuple[tuple[int, Verdict], ...], Step | None]
"""The steps that were chosen after the users and verdicts before them, for one plan and its neighbours."""


def search_capacity(
    plan: Plan, capacity: int, neighbours: Sequence[CellResult] = (), chosen: Chosen | None = None
) -> Steps:
    """Return the steps of a whole search on a target that sustains exactly `capacity` users.

    Searches of several capacities begin alike: with the same `chosen` the same choice is made only once.
    """
    steps: Steps = []
    known = {} if chosen is None else chosen
    while True:
        before = tuple((step.users, step.verdict) for step in steps)
        if before not in known:
            known[before] = choose_next_step(plan, CELL, steps, neighbours)
        step = known[before]
        if step is None:
            return steps
        verdict = Verdict.PASS if step.users <= capacity else Verdict.FAIL
        steps.append(make_step(step.users, verdict, len(steps) + 1))
        assert len(steps) <= plan.users_limit, "the search does not end"


def search_with_all_verdicts(
    plan: Plan, neighbours: Sequence[CellResult], depth: int, verdicts: Sequence[tuple[str, str | None]]
) -> Iterator[Steps]:
    """Yield the steps of a search for every sequence of verdicts; all steps after the first `depth` pass.

    `verdicts` are pairs of a verdict and its rule; without a rule, any rule of the verdict.
    """
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
    chosen: Chosen = {}
    for capacity in range(limit + 1):
        assert_bracketed(plan, capacity, search_capacity(plan, capacity, chosen=chosen))


@pytest.mark.parametrize("estimate", [0.4, 1, 5, 20, 40, 59, 61, 70, 1000])
@pytest.mark.parametrize("precision_ratio", [0.02, 0.05, 0.3])
def test_a_wrong_estimate_does_not_change_the_bracket(estimate: float, precision_ratio: float) -> None:
    plan = make_search_plan("predict", 60, precision_ratio)
    chosen: Chosen = {}
    for capacity in range(61):
        steps = search_capacity(plan, capacity, [make_neighbour(estimate)], chosen)
        assert_bracketed(plan, capacity, steps)


def assert_bracketed(plan: Plan, capacity: int, steps: Steps) -> None:
    """Check that the bracket contains the capacity, that both ends were measured, and that it is narrow."""
    bracket, limit = find_bracket(steps), plan.users_limit
    if capacity == limit:
        assert (bracket.sustained_users, bracket.broken_users) == (limit, None)
        return
    low, high = bracket.sustained_users or 0, bracket.broken_users
    assert high is not None
    assert low <= capacity < high
    assert high <= max(low * (1 + plan.search.precision_ratio), low + 1)


@pytest.mark.parametrize("limit", [1, 4, 17, 100])
def test_a_ladder_ends_at_its_first_failing_rung(limit: int) -> None:
    plan = make_search_plan("ladder", limit)
    height = plan.search.ladder_users
    for capacity in range(limit + 1):
        bracket = find_bracket(search_capacity(plan, capacity))
        rungs = [*range(height, limit, height), limit]
        assert bracket.sustained_users == max((rung for rung in rungs if rung <= capacity), default=None)
        assert bracket.broken_users == min((rung for rung in rungs if rung > capacity), default=None)


def test_a_search_takes_two_steps_with_a_good_estimate_and_few_more_with_a_bad_one() -> None:
    """Check against the minimum of two steps: a pass just below the capacity, a failure just above it."""
    plan = make_search_plan("predict", 400)
    chosen: dict[int, Chosen] = {estimate: {} for estimate in (1, 30, 400, 10_000)}
    for capacity in range(20, 380):
        assert len(search_capacity(plan, capacity, [make_neighbour(capacity + 0.5)])) == 2
        assert len(search_capacity(plan, capacity, [make_neighbour(capacity * 1.1)])) <= 5
        assert len(search_capacity(plan, capacity, [make_neighbour(capacity / 1.1)])) <= 7
        for estimate, known in chosen.items():
            assert len(search_capacity(plan, capacity, [make_neighbour(estimate)], known)) <= 20


def test_bisecting_400_users_to_5_percent_takes_at_most_eleven_steps() -> None:
    plan = make_search_plan("bisect", 400)
    chosen: Chosen = {}
    assert max(len(search_capacity(plan, capacity, chosen=chosen)) for capacity in range(401)) <= 11


# Every sequence of verdicts


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("limit", SMALL_LIMITS)
@pytest.mark.parametrize(("verdicts", "depth"), [(VERDICTS, 7), (VERDICTS_AND_TOO_FEW_REQUESTS, 5)])
def test_no_sequence_of_verdicts_breaks_the_rules_of_the_search(
    strategy: str, limit: int, verdicts: Sequence[tuple[str, str | None]], depth: int
) -> None:
    plan = make_search_plan(strategy, limit, first_users=min(3, limit))
    estimates: list[list[CellResult]] = [[]]
    if strategy == "predict":
        estimates += [[make_neighbour(estimate)] for estimate in (1.0, limit * 0.6, limit * 2.0)]
    for neighbours in estimates:
        for steps in search_with_all_verdicts(plan, neighbours, depth, verdicts):
            assert_not_repeated(steps)
            assert_never_above_a_failure(steps)
            assert all(1 <= step.users <= limit for step in steps)


def assert_not_repeated(steps: Steps) -> None:
    """Check that a number of users is repeated only right after an INVALID step, and only once.

    A step with too few requests is repeated only once a step has passed, or at the users limit.
    """
    for before, after in itertools.pairwise(steps):
        if before.rule.lacks_requests:
            assert after.users >= before.users
        else:
            assert (before.users == after.users) == (before.verdict is Verdict.INVALID)
    valid_users = [step.users for step in steps if step.verdict is not Verdict.INVALID]
    assert len(valid_users) == len(set(valid_users))
    invalid_users = [step.users for step in steps if step.verdict is Verdict.INVALID]
    assert all(invalid_users.count(users) <= 2 for users in invalid_users)


def assert_never_above_a_failure(steps: Steps) -> None:
    bracket = find_bracket(steps)
    passed = {step.users for step in steps if step.verdict is Verdict.PASS}
    failed = {step.users for step in steps if step.verdict is Verdict.FAIL}
    below = [users for users in passed if all(users < broken for broken in failed)]
    assert bracket.sustained_users == max(below, default=None)
    assert bracket.broken_users == min(failed, default=None)


# Brackets of steps in any order, which stored facts can have if they are judged by other SLOs


def test_a_bracket_of_any_verdicts_is_the_highest_pass_below_every_failure() -> None:
    for verdicts in itertools.product(("PASS", "FAIL", "INVALID"), repeat=5):
        for order in ((1, 2, 3, 4, 5), (4, 2, 5, 1, 3), (3, 3, 2, 3, 2)):
            assert_never_above_a_failure(
                [make_step(users, verdict) for users, verdict in zip(order, verdicts, strict=True)]
            )


def test_a_pass_above_a_failure_is_ignored() -> None:
    bracket = find_bracket([make_step(10, "PASS"), make_step(20, "FAIL"), make_step(40, "PASS")])
    assert (bracket.sustained_users, bracket.broken_users) == (10, 20)


def test_a_number_of_users_that_passed_and_failed_is_broken() -> None:
    bracket = find_bracket([make_step(10, "PASS"), make_step(10, "FAIL")])
    assert (bracket.sustained_users, bracket.broken_users) == (None, 10)


@pytest.mark.parametrize("low", range(1, 30))
def test_the_middle_of_a_bracket_lies_strictly_within(low: int) -> None:
    for high in range(low + 2, 60):
        assert low < find_bracket([make_step(low, "PASS"), make_step(high, "FAIL")]).compute_middle() < high


# Invalid steps


def test_an_invalid_step_is_repeated_once() -> None:
    plan = make_search_plan("bisect", 400)
    steps = [make_step(10, "PASS"), make_step(20, "INVALID")]
    repeated = choose_next_step(plan, CELL, steps)
    assert repeated is not None
    assert repeated.users == 20
    assert choose_next_step(plan, CELL, [*steps, make_step(20, "INVALID")]) is None


@pytest.mark.parametrize(("raised", "users"), [(12, 20), (20, None), (200, None)])
def test_exceptions_that_no_chance_explains_are_not_measured_again(raised: int, users: int | None) -> None:
    """Of 200 tasks 12 are 6 %, by Wilson's interval at least 3.5 %; 20 are 10 %, at least 6.6 %.

    From 5 % on a step is invalid.
    """
    raised_tasks = TasksRaised(TaskUse(ended=200, raised=raised), 0.05)
    broken = make_step(20, "INVALID", rule="scenario-errors", evidence=raised_tasks)
    step = choose_next_step(make_search_plan("bisect", 400), CELL, [make_step(10, "PASS"), broken])
    assert (step.users if step else None) == users


# Steps with too few requests


def make_inconclusive_step(users: int, **figures: Any) -> StepResult:
    return make_step(users, "INVALID", rule="too-few-requests", **figures)


@pytest.mark.parametrize(("strategy", "expected"), [("bisect", 20), ("ladder", 110), ("predict", 20)])
def test_after_a_light_step_with_too_few_requests_comes_a_heavier_one(strategy: str, expected: int) -> None:
    """After 10 users: twice as many, or one rung of 100 more."""
    step = choose_next_step(make_search_plan(strategy, 400), CELL, [make_inconclusive_step(10)])
    assert step is not None
    assert step.users == expected


def test_the_light_step_predicts_the_next_one_even_with_too_few_requests() -> None:
    """10 users make 4 RPS, so a cycle lasts 2.5 s: 0.1 s of waiting and 2.4 s of thinking.

    1 core serves 1 / 0.05 s = 20 RPS. At p95 ≤ 0.2 s the mean is taken as 0.06 s: 20 · 2.46 = 49.2 users.
    """
    target = TargetUse(cpu_cores=0.2, cpu_per_request_s=0.05)
    light = make_inconclusive_step(10, rps=4.0, mean_s=0.1, target=target)
    step = choose_next_step(make_search_plan("predict", 400), CELL, [light])
    assert step is not None
    assert step.users == 49


def test_a_demand_goes_on_to_its_users_after_a_light_step_with_too_few_requests() -> None:
    plan = replace(make_search_plan("predict", 400), users_required=400)
    assert choose_next_step(plan, CELL, [make_inconclusive_step(10)]) == Step(400, plan.timing)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_verdicts_above_a_step_with_too_few_requests_decide(strategy: str) -> None:
    """Windows below 30 users hold too few requests; the target sustains 44."""
    plan = make_search_plan(strategy, 400)
    steps: Steps = []
    while (step := choose_next_step(plan, CELL, steps)) is not None:
        verdict = "PASS" if step.users <= 44 else "FAIL"
        has_too_few = step.users < 30
        steps.append(make_inconclusive_step(step.users) if has_too_few else make_step(step.users, verdict))
        assert len(steps) < 20
    bracket = find_bracket(steps)
    if strategy != "ladder":
        assert bracket.sustained_users in (43, 44)
        assert bracket.broken_users in (45, 46)


def test_a_search_ends_if_no_number_is_left_between_a_failure_and_a_step_with_too_few_requests() -> None:
    """11 users fail and 10 make too few requests: there is no number between them."""
    plan = make_search_plan("bisect", 400)
    assert choose_next_step(plan, CELL, [make_inconclusive_step(10), make_step(11, "FAIL")]) is None
    between = choose_next_step(plan, CELL, [make_inconclusive_step(10), make_step(20, "FAIL")])
    assert between is not None
    assert between.users == 14, "the geometric mean of 10 and 20"


def test_a_search_in_which_no_step_has_enough_requests_ends_after_four() -> None:
    """This happens if an SLO names a request that the scenario never makes."""
    plan = make_search_plan("bisect", 400)
    steps: Steps = []
    while (step := choose_next_step(plan, CELL, steps)) is not None:
        steps.append(make_inconclusive_step(step.users))
    assert [step.users for step in steps] == [10, 20, 40, 80]


def test_a_step_with_too_few_requests_above_a_pass_is_repeated_once() -> None:
    """A window with fewer users held enough requests, so this is chance."""
    plan = make_search_plan("bisect", 400)
    steps = [make_step(10, "PASS"), make_inconclusive_step(20)]
    repeated = choose_next_step(plan, CELL, steps)
    assert repeated is not None
    assert repeated.users == 20
    assert choose_next_step(plan, CELL, [*steps, make_inconclusive_step(20)]) is None


def test_a_step_with_too_few_requests_at_the_users_limit_is_repeated_once() -> None:
    plan = make_search_plan("bisect", 10)
    repeated = choose_next_step(plan, CELL, [make_inconclusive_step(10)])
    assert repeated is not None
    assert repeated.users == 10
    assert choose_next_step(plan, CELL, [make_inconclusive_step(10), make_inconclusive_step(10)]) is None


def test_a_disturbed_light_step_and_then_too_few_requests_do_not_end_the_search() -> None:
    steps = [make_step(10, "INVALID"), make_inconclusive_step(10)]
    step = choose_next_step(make_search_plan("bisect", 400), CELL, steps)
    assert step is not None
    assert step.users == 20


def test_the_first_light_step_has_as_long_a_window_as_any_other() -> None:
    """Its verdict bounds the answer of the cell, so it may last until it is settled."""
    plan = make_search_plan("predict", 400)
    assert choose_next_step(plan, CELL, []) == Step(10, plan.timing)


# Resuming


def test_a_search_without_estimate_depends_on_the_bracket_alone() -> None:
    plan = make_search_plan("bisect", 400)
    steps = search_capacity(plan, 137)
    for count, step in enumerate(steps):
        bracket = find_bracket(steps[:count])
        assert choose_users_without_estimate(plan.search, 400, bracket) == step.users
    assert is_bracket_sufficient(plan.search, 400, find_bracket(steps))
    assert choose_users_without_estimate(plan.search, 400, find_bracket(steps)) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resumed_search_chooses_the_same_next_step(strategy: str) -> None:
    """Resume after every step from the stored facts of a target that sustains 44 users."""
    plan = make_search_plan(strategy, 120)
    chosen, facts = run_search(plan, lambda users: response_on_paper_s(users) - 1e-6)
    stored = [decode_step(encode_step(step_facts), Path("step")) for step_facts in facts]
    for count, users in enumerate([*chosen, None]):
        step = choose_next_step(plan, CELL, judge_steps(stored[:count], plan.slos))
        assert (step.users if step else None) == users
    bracket = find_bracket(judge_steps(stored, plan.slos))
    assert bracket.sustained_users is not None
    assert bracket.broken_users is not None
    assert bracket.sustained_users <= 44 < bracket.broken_users


def run_search(plan: Plan, response_s: Callable[[int], float]) -> tuple[list[int], list[StepFacts]]:
    chosen: list[int] = []
    facts: list[StepFacts] = []
    while (step := choose_next_step(plan, CELL, judge_steps(facts, plan.slos))) is not None:
        chosen.append(step.users)
        facts.append(
            make_closed_step(step.users, latency=always(response_s(step.users)), index=len(facts) + 1)
        )
    return chosen, facts


def test_after_a_pass_that_other_windows_outvote_the_users_are_not_halved() -> None:
    """190 users are expected, and 186 passed and failed: 186 / 1.05 are the other end.

    186, 178 and 170 are three numbers of users that failed, with no pass below them: 85 are next.
    """
    verdicts = [(186, "PASS"), (225, "FAIL"), (205, "FAIL"), (195, "FAIL"), (186, "FAIL")]
    steps = [make_step(users, verdict, i) for i, (users, verdict) in enumerate(verdicts, 1)]
    plan, neighbours = make_search_plan("predict", 400), [make_neighbour(190.0)]
    step = choose_next_step(plan, CELL, steps, neighbours)
    assert step is not None
    assert step.users == 178
    lower = [*steps, make_step(178, "FAIL", 6), make_step(170, "FAIL", 7)]
    step = choose_next_step(plan, CELL, lower, neighbours)
    assert step is not None
    assert step.users == 85


def make_share_step(users: int, slow_ratio: float, index: int) -> StepResult:
    """Return the step of a window of 1,000 requests, judged by p95 <= 1 s."""
    evaluation = SloEvaluation(P95, 1.0, holds=slow_ratio <= 0.05, is_settled=True)
    judgement = Judgement(Rule.SLO_BROKEN, SloBroken(evaluation))
    if evaluation.holds:
        judgement = Judgement(Rule.SLOS_HOLD, SlosHold((evaluation,)))
    step = make_step(users, "PASS", index, slow_ratio=slow_ratio, requests=1000)
    return replace(step, judgement=judgement)


def test_after_a_failure_at_light_load_that_was_chance_the_users_are_doubled_until_the_size_breaks() -> None:
    """4 % of the requests are slow at any load, so each pass looks as if 5 % were near."""
    plan = replace(make_search_plan("predict", 400), slos=(P95,))
    steps = [make_share_step(10, 0.06, 1), make_share_step(9, 0.04, 2), make_share_step(10, 0.03, 3)]
    for expected in (20, 40, 80):
        step = choose_next_step(plan, CELL, steps)
        assert step is not None
        assert step.users == expected
        steps.append(make_share_step(expected, 0.04, len(steps) + 1))
    steps[-1] = make_share_step(80, 0.6, len(steps))
    step = choose_next_step(plan, CELL, steps)
    assert step is not None
    assert 40 < step.users < 80


def test_without_such_a_failure_the_estimate_is_followed() -> None:
    plan = replace(make_search_plan("predict", 400), slos=(P95,))
    step = choose_next_step(plan, CELL, [make_share_step(10, 0.04, 1)])
    assert step is not None
    assert step.users < 20


def test_passes_above_an_estimate_end_it_instead_of_leading_on_by_5_percent() -> None:
    """The estimate is 100 users; sigma is 0.04, so passes above 100 · exp(1.5 · 0.04) = 106.2 refute it.

    98 and 102 pass, 107 pass, and 400 is known to fail. The next is the middle of 107 and 400, not 112.
    """
    plan = make_search_plan("predict", 400)
    steps = [make_step(400, "FAIL"), make_step(102, "PASS"), make_step(107, "PASS")]
    neighbour = make_neighbour(100)
    refuted = choose_next_step(plan, CELL, steps, [neighbour])
    standing = choose_next_step(plan, CELL, steps[:2], [neighbour])
    assert (refuted and refuted.users) == find_bracket(steps).compute_middle()
    assert (standing and standing.users) == 107


def test_strides_double_above_a_step_with_too_few_requests_too() -> None:
    """10 users make too few requests, and 86, 82 and 79 failed: the next is 79 / 1.1 = 71.8 at most."""
    plan = make_search_plan("predict", 400)
    steps = [make_inconclusive_step(10), *(make_step(users, "FAIL") for users in (86, 82, 79))]
    step = choose_next_step(plan, CELL, steps, [make_neighbour(79)])
    assert (step and step.users) == 71


def test_strides_double_after_three_failures_since_a_pass() -> None:
    """The light step passed with 10 users, and each estimate is the lowest failure so far.

    After 86, 82 and 79 the next is 79 / 1.1 = 71.8 at most, after 71 it is 71 / 1.2 = 59.2, and after 59 it
    is 59 / 1.4 = 42.1. Two failures change nothing: 82 / 1.05 = 78.1 is the other end of a narrow bracket.
    """
    plan = make_search_plan("predict", 400)
    steps = [make_step(10, "PASS"), make_step(86, "FAIL")]
    for users, following in ((82, 79), (79, 71), (71, 59), (59, 42)):
        steps.append(make_step(users, "FAIL"))
        step = choose_next_step(plan, CELL, steps, [make_neighbour(users)])
        assert (step and step.users) == following
