"""A load that goes to another address than the target's gets no verdict, whatever answers there."""

from dataclasses import replace
from typing import Any

import pytest

from harness.analyse.step.judge import judge_step
from harness.model import EndReason, Rule, Slo, StepFacts
from harness.model.failures import TargetNotAsked
from tests.unit.analyse.synthetic import make_closed_step, spread_evenly

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))


def make_step_with_network(received_a_second: int, sent_a_second: int, **changed: Any) -> StepFacts:
    """Return a step of users who ask once a second; the target got 1,000 bytes before it."""
    facts = make_closed_step(**changed)
    samples = tuple(
        replace(
            sample,
            received_bytes=1000 + received_a_second * int(sample.at_s),
            sent_bytes=1000 + sent_a_second * int(sample.at_s),
        )
        for sample in facts.target
    )
    return replace(facts, target=samples)


@pytest.mark.parametrize(
    ("users", "received", "sent", "rule"),
    [
        (10, 0, 0, Rule.NOT_ASKED),
        (10, 95, 45, Rule.NOT_ASKED),
        (10, 95, 55, Rule.SLOS_HOLD),
        (10, 105, 45, Rule.SLOS_HOLD),
        (10, 540, 400, Rule.SLOS_HOLD),
        (10, 0, 2000, Rule.SLOS_HOLD),
        (2, 85, 35, Rule.NOT_ASKED),
        (2, 85, 45, Rule.SLOS_HOLD),
        (2, 95, 35, Rule.SLOS_HOLD),
        (40, 205, 155, Rule.NOT_ASKED),
        (40, 205, 165, Rule.SLOS_HOLD),
        (40, 215, 155, Rule.SLOS_HOLD),
    ],
)
def test_requests_need_bytes_of_the_targets_network(users: int, received: int, sent: int, rule: Rule) -> None:
    """Each user asks once a second, in a window of 20 s. A packet has 54 bytes.

    40 requests need 20 bytes each: 40 a second. 200 need 1,000 bytes, which are 50 a second. 800 need 4 bytes
    each, which are 160 a second, because they may share packets. A target may receive 1,000 bytes more
    without being asked: 50 a second.
    """
    assert judge_step(make_step_with_network(received, sent, users=users), SLOS).rule is rule


def test_answers_of_something_else_are_no_failures() -> None:
    """In the window from 12 s to 32 s each user asks 20 times; a few begin before 32 s and end after it."""
    evidence = judge_step(make_step_with_network(0, 0), SLOS).judgement.evidence
    assert isinstance(evidence, TargetNotAsked)
    assert evidence.sent_bytes == 0
    assert 190 <= evidence.requests <= 200
    assert evidence.failure is None


def test_requests_that_something_else_refuses_do_not_fail_the_target() -> None:
    ended = {"end_reason": EndReason.ALL_FAILED, "window_from_s": None, "window_to_s": None, "ended_s": 4.0}
    failing = make_step_with_network(0, 0, fails=spread_evenly(1.0), **ended)
    evidence = judge_step(failing, SLOS).judgement.evidence
    assert isinstance(evidence, TargetNotAsked)
    assert evidence.failure is not None
    assert evidence.failure.count == evidence.requests >= 30
    asked = make_step_with_network(600, 600, fails=spread_evenly(1.0), **ended)
    assert judge_step(asked, SLOS).rule is Rule.ALL_FAILED


def test_a_network_that_is_not_counted_tells_nothing() -> None:
    assert judge_step(make_closed_step(), SLOS).rule is Rule.SLOS_HOLD
    assert judge_step(replace(make_step_with_network(0, 0), target=()), SLOS).rule is Rule.SLOS_HOLD
