"""The estimate within a bracket, and how sure it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.estimate import estimate
from harness.model import Slo
from tests.unit.analyse.synthetic import judged

P95 = Slo("p95", 1.0)
RATIOS = st.floats(0, 1)
COUNTS = st.integers(0, 20_000)


@given(
    low=st.integers(1, 400),
    more=st.integers(1, 400),
    held=RATIOS | st.none(),
    broken=RATIOS | st.none(),
    requests=st.tuples(COUNTS, COUNTS),
    slo=st.sampled_from([P95, Slo("p50", 1.0), Slo("p99.9", 1.0), None]),
)
def test_an_estimate_never_leaves_its_bracket(
    low: int,
    more: int,
    held: float | None,
    broken: float | None,
    requests: tuple[int, int],
    slo: Slo | None,
) -> None:
    found = estimate(
        judged(low, "PASS", slow_ratio=held, requests=requests[0]),
        judged(low + more, "FAIL", slow_ratio=broken, requests=requests[1]),
        slo,
    )
    assert low <= found.low <= found.users <= found.high <= low + more


def fit(held: float, broken: float, requests: int = 2000) -> tuple[float, float, float]:
    found = estimate(
        judged(100, "PASS", slow_ratio=held, requests=requests),
        judged(110, "FAIL", slow_ratio=broken, requests=requests),
        P95,
    )
    return found.low, found.users, found.high


def test_shares_equally_far_from_the_limit_meet_it_half_way() -> None:
    logit = math.log(0.05 / 0.95)
    left, right = (1 / (1 + math.exp(-logit + step)) for step in (1, -1))
    assert fit(left, right, 10**6)[1] == pytest.approx(math.sqrt(100 * 110), rel=1e-3)


def test_the_nearer_end_draws_the_estimate() -> None:
    assert fit(0.045, 0.5)[1] < 101.5
    assert fit(0.0, 0.055)[1] > 108.5


def test_the_interval_is_open_to_both_sides() -> None:
    low, users, high = fit(0.01, 0.3)
    assert 100 < low < users < high < 110


def test_more_requests_make_a_narrower_interval() -> None:
    widths = [high - low for low, _, high in (fit(0.01, 0.3, requests) for requests in (500, 5_000, 50_000))]
    assert widths == sorted(widths, reverse=True)


def test_where_slow_shares_say_nothing_the_interval_is_the_whole_bracket() -> None:
    found = estimate(judged(100, "PASS"), judged(110, "FAIL"), None)
    assert (found.low, found.high) == (100, 110)
    assert found.users == pytest.approx(math.sqrt(11_000))


def test_ends_that_can_not_be_told_apart_leave_the_whole_bracket_open() -> None:
    """One slow request of 20 (5 %) just passes; smoothed, that is more than 51 of 1000."""
    found = estimate(
        judged(100, "PASS", slow_ratio=0.05, requests=20),
        judged(110, "FAIL", slow_ratio=0.051, requests=10_000),
        P95,
    )
    assert (found.low, found.high) == (100, 110)
