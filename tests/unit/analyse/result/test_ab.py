"""What pairs of windows tell of two versions: every expected value is worked out by hand."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.analyse.result.ab import assess_ab, fit_mean, measure_changes
from harness.analyse.student import find_t
from harness.model import MIB, Failures, Limits, Rule, TargetUse
from harness.model.ab import AbOutcome, AbTest, Held, Measure, Pace, Pair, PairChange
from harness.model.decisions import Change
from harness.model.evidence import EndedStep, NoRequests
from tests.unit.analyse.synthetic import make_step

TEST = AbTest("web:1", "web:2", Limits(0.5, 256 * MIB), users=150, within_s=600.0, least_ratio=0.05)
BROKEN = Held(failure="exit code 1")


def hold(cpu_s: float = 0.004, *, rule: str = "slos", p95_s: float = 0.2, **more: float) -> Held:
    """Hold a window of this CPU time per request.

    `more` is the share of failures, the host's pace, or Locust's CPU time per request.
    """
    verdict = Rule(rule).verdict if rule != "slos" else "PASS"
    step = make_step(
        TEST.users,
        verdict,
        rule=rule,
        p95_s=p95_s,
        rps=60.0,
        target=TargetUse(
            cpu_per_request_s=cpu_s,
            bytes_per_request=(more.get("received", 400.0), more.get("sent", 2000.0)),
        ),
        failures=Failures(ratio=more.get("errors", 0.0)),
        work_s=more.get("work_s"),
        generator_cores=20.0 * more["locust_s"] if "locust_s" in more else None,
    )
    return Held(step)


def finish(pairs: Sequence[Pair]) -> list[Pair]:
    return [*pairs[:-1], replace(pairs[-1], is_final=True)]


def make_pairs(changes: Sequence[float], *, each_s: float = 50.0) -> list[Pair]:
    """Make a pair for each logarithm of head / base, each taking `each_s` seconds; none is the final one."""
    return [
        Pair(number, hold(0.004), hold(0.004 * math.exp(change)), number * each_s)
        for number, change in enumerate(changes, 1)
    ]


def test_the_interval_is_student_s_around_the_mean_of_the_logarithms() -> None:
    """0.09, 0.11, 0.09, 0.11: mean 0.1, standard deviation √(4·0.01²/3), standard error 0.01/√3.

    No look came before, so the whole 1.6 % of the CPU time are left: t of 98.4 % with 3 degrees.
    """
    answer = assess_ab(TEST, finish(make_pairs([0.09, 0.11, 0.09, 0.11])))
    assert answer.cpu is not None
    assert answer.cpu.confidence == pytest.approx(0.984)
    half_width = find_t(0.984, 3) * 0.01 / math.sqrt(3)
    assert answer.cpu.change == pytest.approx(math.exp(0.1) - 1)
    assert answer.cpu.low == pytest.approx(math.exp(0.1 - half_width) - 1)
    assert answer.cpu.high == pytest.approx(math.exp(0.1 + half_width) - 1)
    assert (answer.outcome, answer.is_over, answer.is_worse) == (AbOutcome.MORE, True, True)


def test_the_looks_share_the_false_alarms_by_the_time() -> None:
    """After four pairs of 50 s a third of the time is over: a third of a quarter of 1.6 % is gone.

    After six it is half of a quarter, so the second look gets a sixth of a quarter. The last has the rest.
    """
    noisy = [0.3, -0.3, 0.3, -0.3, 0.3, -0.3, 0.3]
    spent = []
    for count, is_final in ((4, False), (6, False), (7, True)):
        pairs = make_pairs(noisy[:count])
        answer = assess_ab(TEST, finish(pairs) if is_final else pairs)
        assert answer.cpu is not None
        spent.append(1 - answer.cpu.confidence)
    assert spent == pytest.approx([0.016 / 12, 0.016 / 24, 0.016 * 7 / 8])
    assert sum(spent) == pytest.approx(0.016)


def test_nothing_is_said_before_four_pairs_and_after_an_odd_one() -> None:
    assert assess_ab(TEST, make_pairs([0.5, 0.51, 0.5])).estimates == ()
    four, five = (assess_ab(TEST, make_pairs([0.3, -0.3, 0.3, -0.3, 0.3][:count])) for count in (4, 5))
    assert four.estimates == five.estimates
    assert (four.pairs, five.pairs) == (4, 5)


def test_a_large_change_ends_the_comparison_early_and_later_pairs_change_nothing() -> None:
    changes = [0.50, 0.51, 0.50, 0.51]
    early = assess_ab(TEST, make_pairs(changes))
    assert (early.outcome, early.is_over, early.spent_s) == (AbOutcome.MORE, True, 200.0)
    assert assess_ab(TEST, make_pairs([*changes, -2.0, -2.0])) == early


def test_a_change_that_is_surely_small_is_no_difference_also_if_it_is_surely_there() -> None:
    answer = assess_ab(TEST, finish(make_pairs([0.020, 0.021, 0.020, 0.021])))
    assert answer.cpu is not None
    assert answer.cpu.low > 0
    assert (answer.outcome, answer.is_worse) == (AbOutcome.SAME, False)
    less = assess_ab(TEST, finish(make_pairs([-0.20, -0.21, -0.20, -0.21])))
    assert (less.outcome, less.is_worse) == (AbOutcome.LESS, False)


def test_an_undecided_comparison_says_how_much_longer_it_needs() -> None:
    """Pairs of ±0.1 need t · 0.115 / √n ≤ ln 1.05 = 0.0488, with t about 2.7: about 40 pairs of 50 s."""
    answer = assess_ab(TEST, finish(make_pairs([0.1, -0.1, 0.1, -0.1])))
    assert (answer.outcome, answer.is_over) == (AbOutcome.UNDECIDED, True)
    assert answer.needed_s is not None
    assert 30 * 50 < answer.needed_s < 45 * 50


def test_what_follows_the_host_s_pace_within_a_pair_is_taken_out() -> None:
    """The logarithms are 0.06 + 0.8 x with the pace's x: the change at equal pace is 0.06."""
    pace_changes = [0.1, -0.1, 0.2, -0.2, 0.05, 0.15]
    pairs = [
        Pair(
            number,
            hold(0.004, work_s=0.002),
            hold(0.004 * math.exp(0.06 + 0.8 * x), work_s=0.002 * math.exp(x)),
            number * 50.0,
        )
        for number, x in enumerate(pace_changes, 1)
    ]
    answer = assess_ab(TEST, finish(pairs))
    assert answer.cpu is not None
    assert answer.cpu.change == pytest.approx(math.exp(0.06) - 1)
    assert answer.outcome is AbOutcome.MORE


def test_a_line_is_fitted_by_least_squares_with_the_error_of_its_start() -> None:
    """Through (−1, 0), (0, 0), (1, 3): slope 1.5, mean 1, residuals 0.5, −1, 0.5; error √(1.5 / 1 / 3)."""
    fit = fit_mean([0.0, 0.0, 3.0], [-1.0, 0.0, 1.0])
    assert (fit.mean, fit.degrees) == (1.0, 1)
    assert fit.error == pytest.approx(math.sqrt(0.5))
    assert fit_mean([0.0, 0.0, 3.0], [1.0, 1.0, 1.0]) == fit_mean([0.0, 0.0, 3.0])


@pytest.mark.parametrize(
    ("base", "head", "counts"),
    [
        ("slos", "slos", True),
        ("slos", "too-few-requests", True),
        ("slos", "generator-cpu", False),
        ("slos", "foreign-load", True),
        ("foreign-load", "steal", True),
        ("littles-law", "littles-law", False),
    ],
)
def test_a_pair_counts_if_both_windows_are_sound_or_other_programs_disturbed_them(
    base: str, head: str, counts: bool
) -> None:
    assert Pair(1, hold(rule=base), hold(rule=head), 50.0).is_comparable is counts
    assert not Pair(1, hold(), BROKEN, 50.0).is_comparable


PACES = (0.1, -0.1, 0.2, -0.2, 0.05, 0.15)
WORKS = (0.02, 0.3, -0.1, 0.0, -0.3, 0.1)


def make_paced_pairs(**head: float) -> list[Pair]:
    """Make pairs whose logarithms are 0.06 + 0.75 x with the x of Locust's own CPU time per request.

    The fixed piece of work has other logarithms. `head` are further facts of each head.
    """
    pairs = []
    for number, (x, work) in enumerate(zip(PACES, WORKS, strict=True), 1):
        base = hold(0.004, work_s=0.002, locust_s=0.001)
        paces = {"work_s": 0.002 * math.exp(work), "locust_s": 0.001 * math.exp(x)}
        cpu_s = 0.004 * math.exp(0.06 + 0.75 * x)
        pairs.append(Pair(number, base, hold(cpu_s, rule="slos", p95_s=0.2, **paces, **head), number * 50.0))
    return pairs


def test_what_follows_locust_s_own_cpu_time_is_taken_out() -> None:
    """At x = 0 the logarithm is 0.06, and nothing is left of what the pairs differ by."""
    answer = assess_ab(TEST, finish(make_paced_pairs()))
    assert answer.cpu is not None
    assert answer.cpu.change == pytest.approx(math.exp(0.06) - 1)
    assert answer.cpu.high - answer.cpu.low < 1e-6
    assert (answer.outcome, answer.pace) == (AbOutcome.MORE, Pace.LOCUST)
    changes = measure_changes(make_paced_pairs())
    assert [each.at_one_pace for each in changes] == pytest.approx([math.exp(0.06) - 1] * 6)


@pytest.mark.parametrize(
    ("head", "pace"),
    [
        ({"sent": 2038.0}, Pace.LOCUST),  # 1.9 % more
        ({"sent": 2042.0}, Pace.WORK),  # 2.1 % more
        ({"received": 419.0}, Pace.LOCUST),  # 4.75 % more
        ({"received": 370.0}, Pace.WORK),  # 7.5 % less
        ({"errors": 0.005}, Pace.LOCUST),
        ({"errors": 0.02}, Pace.WORK),
    ],
)
def test_locust_tells_the_pace_only_if_both_versions_answer_alike(head: dict[str, float], pace: Pace) -> None:
    assert assess_ab(TEST, finish(make_paced_pairs(**head))).pace is pace


def test_without_bytes_locust_or_enough_pairs_the_pace_is_told_by_less() -> None:
    """Without the network's counters the work tells it; a Locust elsewhere, or five pairs, tell nothing."""
    uncounted = make_paced_pairs(sent=0.0)
    assert assess_ab(TEST, finish(uncounted)).pace is Pace.WORK
    elsewhere = [replace(pair, base=hold(work_s=0.002)) for pair in make_paced_pairs()]
    assert assess_ab(TEST, finish(elsewhere)).pace is Pace.WORK
    assert assess_ab(TEST, finish(make_paced_pairs()[:5])).pace is None
    assert assess_ab(TEST, finish(make_pairs([0.1] * 6))).pace is None


def test_a_pair_with_one_disturbed_window_counts_for_the_cpu_time_alone() -> None:
    """The p95 of the second of four pairs is five times as long; that of the others is 0.2 s in both."""
    pairs = make_pairs([0.09, 0.11, 0.09, 0.11])
    pairs[1] = replace(pairs[1], head=hold(0.004 * math.exp(0.11), rule="foreign-load", p95_s=1.0))
    answer = assess_ab(TEST, finish(pairs))
    estimates = {each.measure: each for each in answer.estimates}
    assert (answer.pairs, answer.left_out) == (4, 0)
    assert estimates[Measure.CPU].change == pytest.approx(math.exp(0.1) - 1)
    assert (estimates[Measure.P95].change, estimates[Measure.P95].kind) == (0.0, Change.SAME)
    all_uneven = [replace(pair, head=hold(0.0044, rule="steal")) for pair in pairs]
    assert [each.measure for each in assess_ab(TEST, finish(all_uneven)).estimates] == [Measure.CPU]


def test_pairs_that_do_not_count_are_left_out() -> None:
    pairs = make_pairs([0.09, 0.11, 5.0, 0.09, 0.11])
    pairs[2] = replace(pairs[2], head=hold(9.0, rule="generator-cpu"))
    answer = assess_ab(TEST, finish(pairs))
    assert (answer.pairs, answer.left_out, answer.outcome) == (4, 1, AbOutcome.MORE)


@pytest.mark.parametrize(
    ("bases", "heads", "outcome"),
    [
        ((False, False), (True, True), AbOutcome.HEAD_BROKE),
        ((True, True), (False, False), AbOutcome.BASE_BROKE),
        ((True, False, True), (False, True, True), AbOutcome.BOTH_BROKE),
        ((True, False, False, False), (False, True, True, True), AbOutcome.HEAD_BROKE),
    ],
)
def test_a_version_that_breaks_twice_ends_the_comparison(
    bases: Sequence[bool], heads: Sequence[bool], outcome: AbOutcome
) -> None:
    pairs = [
        Pair(number, BROKEN if base else hold(), BROKEN if head else hold(), number * 50.0)
        for number, (base, head) in enumerate(zip(bases, heads, strict=True), 1)
    ]
    answer = assess_ab(TEST, pairs)
    assert (answer.outcome, answer.broken, answer.is_over) == (outcome, BROKEN, True)
    assert answer.is_worse is (outcome is AbOutcome.HEAD_BROKE)
    assert assess_ab(TEST, pairs[:1]).outcome is AbOutcome.UNDECIDED
    if True in bases and True in heads:
        assert assess_ab(TEST, pairs[:-1]).outcome is AbOutcome.UNDECIDED  # one broke twice, the other once


def test_a_target_that_died_is_broken_and_one_that_broke_an_slo_is_not() -> None:
    died = make_step(150, "FAIL", rule="died", evidence=EndedStep("exit code 137"))
    assert Held(died).is_broken
    assert not Held(make_step(150, "FAIL", target=TargetUse(cpu_per_request_s=0.004))).is_broken


def test_more_errors_and_longer_response_times_are_found_beside_the_same_cpu_time() -> None:
    pairs = [
        Pair(number, hold(p95_s=0.2), hold(p95_s=0.4 + 0.001 * number, errors=0.02 + 1e-4 * number), 50.0)
        for number in range(1, 5)
    ]
    answer = assess_ab(TEST, finish(pairs))
    kinds = {each.measure: each.kind for each in answer.estimates}
    assert kinds[Measure.CPU] is Change.SAME
    assert kinds[Measure.P95] is kinds[Measure.ERRORS] is Change.MORE
    assert answer.is_worse


def test_no_errors_at_all_are_the_same_and_a_measure_that_a_window_lacks_is_not_compared() -> None:
    answer = assess_ab(TEST, finish(make_pairs([0.01, -0.01, 0.01, -0.01])))
    errors = next(each for each in answer.estimates if each.measure is Measure.ERRORS)
    assert (errors.low, errors.high, errors.kind) == (0.0, 0.0, Change.SAME)
    assert Measure.SLOW not in [each.measure for each in answer.estimates]


def test_a_head_whose_users_all_wait_through_two_windows_is_broken() -> None:
    """A head so slow that no request starts in a window has no CPU time per request: that is no doubt."""
    stuck = Held(make_step(150, "INVALID", rule="no-data", evidence=NoRequests(), requests=0))
    pairs = [Pair(number, hold(), stuck, number * 50.0) for number in (1, 2)]
    answer = assess_ab(TEST, pairs)
    assert (answer.outcome, answer.broken, answer.is_worse) == (AbOutcome.HEAD_BROKE, stuck, True)
    quiet = [Pair(number, stuck, stuck, number * 50.0) for number in (1, 2)]
    assert assess_ab(TEST, quiet).outcome is AbOutcome.UNDECIDED


def test_the_change_of_each_pair_is_as_measured_and_at_one_pace() -> None:
    """The logarithms are 0.06 + 0.8 x with the pace's x, so at one pace each is exp(0.06) - 1 = 6.18 %."""
    pairs = [
        Pair(
            number,
            hold(0.004, work_s=0.002),
            hold(0.004 * math.exp(0.06 + 0.8 * x), work_s=0.002 * math.exp(x)),
            number * 50.0,
        )
        for number, x in enumerate([0.1, -0.1, 0.2, -0.2, 0.05, 0.15], 1)
    ]
    left_out = Pair(7, hold(), hold(0.008, rule="generator-cpu"), 350.0)
    *changes, other, broken = measure_changes([*pairs, left_out, Pair(8, hold(), BROKEN, 400.0)])
    assert [each.at_one_pace for each in changes] == pytest.approx([math.exp(0.06) - 1] * 6)
    assert changes[0].measured == pytest.approx(math.exp(0.14) - 1)
    assert other.measured == pytest.approx(1.0)
    assert broken == PairChange()
    assert measure_changes([]) == ()
