"""The time series of a step agree with its judged numbers, and missing data is a gap."""

from dataclasses import replace

import pytest

from harness.analyse.step.judge import judge_step
from harness.analyse.step.time_series import POINTS_AT_MOST, build_series
from harness.model import Slo
from tests.unit.analyse.synthetic import make_closed_step


def compute_mean(values: tuple[float | None, ...]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


def test_all_columns_are_of_one_length_and_end_with_the_step() -> None:
    facts = make_closed_step()
    series = build_series(facts)
    columns: tuple[tuple[float | None, ...], ...] = (
        series.users,
        series.rps,
        series.errors_ps,
        series.p95_s,
        series.cpu_cores,
        series.throttled_ratio,
    )
    columns += (series.memory_mib, series.host_cores, series.generator_cores)
    assert {len(column) for column in columns} == {int(facts.ended_s - facts.ramp_from_s)}
    assert series.window is not None
    assert series.window[0] == pytest.approx((facts.window_from_s or 0) - facts.ramp_from_s)
    assert series.window[1] == pytest.approx((facts.window_to_s or 0) - facts.ramp_from_s)


def test_the_series_within_the_window_agree_with_the_judged_numbers() -> None:
    facts = make_closed_step(20)
    series, result = build_series(facts), judge_step(facts, [Slo("p95", 1.0)])
    assert series.window is not None
    window = slice(int(series.window[0]), int(series.window[1]))
    assert compute_mean(series.rps[window]) == pytest.approx(result.rps, rel=0.05)
    assert compute_mean(series.cpu_cores[window]) == pytest.approx(result.target.cpu_cores, rel=0.05)
    assert max(series.p95_s[window], key=lambda value: value or 0) == pytest.approx(0.1, abs=0.01)
    assert set(series.errors_ps) == {0.0}


def test_a_counter_that_was_not_read_is_a_gap_and_never_zero() -> None:
    series = build_series(replace(make_closed_step(), target=(), host=()))
    assert set(series.cpu_cores) == set(series.memory_mib) == set(series.host_cores) == {None}
    assert set(series.throttled_ratio) == {None}


def test_a_step_that_ended_while_ramping_has_no_window() -> None:
    facts = replace(make_closed_step(), window_from_s=None, window_to_s=None, ended_s=0.4)
    assert build_series(facts).window is None
    assert build_series(facts).rps == ()


def test_a_long_step_is_drawn_with_a_bounded_number_of_points() -> None:
    assert len(build_series(make_closed_step(window_s=900.0)).rps) <= POINTS_AT_MOST
