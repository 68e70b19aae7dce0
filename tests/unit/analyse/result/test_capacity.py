"""From a cell's lives and judged steps to its answer: every status, its cause and its numbers."""

import itertools

import pytest

from harness.analyse.result.capacity import build_cell_result
from harness.model import CellResult, ContainerRun, Factor, Slo, Status, StepResult
from tests.unit.analyse.synthetic import CELL, judged

LIMIT = 400
BORN = ContainerRun(CELL.id, 1, "2026-01-01T00:00:00+00:00", 0.8)
STILLBORN = ContainerRun(CELL.id, 2, "2026-01-01T00:01:00+00:00", None, "exited", "it exited with code 1")


def answer(
    *steps: StepResult,
    lives: tuple[ContainerRun, ...] = (BORN,),
    done: bool = True,
    skipped: str | None = None,
) -> CellResult:
    return build_cell_result(CELL, LIMIT, [Slo("p95", 1.0)], lives, steps, done=done, skipped=skipped)


def test_both_ends_measured_make_a_bracket() -> None:
    result = answer(judged(100, "PASS"), judged(104, "FAIL"))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.BRACKETED, 100, 104)
    assert result.limiting_factor is Factor.TARGET


def test_a_cell_that_never_broke_is_open_and_not_exact() -> None:
    result = answer(judged(200, "PASS"), judged(400, "PASS"))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.CENSORED, 400, None)
    assert (result.limiting_factor, result.estimate_users) == (None, None)
    assert result.evidence == "it sustained every number of users asked for"


def test_a_cell_whose_smallest_step_failed_sustains_nobody() -> None:
    result = answer(judged(2, "FAIL"), judged(1, "FAIL"))
    assert (result.status, result.sustained_users, result.broken_users) == (Status.NONE, None, 1)
    assert result.limiting_factor is Factor.TARGET
    assert (result.rps, result.p95_s) == (None, None)


def test_a_target_that_never_came_up_has_failed_and_says_why() -> None:
    result = answer(lives=(STILLBORN,))
    assert (result.status, result.limiting_factor) == (Status.FAILED, None)
    assert result.evidence == "it exited with code 1"


def test_a_target_killed_at_its_start_lacks_memory() -> None:
    killed = ContainerRun(CELL.id, 1, "2026-01-01T00:00:00+00:00", None, "oom", "killed at its start")
    assert answer(lives=(killed,)).limiting_factor is Factor.MEMORY


def test_a_target_that_answers_nothing_right_has_failed() -> None:
    result = answer(judged(10, "FAIL", rule="all-failed", reason="the target answers nothing right (404)"))
    assert (result.status, result.limiting_factor) == (Status.FAILED, Factor.ERRORS)
    assert result.evidence == "the target answers nothing right (404)"


@pytest.mark.parametrize(
    ("rule", "factor"),
    [("generator-cpu", Factor.GENERATOR), ("users", Factor.GENERATOR), ("steal", Factor.HOST)],
)
def test_a_step_spoiled_twice_makes_the_cell_invalid(rule: str, factor: Factor) -> None:
    twice = [judged(20, "INVALID", rule=rule, reason="spoiled") for _ in range(2)]
    result = answer(judged(10, "PASS"), *twice)
    assert (result.status, result.limiting_factor, result.evidence) == (Status.INVALID, factor, "spoiled")
    assert result.sustained_users == 10


def test_a_step_spoiled_once_does_not_matter() -> None:
    result = answer(judged(100, "INVALID"), judged(100, "PASS"), judged(104, "FAIL"))
    assert result.status is Status.BRACKETED


def test_a_target_that_does_not_come_up_again_after_passes_says_so() -> None:
    """Interrupted after a pass, and resumed where it can't start."""
    result = answer(judged(10, "PASS"), lives=(BORN, STILLBORN, STILLBORN))
    assert result.status is Status.INVALID
    assert result.evidence == "it did not come up again: it exited with code 1"
    assert result.sustained_users == 10


def test_a_bracket_stays_an_answer_where_what_would_have_narrowed_it_was_spoiled() -> None:
    ends = [judged(100, "PASS"), judged(140, "FAIL")]
    spoiled = [judged(120, "INVALID", rule="steal", reason="the hypervisor took 14 %") for _ in range(2)]
    result = answer(*ends, *spoiled)
    assert (result.status, result.sustained_users, result.broken_users) == (Status.BRACKETED, 100, 140)
    assert result.cut_short == "the hypervisor took 14 %"
    assert result.limiting_factor is Factor.TARGET
    assert answer(*ends).cut_short == ""


def test_a_target_that_does_not_come_up_again_keeps_its_bracket_and_says_so() -> None:
    result = answer(judged(100, "PASS"), judged(140, "FAIL"), lives=(BORN, STILLBORN, STILLBORN))
    assert result.status is Status.BRACKETED
    assert result.cut_short == "it did not come up again: it exited with code 1"


def test_a_failure_alone_is_no_answer_where_the_search_was_cut_short() -> None:
    spoiled = [judged(10, "INVALID", rule="steal", reason="the hypervisor took 14 %") for _ in range(2)]
    assert answer(judged(20, "FAIL"), *spoiled).status is Status.INVALID


def test_a_skipped_cell_carries_its_reason() -> None:
    result = answer(skipped="8 cores of 2", lives=(), done=False)
    assert (result.status, result.evidence, result.load_s) == (Status.SKIPPED, "8 cores of 2", 0)


@pytest.mark.parametrize("steps", [(), (judged(10, "PASS"),), (judged(10, "PASS"), judged(11, "FAIL"))])
def test_a_search_that_is_not_done_is_running_with_what_is_known(steps: tuple[StepResult, ...]) -> None:
    result = answer(*steps, done=False)
    assert result.status is Status.RUNNING
    assert result.steps == steps


def test_the_numbers_of_a_cell_are_of_its_highest_pass() -> None:
    result = answer(
        judged(50, "PASS", rps=20.0, p95_s=0.2),
        judged(100, "PASS", rps=40.0, p95_s=0.9, error_ratio=0.0, cpu_used_cores=0.8),
        judged(104, "FAIL", rps=39.0, p95_s=1.3),
    )
    assert (result.rps, result.p95_s, result.error_ratio, result.cpu_used_cores) == (40.0, 0.9, 0.0, 0.8)
    assert result.load_s == 99.0
    assert result.ready_after_s == 0.8


def test_the_cause_is_read_from_the_lowest_failure() -> None:
    result = answer(
        judged(100, "PASS"),
        judged(104, "FAIL", cpu_used_cores=1.0),
        judged(200, "FAIL", rule="died", oom=True),
    )
    assert result.limiting_factor is Factor.CPU


def test_an_estimate_lies_within_its_interval_and_its_bracket() -> None:
    for held, broken in itertools.product((0.0, 0.01, 0.049, None), (0.051, 0.2, 1.0, None)):
        result = answer(judged(100, "PASS", slow_ratio=held), judged(110, "FAIL", slow_ratio=broken))
        low, users, high = result.estimate_low, result.estimate_users, result.estimate_high
        assert low is not None
        assert users is not None
        assert high is not None
        assert 100 <= low <= users <= high <= 110


def test_any_verdicts_give_a_status_that_agrees_with_both_ends() -> None:
    order = (10, 20, 400, 15, 15)
    for length in range(len(order) + 1):
        for verdicts in itertools.product(("PASS", "FAIL", "INVALID"), repeat=length):
            steps = [judged(users, verdict) for users, verdict in zip(order, verdicts, strict=False)]
            assert_agrees(answer(*steps))


def assert_agrees(result: CellResult) -> None:
    low, high = result.sustained_users, result.broken_users
    expected = {
        Status.BRACKETED: low is not None and high is not None and low < high,
        Status.CENSORED: low == LIMIT and high is None,
        Status.NONE: low is None and high is not None,
        Status.INVALID: any(step.verdict == "INVALID" for step in result.steps) or high is None,
    }
    assert expected[result.status]
    assert (result.estimate_users is not None) == (result.status is Status.BRACKETED)
    assert result.evidence
