"""After a burst a target is steady again once everything is as before it, for 20 s."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analyse.step.burst_recovery import find_steady_after_s, has_reference, summarize_parts
from harness.model import ANSWERED, StepFacts
from harness.model.facts import BurstFacts
from tests.unit.analyse.synthetic import make_closed_step, make_requests

WINDOW_S, BURST_S, OVER_S, END_S = 10.0, 40.0, 100.0, 200.0
"""The window, the burst, the time after it, and the end of the step."""

PER_S = 10
Latency = Callable[[float], float]
Fails = Callable[[float], bool]


def never(_at_s: float) -> bool:
    return False


def slow_until(end_s: float, slow_s: float = 1.0, fast_s: float = 0.1) -> Latency:
    """Return response times that are slow from the burst on until `end_s`."""
    return lambda at_s: slow_s if BURST_S <= at_s < end_s else fast_s


def make_burst(
    latency: Latency, fails: Fails = never, hung_s: tuple[float, ...] = (), ended_s: float = END_S
) -> StepFacts:
    """Return a step of ten users with ten requests a second, and a burst that changes only their answers.

    A block is 5 s: a user's cycle is one second. At `hung_s` further requests start that are never answered.
    """
    starts_s = [number / PER_S for number in range(round(ended_s * PER_S))]
    rows = [(at_s, latency(at_s), 0 if fails(at_s) else ANSWERED) for at_s in starts_s]
    return replace(
        make_closed_step(10),
        window_from_s=WINDOW_S,
        window_to_s=ended_s,
        ended_s=ended_s,
        requests=make_requests([row for row in rows if row[0] + row[1] < ended_s], hung_s),
        burst=BurstFacts(30, BURST_S, OVER_S),
    )


def test_a_target_that_is_as_before_at_once_needs_no_time() -> None:
    assert find_steady_after_s(make_burst(slow_until(OVER_S - 2))) == 0.0


@pytest.mark.parametrize(("slow_s", "steady_s"), [(2.0, 5.0), (12.0, 15.0), (61.0, 65.0)])
def test_the_time_counts_from_the_end_of_the_burst_in_blocks_of_5_s(slow_s: float, steady_s: float) -> None:
    """The last slow request starts that long after the burst, and ends a second later."""
    assert find_steady_after_s(make_burst(slow_until(OVER_S + slow_s))) == steady_s


def test_a_short_relief_is_not_steady() -> None:
    """It is fast for 10 s from second 110 on, slow again for 10 s, and fast to the end."""

    def latency(at_s: float) -> float:
        return 1.0 if BURST_S <= at_s < 110 or 120 <= at_s < 130 else 0.1

    assert find_steady_after_s(make_burst(latency)) == 35.0


def test_it_is_not_known_before_20_s_have_passed() -> None:
    assert find_steady_after_s(make_burst(slow_until(OVER_S - 2), ended_s=OVER_S + 19)) is None
    assert find_steady_after_s(make_burst(slow_until(OVER_S - 2), ended_s=OVER_S + 20.5)) == 0.0


def test_failed_requests_are_not_as_before() -> None:
    """A tenth of the requests fail for 30 s."""
    fails: Fails = lambda at_s: BURST_S <= at_s < OVER_S + 30 and round(at_s * PER_S) % 10 == 0  # noqa: E731
    assert find_steady_after_s(make_burst(slow_until(0), fails)) == 30.0


def test_errors_that_were_there_before_are_usual() -> None:
    fails: Fails = lambda at_s: round(at_s * PER_S) % 10 == 0  # noqa: E731
    assert find_steady_after_s(make_burst(slow_until(OVER_S - 2), fails)) == 0.0


def test_requests_that_hang_since_the_burst_are_not_as_before() -> None:
    """Five users wait for an answer since second 60, which is no request of the time after the burst."""
    assert find_steady_after_s(make_burst(slow_until(0), hung_s=(60.0,) * 5)) is None


def test_fewer_than_half_of_the_answers_are_not_as_before() -> None:
    """A third of the users is left: their requests are fast, and none fails."""
    whole = make_burst(slow_until(0))
    kept = [
        (start_s, latency_s, ANSWERED)
        for number, (start_s, latency_s) in enumerate(
            zip(whole.requests.start_s, whole.requests.latency_s, strict=True)
        )
        if start_s < OVER_S or number % 3 == 0
    ]
    assert find_steady_after_s(replace(whole, requests=make_requests(kept))) is None


@pytest.mark.parametrize(("after_s", "steady_s"), [(0.124, 0.0), (0.2, None)])
def test_a_little_slower_is_as_before(after_s: float, steady_s: float | None) -> None:
    """The p95 was 0.1 s: a quarter more is no harm, twice as long is."""
    latency: Latency = lambda at_s: 0.1 if at_s < OVER_S else after_s  # noqa: E731
    assert find_steady_after_s(make_burst(latency)) == steady_s


def test_a_few_milliseconds_are_no_harm_to_a_fast_target() -> None:
    latency: Latency = lambda at_s: 0.003 if at_s < OVER_S else 0.012  # noqa: E731
    assert find_steady_after_s(make_burst(latency)) == 0.0


def test_without_enough_before_the_burst_nothing_is_usual() -> None:
    facts = make_burst(slow_until(OVER_S))
    assert has_reference(facts)
    assert not has_reference(replace(facts, window_from_s=BURST_S - 1.5)), "15 requests"
    assert not has_reference(make_burst(slow_until(OVER_S), lambda at_s: True))
    assert not has_reference(replace(facts, burst=BurstFacts(30)))
    assert find_steady_after_s(replace(facts, burst=BurstFacts(30, BURST_S))) is None


def test_users_with_a_long_cycle_have_long_blocks() -> None:
    """Of 300 requests in 30 s each of 200 users makes one in 20 s: a block is 20 s, and two of them count."""
    facts = replace(make_burst(slow_until(OVER_S + 12)), users=200)
    assert find_steady_after_s(facts) == 20.0
    assert find_steady_after_s(replace(facts, window_to_s=OVER_S + 59)) is None


def test_the_parts_say_what_the_users_met() -> None:
    """Of the 600 requests that start in the burst 590 end in it, each a second later; 30 of them fail."""
    fails: Fails = lambda at_s: 60 <= at_s < 63  # noqa: E731
    facts = make_burst(slow_until(OVER_S), fails)
    assert facts.burst is not None
    before, during, after = summarize_parts(replace(facts, burst=replace(facts.burst, oldest_wait_s=7.5)))
    assert before is not None
    assert before.requests == pytest.approx(300, abs=1)
    assert before.errors == 0
    assert before.rps == pytest.approx(10.0, rel=0.01)
    assert before.p95_s == pytest.approx(0.1)
    assert before.worst_s == pytest.approx(0.1)
    assert during is not None
    assert (during.length_s, during.errors) == (60.0, 30)
    assert during.p95_s == pytest.approx(1.0)
    assert during.requests == pytest.approx(591, abs=1)
    assert during.worst_s == 7.5, "the oldest request in flight when the users left"
    assert after is not None
    assert (after.length_s, after.errors) == (100.0, 0)


def test_parts_that_were_not_reached_are_none() -> None:
    facts = make_burst(slow_until(OVER_S))
    assert summarize_parts(replace(facts, burst=BurstFacts(30))) == (None, None, None)
    before, during, after = summarize_parts(
        replace(facts, burst=BurstFacts(30, BURST_S), ended_s=70.0, window_to_s=None)
    )
    assert before is not None
    assert during is not None
    assert (during.length_s, after) == (30.0, None)
