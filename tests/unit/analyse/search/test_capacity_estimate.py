"""The capacity estimate: how sharply the slow share rises, and where to measure next."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    bound_slow_share,
    compute_logit,
    compute_logit_slope,
    find_median,
    find_probability,
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
def test_the_slope_relied_on_is_less_than_the_simulated_one(
    users: float, share_below: float, share_above: float
) -> None:
    """Long runs at 0.95 and 1.05 of the capacity: the true shares are farther off than the relied ones."""
    assert share_below < bound_slow_share(0.05, users, -0.05)
    assert share_above > bound_slow_share(0.05, users, 0.05)


def test_the_slope_grows_with_the_root_of_the_users() -> None:
    assert compute_logit_slope(400) == pytest.approx(2 * compute_logit_slope(100))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_logit_of_every_share_is_finite(share: float) -> None:
    assert abs(compute_logit(share)) < 14


ESTIMATES = st.builds(LogNormalEstimate, st.floats(1, 1000), st.floats(0.01, 0.5))
ENDS = st.none() | st.floats(1, 2000)


def test_without_a_measurement_the_median_is_that_of_the_estimate() -> None:
    assert find_median(LogNormalEstimate(200, 0.1), None, None) == pytest.approx(200)


@given(ESTIMATES, ENDS, ENDS)
def test_the_median_lies_between_the_pass_and_the_failure(
    estimate: LogNormalEstimate, low: float | None, high: float | None
) -> None:
    if low is not None and high is not None and high < low * 1.01:
        return
    middle = find_median(estimate, low, high)
    assert low is None or middle >= low * (1 - 1e-6)
    assert high is None or middle <= high * (1 + 1e-6)


@given(ESTIMATES, st.floats(1, 2000))
def test_half_of_the_remaining_probability_lies_below_the_median(
    estimate: LogNormalEstimate, low: float
) -> None:
    middle = find_median(estimate, low, None)
    if math.log(low / estimate.users) / estimate.sigma < 100:
        assert find_probability(estimate, low, None, low, middle) == pytest.approx(0.5, abs=1e-3)


def test_an_estimate_that_proves_wrong_is_left_in_ever_longer_strides() -> None:
    estimate, at = LogNormalEstimate(100, 0.05), 100.0
    strides = []
    for _ in range(6):
        at, before = find_median(estimate, at, None), at
        strides.append(at / before)
    assert strides[1:] == sorted(strides[1:])
    assert strides[-1] - 1 > 2 * (strides[0] - 1)


def test_no_probability_lies_outside_the_bracket() -> None:
    assert find_probability(LogNormalEstimate(100, 0.1), 90, 90, 90, 90) == 0.0
    assert find_probability(LogNormalEstimate(100, 0.1), 90, 120, 90, 120) == pytest.approx(1.0)
