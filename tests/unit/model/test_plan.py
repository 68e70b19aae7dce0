"""The values of a plan: indicators of SLOs, kinds of probes, and how a step's timing fits its users."""

import inspect
import re
from typing import get_args

import pytest

from harness.model import IndicatorKind, ReadinessProbe, Slo, Timing, choose_probe, compute_ramp_rate
from tests.summary_schema import SCHEMA


@pytest.mark.parametrize(
    ("indicator", "kind", "is_response_time"),
    [
        ("p50", IndicatorKind.PERCENTILE, True),
        ("p99.9", IndicatorKind.PERCENTILE, True),
        ("p0.5", IndicatorKind.PERCENTILE, True),
        ("mean", IndicatorKind.MEAN, True),
        ("errors", IndicatorKind.ERRORS, False),
        ("added_errors", IndicatorKind.ADDED_ERRORS, False),
        ("shortfall", IndicatorKind.SHORTFALL, False),
        ("drift", IndicatorKind.DRIFT, False),
    ],
)
def test_an_indicator_has_a_kind_and_a_unit(
    indicator: str, kind: IndicatorKind, is_response_time: bool
) -> None:
    slo = Slo(indicator, 1.0)
    assert (slo.kind, slo.is_response_time) == (kind, is_response_time)


def test_summary_json_may_name_every_indicator() -> None:
    pattern = SCHEMA["$defs"]["slo"]["properties"]["indicator"]["pattern"]
    named = [kind for kind in IndicatorKind if kind is not IndicatorKind.PERCENTILE]
    assert [name for name in (*named, "p95", "p99.9") if not re.search(pattern, name)] == []


@pytest.mark.parametrize(
    "indicator",
    [
        "peak",
        "percentile",
        "p",
        "p0",
        "p100",
        "p0.0",
        "p-5",
        "p95.",
        "p9_5",
        "p1e1",
        "pnan",
        "p95\n",
        "P95",
        "",
    ],
)
def test_an_unknown_indicator_is_named_with_the_known_ones(indicator: str) -> None:
    known = r"unknown indicator .*mean, errors, added_errors, shortfall, drift, and percentiles"
    with pytest.raises(ValueError, match=known):
        _ = Slo(indicator, 1.0).kind


def test_every_kind_of_probe_is_a_parameter_of_the_choice() -> None:
    parameters = inspect.signature(choose_probe).parameters.values()
    kinds = [set(get_args(each.annotation)) - {type(None)} or {each.annotation} for each in parameters]
    assert set.union(*kinds) == set(get_args(ReadinessProbe))


def test_phases_are_stretched_to_several_cycles() -> None:
    stretched = Timing().stretch(30.0)
    assert (stretched.settle_s, stretched.window_at_least_s, stretched.window_at_most_s) == (60, 150, 150)


def test_a_window_of_five_cycles_leaves_the_longest_window_as_it_is_set() -> None:
    stretched = Timing(window_at_most_s=300).stretch(10.0)
    assert (stretched.settle_s, stretched.window_at_least_s, stretched.window_at_most_s) == (20, 50, 300)


def test_short_phases_are_left_to_users_who_ask_often() -> None:
    timing = Timing(settle_s=1.0, window_at_least_s=2.0, window_at_most_s=3.0)
    assert timing.stretch(4.0) == timing
    assert timing.stretch(4.5).window_at_least_s == 22.5


def test_a_cycle_of_more_than_two_minutes_counts_as_two_minutes() -> None:
    assert Timing().stretch(1000.0) == Timing().stretch(120.0)
    assert Timing().stretch(1000.0).window_at_least_s == 600


@pytest.mark.parametrize(
    ("users", "cycle_s", "rate"),
    [
        (300, 0.0, 30.0),  # a tenth of the users
        (500, 0.0, 40.0),  # the spawn rate
        (10, 0.0, 1.9),  # one by one
        (300, 2.6, 30.0),
        (300, 30.0, 10.0),  # all users once in a cycle
        (6, 30.0, 0.2),
        (240, 1000.0, 2.0),  # in two minutes at most
    ],
)
def test_users_arrive_no_faster_than_they_will_ask(users: int, cycle_s: float, rate: float) -> None:
    assert compute_ramp_rate(users, 40.0, cycle_s) == pytest.approx(rate)


def test_a_ramp_takes_at_least_as_long_as_it_should() -> None:
    """400 users over 20 s; over 30 s if they arrive over their cycle anyway; 20 users one a second."""
    assert compute_ramp_rate(400, 40.0, ramp_s=20.0) == 20.0
    assert compute_ramp_rate(300, 40.0, cycle_s=30.0, ramp_s=20.0) == 10.0
    assert compute_ramp_rate(20, 40.0, ramp_s=20.0) == 1.0
    assert compute_ramp_rate(400, 40.0, ramp_s=5.0) == 40.0
