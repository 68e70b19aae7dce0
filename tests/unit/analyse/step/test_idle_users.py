"""Users that ask for nothing because a request of theirs had failed do not count as sustained."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.baseline import build_baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.scenario_errors import is_scenarios_fault
from harness.model import ANSWERED, RequestFailure, Rule, Slo, StepFacts
from harness.model.evidence import SloBroken
from harness.model.task_evidence import UsersIdle
from tests.unit.analyse.synthetic import make_closed_step, make_requests, make_thinks

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))
USERS, REFUSED = 40, 0

Row = tuple[int, float, int]
"""The user, the start and the error of a request; each takes 0.1 s."""


def make_step_with_idle_users(idle: int, *more: Row, pause_s: float = 1.0, error: int = REFUSED) -> StepFacts:
    """Return a step of 40 users who ask once a second, but for the `idle` first ones.

    Each of these asks at 1 s, with `error`, and then pauses again and again. `more` are further requests.
    """
    rows: list[Row] = [(user, 1.0, error) for user in range(idle)]
    rows += [(user, n + user / USERS, ANSWERED) for user in range(idle, USERS) for n in range(33)]
    rows = sorted([*rows, *more], key=lambda row: row[1])
    pauses = [(user, 1.1 + n * pause_s, pause_s) for user in range(idle) for n in range(int(32 / pause_s))]
    pauses += [(user, start_s + 0.1, 0.9) for user, start_s, _ in rows if user >= idle]
    thinks = make_thinks([(start_s, length_s) for _, start_s, length_s in pauses])
    return make_closed_step(
        USERS,
        requests=replace(
            make_requests([(start_s, 0.1, error) for _, start_s, error in rows]),
            owner=np.array([2 * user for user, _, _ in rows], dtype=np.int32),
            unfinished_owner=np.array([], dtype=np.int32),
        ),
        thinks=replace(thinks, owner=np.array([2 * user for user, _, _ in pauses], dtype=np.int32)),
    )


@pytest.mark.parametrize(("idle", "rule"), [(0, Rule.SLOS_HOLD), (1, Rule.SLOS_HOLD), (2, Rule.USERS)])
def test_a_twentieth_of_the_users_may_be_idle(idle: int, rule: Rule) -> None:
    """Two of 40 are 5 %. Two failed requests of about 460 before the window are too few for a FAIL."""
    assert judge_step(make_step_with_idle_users(idle), SLOS).rule is rule


def test_idle_users_are_named_with_their_failed_request_and_give_no_baseline() -> None:
    facts = make_step_with_idle_users(4)
    judgement = judge_step(facts, SLOS).judgement
    failure = RequestFailure("GET /", "ConnectionRefusedError", 4, 4)
    assert judgement.evidence == UsersIdle(4, 40, failure)
    assert is_scenarios_fault(judgement)
    assert build_baseline(facts) is None


def test_a_target_that_lost_the_users_fails() -> None:
    """20 requests failed, and 20 users asked 12 times each until 12 s: 20 of 260, where 1 % may fail."""
    judgement = judge_step(make_step_with_idle_users(20), SLOS).judgement
    assert isinstance(judgement.evidence, SloBroken)
    assert judgement.evidence.evaluation.value == pytest.approx(20 / 260)


def test_users_who_have_had_an_answer_since_are_not_idle() -> None:
    answered = [(user, 5.0, ANSWERED) for user in range(4)]
    assert judge_step(make_step_with_idle_users(4, *answered), SLOS).rule is Rule.SLOS_HOLD


def test_users_who_ask_in_the_window_are_not_idle() -> None:
    late = [(user, 31.0, ANSWERED) for user in range(4)]
    assert judge_step(make_step_with_idle_users(4, *late), SLOS).rule is Rule.SLOS_HOLD


def test_users_who_pause_for_long_or_never_failed_are_not_idle() -> None:
    """With pauses of 10 s only two begin within the window of 20 s."""
    assert judge_step(make_step_with_idle_users(4, pause_s=10.0), SLOS).rule is Rule.SLOS_HOLD
    assert judge_step(make_step_with_idle_users(4, error=ANSWERED), SLOS).rule is Rule.SLOS_HOLD
