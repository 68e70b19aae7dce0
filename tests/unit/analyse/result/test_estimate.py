"""The estimate beside a bracket, how sure it is, and the precision that the bracket reaches."""

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
    share=RATIOS,
    held=RATIOS | st.none(),
    broken=RATIOS | st.none(),
    requests=st.tuples(COUNTS, COUNTS),
    slo=st.sampled_from([P95, Slo("p50", 1.0), Slo("p99.9", 1.0), None]),
)
def test_an_estimate_lies_within_its_interval_and_a_bracket_is_as_narrow_as_its_precision(
    low: int,
    share: float,
    held: float | None,
    broken: float | None,
    requests: tuple[int, int],
    slo: Slo | None,
) -> None:
    more = max(1, round(share * low))
    result = estimate(
        make_step(low, "PASS", slow_ratio=held, requests=requests[0]),
        make_step(low + more, "FAIL", rule="p95", slow_ratio=broken, requests=requests[1]),
        slo,
    )
    assert 0 < result.low <= result.users <= result.high < math.inf
    assert result.precision_ratio >= (low + more) / low - 1 - 1e-9


def estimate(held: StepResult, broken: StepResult, slo: Slo | None, *others: StepResult) -> Estimate:
    slos = [] if slo is None else [slo]
    found = estimate_capacity(held, broken, slos, [held, *others, broken], is_cpu_bound=False)
    assert found is not None
    return found


@pytest.mark.parametrize(("high", "is_told"), [(200, True), (201, False), (4000, False)])
def test_windows_too_far_apart_tell_no_capacity_between_them(high: int, is_told: bool) -> None:
    steps = [make_step(100, "PASS", slow_ratio=0.0), make_step(high, "FAIL", rule="p95", slow_ratio=1.0)]
    found = estimate_capacity(steps[0], steps[1], [P95], steps, is_cpu_bound=True)
    assert (found is not None) is is_told


def fit_bracket(held: float, broken: float, requests: int = 2000, *others: StepResult) -> Estimate:
    return estimate(
        make_step(100, "PASS", slow_ratio=held, requests=requests),
        make_step(110, "FAIL", rule="p95", slow_ratio=broken, requests=requests),
        P95,
        *others,
    )


def test_shares_equally_far_from_the_limit_give_the_middle_of_the_bracket() -> None:
    logit = math.log(0.05 / 0.95)
    left, right = (1 / (1 + math.exp(-logit + step)) for step in (0.5, -0.5))
    assert fit_bracket(left, right, 10**6).users == pytest.approx(math.sqrt(100 * 110), rel=5e-3)


def test_the_estimate_is_near_the_end_whose_share_is_near_the_limit() -> None:
    assert fit_bracket(0.045, 0.2, 20_000).users < 103
    assert fit_bracket(0.005, 0.052, 20_000).users > 107


def test_more_requests_make_a_narrower_interval_and_a_finer_precision() -> None:
    fits = [fit_bracket(0.03, 0.1, requests) for requests in (500, 5_000, 50_000)]
    widths = [fit.high / fit.low for fit in fits]
    assert widths == sorted(widths, reverse=True)
    precisions = [fit.precision_ratio for fit in fits]
    assert precisions == sorted(precisions, reverse=True)
    assert precisions[0] > precisions[-1] >= 0.1 - 1e-9


def test_a_step_outside_the_bracket_counts() -> None:
    """Add a step at 95 users with the allowed share: the capacity then lies near the lower end."""
    early = make_step(95, "PASS", slow_ratio=0.0499, requests=20_000)
    assert fit_bracket(0.03, 0.1, 2000, early).users < fit_bracket(0.03, 0.1, 2000).users


def test_an_end_that_most_windows_contradict_does_not_hold_the_estimate_back() -> None:
    """Three long windows above the failure show no slow request, so the failure was chance."""
    quick = [make_step(users, "PASS", slow_ratio=0.001, requests=20_000) for users in (112, 114, 116)]
    result = fit_bracket(0.001, 0.06, 300, *quick)
    assert result.users > 116
    assert result.precision_ratio > 0.1


def test_the_precision_is_how_far_beyond_the_bracket_the_capacity_may_lie() -> None:
    result = fit_bracket(0.03, 0.1, 500)
    assert 100 / (1 + result.precision_ratio) < result.low < result.high < 110 * (1 + result.precision_ratio)


def test_a_bracket_that_another_failure_broke_is_not_fitted() -> None:
    """Nothing tells how near the capacity is: neither 105 users nor 100 to 110 with 95 %."""
    held = make_step(100, "PASS", slow_ratio=0.0, requests=2000)
    died = make_step(110, "FAIL", rule="died", slow_ratio=0.0, requests=50)
    assert estimate_capacity(held, died, [P95], [held, died], is_cpu_bound=False) is None


def test_memory_that_did_not_suffice_leaves_doubt_about_both_ends() -> None:
    held = make_step(100, "PASS", slow_ratio=0.0, requests=2000)
    result = estimate(held, make_step(110, "FAIL", rule="memory-grows", slow_ratio=0.0, requests=50), P95)
    assert result.low < 100 < 110 < result.high


def test_without_an_slo_on_a_percentile_the_verdicts_alone_are_fitted() -> None:
    """One pass and one failure leave the middle as it is, and doubt about both ends."""
    result = estimate(make_step(100, "PASS"), make_step(110, "FAIL"), None)
    assert result.users == pytest.approx(math.sqrt(11_000), rel=2e-3)
    assert result.low < 100
    assert result.high > 110
    assert result.precision_ratio > 0.1


def test_more_verdicts_that_agree_leave_less_doubt() -> None:
    others = [make_step(90, "PASS"), make_step(95, "PASS"), make_step(115, "FAIL"), make_step(121, "FAIL")]
    few = estimate(make_step(100, "PASS"), make_step(110, "FAIL"), None)
    many = estimate(make_step(100, "PASS"), make_step(110, "FAIL"), None, *others)
    assert many.high / many.low < few.high / few.low


def test_few_requests_know_the_capacity_to_no_better_than_a_fifth() -> None:
    result = fit_bracket(0.05, 0.1, 20)
    assert result.precision_ratio > 0.2
