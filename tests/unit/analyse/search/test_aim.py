"""Where to look next, given what is believed and what is measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.search.aim import chance_between, median_within
from harness.analyse.search.belief import Belief

BELIEFS = st.builds(Belief, st.floats(1, 1000), st.floats(0.01, 0.5))
ENDS = st.none() | st.floats(1, 2000)


def test_without_a_measurement_the_middle_is_the_belief_itself() -> None:
    assert median_within(Belief(200, 0.1), None, None) == pytest.approx(200)


@given(BELIEFS, ENDS, ENDS)
def test_the_middle_lies_between_what_passed_and_what_failed(
    belief: Belief, low: float | None, high: float | None
) -> None:
    if low is not None and high is not None and high < low * 1.01:
        return
    middle = median_within(belief, low, high)
    assert low is None or middle >= low * (1 - 1e-6)
    assert high is None or middle <= high * (1 + 1e-6)


@given(BELIEFS, st.floats(1, 2000))
def test_half_of_what_is_left_lies_below_the_middle(belief: Belief, low: float) -> None:
    middle = median_within(belief, low, None)
    if math.log(low / belief.users) / belief.spread < 100:
        assert chance_between(belief, low, None, low, middle) == pytest.approx(0.5, abs=1e-3)


def test_a_belief_that_proves_wrong_is_left_by_ever_longer_strides() -> None:
    belief, at = Belief(100, 0.05), 100.0
    strides = []
    for _ in range(6):
        at, before = median_within(belief, at, None), at
        strides.append(at / before)
    assert strides[1:] == sorted(strides[1:])
    assert strides[-1] - 1 > 2 * (strides[0] - 1)


def test_nothing_lies_outside_what_is_measured() -> None:
    assert chance_between(Belief(100, 0.1), 90, 90, 90, 90) == 0.0
    assert chance_between(Belief(100, 0.1), 90, 120, 90, 120) == pytest.approx(1.0)
