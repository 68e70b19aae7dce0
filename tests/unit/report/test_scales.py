"""Scales of charts: round ends around the values, whatever these are."""

import math

import pytest

from harness.report.html.scales import build_log_scale, build_range_scale


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.3, 7.0], 0.2, 10.0),
        ([], 0.2, 2.0),
        ([0.0, math.inf], 0.2, 2.0),
        ([5e-324, 1.0], 5e-13, 2.0),
        ([1.0, 1.7e308], 0.5, 2e15),
    ],
)
def test_a_logarithmic_scale_has_round_ends_around_its_values(
    values: list[float], low: float, high: float
) -> None:
    scale = build_log_scale(values, 0.0, 100.0)
    assert (scale.low, scale.high) == pytest.approx((low, high))


def test_a_scale_of_a_range_reaches_a_little_beyond_it_with_round_ticks_within() -> None:
    """8 % of 10 on both sides; about five ticks in 11.6 are 5 apart."""
    scale = build_range_scale([-2.0, 8.0], 100.0, 0.0, 5)
    assert (scale.low, scale.high) == pytest.approx((-2.8, 8.8))
    assert scale.ticks == (0.0, 5.0)
    assert scale(8.0) < scale(0.0) < scale(-2.0)
    one = build_range_scale([4.0], 100.0, 0.0)
    assert one.low < 4.0 < one.high
    assert one.ticks == (3.96, 3.98, 4.0, 4.02, 4.04)
    assert build_range_scale([0.0], 1.0, 0.0)(0.0) == 0.5
