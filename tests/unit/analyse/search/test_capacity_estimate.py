"""The capacity estimate: how steeply the slow share rises, and where to measure next."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    bound_slow_share,
    compute_logit,
    compute_logit_slope,
    estimate_from_slow_share,
    find_median,
    find_probability,
)
from harness.model import Slo
from tests.unit.analyse.synthetic import make_step

SHARES = st.floats(0.001, 0.5)
USERS = st.integers(1, 10_000)


@given(allowed=SHARES, users=USERS, ratio=st.floats(0, 0.3))
def test_the_slow_share_is_larger_above_the_capacity_and_smaller_below(
    allowed: float, users: int, ratio: float
) -> None:
    assert bound_slow_share(allowed, users, -ratio) <= allowed * (1 + 1e-9)
    assert bound_slow_share(allowed, users, ratio) >= allowed * (1 - 1e-9)


@given(allowed=SHARES, users=USERS)
def test_at_the_capacity_the_slow_share_is_the_allowed_one(allowed: float, users: int) -> None:
    assert bound_slow_share(allowed, users, 0.0) == pytest.approx(allowed)


@pytest.mark.parametrize(
    ("users", "share_below", "share_above"),
    [(50.2, 0.0345, 0.078), (107, 0.0285, 0.0795), (221, 0.0214, 0.0971), (279, 0.0176, 0.1039)],
)
def test_the_slope_of_the_bound_is_less_than_the_simulated_one(
    users: float, share_below: float, share_above: float
) -> None:
    """Check shares of long simulations at 0.95 and 1.05 of the capacity."""
    assert share_below < bound_slow_share(0.05, users, -0.05)
    assert share_above > bound_slow_share(0.05, users, 0.05)


def test_the_slope_grows_with_the_square_root_of_the_users() -> None:
    assert compute_logit_slope(400) == pytest.approx(2 * compute_logit_slope(100))


def test_users_who_think_for_long_have_the_slope_of_an_open_queue() -> None:
    """1,600 users ask every 90 s, so 17.8 requests come within a limit of 1 s: 17.8 / 0.95 = 18.7, not 44.

    15 % are slow. The logits of 0.15 and 0.05 differ by 1.210, so the capacity is 1,600 · exp(-1.210 / 18.7)
    = 1,500. If users share one queue, as with short pauses, it is 1,600 · exp(-1.210 / 44) = 1,557.
    """
    assert compute_logit_slope(1600, 0.05, 17.8) == pytest.approx(18.74, abs=0.01)
    step = make_step(1600, "FAIL", slow_ratio=0.15, requests=8000, rps=1600 / 90)
    open_, closed = (
        estimate_from_slow_share(each, Slo("p95", 1.0)) for each in (step, replace(step, rps=None))
    )
    assert open_ is not None
    assert closed is not None
    assert (open_.users, closed.users) == pytest.approx((1500, 1557), abs=1)


def test_the_bound_is_nearer_where_the_slope_is_that_of_an_open_queue() -> None:
    """0.05 · 17.47 / 2 = 0.437 above the logit of 0.05 is 7.5 %, and 0.05 · 42.6 / 2 = 1.065 is 13.2 %."""
    assert bound_slow_share(0.05, 1500, 0.05, 16.6) == pytest.approx(0.0753, abs=0.0001)
    assert bound_slow_share(0.05, 1500, 0.05) == pytest.approx(0.1325, abs=0.0001)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_logit_of_every_share_is_finite(share: float) -> None:
    assert abs(compute_logit(share)) < 14


ESTIMATES = st.builds(LogNormalEstimate, st.floats(1, 1000), st.floats(0.01, 0.5))
ENDS = st.none() | st.floats(1, 2000)


def test_without_a_step_the_median_is_that_of_the_estimate() -> None:
    assert find_median(LogNormalEstimate(200, 0.1), None, None) == pytest.approx(200)


@given(ESTIMATES, ENDS, ENDS)
def test_the_median_lies_between_the_pass_and_the_failure(
    estimate: LogNormalEstimate, low: float | None, high: float | None
) -> None:
    if low is not None and high is not None and high < low * 1.01:
        return
    median = find_median(estimate, low, high)
    assert low is None or median >= low * (1 - 1e-6)
    assert high is None or median <= high * (1 + 1e-6)


@given(ESTIMATES, st.floats(1, 2000))
def test_half_of_the_remaining_probability_lies_below_the_median(
    estimate: LogNormalEstimate, low: float
) -> None:
    median = find_median(estimate, low, None)
    if math.log(low / estimate.users) / estimate.sigma < 100:
        assert find_probability(estimate, low, None, low, median) == pytest.approx(0.5, abs=1e-3)


def test_passes_above_the_estimate_move_the_median_ever_faster() -> None:
    estimate, users = LogNormalEstimate(100, 0.05), 100.0
    ratios = []
    for _ in range(6):
        users, passed_users = find_median(estimate, users, None), users
        ratios.append(users / passed_users)
    assert ratios[1:] == sorted(ratios[1:])
    assert ratios[-1] - 1 > 2 * (ratios[0] - 1)


def test_no_probability_lies_outside_the_bracket() -> None:
    assert find_probability(LogNormalEstimate(100, 0.1), 90, 90, 90, 90) == 0.0
    assert find_probability(LogNormalEstimate(100, 0.1), 90, 120, 90, 120) == pytest.approx(1.0)


def test_a_gap_at_the_limit_lets_the_slow_share_say_little_of_the_users() -> None:
    """No request lies between 0.67 s and 1.5 s, so the slope is a twentieth of 11.

    The deviation has three parts: 20 · 3 / √(100,000 · 0.048 · 0.952) / 11 = 0.081 by the requests,
    0.4 · 0.078 = 0.031 by the slope, and 0.03 between windows; together 0.092. With the usual slope it is
    0.030.
    """
    step = make_step(100, "PASS", slow_ratio=0.048, requests=100_000)
    usual, wide = (estimate_from_slow_share(step, Slo("p95", 1.0), each) for each in (1.0, 0.05))
    assert usual is not None
    assert wide is not None
    assert math.log(wide.users / 100) == pytest.approx(20 * math.log(usual.users / 100))
    assert (usual.sigma, wide.sigma) == pytest.approx((0.030, 0.092), abs=0.001)
