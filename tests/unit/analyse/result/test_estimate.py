"""The estimate within a bracket, and how sure it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.estimate import Estimate, estimate_capacity
from harness.model import Slo, StepResult
from tests.unit.analyse.synthetic import make_step

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
    result = estimate(
        make_step(low, "PASS", slow_ratio=held, requests=requests[0]),
        make_step(low + more, "FAIL", rule="p95", slow_ratio=broken, requests=requests[1]),
        slo,
    )
    assert low <= result.low <= result.users <= result.high <= low + more


def estimate(held: StepResult, broken: StepResult, slo: Slo | None, *others: StepResult) -> Estimate:
    return estimate_capacity(held, broken, slo, [held, *others, broken])


def fit_bracket(
    held: float, broken: float, requests: int = 2000, *others: StepResult
) -> tuple[float, float, float]:
    result = estimate(
        make_step(100, "PASS", slow_ratio=held, requests=requests),
        make_step(110, "FAIL", rule="p95", slow_ratio=broken, requests=requests),
        P95,
        *others,
    )
    return result.low, result.users, result.high


def test_shares_equally_far_from_the_limit_give_the_middle_of_the_bracket() -> None:
    logit = math.log(0.05 / 0.95)
    left, right = (1 / (1 + math.exp(-logit + step)) for step in (0.5, -0.5))
    assert fit_bracket(left, right, 10**6)[1] == pytest.approx(math.sqrt(100 * 110), rel=2e-3)


def test_the_estimate_is_near_the_end_whose_share_is_near_the_limit() -> None:
    assert fit_bracket(0.045, 0.2)[1] < 102
    assert fit_bracket(0.005, 0.052)[1] > 107


def test_more_requests_make_a_narrower_interval() -> None:
    widths = [
        high - low for low, _, high in (fit_bracket(0.03, 0.1, requests) for requests in (500, 5_000, 50_000))
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0]


def test_a_step_outside_the_bracket_counts() -> None:
    """Add a step at 95 users with the allowed share: the capacity then lies near the lower end."""
    early = make_step(95, "PASS", slow_ratio=0.0499, requests=20_000)
    assert fit_bracket(0.03, 0.1, 2000, early)[1] < fit_bracket(0.03, 0.1, 2000)[1]


def test_a_bracket_that_another_failure_broke_is_not_fitted() -> None:
    held = make_step(100, "PASS", slow_ratio=0.0, requests=2000)
    result = estimate(held, make_step(110, "FAIL", rule="died", slow_ratio=0.0, requests=50), P95)
    assert (result.low, result.high) == (100, 110)
    assert result.users == pytest.approx(math.sqrt(11_000))


def test_the_interval_is_the_whole_bracket_without_an_slo_on_a_percentile() -> None:
    result = estimate(make_step(100, "PASS"), make_step(110, "FAIL"), None)
    assert (result.low, result.high) == (100, 110)
    assert result.users == pytest.approx(math.sqrt(11_000))


def test_few_requests_make_the_whole_bracket_the_interval() -> None:
    low, _, high = fit_bracket(0.05, 0.1, 20)
    assert (low, high) == (100, 110)
