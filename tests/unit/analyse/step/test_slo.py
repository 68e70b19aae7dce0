"""One SLO on one window: its value, whether it holds, and whether more data could change that."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analyse.step.baseline import Baseline
from harness.analyse.step.light_times import PauseTime
from harness.analyse.step.littles_law import UnexplainedTime, compute_unexplained_ratio
from harness.analyse.step.slo import (
    compute_rise_ratio,
    compute_share_interval,
    compute_shortfall_ratio,
    evaluate_slo,
    is_settled,
)
from harness.model import ANSWERED, Slo, StepFacts, ThinkTimes
from harness.model.evidence import SloEvaluation
from tests.examples import count_examples
from tests.unit.analyse.synthetic import (
    always,
    make_closed_step,
    make_requests,
    make_step_of,
    require_window,
    response_on_paper_s,
    slow_share,
    spread_evenly,
)

LIGHT = Baseline(users=10, mean_s=0.1)


def evaluate(
    facts: StepFacts, indicator: str, at_most: float, baseline: Baseline | None = LIGHT
) -> SloEvaluation:
    return evaluate_slo(require_window(facts), Slo(indicator, at_most), baseline)


# Percentiles


@pytest.mark.parametrize(("share", "holds"), [(0.0, True), (0.04, True), (0.06, False), (0.5, False)])
def test_p95_holds_while_at_most_a_twentieth_of_the_requests_is_slow(share: float, holds: bool) -> None:
    assert evaluate(make_closed_step(40, latency=slow_share(share)), "p95", 1.0).holds is holds


@pytest.mark.parametrize(("indicator", "requests"), [("p50", 2), ("p95", 20), ("p99", 100), ("p99.9", 1000)])
def test_a_percentile_needs_enough_requests_for_one_to_be_slow(indicator: str, requests: int) -> None:
    enough = make_closed_step(requests, think_s=19.9)
    fewer = make_closed_step(requests - 1, think_s=19.9)
    assert evaluate(enough, indicator, 1.0).value == pytest.approx(0.1)
    assert evaluate(fewer, indicator, 1.0) == SloEvaluation(
        Slo(indicator, 1.0), None, holds=False, is_settled=False
    )


@pytest.mark.parametrize(("limit_s", "is_settled"), [(1.0, True), (0.2, False)])
def test_a_short_limit_needs_more_requests_if_users_think_for_long(limit_s: float, is_settled: bool) -> None:
    """200 users ask 20 times a second, and 2 % take 1.5 s. 400 requests are worth 50: 10.5 % may be slow.

    If the capacity were 30 % below, 35 % would be, by half of the slope 1.1 · √200 = 15.6. But within 0.2 s
    only 4 requests come, so the slope is 4 / 0.95 = 4.2, and 9 % would be.
    """
    window = require_window(make_closed_step(200, think_s=9.9, latency=slow_share(0.02)))
    evaluation = evaluate_slo(window, Slo("p95", limit_s), None, 0.3)
    assert evaluation.holds
    assert evaluation.is_settled is is_settled


def test_a_percentile_leaves_out_failed_requests() -> None:
    facts = make_closed_step(40, latency=slow_share(0.5), fails=spread_evenly(0.5))
    assert evaluate(facts, "p95", 1.0).value == pytest.approx(0.1)


def test_requests_without_an_answer_are_slow() -> None:
    hanging = make_closed_step(40, latency=lambda request: 0.1 if request < 700 else 99.0)
    answer = evaluate(hanging, "p95", 1.0)
    assert answer.value is not None
    assert answer.value > 1.0


def test_an_slo_on_a_request_name_is_judged_by_requests_of_that_name() -> None:
    window = require_window(make_closed_step(40))
    assert evaluate_slo(window, Slo("p95", 1.0, "/"), None).value == pytest.approx(0.1)
    assert evaluate_slo(window, Slo("p95", 1.0, "/other"), None).value is None


# The interval of a share


BATCHES = st.lists(st.tuples(st.integers(1, 60), st.floats(0, 1)), min_size=2, max_size=18)


def requests_in(batches: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    at_s = [5.0 * number + 4.9 * i / size for number, (size, _) in enumerate(batches) for i in range(size)]
    bad = [float(i < share * size) for size, share in batches for i in range(size)]
    return np.array(at_s), np.array(bad)


@given(BATCHES)
def test_the_share_lies_in_its_interval(batches: list[tuple[int, float]]) -> None:
    at_s, bad = requests_in(batches)
    low, high = compute_share_interval(at_s, bad)
    assert -1e-9 <= low <= bad.mean() + 1e-9
    assert bad.mean() - 1e-9 <= high <= 1 + 1e-9
    assert low < high


@given(BATCHES)
def test_the_interval_is_never_narrower_than_for_independent_requests(
    batches: list[tuple[int, float]],
) -> None:
    at_s, bad = requests_in(batches)
    low, high = compute_share_interval(at_s, bad)
    share = bad.mean()
    assert high - low >= 2 * 1.96 * math.sqrt(share * (1 - share) / len(bad)) * (1 - 1 / len(bad))


@settings(max_examples=count_examples(40))
@given(BATCHES, st.randoms(use_true_random=False))
def test_the_order_of_requests_does_not_change_the_interval(
    batches: list[tuple[int, float]], random: Random
) -> None:
    at_s, bad = requests_in(batches)
    order = random.sample(range(len(bad)), len(bad))
    assert compute_share_interval(at_s[order], bad[order]) == pytest.approx(compute_share_interval(at_s, bad))


def test_slow_requests_that_come_together_widen_the_interval() -> None:
    at_s = np.arange(0, 20, 0.05)
    together = (at_s < 5).astype(float)
    apart = (np.arange(len(at_s)) % 4 == 0).astype(float)
    low, high = compute_share_interval(at_s, together)
    near, far = compute_share_interval(at_s, apart)
    assert together.mean() == apart.mean()
    assert high - low > 2 * (far - near)


def test_the_interval_of_a_single_batch_is_unbounded() -> None:
    assert compute_share_interval(np.linspace(0, 4.9, 500), np.zeros(500)) == (0.0, 1.0)


def test_more_batches_of_the_same_share_narrow_the_interval() -> None:
    widths = []
    for batches in (2, 4, 8, 16):
        low, high = compute_share_interval(
            *requests_in([(40, 0.1 * (1 + number % 2)) for number in range(batches)])
        )
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_batches_without_requests_are_left_out() -> None:
    at_s = np.concatenate([np.arange(0, 5, 0.1), np.arange(15, 20, 0.1)])
    spread = np.concatenate([np.arange(0, 5, 0.1), np.arange(5, 10, 0.1)])
    bad = (np.arange(len(at_s)) % 10 == 0).astype(float)
    assert compute_share_interval(at_s, bad) == compute_share_interval(spread, bad)


def test_the_interval_covers_the_true_share_of_dependent_batches() -> None:
    """Let the share differ between batches: about 95 % of the intervals hold the true share.

    Binomial intervals miss it far more often.
    """
    random = np.random.default_rng(5)
    truth, covered, binomial = 0.1, 0, 0
    for _ in range(400):
        shares = random.beta(2, 18, size=12)
        at_s = np.repeat(np.arange(12) * 5.0, 60)
        bad = (random.random(len(at_s)) < np.repeat(shares, 60)).astype(float)
        low, high = compute_share_interval(at_s, bad)
        covered += low <= truth <= high
        half = 1.96 * math.sqrt(bad.mean() * (1 - bad.mean()) / len(bad))
        binomial += abs(bad.mean() - truth) <= half
    assert covered / 400 > 0.90
    assert binomial / 400 < 0.80


@pytest.mark.parametrize("length_s", [20, 40, 60, 90])
def test_the_interval_covers_the_share_of_a_queue(length_s: int) -> None:
    """Simulate slow requests that come in bursts of about four, as in a queue near its capacity.

    Each burst lasts 1.5 s on average, and 20 requests come in a second. Batch means of 5 s alone covered the
    share in 76 to 90 % of such windows.
    """
    random = np.random.default_rng(7)
    seconds = 400 * length_s
    starts = np.flatnonzero(random.random(seconds) < 20 * 0.05 / 4)
    expected = np.zeros(seconds + 40)
    for start, size in zip(starts, random.geometric(1 / 4, len(starts)), strict=True):
        expected[start : start + 2] += size / 2
    bads = np.minimum(random.poisson(expected), 20)[:seconds].reshape(400, length_s)
    truth, covered = bads.mean() / 20, 0
    at_s = np.repeat(np.arange(length_s) + 0.5, 20)
    for window in bads:
        bad = (np.tile(np.arange(20), length_s) < np.repeat(window, 20)).astype(float)
        low, high = compute_share_interval(at_s, bad)
        covered += low <= truth <= high
    assert 0.93 <= covered / 400 <= 0.99


def test_at_light_load_requests_count_as_independent() -> None:
    """No slow request of 110 excludes 5 % if they are independent: 3.84 / (110 + 3.84) = 3.4 %."""
    window = require_window(make_closed_step(5, window_s=22))
    assert len(window.start_s) == pytest.approx(110, abs=12)
    verdicts = [
        evaluate_slo(window, Slo("p95", 1.0), None, is_light=is_light).is_settled
        for is_light in (False, True)
    ]
    assert verdicts == [False, True]


# Settled or not


@pytest.mark.parametrize(("share", "known"), [(0.0, True), (0.05, False), (0.06, False), (0.4, True)])
def test_only_a_share_far_from_its_limit_is_settled(share: float, known: bool) -> None:
    facts = make_closed_step(100, latency=slow_share(share, slow_s=1.01))
    assert evaluate(facts, "p95", 1.0).is_settled is known


def test_a_percentile_without_enough_requests_is_not_settled() -> None:
    assert not evaluate(make_closed_step(1), "p99", 1.0).is_settled


def test_errors_are_settled_by_the_spread_of_their_share() -> None:
    assert evaluate(make_closed_step(100), "errors", 0.01).is_settled
    assert not evaluate(make_closed_step(100, fails=spread_evenly(0.01)), "errors", 0.01).is_settled
    assert evaluate(make_closed_step(100, fails=spread_evenly(0.3)), "errors", 0.01).is_settled


@pytest.mark.parametrize(
    ("count", "limit", "is_settled"),
    [(299, 0.01, False), (300, 0.01, True), (800, 0.0005, False), (6000, 0.0005, True), (1, 0.0, True)],
)
def test_errors_without_a_failed_request_are_settled_by_the_rule_of_three(
    count: int, limit: float, is_settled: bool
) -> None:
    """A share above 3/n is excluded at 95 %: 3/300 = 1 %, 3/800 = 0.375 %, 3/6000 = 0.05 %."""
    requests = [(12.0 + 20.0 * number / count, 0.1) for number in range(count)]
    evaluation = evaluate(make_step_of(*requests), "errors", limit)
    assert evaluation.is_settled is is_settled
    assert (evaluation.value, evaluation.holds) == (0.0, True), "a window with few requests can pass as well"


VERY_SURE = SloEvaluation(Slo("p95", 1), 0.5, holds=True, is_settled=True)
LIKELY = SloEvaluation(Slo("p95", 1), 0.9, holds=True, is_settled=False)
HOPELESS = SloEvaluation(Slo("p95", 1), 9.0, holds=False, is_settled=True)
NEAR = SloEvaluation(Slo("p95", 1), 1.1, holds=False, is_settled=False)


@pytest.mark.parametrize(
    ("evaluations", "known"),
    [
        ([VERY_SURE, VERY_SURE], True),
        ([VERY_SURE, LIKELY], False),
        ([LIKELY, HOPELESS], True),
        ([NEAR, HOPELESS], True),
        ([NEAR, VERY_SURE], False),
    ],
)
def test_a_verdict_is_settled_by_one_sure_failure_or_by_all_sure_passes(
    evaluations: list[SloEvaluation], known: bool
) -> None:
    assert is_settled(evaluations) is known


# The other indicators


@pytest.mark.parametrize(("share", "holds"), [(0.0, True), (0.008, True), (0.02, False), (1.0, False)])
def test_errors_hold_up_to_their_share(share: float, holds: bool) -> None:
    assert evaluate(make_closed_step(50, fails=spread_evenly(share)), "errors", 0.01).holds is holds


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_a_share_of_errors_exactly_at_its_limit_still_holds(failed: int) -> None:
    """Allow one failed request of a hundred."""
    starts_s = [12.0 + 0.1 * i for i in range(100)]
    facts = make_step_of(
        *((at, 0.01) for at in starts_s[failed:]), failed=[(at, 0.01) for at in starts_s[:failed]]
    )
    assert evaluate(facts, "errors", 0.01).holds is (failed <= 1)


def test_the_mean_is_of_good_answers() -> None:
    facts = make_closed_step(50, latency=slow_share(0.5, fast_s=0.1, slow_s=0.3))
    assert evaluate(facts, "mean", 0.25).value == pytest.approx(0.2, abs=0.01)
    assert evaluate(facts, "mean", 0.25).holds
    assert not evaluate(facts, "mean", 0.15).holds


@pytest.mark.parametrize(("half_s", "at_most", "is_settled"), [(5, 0.21, True), (10, 0.26, False)])
def test_the_mean_is_settled_by_whole_cycles_of_the_users(
    half_s: int, at_most: float, is_settled: bool
) -> None:
    """Ten users make a request a second, each one in 10 s. Times of 0.1 s and of 0.3 s take turns.

    If they do so every 5 s, each cycle has a mean of 0.2 s. If every 10 s, ten cycles know it to 2.262 *
    0.105 / sqrt(10) = 0.075 s; twenty batches of 5 s would have said 0.048.
    """
    rows = [(12.0 + second, 0.1 if second // half_s % 2 == 0 else 0.3, ANSWERED) for second in range(100)]
    facts = make_closed_step(10, window_s=100.0, requests=make_requests(rows), thinks=ThinkTimes())
    evaluation = evaluate(facts, "mean", at_most)
    assert (evaluation.holds, evaluation.is_settled) == (True, is_settled)


def test_the_mean_of_fewer_than_twenty_answers_is_unknown() -> None:
    assert evaluate(make_closed_step(19, think_s=19.9), "mean", 1.0).value is None


def test_an_slo_on_the_shortfall_holds_without_a_baseline() -> None:
    assert evaluate(make_closed_step(), "shortfall", 0.15, baseline=None) == SloEvaluation(
        Slo("shortfall", 0.15), None, holds=True, is_settled=True
    )


@pytest.mark.parametrize("users", [10, 36, 40, 50, 60, 80])
def test_the_shortfall_agrees_with_littles_law_on_paper(users: int) -> None:
    """X·(Z + R_light)/N with X = N/(Z + R): 1 − (Z + R_light)/(Z + R)."""
    response_s = response_on_paper_s(users)
    window = require_window(make_closed_step(users, latency=always(response_s)))
    on_the_paper = 1 - (0.9 + 0.1) / (0.9 + response_s)
    assert compute_shortfall_ratio(window, LIGHT) == pytest.approx(on_the_paper, abs=0.01)


@pytest.mark.parametrize(("response_s", "shortfall"), [(0.1, 0.0), (0.56, 0.15), (1.5, 0.35)])
def test_pauses_within_tasks_are_part_of_the_users_cycle(response_s: float, shortfall: float) -> None:
    """A pause of 2.5 s, which Locust does not report: 1 − (2.5 + 0.1) / (2.5 + R)."""
    facts = make_closed_step(40, 2.5, always(response_s), thinks=ThinkTimes())
    light = replace(LIGHT, unexplained=UnexplainedTime(2.5, 80))
    assert compute_shortfall_ratio(require_window(facts), light) == pytest.approx(shortfall, abs=0.005)


@pytest.mark.parametrize(("response_s", "shortfall"), [(0.1, 0.0), (1.0, 0.265)])
def test_requests_that_a_user_sends_at_once_take_its_time_only_once(
    response_s: float, shortfall: float
) -> None:
    """Six requests at once, then 2.4 s of thinking: a cycle of 2.5 s at light load, of 3.4 s under load.

    At light load each request takes 2.5 / 6 − 0.4 − 0.1 s more of its user's time than it is waited for.
    The shortfall is 1 − 2.5 / 3.4 = 26.5 %.
    """
    facts = make_closed_step(60, 2.4, always(response_s))
    requests = facts.requests
    six = replace(
        requests,
        start_s=np.repeat(requests.start_s, 6),
        latency_s=np.repeat(requests.latency_s, 6),
        name=np.repeat(requests.name, 6),
        error=np.repeat(requests.error, 6),
        unfinished_start_s=np.repeat(requests.unfinished_start_s, 6),
        unfinished_name=np.repeat(requests.unfinished_name, 6),
    )
    light = replace(LIGHT, unexplained=UnexplainedTime(2.5 / 6 - 0.5, 480))
    window = require_window(replace(facts, requests=six))
    assert compute_shortfall_ratio(window, light) == pytest.approx(shortfall, abs=0.005)


PACED = Baseline(users=10, mean_s=0.1, pause=PauseTime(1.9, 0.01))


@pytest.mark.parametrize(
    ("think_s", "response_s", "shortfall"), [(1.9, 0.1, 0.0), (1.0, 1.0, 0.0), (0.0, 2.5, 0.2)]
)
def test_users_who_keep_a_fixed_cycle_are_short_only_when_it_takes_longer(
    think_s: float, response_s: float, shortfall: float
) -> None:
    """`constant_pacing(2)`: answers of 1 s leave pauses of 1 s. Answers of 2.5 s leave none: 1 - 2 / 2.5."""
    window = require_window(make_closed_step(40, think_s, always(response_s), window_s=80.0))
    assert compute_shortfall_ratio(window, PACED) == pytest.approx(shortfall, abs=0.01)


def test_requests_that_fail_at_any_load_are_no_shortfall() -> None:
    """A fifth of the requests is meant to fail, and everyone asks every 2 s as at light load.

    The second time nothing shows the pauses, so that they are unexplained at light load too.
    """
    fails = spread_evenly(0.2)
    paced = require_window(make_closed_step(40, 1.0, always(1.0), fails, window_s=80.0))
    assert compute_shortfall_ratio(paced, PACED) == pytest.approx(0.0, abs=0.01)
    facts = make_closed_step(10, 1.9, always(0.1), fails, window_s=80.0, thinks=ThinkTimes())
    unseen = replace(LIGHT, unexplained=UnexplainedTime(1.9, 400))
    failed_wait = 0.2 * 0.1 / 2
    assert compute_shortfall_ratio(require_window(facts), unseen) == pytest.approx(failed_wait, abs=0.005)


@pytest.mark.parametrize(
    ("pause", "think_s"),
    [(PauseTime(2.5, 0.1), 2.3), (PauseTime(2.5, 0.001), 2.3), (PauseTime(2.3, 0.1), 2.3), (None, 2.3)],
)
def test_pauses_that_are_shorter_by_chance_are_no_fixed_cycle(
    pause: PauseTime | None, think_s: float
) -> None:
    """0.2 s are two standard errors of 0.1 s. With a smaller error they are still less than half of 0.5 s.

    Answers take 0.6 s instead of 0.1 s, so 1 - (2.3 + 0.1) / (2.3 + 0.6) = 17.2 % are missing.
    """
    window = require_window(make_closed_step(40, think_s, always(0.6)))
    shortfall = compute_shortfall_ratio(window, replace(LIGHT, pause=pause))
    assert shortfall == pytest.approx(0.172, abs=0.005)


def test_a_shortfall_is_not_judged_without_a_light_reference() -> None:
    busy = Baseline(users=10, mean_s=0.1, wait_ratio=0.5)
    unknown = SloEvaluation(Slo("shortfall", 0.15), None, holds=True, is_settled=True)
    assert evaluate(make_closed_step(), "shortfall", 0.15, busy) == unknown
    assert evaluate(make_closed_step(), "shortfall", 0.15, replace(busy, users=1)).value is not None


def test_a_shortfall_is_never_negative() -> None:
    window = require_window(make_closed_step(latency=always(0.05)))
    assert compute_shortfall_ratio(window, LIGHT) == 0.0


def test_a_shortfall_far_from_its_limit_is_settled() -> None:
    assert evaluate(make_closed_step(20), "shortfall", 0.15).is_settled
    assert evaluate(
        make_closed_step(80, latency=always(response_on_paper_s(80))), "shortfall", 0.15
    ).is_settled


@pytest.mark.parametrize("silence", [(12.0, 22.0), (22.0, 32.0)], ids=["before", "at the end"])
def test_a_throughput_that_is_silent_half_the_time_is_not_settled(silence: tuple[float, float]) -> None:
    starts_s = [12 + 0.1 * i for i in range(200)]
    facts = make_step_of(*((at, 0.01) for at in starts_s if not silence[0] <= at < silence[1]))
    assert not evaluate(facts, "shortfall", 0.9).is_settled


def test_the_rise_is_from_the_first_half_of_the_window_to_the_second() -> None:
    growing = make_closed_step(10, latency=lambda request: 0.1 if request < 220 else 0.15)
    ratio = compute_rise_ratio(require_window(growing))
    assert ratio == pytest.approx(0.5, abs=0.06)
    assert not evaluate(growing, "drift", 0.3).holds
    assert evaluate(make_closed_step(), "drift", 0.3).holds


def test_the_rise_of_a_window_of_two_cycles_is_known() -> None:
    """Each half has one cycle of 10 s, and two batches all the same."""
    assert evaluate(make_closed_step(10, think_s=9.9), "drift", 0.3).value == pytest.approx(0.0, abs=1e-9)


def test_the_rise_of_a_window_without_answers_is_unknown() -> None:
    late = make_closed_step(1, latency=lambda request: 0.1 if request < 20 else 60.0, think_s=1.0)
    assert compute_rise_ratio(require_window(late).select_request_name("/nothing")) is None


# Little's law as book-keeping


@settings(max_examples=count_examples(40))
@given(
    users=st.integers(1, 60),
    think_s=st.floats(0.05, 4),
    response_s=st.floats(0.001, 3),
)
def test_closed_users_who_never_stall_leave_no_time_unexplained(
    users: int, think_s: float, response_s: float
) -> None:
    facts = make_closed_step(users, think_s, always(response_s))
    assert compute_unexplained_ratio(require_window(facts)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("missing", [1, 5, 9])
def test_users_who_do_nothing_are_the_unexplained_share(missing: int) -> None:
    window = require_window(replace(make_closed_step(10 - missing), users=10))
    assert compute_unexplained_ratio(window) == pytest.approx(missing / 10, abs=1e-6)
