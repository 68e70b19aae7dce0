"""How long users would wait at light load for what they ask for, by request name."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.search.reference import is_light_load
from harness.analyse.search.search import choose_next_step
from harness.analyse.step.baseline import Baseline, build_baseline
from harness.analyse.step.judge import judge_steps
from harness.analyse.step.light_times import (
    NameTime,
    StepTimes,
    drop_known,
    estimate_light_wait,
    measure_step_times,
)
from harness.analyse.step.slo import find_shortfall_ratio
from harness.analyse.step.window import Window
from harness.model import MIB, Limits, Slo, StepFacts
from harness.model.light_load import NoShortfall
from tests.builders import make_plan, make_result
from tests.unit.analyse.synthetic import (
    CELL,
    always,
    make_closed_step,
    make_requests,
    make_target_samples,
    make_thinks,
    require_window,
)

SLOS = (Slo("p95", 5.0), Slo("shortfall", 0.15))
Mix = Mapping[str, tuple[int, float]]
"""How many answers each request name had, and how long each of them took."""


def make_window(mix: Mix, users: int = 10) -> Window:
    """Return a window of 20 s with these answers."""
    base = require_window(make_closed_step(users))
    names = tuple(mix)
    counts = [count for count, _ in mix.values()]
    total = sum(counts)
    return replace(
        base,
        names=names,
        start_s=np.linspace(base.from_s, base.to_s, total, endpoint=False),
        response_s=np.repeat([seconds for _, seconds in mix.values()], counts),
        failed=np.zeros(total, dtype=np.bool_),
        name=np.repeat(np.arange(len(names)), counts),
    )


def make_times(mix: Mix, users: int = 10) -> StepTimes:
    return measure_step_times(make_window(mix, users))


NOW = make_window({"a": (40, 0.2), "b": (30, 0.2), "c": (9, 0.2)}, users=25)
COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), min_size=1)


def make_counted_times(users: int, counts: Mapping[str, int]) -> StepTimes:
    return StepTimes(users, {name: NameTime(count, 0.01 * users, 0.0, 0.1) for name, count in counts.items()})


def test_only_steps_that_show_more_names_are_kept_beside_the_lightest() -> None:
    """A name with three answers is seen too rarely. A step of fewer users shows a name better."""
    light = make_counted_times(10, {"a": 50})
    heavier = [
        make_counted_times(20, {"a": 90}),
        make_counted_times(30, {"a": 90, "b": 3}),
        make_counted_times(40, {"b": 50}),
        make_counted_times(50, {"a": 90, "b": 80}),
        make_counted_times(35, {"b": 60}),
    ]
    assert [step.users for step in drop_known(light, heavier)] == [30, 40, 35]


@given(st.lists(st.tuples(st.integers(1, 40), COUNTS), min_size=1, max_size=6))
def test_steps_that_are_dropped_change_no_wait(steps: list[tuple[int, dict[str, int]]]) -> None:
    light, *heavier = (make_counted_times(*step) for step in steps)
    kept = drop_known(light, heavier)
    assert estimate_light_wait(NOW, light, heavier) == estimate_light_wait(NOW, light, kept)


def test_a_light_wait_is_that_of_the_requests_that_are_asked_for_now() -> None:
    """50 answers of 0.1 s and 50 of 0.9 s at light load; now 300 and 100: 300 · 0.1 + 100 · 0.9 = 120 s."""
    light = make_times({"GET /": (50, 0.1), "GET /export": (50, 0.9)})
    now = make_window({"GET /": (300, 0.4), "GET /export": (100, 1.2)})
    wait = estimate_light_wait(now, light)
    assert wait.sum_s == pytest.approx(120.0)
    assert (wait.doubt_s, wait.names) == (0.0, ())


def test_a_name_that_only_many_users_ask_for_is_taken_from_the_lightest_step_that_has_it() -> None:
    """75 GET / are expected in 100 answers, and none is there. 20 users took 0.12 s, 30 took 0.2 s."""
    light = make_times({"GET /export": (100, 0.9)})
    heavier = [
        make_times({"GET /": (200, 0.2), "GET /export": (100, 0.9)}, 30),
        make_times({"GET /": (100, 0.12), "GET /export": (100, 0.9)}, 20),
    ]
    now = make_window({"GET /": (300, 0.4), "GET /export": (100, 1.2)}, 40)
    wait = estimate_light_wait(now, light, heavier)
    assert wait.sum_s == pytest.approx(300 * 0.12 + 100 * 0.9)
    assert wait.doubt_s == pytest.approx(36.0)
    assert (wait.names, wait.source.users) == (("GET /",), 20)
    as_it_is = estimate_light_wait(now, light)
    assert as_it_is.doubt_s == pytest.approx(300 * 0.4)


def test_a_name_that_chance_left_out_was_delayed_like_the_others() -> None:
    """Of 400 answers 4 have a rare name: 1 is expected among 100. All others came 0.3 s later than alone."""
    light = make_times({"GET /": (100, 0.1)})
    wait = estimate_light_wait(make_window({"GET /": (396, 0.4), "GET /rare": (4, 2.3)}), light)
    assert wait.sum_s == pytest.approx(396 * 0.1 + 4 * 2.0)
    assert wait.doubt_s == 0.0


def test_names_that_never_come_again_are_compared_as_one() -> None:
    """Half of 100 names took 0.1 s and half 0.3 s: 0.2 s, with a standard error of 0.1 / √100 = 0.01 s.

    Two standard errors count in the size's favour: 400 · 0.22 s.
    """
    light = make_times({f"GET /item/{n}": (1, 0.1 if n % 2 else 0.3) for n in range(100)})
    now = make_window({f"GET /item/{1000 + n}": (1, 0.5) for n in range(400)})
    wait = estimate_light_wait(now, light)
    assert wait.sum_s == pytest.approx(400 * 0.22)
    assert wait.names == ()


def test_many_names_that_are_rare_at_light_load_lose_nothing_by_chance() -> None:
    """50 names of 0.2 s each, of which 10 are missing at light load: 2000 requests are 400 s, not less."""
    light = make_times({f"GET /{n}": (2, 0.2) for n in range(40)})
    wait = estimate_light_wait(make_window({f"GET /{n}": (40, 0.6) for n in range(50)}), light)
    assert wait.sum_s == pytest.approx(400.0)


def test_a_borrowed_time_is_raised_to_the_fastest_tenth_of_its_name() -> None:
    borrowed = make_times({"GET /": (50, 0.1), "GET /export": (50, 0.9)})
    raised = borrowed.raise_to(make_times({"GET /": (100, 0.3)}))
    assert {name: time.mean_s for name, time in raised.by_name.items()} == pytest.approx(
        {"GET /": 0.3, "GET /export": 0.9}
    )


@pytest.mark.parametrize(
    ("users", "wait_ratio", "cpu_ratio", "is_light"),
    [
        (100, 0.12, 0.5, True),
        (100, 0.12, 0.6, False),
        (100, 0.06, 1.0, True),
        (100, 0.13, 0.1, False),
        (1, 1.0, 1.0, True),
    ],
)
def test_a_busy_cpu_allows_less_waiting_at_light_load(
    users: int, wait_ratio: float, cpu_ratio: float, is_light: bool
) -> None:
    assert is_light_load(users, wait_ratio, cpu_ratio) == is_light


def test_a_step_that_uses_most_of_its_cpu_is_no_light_load() -> None:
    """100 users wait for 0.1 of 1 s; the target uses 0.5 cores of 1, or of 0.6."""
    facts = make_closed_step(100)
    for cores, is_light in ((1.0, True), (0.6, False)):
        baseline = build_baseline(facts, Limits(cores, 256 * MIB))
        assert baseline is not None
        assert baseline.is_light == is_light


def make_mixed_step(users: int, visit_s: float, index: int) -> StepFacts:
    """Return a step of ten who export for 0.9 s and think for 1 s; the others visit and think for 0.5 s."""
    rows, pauses, at_end = [], [], 33.0
    for number in range(users):
        cycle = (0.9, 1.0) if number < 10 else (visit_s, 0.5)
        at = number * 0.05
        while at + sum(cycle) < at_end:
            rows.append((at, cycle[0], -1, int(number >= 10)))
            pauses.append((at + cycle[0], cycle[1]))
            at += sum(cycle)
    requests = replace(
        make_requests([row[:3] for row in rows]),
        names=("GET /export", "GET /"),
        name=np.array([row[3] for row in rows], dtype=np.int32),
    )
    seconds = [float(second) for second in range(34)]
    return make_closed_step(
        users,
        index=index,
        requests=requests,
        thinks=make_thinks(pauses),
        target=make_target_samples(seconds, 1.0 if users == 40 else 0.1),
    )


def test_a_fixed_count_of_slow_users_does_not_hide_that_the_others_wait() -> None:
    """The first ten users only export. 30 visitors of 40 are answered in 0.43 s instead of 0.03 s.

    Each of their cycles takes 0.93 s instead of 0.53 s: 43 % of 30 users, nothing of 10: 32 %.
    """
    single, ten = make_mixed_step(1, 0.03, 1), make_mixed_step(10, 0.03, 2)
    forty, twenty = make_mixed_step(40, 0.43, 3), make_mixed_step(20, 0.03, 4)
    results = judge_steps([single, ten, forty], SLOS, limits=CELL.limits)
    gap = results[2].shortfall_gap
    assert gap is not None
    assert (gap.reason, gap.names, results[2].verdict) == (NoShortfall.UNSEEN, ("GET /",), "PASS")
    plan = replace(make_plan(users_limit=40), slos=SLOS)
    lighter = choose_next_step(plan, CELL, results)
    assert lighter is not None
    assert lighter.users == 20, "between 10 users, who don't visit, and 40"
    judged = judge_steps([single, ten, forty, twenty], SLOS, limits=CELL.limits)
    assert [step.shortfall_gap for step in judged] == [None] * 4
    assert judged[2].shortfall_ratio == pytest.approx(0.32, abs=0.02)
    assert judged[3].shortfall_ratio == pytest.approx(0.0, abs=0.02)
    assert (judged[2].verdict, judged[3].verdict) == ("FAIL", "PASS")


def test_an_unseen_name_that_hardly_counts_needs_no_lighter_step() -> None:
    """Visitors of 20 users wait for 0.03 s in 0.53 s: 10 of 20 users for 6 % of their time are 3 %."""
    results = judge_steps([make_mixed_step(1, 0.03, 1), make_mixed_step(20, 0.03, 2)], SLOS)
    assert [step.shortfall_gap for step in results] == [None, None]


def test_a_shortfall_in_doubt_that_breaks_its_limit_anyway_is_one() -> None:
    """Of 400 requests, 200 took 2 s instead of 0.1 s, and 200 of 1 s were never seen at light load."""
    light = StepTimes(1, {"GET /": NameTime(100, 0.1, 0.0, 0.1)})
    window = replace(
        make_window({"GET /": (200, 2.0), "GET /new": (200, 1.0)}, users=40),
        paused_s=200.0,
        waiting_s=600.0,
    )
    baseline = Baseline(1, 0.1, wait_ratio=0.1, times=light)
    assert find_shortfall_ratio(window, baseline) is None
    assert find_shortfall_ratio(window, baseline, 0.15) == pytest.approx(1 - (200 + 20 + 200) / 800)


def test_users_without_think_time_and_a_busy_first_step_have_a_reason_for_no_shortfall() -> None:
    """Ten users who don't think wait for all of their time; so does one of them alone."""
    busy = make_closed_step(10, 0.0, always(0.3))
    (alone,) = judge_steps([busy], SLOS)
    assert alone.shortfall_gap is not None
    assert alone.shortfall_gap.reason is NoShortfall.NOT_LIGHT
    single = make_closed_step(1, 0.0, always(0.03), index=2)
    reasons = {step.shortfall_gap.reason for step in judge_steps([busy, single], SLOS) if step.shortfall_gap}
    assert reasons == {NoShortfall.NO_PACE}
    assert [step.shortfall_gap for step in judge_steps([busy, single], SLOS[:1])] == [None, None]


def test_the_answer_does_not_depend_on_the_first_step_of_users_who_do_not_think() -> None:
    """With 10 users first or a single one, each step has the same verdict."""
    ten, one, twenty = (make_closed_step(n, 0.0, always(0.03 * n), index=n) for n in (10, 1, 20))
    for steps in ([ten, one, twenty], [one, twenty, ten]):
        verdicts = {step.users: step.verdict for step in judge_steps(steps, SLOS)}
        assert verdicts == {1: "PASS", 10: "PASS", 20: "PASS"}


def test_times_by_name_are_exact() -> None:
    """Ten answers of 0.1 … 1.0 s: mean 0.55 s, variance 0.0825 s², and the fastest tenth is 0.1 s."""
    window = make_window({"GET /": (4, 0.2), "GET /a": (10, 0.1)})
    window.response_s[window.name == 1] = np.arange(1, 11) / 10
    by_name = measure_step_times(window).by_name
    assert by_name["GET /"].count == 4
    one = by_name["GET /a"]
    assert (one.count, one.mean_s, one.variance, one.fastest_tenth_s) == pytest.approx(
        (10, 0.55, 0.0825, 0.1)
    )


def test_fifty_thousand_names_take_no_long_time_to_compare() -> None:
    """Each request has a name of its own, as with ids in paths; comparing all pairs would take minutes."""
    names = {f"GET /{n}": (1, 0.1) for n in range(50_000)}
    window = make_window(names)
    assert estimate_light_wait(window, measure_step_times(window)).sum_s == pytest.approx(5000.0)


def test_a_size_below_the_users_of_the_borrowed_step_measures_a_single_user_itself() -> None:
    """Ten users of a larger size lent 0.1 s; three users of this one wait for 0.3 s, and alone for 0.25 s.

    The shortfall of the three is not 1 - 1.0 / 1.2 = 17 %, but 1 - 1.15 / 1.2 = 4 %.
    """
    borrowed = build_baseline(make_closed_step(10))
    three = make_closed_step(3, latency=always(0.3))
    results = judge_steps([three], SLOS, borrowed, CELL.limits)
    assert results[0].shortfall_gap is not None
    assert results[0].shortfall_gap.reason is NoShortfall.NOT_LIGHT
    plan = replace(make_plan(users_limit=40), slos=SLOS)
    step = choose_next_step(plan, CELL, results, [make_result(mib=512, low=20, high=21)])
    assert step is not None
    assert step.users == 1
    single = make_closed_step(1, latency=always(0.25), index=2)
    first, _ = judge_steps([three, single], SLOS, borrowed, CELL.limits)
    assert first.shortfall_ratio == pytest.approx(0.04, abs=0.01)
    assert first.verdict == "PASS"
