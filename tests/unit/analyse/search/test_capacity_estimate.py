"""The capacity estimate: how sharply the slow share rises, and where to measure next."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    find_probability,
    logit,
    find_median,
    bound_slow_share,
    logit_slope,
)

SHARES = st.floats(0.001, 0.5)
USERS = st.integers(1, 10_000)


@given(allowed=SHARES, users=USERS, ratio=st.floats(0, 0.3))
def test_more_users_than_the_capacity_show_a_larger_share(allowed: float, users: int, ratio: float) -> None:
    assert bound_slow_share(allowed, users, -ratio) <= allowed * (1 + 1e-9)
    assert bound_slow_share(allowed, users, ratio) >= allowed * (1 - 1e-9)


@given(allowed=SHARES, users=USERS)
def test_at_the_capacity_the_share_is_what_is_allowed(allowed: float, users: int) -> None:
    assert bound_slow_share(allowed, users, 0.0) == pytest.approx(allowed)


@pytest.mark.parametrize(
    ("users", "share_below", "share_above"),
    [(50.2, 0.0345, 0.078), (107, 0.0285, 0.0795), (221, 0.0214, 0.0971), (279, 0.0176, 0.1039)],
)
def test_what_is_relied_on_is_less_than_what_was_simulated(
    users: float, share_below: float, share_above: float
) -> None:
    """Long runs at 0.95 and 1.05 of the capacity: the true shares are farther off than the relied ones."""
    assert share_below < bound_slow_share(0.05, users, -0.05)
    assert share_above > bound_slow_share(0.05, users, 0.05)


def test_the_slope_grows_with_the_root_of_the_users() -> None:
    assert logit_slope(400) == pytest.approx(2 * logit_slope(100))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_share_is_infinitely_far(share: float) -> None:
    assert abs(logit(share)) < 14


BELIEFS = st.builds(LogNormalEstimate, st.floats(1, 1000), st.floats(0.01, 0.5))
ENDS = st.none() | st.floats(1, 2000)


def test_without_a_measurement_the_middle_is_the_belief_itself() -> None:
    assert find_median(LogNormalEstimate(200, 0.1), None, None) == pytest.approx(200)


@given(BELIEFS, ENDS, ENDS)
def test_the_middle_lies_between_what_passed_and_what_failed(
    belief: LogNormalEstimate, low: float | None, high: float | None
) -> None:
    if low is not None and high is not None and high < low * 1.01:
        return
    middle = find_median(belief, low, high)
    assert low is None or middle >= low * (1 - 1e-6)
    assert high is None or middle <= high * (1 + 1e-6)


@given(BELIEFS, st.floats(1, 2000))
def test_half_of_what_is_left_lies_below_the_middle(belief: LogNormalEstimate, low: float) -> None:
    middle = find_median(belief, low, None)
    if math.log(low / belief.users) / belief.sigma < 100:
        assert find_probability(belief, low, None, low, middle) == pytest.approx(0.5, abs=1e-3)


def test_a_belief_that_proves_wrong_is_left_by_ever_longer_strides() -> None:
    belief, at = LogNormalEstimate(100, 0.05), 100.0
    strides = []
    for _ in range(6):
        at, before = find_median(belief, at, None), at
        strides.append(at / before)
    assert strides[1:] == sorted(strides[1:])
    assert strides[-1] - 1 > 2 * (strides[0] - 1)


def test_nothing_lies_outside_what_is_measured() -> None:
    assert find_probability(LogNormalEstimate(100, 0.1), 90, 90, 90, 90) == 0.0
    assert find_probability(LogNormalEstimate(100, 0.1), 90, 120, 90, 120) == pytest.approx(1.0)
