"""The fitted capacity: what all windows of a cell say of it together."""

import math
from dataclasses import replace

import pytest

from harness.analyse.search.capacity_fit import (
    CapacityFit,
    estimate_variance_ratio,
    fit_capacity,
    fit_verdicts,
)
from harness.model import MIB, MemoryOutlook, MemoryTrend, Rule, Slo, StepResult
from harness.model.evidence import Judgement, MemoryGrows
from tests.unit.analyse.synthetic import make_step

P95 = Slo("p95", 1.0)


def make_window(users: int, slow_ratio: float, *, run: int = 1, index: int = 1) -> StepResult:
    passed = slow_ratio <= 0.05
    step = make_step(
        users,
        "PASS" if passed else "FAIL",
        rule=None if passed else "p95",
        slow_ratio=slow_ratio,
        requests=1000,
    )
    return replace(step, life=run, index=index)


def fit(*steps: StepResult, is_cpu_bound: bool = False) -> CapacityFit:
    result = fit_capacity(steps, P95, 100, is_cpu_bound=is_cpu_bound)
    assert result is not None
    return result


def test_windows_at_one_number_of_users_count_together() -> None:
    """A pass and a failure at 100 users whose shares are as far from 5 % put the capacity there."""
    odds = 0.05 / 0.95
    shares = [odds * factor / (1 + odds * factor) for factor in (0.7, 1 / 0.7)]
    pair = [make_window(100, share, run=run) for run, share in enumerate(shares)]
    assert fit(*pair).users == pytest.approx(100, rel=0.02)
    assert fit(*pair, *pair).high / fit(*pair, *pair).low < fit(*pair).high / fit(*pair).low


def test_the_slope_is_learned_from_the_windows() -> None:
    """One window at 100 users says the same, but a steep target's other windows leave less doubt about N."""
    steep = [make_window(90, 0.002), make_window(100, 0.03, run=2), make_window(110, 0.5, run=3)]
    flat = [make_window(90, 0.025), make_window(100, 0.03, run=2), make_window(110, 0.04, run=3)]
    widths = [math.log(each.high / each.low) for each in (fit(*steep), fit(*flat))]
    assert widths[0] < 0.5 * widths[1]


def test_windows_of_users_who_think_for_long_leave_more_doubt_about_the_capacity() -> None:
    """100 users who ask every 30 s make 3.3 requests within the limit of 1 s: the slope is 3.5, not 11."""
    pair = [make_window(90, 0.03), make_window(110, 0.07, run=2)]
    often, rarely = (
        fit(*(replace(step, rps=step.users / cycle_s) for step in pair)) for cycle_s in (3.0, 30.0)
    )
    assert math.log(rarely.high / rarely.low) > 1.4 * math.log(often.high / often.low)


def test_windows_of_one_run_know_less_than_those_of_several() -> None:
    """Two runs differ in speed, so four windows of one run share an error."""
    shares = (0.02, 0.03, 0.07, 0.09)
    one, several = (
        fit(*(make_window(100, share, run=run) for share, run in zip(shares, runs, strict=True)))
        for runs in ((1, 1, 1, 1), (1, 2, 3, 4))
    )
    assert several.high / several.low < one.high / one.low


def test_requests_that_need_more_cpu_time_count_as_more_users() -> None:
    """Both windows have 5 % of slow requests, the first with 5 % cheaper requests than the second."""
    windows = [make_window(users, 0.05, run=users, index=users) for users in (102, 98)]
    costs = [
        replace(step, target=replace(step.target, cpu_per_request_s=cost))
        for step, cost in zip(windows, (0.98, 1.02), strict=True)
    ]
    unknown, known = fit(*windows), fit(*costs, is_cpu_bound=True)
    assert known.users == pytest.approx(unknown.users, rel=0.01)
    assert fit(*costs).users == pytest.approx(unknown.users)


def test_a_death_says_that_the_capacity_is_probably_below_its_users() -> None:
    windows = [make_window(95, 0.03), make_window(100, 0.045, run=2)]
    death = make_step(101, "FAIL", rule="died", requests=0)
    assert fit(*windows, death).high < fit(*windows).high


def add_shape(step: StepResult, nearly: float, very: float) -> StepResult:
    return replace(step, latency=replace(step.latency, nearly_slow_ratio=nearly, very_slow_ratio=very))


def test_a_gap_of_the_response_times_at_the_limit_leaves_more_doubt() -> None:
    """5 % of the requests take several seconds whoever else is there; few more users make others slow."""
    windows = [make_window(98, 0.046), make_window(103, 0.053, run=2)]
    usual = [add_shape(step, 0.15, 0.01) for step in windows]
    gap = [add_shape(step, 0.055, 0.045) for step in windows]
    assert fit(*usual) == fit(*windows)
    assert fit(*gap).high / fit(*gap).low > 1.3 * fit(*usual).high / fit(*usual).low


def test_windows_far_away_do_not_count() -> None:
    """At 160 users other requests are slow, at 60 some are no longer."""
    near = [make_window(98, 0.046), make_window(103, 0.053, run=2)]
    assert fit(*near, make_window(160, 1.0, run=3), make_window(60, 0.036, run=4)) == fit(*near)


def test_requests_that_are_slow_at_light_load_too_leave_more_doubt() -> None:
    """3.6 % of them are slow whoever else is there; few more users make others slow."""
    near = [make_window(98, 0.046), make_window(103, 0.053, run=2)]
    quick, slow = (fit(*near, make_window(10, share, run=3)) for share in (0.0, 0.036))
    assert quick == fit(*near)
    assert slow.high / slow.low > 1.3 * quick.high / quick.low


def fit_lower(*steps: StepResult, limit: float = 0.15) -> CapacityFit:
    result = fit_capacity(steps, P95, 100, is_cpu_bound=False, shortfall_limit=limit)
    assert result is not None
    return result


def test_a_shortfall_above_its_limit_counts_where_the_percentile_broke_first() -> None:
    gap = [add_shape(make_window(98, 0.046), 0.055, 0.045), add_shape(make_window(103, 0.053), 0.055, 0.045)]
    short, enough = ([gap[0], replace(gap[1], shortfall_ratio=ratio)] for ratio in (0.16, 0.14))
    assert fit_lower(*enough) == fit(*gap)
    assert fit_lower(*short).high < 0.9 * fit(*gap).high
    assert fit_lower(*short, limit=math.inf) == fit(*gap)


def test_another_slo_that_breaks_far_above_the_percentile_hardly_matters() -> None:
    """That no failure is known between the pass at 95 and the death at 160 leaves a little doubt below 95."""
    windows = [make_window(95, 0.02), make_window(105, 0.1, run=2), make_window(150, 0.6, run=3)]
    death = make_step(160, "FAIL", rule="died", requests=0)
    assert fit(*windows, death).users == pytest.approx(fit(*windows).users, rel=0.01)
    assert fit(*windows, death).lowest == pytest.approx(fit(*windows).lowest, rel=0.05)


def test_a_chance_failure_of_the_percentile_is_no_verdict_on_another_slo() -> None:
    """A failure at 90 users by the percentile does not lower a capacity that another SLO sets at 110."""
    steps = [make_window(100, 0.001), make_window(108, 0.001), make_step(112, "FAIL", rule="errors")]
    chance = make_window(90, 0.052, run=4)
    assert fit(*steps, replace(chance, requests=100)).users > 100


def test_without_a_window_nothing_is_fitted() -> None:
    steps = [make_step(100, "INVALID"), make_step(110, "FAIL", rule="died", requests=0)]
    assert fit_capacity(steps, P95, 100, is_cpu_bound=False) is None


def test_the_variance_starts_at_eight_and_follows_the_batches() -> None:
    """Six batches of 8 and twelve of 20 have a mean of 16. Batches are alike, so the excess is 1.2 times."""
    step = make_window(100, 0.05)
    latency = replace(step.latency, slow_variance_ratio=20.0, slow_batches=13)
    assert estimate_variance_ratio([step]) == pytest.approx(1 + 1.2 * 7)
    assert estimate_variance_ratio([replace(step, latency=latency)]) == pytest.approx(1 + 1.2 * 15)


def test_the_wider_interval_contains_the_narrower_one() -> None:
    result = fit(make_window(100, 0.03), make_window(105, 0.08, run=2))
    assert result.lowest < result.low < result.users < result.high < result.highest
    assert math.log(result.high / result.low) > 2 * 1.96 * 0.02


def test_an_uncertain_growth_of_memory_leaves_more_doubt() -> None:
    """The growth is known to within 0.1 as a logarithm of users, beside the 0.05 of any verdict."""
    growth, low, high = (each * MIB / 60 for each in (1.0, 0.8, 1.2))
    trend = MemoryTrend(MemoryOutlook.FILLS, 300.0, 32 * MIB, 40 * MIB, growth, low, high, 87.0 * MIB, 1.0)
    failed = make_step(105, "FAIL", rule="memory-grows")
    grown = replace(failed, judgement=Judgement(Rule.MEMORY_GROWS, MemoryGrows(trend, 80 * MIB, 105, 3600.0)))
    sure, unsure = (fit_verdicts([make_step(95, "PASS"), each], 100) for each in (failed, grown))
    assert unsure.high > 1.05 * sure.high
    assert unsure.low == pytest.approx(sure.low, rel=0.1)


def test_verdicts_on_one_request_name_leave_more_doubt() -> None:
    steps = [make_step(95, "PASS"), make_step(105, "FAIL")]
    all_names, one_name = (fit_verdicts(steps, 100, is_named=is_named) for is_named in (False, True))
    assert one_name.high / one_name.low > 1.2 * all_names.high / all_names.low
