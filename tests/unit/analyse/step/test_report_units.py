"""Response times that a scenario reports in seconds, which Locust takes for milliseconds, give no verdict."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.baseline import build_baseline
from harness.analyse.step.judge import judge_step
from harness.model import Rule, Slo, StepFacts
from harness.model.user_time import ReportsInSeconds, TimeUnreported
from tests.unit.analyse.synthetic import make_closed_step, make_requests, make_thinks

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))
USERS = 4


def make_step_of_cycles(lost_s: float, request_s: float, *, every: int = 1) -> StepFacts:
    """Return a step whose users do something unseen, report a request, and pause until 1 s is over.

    Only every n-th cycle of a user begins so; before the others it pauses for longer. The window is [12, 32).
    """
    requests, pauses = [], []
    for user in range(USERS):
        for cycle in range(33):
            start_s = cycle + user / USERS
            hidden_s = lost_s if cycle % every == 0 else 0.0
            requests.append((2 * user, start_s + hidden_s, request_s))
            pauses.append((2 * user, start_s + hidden_s + request_s, 1.0 - hidden_s - request_s))
    rows = make_requests([(start_s, length_s, -1) for _, start_s, length_s in requests])
    thinks = make_thinks([(start_s, length_s) for _, start_s, length_s in pauses])
    return make_closed_step(
        USERS,
        requests=replace(
            rows,
            owner=np.array([owner for owner, _, _ in requests], dtype=np.int32),
            unfinished_owner=np.array([], dtype=np.int32),
        ),
        thinks=replace(thinks, owner=np.array([owner for owner, _, _ in pauses], dtype=np.int32)),
    )


@pytest.mark.parametrize("waited_s", [0.3, 0.02, 0.002])
def test_answers_reported_in_seconds_are_found_however_fast_they_are(waited_s: float) -> None:
    """Each of four users asks once a second: 80 requests in 20 s. 0.3 s are reported as 0.3 ms."""
    facts = make_step_of_cycles(waited_s, waited_s / 1000)
    judgement = judge_step(facts, SLOS).judgement
    assert judgement.rule is Rule.UNREPORTED
    assert judgement.evidence == ReportsInSeconds(("GET /",), 80, 80)
    assert build_baseline(facts) is None


@pytest.mark.parametrize(("every", "rule"), [(2, Rule.UNREPORTED), (3, Rule.SLOS_HOLD)])
def test_half_of_the_requests_of_a_name_must_look_so(every: int, rule: Rule) -> None:
    """A gap of 20 ms before each second or third request is 1 % of the time, which alone is no fault."""
    assert judge_step(make_step_of_cycles(0.02, 0.02 / 1000, every=every), SLOS).rule is rule


def test_a_gap_of_another_length_is_time_that_is_not_reported() -> None:
    """The same gap of 0.3 s before answers that took 0.1 ms, or 0.2 s: no factor of a thousand."""
    for request_s in (0.0001, 0.2):
        evidence = judge_step(make_step_of_cycles(0.3, request_s), SLOS).judgement.evidence
        assert isinstance(evidence, TimeUnreported)


def test_answers_that_are_fast_in_truth_pass() -> None:
    assert judge_step(make_step_of_cycles(0.0, 0.0003), SLOS).rule is Rule.SLOS_HOLD


def make_step_of_pairs(second_s: Sequence[float]) -> StepFacts:
    """Return a step whose user asks once a second, waits for 0.2 to 0.4 s, and reports a second request then.

    `second_s` are the response times of the second requests, in turn.
    """
    rows, pauses, names = [], [], []
    for cycle in range(33):
        first_s, again_s = 0.2 + 0.1 * (cycle % 3), second_s[cycle % len(second_s)]
        rows += [(float(cycle), first_s, -1), (cycle + first_s + 0.001, again_s, -1)]
        names += [0, 1]
        pauses.append((cycle + first_s + 0.001 + again_s, 1.0 - first_s - 0.001 - again_s))
    requests, thinks = make_requests(rows), make_thinks(pauses)
    return make_closed_step(
        1,
        requests=replace(
            requests,
            names=("POST /detect", "detect objects"),
            name=np.array(names, dtype=np.int32),
            owner=np.zeros(len(rows), dtype=np.int32),
            unfinished_owner=np.array([], dtype=np.int32),
        ),
        thinks=replace(thinks, owner=np.zeros(len(pauses), dtype=np.int32)),
    )


def test_a_request_that_is_reported_once_more_in_seconds_is_found() -> None:
    """The first requests take 0.2, 0.3 and 0.4 s in turn: 20 in 20 s. The second ones are a thousandth."""
    evidence = judge_step(make_step_of_pairs((0.0002, 0.0003, 0.0004)), SLOS).judgement.evidence
    assert evidence == ReportsInSeconds(("detect objects",), 20, 20)


def test_a_fast_request_after_a_slow_one_is_no_report_in_seconds() -> None:
    """Ratios are 0.5 to 1 by chance, but not the same: the second requests do not follow the first ones."""
    assert judge_step(make_step_of_pairs((0.0002, 0.0002, 0.0002)), SLOS).rule is Rule.SLOS_HOLD
