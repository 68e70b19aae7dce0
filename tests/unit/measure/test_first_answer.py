"""A container's first step is held again while its target is up, but answers nothing yet."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.measure.first_answer import hold_first_step, lacks_answers, lacks_part
from harness.measure.protocols import GeneratorFacts, TargetEnd, Usage
from harness.measure.session import ContainerSession
from harness.measure.step import StepSpec
from harness.model import EndReason, GeneratorSample, Step, StepFacts, ThinkTimes, Timing
from tests.fakes.clock import FakeClock
from tests.unit.analyse.synthetic import make_closed_step, make_requests

TIMING = Timing(settle_s=5, window_at_least_s=10, window_at_most_s=10, drain_s=1)
USERS = 4


class LateTarget:
    """A target, its generator and its counters in one.

    Each user sends a request a second. All fail until `late_s` after the start of the clock; None: always.
    If it `hangs`, they get no answer at all instead. `starts` are the instants at which a generator began.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, late_s: float | None, ready_after_s: float = 2.0, *, hangs: bool = False) -> None:
        self.clock = FakeClock()
        self.ready_after_s = ready_after_s
        self._late_s = late_s
        self._hangs = hangs
        self._begin_s = self.clock.now_s()
        self._asked_s = self.clock.now_s()
        self.starts = [0.0]

    def restart(self) -> "LateTarget":
        self.starts.append(self.clock.now_s() - self._begin_s)
        self._asked_s = self.clock.now_s()
        return self

    def poll_end(self) -> TargetEnd | None:
        return None

    def take(self) -> Usage:
        return Usage()

    def hold(self, users: int, spawn_rate: float) -> None:
        """Do nothing: the users are always there."""

    def poll(self, timeout_s: float) -> GeneratorFacts:
        self.clock.sleep(timeout_s)
        return self.close_step()

    def close_step(self) -> GeneratorFacts:
        now_s = self.clock.now_s()
        is_late = self._late_s is None or now_s - self._begin_s < self._late_s
        ended, waiting = [], []
        if is_late and self._hangs:
            waiting = [self._asked_s] * USERS
        elif now_s >= self._asked_s + 1:
            self._asked_s = now_s
            ended = [(now_s - 0.1, 0.1, 0 if is_late else -1)] * USERS
        requests = make_requests(ended, waiting)
        sample = GeneratorSample(now_s, 0.0, 0, 0.0, USERS, len(waiting))
        return GeneratorFacts(requests, ThinkTimes(), (sample,), reached_users=USERS)


def open_session(target: Any) -> ContainerSession:
    begin_s = target.clock.now_s()
    return ContainerSession(1, target, target, target, target.clock, begin_s, restart=target.restart)


def hold(target: LateTarget, within_s: float) -> StepFacts:
    spec = StepSpec(1, Step(USERS, TIMING), 50.0, lambda facts: True, lambda sample: None)
    return hold_first_step(open_session(target), spec, within_s)


def test_a_target_that_answers_at_once_is_held_once() -> None:
    target = LateTarget(late_s=0.0)
    assert hold(target, within_s=60.0).end_reason is EndReason.HELD
    assert target.starts == [0.0]


def test_a_step_without_any_answer_is_held_again_with_new_users() -> None:
    """Four requests fail each second, so ten have failed after 3 s. After a pause of 1 s new users come.

    They come after 4 s and 8 s. From 7 s on every request is answered, so the step is held from 8 s on, or
    from 4 s on if its third second is answered before ten have failed.
    """
    target = LateTarget(late_s=7.5)
    facts = hold(target, within_s=60.0)
    assert facts.end_reason is EndReason.HELD
    assert target.starts == pytest.approx([0.0, 4.0, 8.0], abs=0.3)
    assert facts.ramp_from_s == pytest.approx(8.0, abs=0.3)
    assert set(facts.requests.error) == {-1}


def test_a_target_that_hangs_at_first_gets_new_users_too() -> None:
    """A request that waits for more than 5 s ends a step. New users come after 6 s, and wait for 4 s."""
    target = LateTarget(late_s=5.5, hangs=True)
    assert hold(target, within_s=60.0).end_reason is EndReason.HELD
    assert target.starts == pytest.approx([0.0, 6.3], abs=0.3)


def test_no_step_begins_after_the_time_that_a_target_has_to_start() -> None:
    """The container was ready after 2 s, and has 12 s in all: the last step begins before 10 s."""
    target = LateTarget(late_s=None)
    facts = hold(target, within_s=12.0)
    assert facts.end_reason is EndReason.ALL_FAILED
    assert target.starts == pytest.approx([0.0, 4.0, 8.0], abs=0.5)
    assert lacks_answers(facts)


def test_without_time_left_the_first_failure_counts() -> None:
    target = LateTarget(late_s=None)
    assert hold(target, within_s=0.0).end_reason is EndReason.ALL_FAILED
    assert target.starts == [0.0]


def test_pauses_of_the_users_before_are_forgotten() -> None:
    session = open_session(LateTarget(late_s=0.0))
    pauses = session.pauses
    session.restart_generator()
    assert session.pauses is not pauses


# A part of the target that starts later


class LatePart(LateTarget):
    """A target of which one request in four is for a part that starts later: it is refused until then."""

    def close_step(self) -> GeneratorFacts:
        facts = super().close_step()
        name = np.arange(len(facts.requests.start_s), dtype=np.int32) % 4 // 3
        error = np.where(name == 1, facts.requests.error, -1).astype(np.int32)
        requests = replace(facts.requests, names=("GET /", "GET /api"), name=name, error=error)
        return replace(facts, requests=requests)


def test_a_part_that_starts_within_the_window_is_waited_for() -> None:
    """The window is 5 s to 15 s after the ramp. The part starts at 12.5 s, and new users come after 17 s."""
    target = LatePart(late_s=12.5)
    facts = hold(target, within_s=60.0)
    assert target.starts == pytest.approx([0.0, 17.5], abs=0.5)
    assert set(facts.requests.error) == {-1}


@pytest.mark.parametrize(("late_s", "within_s"), [(4.5, 60.0), (None, 18.0)])
def test_a_part_is_not_waited_for_if_it_has_started_before_the_window_or_not_in_time(
    late_s: float | None, within_s: float
) -> None:
    target = LatePart(late_s)
    hold(target, within_s)
    assert target.starts == [0.0]


@pytest.mark.parametrize(
    ("error", "answered_at", "is_missing"),
    [
        ("HTTPError: 502 Server Error: Bad Gateway for url: /api", (), True),
        ("HTTPError: 502 Server Error: Bad Gateway for url: /api", (9.0,), True),
        ("HTTPError: 502 Server Error: Bad Gateway for url: /api", (7.5,), False),
        ("HTTPError: 404 Client Error: Not Found for url: /api", (), False),
        ("HTTPError: 500 Server Error: Internal Server Error for url: /api", (9.0,), False),
    ],
)
def test_only_failures_before_the_first_answer_show_that_a_part_is_missing(
    error: str, answered_at: tuple[float, ...], is_missing: bool
) -> None:
    """Requests at 6 s, 7 s and 8 s fail. The window begins at 5 s."""
    rows = [(start_s, 0.1, 0) for start_s in (6.0, 7.0, 8.0)] + [(at_s, 0.1, -1) for at_s in answered_at]
    requests = replace(make_requests(rows), errors=(error,))
    assert lacks_part(make_closed_step(requests=requests, window_from_s=5.0)) is is_missing
