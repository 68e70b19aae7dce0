"""A window tells how exact its RPS and its p95 are, and the response times at each percentage."""

import pytest

from harness.analyse.step.step_curves import measure_curves
from tests.unit.analyse.synthetic import make_closed_step, make_step_of, slow_share


def test_a_steady_window_has_a_narrow_interval_of_its_rps() -> None:
    """Ten users with a cycle of 1 s make 10 RPS in every batch of 5 s."""
    curves = measure_curves(make_closed_step(10), ())
    assert curves.rps_interval == pytest.approx((10.0, 10.0))


def test_the_interval_of_p95_lies_between_response_times_that_were_seen() -> None:
    """4 % of the requests take 1.5 s, the others 0.1 s: p95 is 0.1 s, and may well be 1.5 s."""
    curves = measure_curves(make_closed_step(40, latency=slow_share(0.04)), ())
    assert curves.p95_interval == pytest.approx((0.1, 1.5))


def test_percentages_have_a_response_time_as_far_as_the_answers_tell_them() -> None:
    """200 requests tell p99.5, at which one request is slower, but not p99.9."""
    percents = dict(measure_curves(make_closed_step(10), ()).percentiles)
    assert percents[50.0] == pytest.approx(0.1)
    assert 99.5 in percents
    assert 99.9 not in percents


def test_a_window_with_hardly_any_answers_tells_nothing() -> None:
    curves = measure_curves(make_step_of((13.0, 0.1), (14.0, 0.1)), ())
    assert (curves.rps_interval, curves.p95_interval, curves.percentiles) == (None, None, ())
