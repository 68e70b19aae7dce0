"""Scales of charts: round ends around the values, whatever these are."""

import math

import pytest

from harness.report.html.scales import build_log_scale


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
