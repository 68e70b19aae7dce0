"""Which answers end a step at once: a stall, and first requests that all fail."""

from dataclasses import replace

import numpy as np
import pytest

from harness.measure.answer_watch import AnswerWatch
from harness.measure.protocols import GeneratorFacts
from harness.measure.step_end import StopStep
from harness.model import EndReason, GeneratorSample, ThinkTimes
from tests.unit.analyse.synthetic import make_requests

FAILED, NOT_STARTED, ANSWERED = 0, 1, -1


def make_facts(at_s: float, errors: list[int], owner: int | None = 0) -> GeneratorFacts:
    """Make the facts of a poll in which requests ended, all of one owner, with these numbers of errors."""
    requests = make_requests([(at_s - 0.1, 0.1, error) for error in errors])
    texts = ("HTTPError: 409 Client Error: Conflict for url: /register", "HTTPError: 503 Server Error: x")
    requests = replace(requests, errors=texts)
    if owner is not None:
        requests = replace(requests, owner=np.full(len(errors), owner, dtype=np.int32))
    return GeneratorFacts(requests, ThinkTimes(), (GeneratorSample(at_s, 0.0, 0, 0.0, 10, 0),))


def find_end(polls: list[tuple[float, list[int], int | None]]) -> tuple[float, str] | None:
    """Return when the polls end the step, and with which note; None if they don't."""
    watch = AnswerWatch(drain_s=1.0)
    watch.begin(0.0)
    for at_s, errors, owner in polls:
        try:
            watch.check(make_facts(at_s, errors, owner), at_s)
        except StopStep as stop:
            return (at_s, stop.note) if stop.reason is EndReason.ALL_FAILED else (at_s, stop.reason.value)
    return None


def test_first_requests_that_all_fail_end_the_step_after_three_seconds() -> None:
    """Ten fail at 1 s. The others are looked at once a second, so the step ends at 4 s."""
    assert find_end([(float(second), [FAILED] * 10, 0) for second in range(1, 9)]) == (
        4.0,
        "the first 40 requests all failed",
    )


def test_requests_that_a_target_refuses_because_it_has_not_started_end_the_step_at_once() -> None:
    """New users come then: those who met the refusals may have done less than they would."""
    assert find_end([(1.0, [NOT_STARTED] * 10, 0)]) == (1.0, "the first 10 requests all failed")
    assert find_end([(1.0, [NOT_STARTED] * 10 + [FAILED], 0), (3.5, [ANSWERED], 0)]) is None


def test_fewer_than_ten_failures_do_not_end_a_step() -> None:
    assert find_end([(1.0, [FAILED] * 9, 0), (9.0, [], 0)]) is None


@pytest.mark.parametrize("owner", [0, 3, None])
def test_an_answer_that_comes_after_ten_failures_keeps_the_step(owner: int | None) -> None:
    """Users register, which fails with 409, and log in, which takes 2 s: each is a request of a user."""
    first = [(1.0, [FAILED] * 10, owner), (3.0, [ANSWERED], owner)]
    assert find_end([*first, (30.0, [FAILED] * 50, owner)]) is None


def test_what_prepares_the_test_is_no_request_of_a_user() -> None:
    """Ten rows are there already, as the scenario finds out before users come; one request is answered."""
    preparing: list[tuple[float, list[int], int | None]] = [
        (1.0, [FAILED] * 10, -1),
        (5.0, [ANSWERED], -1),
    ]
    assert find_end([*preparing, (9.0, [ANSWERED], 0), (15.0, [FAILED] * 10, 0)]) is None
    failing = find_end([*preparing, (9.0, [FAILED] * 10, 0), (12.0, [], 0)])
    assert failing == (12.0, "the first 10 requests all failed")
