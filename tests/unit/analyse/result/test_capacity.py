"""The answer of a cell: every status, with its limiting factor and its numbers."""

import itertools
from dataclasses import replace

import pytest

from harness.analyse.result.capacity import Attempt, build_cell_result, explain_lack_of_requests, is_hopeless
from harness.model import (
    CellResult,
    ContainerRun,
    ErrorOrigin,
    Factor,
    FailureKind,
    Failures,
    Judgement,
    NameStats,
    RequestFailure,
    Rule,
    Slo,
    Status,
    StepResult,
    TargetUse,
    TaskError,
)
from harness.model.evidence import (
    CpuStolen,
    EndedStep,
    EveryRequestFailed,
    NeverBroke,
    NotReady,
    Skipped,
    StepEvidence,
)
from harness.model.rare_requests import NameFailed, TooFewRequests
from harness.model.task_evidence import TasksRaised, TaskUse, UserEnds, UsersLost
from harness.model.user_time import TimeUnreported
from tests.unit.analyse.synthetic import CELL, make_step

LIMIT = 400
STOPPED = TaskError(ErrorOrigin.STOP, "StopUser", "locustfile.py:22")
STARTED = ContainerRun(CELL.id, 1, "2026-01-01T00:00:00+00:00", 0.8)
NOT_STARTED = ContainerRun(
    CELL.id, 2, "2026-01-01T00:01:00+00:00", None, FailureKind.EXITED, "it exited with code 1"
)

IDLE = TargetUse(cpu_cores=0.1)


def build_answer(
    *steps: StepResult,
    runs: tuple[ContainerRun, ...] = (STARTED,),
    is_done: bool = True,
    skipped: str | None = None,
) -> CellResult:
    return build_cell_result(CELL, LIMIT, [Slo("p95", 1.0)], Attempt(runs, steps, is_done), skipped)


def test_both_ends_measured_make_a_bracket() -> None:
    result = build_answer(make_step(100, "PASS"), make_step(104, "FAIL", target=IDLE))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.BRACKETED, 100, 104)
    assert result.limiting_factor is Factor.TARGET


def test_a_cell_that_never_broke_is_censored() -> None:
    result = build_answer(make_step(200, "PASS"), make_step(400, "PASS"))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.CENSORED, 400, None)
    assert (result.limiting_factor, result.estimate_users) == (None, None)
    assert result.evidence == NeverBroke()


def test_a_cell_whose_smallest_step_failed_sustains_no_user() -> None:
    result = build_answer(make_step(2, "FAIL"), make_step(1, "FAIL", target=IDLE))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.NONE, None, 1)
    assert result.limiting_factor is Factor.TARGET
    assert (result.rps, result.p95_s) == (None, None)


def test_a_target_that_never_came_up_has_failed_and_says_why() -> None:
    result = build_answer(runs=(NOT_STARTED,))
    assert (result.status, result.limiting_factor) == (Status.FAILED, None)
    assert result.evidence == NotReady("it exited with code 1")


def test_a_target_killed_at_its_start_lacks_memory() -> None:
    killed = ContainerRun(
        CELL.id, 1, "2026-01-01T00:00:00+00:00", None, FailureKind.OOM, "killed at its start"
    )
    assert build_answer(runs=(killed,)).limiting_factor is Factor.MEMORY


def test_a_target_that_fails_every_request_has_failed() -> None:
    step = make_step(10, "FAIL", rule="all-failed", evidence=EveryRequestFailed("404", 20))
    result = build_answer(step)
    assert (result.status, result.limiting_factor) == (Status.FAILED, Factor.ERRORS)
    assert result.evidence == step.judgement


def test_a_target_that_fails_the_requests_of_one_name_sustains_nobody_because_of_them() -> None:
    failure = RequestFailure("POST /pay", "503", 25, 25)
    evidence = NameFailed(Slo("p95", 1.0, "/pay"), 25, failure)
    steps = [make_step(users, "FAIL", rule="all-failed", evidence=evidence) for users in (10, 1)]
    result = build_answer(*steps)
    assert (result.status, result.limiting_factor) == (Status.NONE, Factor.ERRORS)
    assert result.evidence == steps[-1].judgement


@pytest.mark.parametrize(
    ("rule", "factor"),
    [
        (Rule.GENERATOR_CPU, Factor.GENERATOR),
        (Rule.USERS, Factor.GENERATOR),
        (Rule.PROXY, Factor.GENERATOR),
        (Rule.STEAL, Factor.HOST),
        (Rule.FOREIGN_LOAD, Factor.HOST),
        (Rule.REMOVED, Factor.HOST),
        (Rule.SUSPENDED, Factor.HOST),
    ],
)
def test_a_step_that_is_invalid_twice_makes_the_cell_invalid(rule: Rule, factor: Factor) -> None:
    twice = [make_step(20, "INVALID", rule=rule, evidence=UsersLost(19, 20)) for _ in range(2)]
    result = build_answer(make_step(10, "PASS"), *twice)
    assert (result.status, result.limiting_factor) == (Status.INVALID, factor)
    assert result.evidence == twice[-1].judgement
    assert result.sustained_users == 10


@pytest.mark.parametrize(
    ("rule", "evidence", "factor"),
    [
        (Rule.UNREPORTED, TimeUnreported(0.5, 0.05, 6, 0.1), None),
        (Rule.USERS, UsersLost(9, 20, UserEnds(11, STOPPED, 11, 0, 1.0)), None),
        (Rule.GENERATOR, EndedStep("locustfile.py:8 called runner.quit(), so Locust ended"), None),
        (Rule.GENERATOR, EndedStep("KeyError: 'x' (load/users.py:8) in a listener, so Locust ended"), None),
        (Rule.GENERATOR, EndedStep("Locust ended with exit code -9\n  File a.py:3"), Factor.GENERATOR),
        (Rule.REMOVED, EndedStep("somebody removed it"), Factor.HOST),
    ],
)
def test_the_generator_is_not_at_fault_for_what_the_scenario_does(
    rule: Rule, evidence: StepEvidence, factor: Factor | None
) -> None:
    result = build_answer(*(make_step(20, "INVALID", rule=rule, evidence=evidence) for _ in range(2)))
    assert (result.status, result.limiting_factor) == (Status.INVALID, factor)


def test_exceptions_that_no_chance_explains_are_the_reason_after_a_single_step() -> None:
    """The light step lacks requests. With more users half of the tasks end in exceptions."""
    inconclusive = make_step(10, "INVALID", rule="too-few-requests", evidence=TooFewRequests(Slo("p99", 1.0)))
    tasks = TaskUse(ended=200, raised=100)
    broken = make_step(20, "INVALID", rule=Rule.SCENARIO_ERRORS, evidence=TasksRaised(tasks, 0.05))
    result = build_answer(inconclusive, broken)
    assert (result.status, result.limiting_factor) == (Status.INVALID, None)
    assert result.evidence == broken.judgement


def test_a_light_step_with_too_few_requests_does_not_decide_the_answer() -> None:
    """Neither host nor generator is at fault for it, and the steps above it count."""
    inconclusive = make_step(10, "INVALID", rule="too-few-requests", evidence=TooFewRequests(Slo("p99", 1.0)))
    result = build_answer(inconclusive, make_step(100, "PASS"), make_step(104, "FAIL"))
    assert (result.status, result.sustained_users, result.stop_reason) == (Status.BRACKETED, 100, None)


def test_a_cell_that_breaks_just_above_a_step_with_too_few_requests_is_invalid() -> None:
    """11 users break it and 10 make too few requests, so it is unknown whether it sustains 10."""
    inconclusive = make_step(10, "INVALID", rule="too-few-requests", evidence=TooFewRequests(Slo("p99", 1.0)))
    invalid = make_step(20, "INVALID")
    result = build_answer(inconclusive, invalid, make_step(20, "FAIL"), make_step(11, "FAIL"))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.INVALID, None, 11)
    assert (result.evidence, result.limiting_factor) == (inconclusive.judgement, None)


def test_a_demand_that_fails_is_answered_even_if_its_light_step_had_too_few_requests() -> None:
    inconclusive = make_step(10, "INVALID", rule="too-few-requests", evidence=TooFewRequests(Slo("p99", 1.0)))
    attempt = Attempt((STARTED,), (inconclusive, make_step(400, "FAIL")), is_done=True, is_demand=True)
    assert build_cell_result(CELL, 400, [Slo("p95", 1.0)], attempt).status is Status.NONE


LACK = TooFewRequests(Slo("p99", 1.0), requests=30, needed=100, users=10, window_s=20.0)


def test_cells_that_lack_requests_say_what_the_users_limit_makes_also_those_without_a_step() -> None:
    """Which requests users make belongs to the scenario, so the search holds no step of the second cell."""
    light = make_step(10, "INVALID", rule="too-few-requests", evidence=LACK)
    first, second = explain_lack_of_requests([build_answer(light), build_answer()], users_limit=400)
    assert first.evidence == second.evidence == Judgement(Rule.TOO_FEW_REQUESTS, replace(LACK, users_at=400))


RARE = TooFewRequests(Slo("p95", 1.0, "/rare"), 0, 20, 10, 20.0, 50, ("GET /",))


def make_lacking_step(*stats: tuple[str, int], index: int = 1) -> StepResult:
    """Make a step of ten users, 20 s and 50 requests that had none of the SLO's name; by name those given."""
    step = make_step(10, "INVALID", index, rule="too-few-requests", evidence=RARE, requests=50)
    return replace(step, by_name=tuple(NameStats(name, count, 0, None, None, None) for name, count in stats))


def test_a_name_that_never_came_is_looked_for_in_all_windows() -> None:
    first = make_lacking_step(("GET /", 50))
    second = make_lacking_step(("GET /", 40), ("POST /pay", 10), index=2)
    (result,) = explain_lack_of_requests([build_answer(first, second)], users_limit=40)
    unknown = replace(RARE, all_requests=100, names=("GET /", "POST /pay"), users_at=40)
    assert result.evidence == Judgement(Rule.TOO_FEW_REQUESTS, unknown)


def test_a_name_that_came_in_another_window_is_rare_and_not_unknown() -> None:
    """In 2 · 10 · 20 = 400 s of users 2 of 100 requests had it: as many as ten users make in 40 s."""
    first = make_lacking_step(("GET /", 48), ("GET /rare", 2))
    second = make_lacking_step(("GET /", 50), index=2)
    (result,) = explain_lack_of_requests([build_answer(first, second)], users_limit=40)
    rare = replace(RARE, requests=2, window_s=40.0, all_requests=100, names=(), users_at=40)
    assert result.evidence == Judgement(Rule.TOO_FEW_REQUESTS, rare)


def test_a_cell_that_breaks_keeps_the_users_of_its_own_step_that_lacks_requests() -> None:
    light = make_step(10, "INVALID", rule="too-few-requests", evidence=LACK)
    broken = build_answer(light, make_step(11, "FAIL"))
    assert explain_lack_of_requests([broken], users_limit=400) == [broken]


def test_a_cell_in_which_nothing_was_measured_stays_without_a_reason_if_no_other_has_one() -> None:
    assert explain_lack_of_requests([build_answer()], users_limit=400) == [build_answer()]


def test_a_step_that_is_invalid_once_does_not_matter() -> None:
    result = build_answer(make_step(100, "INVALID"), make_step(100, "PASS"), make_step(104, "FAIL"))
    assert result.status is Status.BRACKETED


def test_a_cell_whose_target_does_not_come_up_again_after_a_pass_is_invalid() -> None:
    """Interrupt the campaign after a pass, and resume it where the target can't start."""
    result = build_answer(make_step(10, "PASS"), runs=(STARTED, NOT_STARTED, NOT_STARTED))
    assert result.status is Status.INVALID
    assert result.evidence == NotReady("it exited with code 1", was_ready_before=True)
    assert result.sustained_users == 10


def test_a_bracket_stays_an_answer_if_later_steps_are_invalid() -> None:
    ends = [make_step(100, "PASS"), make_step(140, "FAIL", target=IDLE)]
    invalid = [make_step(120, "INVALID", rule="steal", evidence=CpuStolen(0.14)) for _ in range(2)]
    result = build_answer(*ends, *invalid)
    assert (result.status, result.sustained_users, result.broken_users) == (Status.BRACKETED, 100, 140)
    assert result.stop_reason == invalid[-1].judgement
    assert result.limiting_factor is Factor.TARGET
    assert build_answer(*ends).stop_reason is None


def test_a_cell_whose_target_does_not_come_up_again_keeps_its_bracket() -> None:
    result = build_answer(
        make_step(100, "PASS"), make_step(140, "FAIL"), runs=(STARTED, NOT_STARTED, NOT_STARTED)
    )
    assert result.status is Status.BRACKETED
    assert result.stop_reason == NotReady("it exited with code 1", was_ready_before=True)


def test_a_failed_step_alone_is_no_answer_if_the_search_stopped_early() -> None:
    invalid = [make_step(10, "INVALID", rule="steal", evidence=CpuStolen(0.14)) for _ in range(2)]
    assert build_answer(make_step(20, "FAIL"), *invalid).status is Status.INVALID


def test_a_skipped_cell_carries_its_reason() -> None:
    result = build_answer(skipped="8 cores of 2", runs=(), is_done=False)
    assert (result.status, result.evidence, result.load_s) == (Status.SKIPPED, Skipped("8 cores of 2"), 0)


@pytest.mark.parametrize(
    "steps", [(), (make_step(10, "PASS"),), (make_step(10, "PASS"), make_step(11, "FAIL"))]
)
def test_a_search_that_is_not_done_is_running_with_what_is_known(steps: tuple[StepResult, ...]) -> None:
    result = build_answer(*steps, is_done=False)
    assert result.status is Status.RUNNING
    assert result.steps == steps


def test_the_numbers_of_a_cell_are_of_its_highest_pass() -> None:
    result = build_answer(
        make_step(50, "PASS", rps=20.0, p95_s=0.2),
        make_step(100, "PASS", rps=40.0, p95_s=0.9, failures=Failures(0.0), target=TargetUse(0.8)),
        make_step(104, "FAIL", rps=39.0, p95_s=1.3),
    )
    assert (result.rps, result.p95_s, result.error_ratio, result.cpu_used_cores) == (40.0, 0.9, 0.0, 0.8)
    assert result.load_s == 99.0
    assert result.ready_after_s == 0.8


def test_the_cause_is_read_from_the_lowest_failure() -> None:
    result = build_answer(
        make_step(100, "PASS"),
        make_step(104, "FAIL", target=TargetUse(1.0)),
        make_step(200, "FAIL", rule="died", target=TargetUse(is_out_of_memory=True)),
    )
    assert result.limiting_factor is Factor.CPU


def test_the_cause_is_read_from_a_failure_that_counts() -> None:
    """104 users failed again, with all CPU used, on a host that was 25 % slower: it does not count."""
    result = build_answer(
        make_step(100, "PASS", 1, work_s=0.0020),
        make_step(104, "FAIL", 2, target=IDLE, work_s=0.0020),
        make_step(104, "FAIL", 3, target=TargetUse(1.0), work_s=0.0025),
    )
    assert result.superseded_steps == (3,)
    assert result.limiting_factor is Factor.TARGET


def test_an_estimate_lies_within_its_interval_wherever_its_bracket_is() -> None:
    for held, broken in itertools.product((0.0, 0.01, 0.049, None), (0.051, 0.2, 1.0, None)):
        result = build_answer(
            make_step(100, "PASS", slow_ratio=held), make_step(110, "FAIL", slow_ratio=broken)
        )
        low, users, high = result.estimate_low, result.estimate_users, result.estimate_high
        assert low is not None
        assert users is not None
        assert high is not None
        assert low <= users <= high


@pytest.mark.parametrize(
    ("steps", "runs", "expected"),
    [
        ((), (STARTED,), False),
        ((), (NOT_STARTED,), True),
        ((make_step(10, "PASS"),), (STARTED, NOT_STARTED), False),
        ((make_step(10, "PASS"),), (STARTED, NOT_STARTED, NOT_STARTED), True),
        ((make_step(10, "FAIL", rule="all-failed"),), (STARTED,), True),
        ((make_step(5, "PASS"), make_step(10, "FAIL", rule="all-failed")), (STARTED,), False),
    ],
)
def test_a_target_gets_a_second_chance_only_after_it_came_up(
    steps: tuple[StepResult, ...], runs: tuple[ContainerRun, ...], expected: bool
) -> None:
    assert is_hopeless(Attempt(runs, steps, is_done=False)) is expected


def test_any_verdicts_give_a_status_that_agrees_with_both_ends() -> None:
    order = (10, 20, 400, 15, 15)
    for length in range(len(order) + 1):
        for verdicts in itertools.product(("PASS", "FAIL", "INVALID"), repeat=length):
            steps = [make_step(users, verdict) for users, verdict in zip(order, verdicts, strict=False)]
            assert_agrees(build_answer(*steps))


def assert_agrees(result: CellResult) -> None:
    low, high = result.sustained_users, result.broken_users
    expected = {
        Status.BRACKETED: low is not None and high is not None and low < high,
        Status.CENSORED: low == LIMIT and high is None,
        Status.NONE: low is None and high is not None,
        Status.INVALID: any(step.verdict == "INVALID" for step in result.steps) or high is None,
    }
    assert expected[result.status]
    is_told = result.status is Status.BRACKETED and (high or 0) <= 2 * (low or 0)
    assert (result.estimate_users is not None) == is_told
    assert result.evidence
