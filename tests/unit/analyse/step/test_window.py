"""Which requests a window holds, and which response time each of them has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.step.window import Window, cut_window, find_percentile_s, select_around
from harness.model import Requests
from tests.unit.analyse.synthetic import (
    make_closed_step,
    make_step_of,
    make_target_samples,
    make_thinks,
    require_window,
)


def test_a_request_that_starts_in_the_window_and_ends_after_it_counts() -> None:
    assert require_window(make_step_of((31.9, 0.8))).response_s.tolist() == [0.8]


def test_a_request_that_starts_before_the_window_and_ends_in_it_does_not_count() -> None:
    assert len(require_window(make_step_of((11.9, 5.0))).start_s) == 0


def test_the_first_instant_belongs_to_the_window_and_the_last_does_not() -> None:
    assert require_window(make_step_of((12.0, 0.1), (32.0, 0.2))).response_s.tolist() == [0.1]


def test_an_unfinished_request_counts_with_the_time_it_has_waited() -> None:
    window = require_window(make_step_of((13.0, 0.1), unfinished=[30.0]))
    assert window.response_s.tolist() == [0.1, 3.0]
    assert window.good.tolist() == [0.1, 3.0]


def test_an_unfinished_request_that_started_before_the_window_does_not_count() -> None:
    assert len(require_window(make_step_of(unfinished=[11.0])).start_s) == 0


def test_an_unfinished_request_at_the_end_of_the_window_is_slower_than_the_drain() -> None:
    window = require_window(make_step_of(unfinished=[31.999]))
    assert window.response_s[0] > 1.0


def test_a_failed_request_has_no_response_time_but_is_counted_by_its_error() -> None:
    window = require_window(make_step_of((13.0, 0.1), failed=[(14.0, 0.001)]))
    assert window.good.tolist() == [0.1]
    assert window.errors == {"ConnectionRefusedError": 1}
    assert window.failed.mean() == 0.5


def test_errors_outside_the_window_are_not_counted() -> None:
    assert require_window(make_step_of(failed=[(11.0, 0.1), (32.5, 0.1)])).errors == {}


def test_a_step_that_ended_before_its_window_has_none() -> None:
    assert cut_window(make_closed_step(window_from_s=None, window_to_s=None, ended_s=9.0)) is None


def test_a_window_cut_short_by_the_end_of_the_step_ends_with_it() -> None:
    assert require_window(make_closed_step(window_to_s=None, ended_s=20.0)).to_s == 20.0


def test_an_unfinished_window_ends_before_the_drain() -> None:
    window = cut_window(make_closed_step(window_to_s=None, ended_s=20.0), limit_s=2.0)
    assert window is not None
    assert window.to_s == 18.0
    assert window.start_s.max() < 18.0


def test_a_window_shorter_than_the_drain_is_empty() -> None:
    window = cut_window(make_closed_step(window_to_s=None, ended_s=12.5), limit_s=2.0)
    assert window is not None
    assert window.length_s == 0.0


def test_thinking_and_waiting_are_clipped_at_the_ends_of_the_window() -> None:
    facts = make_closed_step(
        1,
        requests=make_step_of((10.0, 4.0), unfinished=[30.0]).requests,
        thinks=make_thinks([(14.0, 1.0), (31, 9)]),
    )
    window = require_window(facts)
    assert window.waiting_s == pytest.approx(2.0 + 2.0)
    assert window.thinking_s == pytest.approx(1.0 + 1.0)


def cut_window_with_names() -> Window:
    requests = Requests(
        names=("GET /item", "POST /item", "GET /item/[id]"),
        errors=("boom",),
        start_s=np.array([13.0, 14.0, 15.0]),
        latency_s=np.array([0.1, 0.2, 0.3]),
        name=np.array([0, 1, 2], dtype=np.int32),
        error=np.array([-1, -1, -1], dtype=np.int32),
    )
    return require_window(make_closed_step(1, requests=requests))


@pytest.mark.parametrize(
    ("request_name", "response_s"),
    [("POST /item", [0.2]), ("/item/[id]", [0.3]), ("/item", [0.1, 0.2]), ("item", []), ("/", [])],
)
def test_a_request_name_is_found_with_its_method_or_without(
    request_name: str, response_s: list[float]
) -> None:
    assert cut_window_with_names().select_request_name(request_name).response_s.tolist() == response_s


TIMES_S = st.integers(0, 3_000).map(lambda thousandths: thousandths / 1000)
PERCENTS = st.integers(500, 999).map(lambda tenths: tenths / 10)


@given(st.lists(TIMES_S, min_size=1, max_size=300), PERCENTS, TIMES_S)
def test_a_percentile_is_within_a_limit_exactly_if_few_enough_requests_are_slower(
    response_s: list[float], percent: float, limit_s: float
) -> None:
    value = find_percentile_s(np.array(response_s), percent)
    slower = sum(one_s > limit_s for one_s in response_s)
    assert value is not None
    assert (value <= limit_s) == (slower * 1000 <= len(response_s) * (1000 - round(percent * 10)))


@pytest.mark.parametrize("count", [20, 100, 1000, 2000, 3000, 4000, 10_000])
@pytest.mark.parametrize("percent", [50, 90, 95, 97.5, 99, 99.9])
def test_a_percentile_ignores_the_largest_allowed_share_of_slow_requests(count: int, percent: float) -> None:
    slower = int(count * (1000 - round(percent * 10)) // 1000)
    response_s = np.array([0.1] * (count - slower) + [2.0] * slower)
    assert find_percentile_s(response_s, percent) == 0.1


def test_there_is_no_percentile_without_requests() -> None:
    assert find_percentile_s(np.empty(0), 95) is None


@given(st.lists(TIMES_S, min_size=1, max_size=50), PERCENTS)
def test_a_percentile_is_one_of_the_response_times(response_s: list[float], percent: float) -> None:
    assert find_percentile_s(np.array(response_s), percent) in response_s


@pytest.mark.parametrize(
    ("from_s", "to_s", "expected_s"),
    [
        (2.5, 4.5, [2, 3, 4, 5]),
        (2, 4, [2, 3, 4]),
        (-1, 99, [0, 1, 2, 3, 4, 5, 6]),
        (7, 9, [6]),
        (-3, -1, [0]),
    ],
)
def test_samples_are_selected_from_just_before_a_window_to_just_after_it(
    from_s: float, to_s: float, expected_s: list[float]
) -> None:
    samples = make_target_samples(range(7))
    assert [sample.at_s for sample in select_around(samples, from_s, to_s)] == expected_s


def test_nothing_is_selected_without_samples() -> None:
    assert list(select_around((), 0, 9)) == []
