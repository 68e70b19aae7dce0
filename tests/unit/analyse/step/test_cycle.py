"""How long a user's cycle takes, as the facts of a step show it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.cycle import find_last_begin_s, measure_cycle_s
from harness.model import ThinkTimes
from tests.unit.analyse.synthetic import (
    DRAIN_S,
    always,
    make_closed_step,
    make_generator_samples,
    make_requests,
    make_thinks,
)


def test_a_cycle_is_a_pause_and_a_response() -> None:
    assert measure_cycle_s(make_closed_step(10, think_s=29.9, latency=always(0.1)), DRAIN_S) == pytest.approx(
        30.0
    )


def test_pauses_within_tasks_are_seen_by_littles_law() -> None:
    """Ten users ask every 10 s, and no pause is known. In the 31 s after the ramp they ask 31 times.

    They wait for 3.1 of their 310 s. So 306.9 s are left for 31 requests and the one that is under way.
    """
    facts = make_closed_step(10, think_s=9.9, latency=always(0.1), thinks=ThinkTimes())
    assert measure_cycle_s(facts, DRAIN_S) == pytest.approx(306.9 / 32 + 0.1, abs=0.05)


def test_a_short_pause_after_several_requests_without_a_pause_counts_in_full() -> None:
    """One user asks ten times a second, and pauses for 20 s now and then."""
    asked = [(2.0 + number / 10, 0.05, -1) for number in range(100)]
    facts = make_closed_step(1, requests=make_requests(asked), thinks=make_thinks([(12.0, 20.0)]))
    assert measure_cycle_s(facts, DRAIN_S) == pytest.approx(20.05)


def test_a_response_counts_for_as_long_as_an_slo_allows() -> None:
    """An overloaded target must not lengthen the step that shows it."""
    facts = make_closed_step(10, think_s=0.9, latency=always(5.0))
    assert measure_cycle_s(facts, DRAIN_S) == pytest.approx(0.9 + DRAIN_S, abs=0.15)


def test_a_pause_that_began_in_an_earlier_step_does_not_count() -> None:
    """Of those only the longest are known."""
    facts = make_closed_step(1, think_s=2.0, thinks=make_thinks([(-5.0, 100.0), (3.0, 2.0)]))
    assert measure_cycle_s(facts, DRAIN_S) == pytest.approx(2.1)


def test_users_who_are_gone_do_not_think() -> None:
    facts = make_closed_step(
        10,
        requests=make_requests([(1.0, 0.1, -1)]),
        thinks=ThinkTimes(),
        generator=make_generator_samples([float(second) for second in range(34)], users=0),
    )
    assert measure_cycle_s(facts, DRAIN_S) == pytest.approx(0.1)


def test_nothing_is_known_before_anything_has_happened() -> None:
    facts = make_closed_step(10, requests=make_requests([]), thinks=ThinkTimes())
    assert measure_cycle_s(facts, DRAIN_S) == 0.0


@pytest.mark.parametrize(
    ("asked", "pauses", "last_s"),
    [
        ([], [(0, 1.0, 20.0), (2, 1.0, 45.0)], 46.0),
        ([2], [(0, 1.0, 20.0), (2, 1.0, 45.0)], 21.0),
        ([3], [(0, 1.0, 20.0), (2, 1.0, 45.0)], 21.0),
        ([], [(0, 1.0, 4.0), (0, 5.0, 4.0)], 5.0),
        ([], [(0, -9.0, 90.0), (-1, 1.0, 50.0)], 0.0),
        ([0], [], 0.0),
    ],
)
def test_the_last_user_begins_when_its_first_pause_is_over(
    asked: Sequence[int], pauses: Sequence[tuple[int, float, float]], last_s: float
) -> None:
    """Owners 2·n and 2·n + 1 are user n. The ramp begins at 0 s; an earlier pause is another step's."""
    requests = make_requests([(1.0, 0.1, -1) for _ in asked])
    thinks = make_thinks([(start_s, length_s) for _, start_s, length_s in pauses])
    facts = make_closed_step(
        2,
        requests=replace(
            requests, owner=np.array(asked, dtype=np.int32), unfinished_owner=np.empty(0, np.int32)
        ),
        thinks=replace(thinks, owner=np.array([owner for owner, _, _ in pauses], dtype=np.int32)),
    )
    assert find_last_begin_s(facts) == last_s


def test_without_owners_no_user_is_waited_for() -> None:
    assert find_last_begin_s(make_closed_step(10)) == 0.0
