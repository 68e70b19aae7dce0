"""A ramp shows what its target did at each number of users on the way."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analyse.step.ramp import FEWEST_ANSWERS, FEWEST_POINTS, MOST_POINTS, measure_ramp
from harness.model import ANSWERED, EndReason, GeneratorSample, StepFacts
from tests.unit.analyse.synthetic import make_closed_step, make_requests, make_target_samples, make_thinks

RATE, RAMP_S, CYCLE_S, LATENCY_S = 10, 20.0, 2.0, 0.1


def arrive(
    latency: Callable[[float], float] = lambda start_s: LATENCY_S, starts: int = 0, before: int = 0
) -> StepFacts:
    """Return a step of 200 users who arrive in bursts of ten a second, and ask every 2 s from then on.

    `latency` is the response time by the start of a request. Each user first makes `starts` requests, such as
    a login, after which it does not pause. `before` users were there before the ramp.
    """
    ended_s, rows, pauses = RAMP_S + 20.0, [], []
    for user in range(200):
        at_s = float(user // RATE)
        rows += [(at_s, LATENCY_S, ANSWERED)] * starts
        while at_s < ended_s - 1:
            rows.append((at_s, latency(at_s), ANSWERED))
            pauses.append((at_s + latency(at_s), CYCLE_S - LATENCY_S))
            at_s += CYCLE_S - LATENCY_S + latency(at_s)
    samples = [
        GeneratorSample(at, 0.0, 0, 0.0, before + min(200, RATE * (1 + int(at))), 0)
        for at in (number / 2 + 0.25 for number in range(80))
    ]
    return make_closed_step(
        before + 200,
        spawn_rate=float(RATE),
        settle_from_s=RAMP_S - 1,
        window_from_s=RAMP_S + 5,
        window_to_s=ended_s - 1,
        ended_s=ended_s,
        requests=make_requests(rows),
        thinks=make_thinks(pauses),
        generator=tuple(samples),
        target=make_target_samples([float(second) for second in range(41)], 0.5),
    )


@pytest.mark.parametrize("starts", [0, 1, 3])
def test_each_user_counts_as_often_as_one_that_stays(starts: int) -> None:
    """A user asks every 2 s, so N users make N / 2 requests a second, however often they ask on arrival."""
    points = measure_ramp(arrive(starts=starts))
    assert 8 <= len(points) <= MOST_POINTS
    for point in points:
        assert point.rps == pytest.approx(point.users / 2, rel=0.12)


def test_the_points_span_four_fifths_of_the_users() -> None:
    points = measure_ramp(arrive())
    assert points[0].users < 20
    assert points[-1].users > 0.85 * 200
    assert [point.users for point in points] == sorted(point.users for point in points)


def test_a_point_has_the_response_times_of_the_requests_that_start_there() -> None:
    """From 10 s on, when 110 users are there, every request takes 0.4 s."""
    points = measure_ramp(arrive(lambda start_s: 0.4 if start_s >= 10 else 0.1))
    early = [point for point in points if point.users < 90]
    late = [point for point in points if point.users > 130]
    assert {point.p95_s for point in early} == {0.1}
    assert {point.p50_s for point in late} == {0.4}


def test_a_point_has_the_counters_of_its_time() -> None:
    for point in measure_ramp(arrive()):
        assert point.is_on_ramp
        assert point.cpu_cores == pytest.approx(0.5)
        assert point.throttled_ratio == pytest.approx(0.1)
        assert point.memory_bytes == 64 * 2**20
        assert point.error_ratio == 0


def test_users_who_were_there_before_are_counted() -> None:
    points = measure_ramp(arrive(before=50))
    assert 55 < points[0].users < 75
    assert points[-1].users == pytest.approx(225)


def test_a_request_that_is_never_answered_counts_with_the_time_it_waited() -> None:
    """The target answers nothing more from 15 s on, and the step ends at 40 s."""
    facts = arrive()
    answered = [(start_s, LATENCY_S, ANSWERED) for start_s in facts.requests.start_s if start_s < 15]
    waiting = [start_s for start_s in facts.requests.start_s if 15 <= start_s < 19]
    points = measure_ramp(replace(facts, requests=make_requests(answered, waiting)))
    assert (points[-1].p95_s or 0) > 20


def test_a_ramp_that_a_death_ended_has_points_too() -> None:
    facts = replace(arrive(), settle_from_s=None, window_from_s=None, window_to_s=None, ended_s=12.0)
    early = facts.requests.start_s + facts.requests.latency_s < 12.0
    rows = [(float(start_s), LATENCY_S, ANSWERED) for start_s in facts.requests.start_s[early]]
    thinks = [(start_s + LATENCY_S, 1.9) for start_s, _, _ in rows if start_s + LATENCY_S < 12]
    facts = replace(facts, requests=make_requests(rows), thinks=make_thinks(thinks))
    points = measure_ramp(replace(facts, end_reason=EndReason.TARGET_DIED))
    assert points[-1].users == pytest.approx(110, abs=10)


def test_every_point_has_enough_answers_for_a_p95_and_a_short_ramp_has_none() -> None:
    assert all(point.requests >= FEWEST_ANSWERS for point in measure_ramp(arrive()))
    few = arrive()
    rows = [(float(second), LATENCY_S, ANSWERED) for second in range(19)]
    assert measure_ramp(replace(few, requests=make_requests(rows))) == ()


def test_users_who_leave_are_no_ramp() -> None:
    facts = arrive()
    falling = tuple(replace(sample, users=300 - sample.users) for sample in facts.generator)
    assert measure_ramp(replace(facts, generator=falling)) == ()


def test_a_step_without_any_sample_has_no_ramp() -> None:
    assert measure_ramp(replace(arrive(), generator=(), target=())) == ()


# Few users


def arrive_one_by_one(users: int, latency: Callable[[float], float] = lambda start_s: 0.1) -> StepFacts:
    """Return a step of so many users who arrive evenly in 20 s, and pause 1.9 s after each answer."""
    every_s, ended_s = RAMP_S / users, RAMP_S + 20.0
    rows, pauses = [], []
    for user in range(users):
        at_s = user * every_s
        while at_s < ended_s - 1:
            rows.append((at_s, latency(at_s), ANSWERED))
            pauses.append((at_s + latency(at_s), 1.9))
            at_s += 1.9 + latency(at_s)
    samples = [
        GeneratorSample(at, 0.0, 0, 0.0, min(users, 1 + int(at / every_s)), 0)
        for at in (number / 2 + 0.25 for number in range(80))
    ]
    return make_closed_step(
        users,
        spawn_rate=users / RAMP_S,
        settle_from_s=RAMP_S,
        window_from_s=RAMP_S + 5,
        window_to_s=ended_s - 1,
        ended_s=ended_s,
        requests=make_requests(rows),
        thinks=make_thinks(pauses),
        generator=tuple(samples),
        target=make_target_samples([float(second) for second in range(41)], 0.5),
    )


@pytest.mark.parametrize("users", [6, 8, 12, 25])
def test_a_size_of_few_users_has_a_curve_of_eight_points_over_four_fifths(users: int) -> None:
    """A user asks every 2 s, so N users make N / 2 requests a second."""
    points = measure_ramp(arrive_one_by_one(users))
    assert FEWEST_POINTS <= len(points) <= MOST_POINTS
    assert points[-1].users - points[0].users >= 0.8 * (users - 1)
    for point in points:
        assert point.rps == pytest.approx(point.users / 2, rel=0.02)
        assert point.p95_s == 0.1


def test_response_times_of_few_users_are_those_of_the_twenty_answers_around() -> None:
    """From 14 s on every request of 12 users takes 0.5 s.

    5 users are there by 8 s, and 20 requests start from 3 s to 11 s around; 20 start after 15 s.
    """
    points = measure_ramp(arrive_one_by_one(12, lambda start_s: 0.5 if start_s >= 14 else 0.1))
    assert all(point.p95_s == 0.1 for point in points if point.users < 5)
    assert points[-1].p50_s == 0.5
    assert points[-1].rps == pytest.approx(points[-1].users / 2.4, rel=0.03)


def test_few_answers_have_no_curve_without_pauses_to_count_users_by() -> None:
    facts = arrive_one_by_one(6)
    assert len(measure_ramp(replace(facts, thinks=make_thinks([])))) < FEWEST_POINTS


def test_fewer_answers_than_a_p95_needs_are_no_curve() -> None:
    """3 users who ask every 2 s on a ramp of 20 s: 10 + 7 + 4 requests; 2 users: 10 + 5."""
    assert len(measure_ramp(arrive_one_by_one(3))) >= FEWEST_POINTS
    assert measure_ramp(arrive_one_by_one(2)) == ()
