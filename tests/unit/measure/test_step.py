"""How long a step lasts, what ends it early, and which pauses it takes over from the step before it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from bench.search.trial import Strategy, build_grid, build_plan
from bench.simulation.backends import simulate_backends
from bench.simulation.model import Service, ThinkTime
from harness.analyse.step.littles_law import compute_unexplained_ratio
from harness.analyse.step.window import cut_window
from harness.measure.protocols import GeneratorFacts, TargetEnd, Usage
from harness.measure.session import ContainerSession, OngoingPauses, open_session
from harness.measure.step import StepSpec, hold_step
from harness.model import EndReason, GeneratorSample, Step, StepFacts, ThinkTimes, Timing
from tests.fakes.clock import FakeClock
from tests.unit.analyse.synthetic import make_closed_step, make_requests, make_thinks

TIMING = Timing(settle_s=5, window_at_least_s=30, window_at_most_s=30, drain_s=1)


def hold_steps(service: Service, think_s: float, users: Sequence[int]) -> list[StepFacts]:
    """Hold steps of these numbers of users in one container run; each user thinks for exactly `think_s`."""
    (cell,) = build_grid([1.0])
    plan = build_plan(Strategy("any"), [cell])
    backends = simulate_backends(service, think=ThinkTime(think_s, think_s))
    image = backends.host.prepare(plan.target)
    with open_session(backends, plan.target, plan.scenario, plan.load, cell, image, 1) as session:
        return [hold_step(session, make_spec(index, each)) for index, each in enumerate(users, 1)]


def make_spec(index: int, users: int) -> StepSpec:
    return StepSpec(index, Step(users, TIMING), 50.0, lambda facts: False, lambda sample: None)


def hold_with_cycle(cycle_s: float, users: int = 1, known_cycle_s: float = 0.0) -> StepFacts:
    """Hold a step whose users are seen to ask every `cycle_s`; it was known before as `known_cycle_s`."""
    step = Step(users, TIMING, cycle_s=known_cycle_s)
    run = ScriptedRun(lambda now_s: [], answers_every_s=1.0, users=users)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]
    spec = StepSpec(1, step, 50.0, lambda facts: True, lambda sample: None)
    return hold_step(session, replace(spec, measure_cycle=lambda facts: cycle_s))


def serve_in(seconds: float) -> Service:
    return Service(cpu_s=0, law="deterministic", delay_s=seconds)


# A stall


def test_a_time_without_answers_while_users_think_is_no_stall() -> None:
    """One user asks at 0 s, is answered at 2 s, thinks for 30 s, asks again at 32 s, and is answered at 34 s.

    From 32 s on a request is in flight and the last answer is 30 s old, but the request itself has waited for
    2 s at most. The limit is 5 s, and the step lasts 36 s.
    """
    (facts,) = hold_steps(serve_in(2.0), 30.0, [1])
    assert facts.end_reason is EndReason.HELD
    assert facts.requests.start_s - facts.ramp_from_s == pytest.approx([0.0, 32.0])


def test_a_request_that_waits_for_longer_than_the_limit_is_a_stall() -> None:
    """Users ask at once and would be answered after 20 s. The limit is 5 s: five drains of 1 s."""
    (facts,) = hold_steps(serve_in(20.0), 1.0, [3])
    assert facts.end_reason is EndReason.STALLED
    assert facts.note == "no request was answered for 5 s while 3 waited"
    assert facts.ended_s - facts.ramp_from_s == pytest.approx(5.5, abs=0.5)


class ScriptedRun:
    """A target, its generator and its counters in one.

    `waiting` takes an instant and returns the start of each request that is then in flight. All instants
    count from the begin of the step. A request is answered every `answers_every_s`; never if it is None.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        waiting: Callable[[float], list[float]],
        answers_every_s: float | None,
        users: int = 2,
        silent_from_s: float = math.inf,
    ) -> None:
        self.clock = FakeClock()
        self._silent_from_s = silent_from_s
        self._users = users
        self._waiting = waiting
        self._answers_every_s = answers_every_s
        self._start_s = self.clock.now_s()
        self._last_answer_s = self._start_s

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
        now_s, every_s, answered = self.clock.now_s(), self._answers_every_s, []
        if every_s is not None and now_s >= self._last_answer_s + every_s:
            self._last_answer_s = now_s
            answered = [(now_s - 0.1, 0.1, -1)]
        waiting = [self._start_s + started_s for started_s in self._waiting(now_s - self._start_s)]
        sample = GeneratorSample(now_s, 0.0, 0, 0.0, self._users, len(waiting))
        requests = make_requests(answered, waiting)
        silent_s = max(0.0, now_s - self._start_s - self._silent_from_s)
        return GeneratorFacts(requests, ThinkTimes(), (sample,), reached_users=self._users, silent_s=silent_s)


def hold_scripted(
    waiting: Callable[[float], list[float]], answers_every_s: float | None, silent_from_s: float = math.inf
) -> StepFacts:
    run = ScriptedRun(waiting, answers_every_s, silent_from_s=silent_from_s)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]
    return hold_step(session, make_spec(1, 2))


class PreparingRun(ScriptedRun):
    """A run whose scenario prepares the test for `prepared_s` first; no users come before."""

    def __init__(self, prepared_s: float) -> None:
        super().__init__(lambda now_s: [], answers_every_s=1.0)
        self._prepared_s = prepared_s

    def close_step(self) -> GeneratorFacts:
        facts = super().close_step()
        is_preparing = self.clock.now_s() - self._start_s < self._prepared_s
        return replace(facts, is_preparing=is_preparing, reached_users=0 if is_preparing else 2)


@pytest.mark.parametrize(
    ("prepared_s", "end_reason", "ramp_s"),
    [(100.0, EndReason.HELD, 100.0), (1000.0, EndReason.USERS_MISSING, 316.25)],
)
def test_users_may_come_later_while_the_scenario_prepares_the_test(
    prepared_s: float, end_reason: EndReason, ramp_s: float
) -> None:
    """Two users arrive within a second. They may be 15 s late, and 300 s more while the scenario prepares."""
    run = PreparingRun(prepared_s)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]
    facts = hold_step(session, make_spec(1, 2))
    assert facts.end_reason is end_reason
    ramp_to_s = facts.ended_s if facts.settle_from_s is None else facts.settle_from_s
    assert ramp_to_s - facts.ramp_from_s == pytest.approx(ramp_s, abs=0.3)


def test_a_request_without_an_answer_while_others_are_answered_is_no_stall() -> None:
    assert hold_scripted(lambda now_s: [0.0, now_s], answers_every_s=4.0).end_reason is EndReason.HELD


def test_the_oldest_request_in_flight_decides_whether_a_step_stalls() -> None:
    """Nothing is answered. The oldest request begins at 10 s, so it has waited longer than 5 s after 15 s."""
    facts = hold_scripted(lambda now_s: [now_s, 10.0, now_s] if now_s >= 10 else [], answers_every_s=None)
    assert facts.end_reason is EndReason.STALLED
    assert facts.ended_s == pytest.approx(15.25)


def test_requests_of_a_process_that_reports_no_more_are_no_stall() -> None:
    """The process reports for the last time 2 s after its request began: nobody knows whether it waits on."""
    facts = hold_scripted(lambda now_s: [0.0], answers_every_s=None, silent_from_s=2.0)
    assert facts.end_reason is EndReason.HELD


def test_requests_that_never_wait_for_the_limit_are_no_stall() -> None:
    """At every instant the oldest request is 4.9 s old: users give up before the limit."""
    assert hold_scripted(lambda now_s: [now_s - 4.9], answers_every_s=None).end_reason is EndReason.HELD


# Phases and the users' cycle


def measure_phases_s(facts: StepFacts) -> tuple[float, float]:
    """Return how long the step settled, and how long its window was."""
    assert facts.settle_from_s is not None
    assert facts.window_from_s is not None
    assert facts.window_to_s is not None
    return facts.window_from_s - facts.settle_from_s, facts.window_to_s - facts.window_from_s


def test_settling_spans_two_cycles_and_the_window_five() -> None:
    assert measure_phases_s(hold_with_cycle(30.0)) == pytest.approx((60.0, 150.0), abs=0.5)


def test_users_who_ask_often_leave_the_phases_as_they_are_set() -> None:
    assert measure_phases_s(hold_with_cycle(3.5)) == pytest.approx((5.0, 30.0), abs=0.5)


@pytest.mark.parametrize(("rests_after_s", "settled_s"), [(0.0, 5.0), (6.0, 7.5), (99.0, 10.0)])
def test_settling_ends_when_the_step_is_at_rest(rests_after_s: float, settled_s: float) -> None:
    """Of 10 s it lasts at least half, and no longer. It is looked at after 5 s, and then every 2.5 s."""
    run = ScriptedRun(lambda now_s: [], answers_every_s=1.0, users=1)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]

    def is_at_rest(facts: StepFacts) -> bool:
        assert facts.settle_from_s is not None
        return facts.ended_s - facts.settle_from_s >= rests_after_s

    spec = replace(make_spec(1, 1), step=Step(1, replace(TIMING, settle_s=10.0)), is_at_rest=is_at_rest)
    assert measure_phases_s(hold_step(session, spec))[0] == pytest.approx(settled_s, abs=0.5)


@pytest.mark.parametrize(("begins_s", "settled_s"), [(3.0, 5.0), (23.0, 23.0), (500.0, 120.0)])
def test_settling_goes_on_until_the_last_user_begins_but_for_two_minutes_at_most(
    begins_s: float, settled_s: float
) -> None:
    """Instants count from the begin of the step, whose ramp ends almost at once. It settles for 5 s."""
    run = ScriptedRun(lambda now_s: [], answers_every_s=1.0, users=1)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]
    facts = hold_step(session, replace(make_spec(1, 1), find_last_begin=lambda facts: begins_s))
    assert measure_phases_s(facts)[0] == pytest.approx(settled_s, abs=0.5)


def test_users_arrive_over_a_cycle_that_is_known() -> None:
    assert hold_with_cycle(30.0, users=300, known_cycle_s=30.0).spawn_rate == 10.0
    assert hold_with_cycle(30.0, users=300).spawn_rate == 30.0


def hold_until_steady(steady_after_s: float) -> float:
    """Hold a step whose memory is steady so long after the window began; return the length of the window."""
    timing = replace(TIMING, steady_at_most_s=120.0)
    run = ScriptedRun(lambda now_s: [], answers_every_s=1.0, users=1)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]

    def is_steady(facts: StepFacts) -> bool:
        assert facts.window_from_s is not None
        return facts.ended_s - facts.window_from_s >= steady_after_s

    spec = StepSpec(1, Step(1, timing), 50.0, lambda facts: True, lambda sample: None, is_steady=is_steady)
    return measure_phases_s(hold_step(session, spec))[1]


@pytest.mark.parametrize(
    ("steady_after_s", "window_s"), [(0.0, 30.0), (30.0, 30.0), (47.0, 50.0), (1000.0, 120.0)]
)
def test_a_window_goes_on_until_the_memory_is_steady_or_for_as_long_as_is_allowed(
    steady_after_s: float, window_s: float
) -> None:
    """The memory is looked at when the window would end, after 30 s, and then every 5 s."""
    assert hold_until_steady(steady_after_s) == pytest.approx(window_s, abs=0.5)


def hold_until_spoiled(spoiled_after_s: float, at_least_s: float, steady_at_most_s: float = 0.0) -> StepFacts:
    """Hold a step whose window is spoiled from so long after its begin on, and never steady."""
    timing = Timing(5, at_least_s, 300, 1, steady_at_most_s=steady_at_most_s)
    run = ScriptedRun(lambda now_s: [], answers_every_s=1.0, users=1)
    session = ContainerSession(1, run, run, run, run.clock, run.clock.now_s())  # type: ignore[arg-type]

    def is_spoiled(facts: StepFacts, ends_by_s: float) -> bool:
        assert facts.window_from_s is not None
        return facts.ended_s - facts.window_from_s >= spoiled_after_s and ends_by_s > facts.ended_s

    spec = replace(
        make_spec(1, 1), step=Step(1, timing), is_spoiled=is_spoiled, is_steady=lambda facts: False
    )
    if steady_at_most_s:
        spec = replace(spec, is_settled=lambda facts: True)
    return hold_step(session, spec)


@pytest.mark.parametrize(
    ("spoiled_after_s", "at_least_s", "window_s"), [(0.0, 20.0, 20.0), (31.0, 20.0, 35.0), (0.0, 300.0, 20.0)]
)
def test_a_spoiled_window_is_given_up(spoiled_after_s: float, at_least_s: float, window_s: float) -> None:
    """It is looked at after 20 s, even if the window would last for longer, and then every 5 s."""
    facts = hold_until_spoiled(spoiled_after_s, at_least_s)
    assert facts.end_reason is EndReason.HELD
    assert measure_phases_s(facts)[1] == pytest.approx(window_s, abs=0.5)


def test_a_spoiled_window_does_not_wait_for_the_memory() -> None:
    facts = hold_until_spoiled(41.0, 20.0, steady_at_most_s=120.0)
    assert measure_phases_s(facts)[1] == pytest.approx(45.0, abs=0.5)


# Pauses that last beyond a step


def test_pauses_that_began_in_the_step_before_count_in_the_window() -> None:
    """Two users think for 100 s after their first answer. Then a third user arrives and thinks as well.

    All three think during the whole second window of 30 s: 90 user-seconds, so nothing is unexplained. The
    pauses that began in the second step alone would explain only 30 of them.
    """
    first, second = hold_steps(serve_in(0.1), 100.0, [2, 3])
    window = cut_window(second)
    assert window is not None
    assert window.thinking_s == pytest.approx(90.0, abs=0.2)
    assert compute_unexplained_ratio(window) == pytest.approx(0.0, abs=0.002)
    assert len(first.thinks.start_s) == 2
    assert len(second.thinks.start_s) == 3


def test_a_pause_lasts_through_several_steps() -> None:
    """Each step lasts about 37 s; a pause of 100 s that begins in the first one ends in the third."""
    facts = hold_steps(serve_in(0.1), 100.0, [2, 2, 2])
    begun = [each.thinks.start_s.min() for each in facts]
    assert begun == [begun[0]] * 3


def test_pauses_that_end_within_their_step_are_not_taken_over() -> None:
    """The step ends at 33 s. Pauses that began at 10 s and last 23 s or less are over by then."""
    pauses = OngoingPauses()
    pauses.finish_step(make_closed_step(3, thinks=make_thinks([(10.0, 5.0), (10.0, 23.0), (10.0, 23.5)])))
    carried = pauses.start_step(3)
    assert (carried.start_s.tolist(), carried.planned_s.tolist()) == ([10.0], [23.5])


def test_no_pause_is_taken_over_if_users_leave() -> None:
    """Some of the pauses were those of the users who left, and it is unknown which."""
    pauses = OngoingPauses()
    pauses.finish_step(make_closed_step(3, thinks=make_thinks([(10.0, 60.0)])))
    assert np.array_equal(pauses.start_step(2).start_s, [])
    assert np.array_equal(pauses.start_step(4).start_s, [10.0])
