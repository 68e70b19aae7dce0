"""The verdict on a step, with its rule and its numbers, follows from the facts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.search.bracket import find_bracket
from harness.analyse.step.baseline import (
    Baseline,
    build_baseline,
    choose_baseline,
    choose_lighter_baseline,
    find_baseline,
    find_fastest_tenth_s,
)
from harness.analyse.step.judge import is_verdict_settled, judge_step, judge_steps
from harness.model import (
    ANSWERED,
    MIB,
    CompanionFacts,
    EndReason,
    EventKind,
    Factor,
    HostSample,
    Judgement,
    Latency,
    Limits,
    RequestFailure,
    Rule,
    Slo,
    StepFacts,
    StepResult,
    TargetEvent,
    TargetUse,
    Verdict,
    WorkerSample,
)
from harness.model.evidence import (
    EndedStep,
    EveryRequestFailed,
    ProcessKilled,
    SloBroken,
    SlosHold,
)
from harness.model.rare_requests import NameFailed, TooFewRequests
from tests.examples import count_examples
from tests.unit.analyse.synthetic import (
    CELL,
    DRAIN_S,
    always,
    make_closed_step,
    make_host_samples,
    make_step_of,
    make_target_samples,
    make_thinks,
    response_on_paper_s,
    slow_share,
    spread_evenly,
)

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
LIGHT = Baseline(users=5, mean_s=0.1)


# Verdicts


def test_a_step_within_every_slo_passes_and_says_by_how_much() -> None:
    result = judge_step(make_closed_step(), SLOS, LIGHT)
    assert (result.verdict, result.rule) == (Verdict.PASS, Rule.SLOS_HOLD)
    evidence = result.judgement.evidence
    assert isinstance(evidence, SlosHold)
    assert [each.slo for each in evidence.evaluations] == list(SLOS)
    assert [each.value for each in evidence.evaluations] == pytest.approx([0.1, 0.0, 0.0], abs=1e-9)


def test_a_step_says_which_shares_of_its_requests_lie_around_the_limit() -> None:
    """Of 0.5, 0.8, 1.2 and 1.6 s three are above 2/3 s, two above 1 s and one above 1.5 s."""
    facts = make_step_of(*((12.0 + number, time_s) for number, time_s in enumerate((0.5, 0.8, 1.2, 1.6))))
    latency = judge_step(facts, [Slo("p50", 1.0)], LIGHT).latency
    assert (latency.nearly_slow_ratio, latency.slow_ratio, latency.very_slow_ratio) == (0.75, 0.5, 0.25)
    without = judge_step(facts, [Slo("errors", 0.01)], LIGHT).latency
    assert (without.nearly_slow_ratio, without.slow_ratio, without.very_slow_ratio) == (None, None, None)


def find_broken_slo(result: StepResult) -> tuple[Slo, float]:
    """Return the SLO that made a step fail, with its value to the hundredth."""
    assert (result.verdict, result.rule) == (Verdict.FAIL, Rule.SLO_BROKEN)
    evidence = result.judgement.evidence
    assert isinstance(evidence, SloBroken)
    assert evidence.evaluation.slo == result.judgement.broken_slo
    return evidence.evaluation.slo, round(evidence.evaluation.value or 0.0, 2)


def test_the_first_broken_slo_is_the_evidence() -> None:
    facts = make_closed_step(40, latency=slow_share(0.5), fails=spread_evenly(0.2))
    assert find_broken_slo(judge_step(facts, SLOS, LIGHT)) == (SLOS[0], 1.5)
    assert find_broken_slo(judge_step(facts, SLOS[1:], LIGHT)) == (SLOS[1], 0.2)


def test_a_broken_slo_carries_its_request_name() -> None:
    slo = Slo("p95", 0.2, "GET /")
    result = judge_step(make_closed_step(latency=always(0.5)), [slo], LIGHT)
    assert find_broken_slo(result) == (slo, 0.5)


def test_a_step_with_too_few_requests_for_an_slo_is_invalid_and_names_the_slo() -> None:
    slo = Slo("p99.9", 1.0)
    result = judge_step(make_closed_step(), [slo], LIGHT)
    assert (result.verdict, result.rule) == (Verdict.INVALID, Rule.TOO_FEW_REQUESTS)
    assert result.judgement.evidence == TooFewRequests(
        slo, 200, 1000, users=10, window_s=20.0, all_requests=200
    )


def test_a_step_without_the_request_of_an_slo_names_the_requests_that_it_has() -> None:
    evidence = judge_step(make_closed_step(), [Slo("p95", 1.0, "/items-of-nobody")], LIGHT).judgement.evidence
    assert isinstance(evidence, TooFewRequests)
    assert (evidence.requests, evidence.names) == (0, ("GET /",))


def test_a_broken_slo_counts_although_another_cannot_be_judged() -> None:
    facts = make_closed_step(fails=spread_evenly(0.5))
    assert judge_step(facts, [Slo("p99.9", 1.0), Slo("errors", 0.01)], LIGHT).verdict is Verdict.FAIL


def test_a_target_that_fails_every_request_breaks_the_slo_on_errors() -> None:
    result = judge_step(make_closed_step(fails=spread_evenly(1.0)), SLOS, LIGHT)
    assert find_broken_slo(result) == (SLOS[1], 1.0)
    assert (result.failures.ratio, result.latency, result.rps) == (1.0, Latency(), 0.0)


def test_a_target_that_fails_every_request_fails_also_without_an_slo_on_errors() -> None:
    result = judge_step(make_closed_step(fails=spread_evenly(1.0)), [SLOS[0]], LIGHT)
    assert (result.verdict, result.rule) == (Verdict.FAIL, Rule.ALL_FAILED)
    count = result.requests
    failure = RequestFailure("GET /", "ConnectionRefusedError", count, count)
    assert result.judgement.evidence == EveryRequestFailed("ConnectionRefusedError", count, failure)


def make_step_of_two_names(is_paying: Callable[[int], bool], fails: Callable[[int], bool]) -> StepFacts:
    """Return a step with ten requests a second from 0 s on, so that those of the window are 120 to 319.

    Requests that pay are POST /pay, and only these fail.
    """
    facts = make_closed_step(10)
    numbers = range(len(facts.requests.start_s))
    paying = np.array([is_paying(number) for number in numbers])
    failing = paying & np.array([fails(number) for number in numbers])
    requests = replace(
        facts.requests,
        names=("GET /", "POST /pay"),
        name=paying.astype(np.int32),
        error=np.where(failing, 0, ANSWERED).astype(np.int32),
    )
    return replace(facts, requests=requests)


def always_true(_number: int) -> bool:
    return True


PAY_SLOS = (Slo("p95", 1.0), Slo("p95", 1.0, "/pay"))


@pytest.mark.parametrize(("every", "requests"), [(8, 25), (16, 12)])
def test_a_name_whose_requests_all_fail_fails_the_step_and_is_not_too_rare(every: int, requests: int) -> None:
    """A p95 needs 20 answers, which a longer window would not bring."""
    facts = make_step_of_two_names(lambda number: number % every == 4, always_true)
    judgement = judge_step(facts, PAY_SLOS, LIGHT).judgement
    assert (judgement.verdict, judgement.rule) == (Verdict.FAIL, Rule.ALL_FAILED)
    failure = RequestFailure("POST /pay", "ConnectionRefusedError", requests, requests)
    assert judgement.evidence == NameFailed(PAY_SLOS[1], requests, failure)


@pytest.mark.parametrize(
    ("every", "until", "good", "failed"),
    [
        pytest.param(24, 1000, 0, 9, id="nine failed, and the tenth may not"),
        pytest.param(16, 300, 1, 11, id="one was answered"),
        pytest.param(8, 220, 13, 12, id="half of them were"),
    ],
)
def test_a_name_with_too_few_answers_says_how_many_failed(
    every: int, until: int, good: int, failed: int
) -> None:
    facts = make_step_of_two_names(lambda number: number % every == 4, lambda number: number < until)
    evidence = judge_step(facts, PAY_SLOS, LIGHT).judgement.evidence
    assert evidence == TooFewRequests(PAY_SLOS[1], good, 20, 10, 20.0, 200, failed=failed)


def test_a_step_whose_first_requests_all_failed_names_the_request_that_failed_most_often() -> None:
    facts = make_closed_step(
        fails=spread_evenly(1.0), end_reason=EndReason.ALL_FAILED, window_from_s=None, window_to_s=None
    )
    evidence = judge_step(facts, SLOS, LIGHT).judgement.evidence
    count = len(facts.requests.error)
    failure = RequestFailure("GET /", "ConnectionRefusedError", count, count)
    assert evidence == EveryRequestFailed("ConnectionRefusedError", count, failure)


@pytest.mark.parametrize(
    ("end_reason", "rule"),
    [
        (EndReason.TARGET_DIED, Rule.DIED),
        (EndReason.DEPENDENCY_DIED, Rule.DEPENDENCY_DIED),
        (EndReason.STALLED, Rule.STALLED),
        (EndReason.ALL_FAILED, Rule.ALL_FAILED),
    ],
)
@pytest.mark.parametrize("window_from_s", [None, 12.0])
def test_a_target_that_ends_its_step_early_fails_whatever_it_answered_before(
    end_reason: EndReason, rule: Rule, window_from_s: float | None
) -> None:
    note = "exit code 137\nlast words"
    facts = make_closed_step(end_reason=end_reason, note=note, window_from_s=window_from_s, window_to_s=None)
    result = judge_step(facts, SLOS, LIGHT)
    assert (result.verdict, result.rule) == (Verdict.FAIL, rule)
    assert result.judgement.evidence == EndedStep(note)


# A target whose capacity is known on paper: 44 users (4 slots of 0.1 s, 0.9 s thinking, p95 ≤ 0.2 s)


@pytest.mark.parametrize("users", [1, 10, 40, 43, 44])
def test_a_step_up_to_the_capacity_on_paper_passes(users: int) -> None:
    facts = make_closed_step(users, latency=always(response_on_paper_s(users) - 1e-9), window_s=30)
    assert judge_step(facts, [Slo("p95", 0.2)], LIGHT).verdict is Verdict.PASS


@pytest.mark.parametrize("users", [45, 46, 60, 200])
def test_a_step_above_the_capacity_on_paper_fails(users: int) -> None:
    facts = make_closed_step(users, latency=always(response_on_paper_s(users)))
    assert judge_step(facts, [Slo("p95", 0.2)], LIGHT).verdict is Verdict.FAIL


# Numbers


def test_the_numbers_of_a_step_are_of_its_window() -> None:
    result = judge_step(make_closed_step(20), SLOS, LIGHT)
    assert result.rps == pytest.approx(20 / (0.9 + 0.1))
    assert result.window_s == 20.0
    assert result.load_s == 33.0
    assert result.requests == 400
    assert result.think_s == pytest.approx(0.9)
    assert result.unexplained_ratio == pytest.approx(0.0, abs=1e-9)


def test_cpu_per_request_is_cores_used_over_requests_a_second() -> None:
    """Check the utilisation law."""
    result = judge_step(make_closed_step(20, cpu_cores=0.4), SLOS, LIGHT)
    assert result.target.cpu_cores == pytest.approx(0.4)
    assert result.target.cpu_per_request_s == pytest.approx(0.4 / 20)
    assert result.target.throttled_ratio == pytest.approx(0.1)
    assert result.target.memory_peak_bytes == 64 * MIB


def test_bytes_and_locust_s_time_per_request_are_rates_over_requests_a_second() -> None:
    """20 requests, 8,000 received bytes and 40,000 sent ones a second; Locust uses 0.1 cores."""
    seconds = range(34)
    target = tuple(
        replace(each, received_bytes=round(8000 * each.at_s), sent_bytes=round(40_000 * each.at_s))
        for each in make_target_samples(seconds)
    )
    host = tuple(replace(each, work_s=0.002) for each in make_host_samples(seconds))
    facts = make_closed_step(20, target=target, host=host)
    result = judge_step(facts, SLOS, LIGHT)
    assert result.target.bytes_per_request == pytest.approx((400.0, 2000.0))
    assert result.locust_s == pytest.approx(0.1 / 20)
    workers = tuple(
        WorkerSample(at, number, 0.05 * at, 0.001, 10, here=number == 0)
        for at in seconds
        for number in (0, 1)
    )
    assert judge_step(replace(facts, workers=workers), SLOS, LIGHT).locust_s is None
    assert judge_step(make_closed_step(20), SLOS, LIGHT).locust_s is None


def test_the_use_of_cpu_and_memory_is_unknown_without_counters() -> None:
    result = judge_step(make_closed_step(target=(), host=(), generator=()), SLOS, LIGHT)
    assert result.target == TargetUse()
    assert (result.host.steal_ratio, result.generator.loop_lag_s) == (None, None)


def test_a_step_without_a_window_has_no_numbers() -> None:
    result = judge_step(
        make_closed_step(end_reason=EndReason.TARGET_DIED, window_from_s=None, window_to_s=None), SLOS
    )
    assert (result.rps, result.latency, result.failures.ratio) == (None, Latency(), None)
    assert (result.requests, result.window_s) == (0, 0.0)
    assert result.load_s == 33.0


def test_requests_and_errors_are_counted_by_name() -> None:
    result = judge_step(make_closed_step(20, fails=spread_evenly(0.25)), SLOS, LIGHT)
    (stats,) = result.by_name
    assert (stats.name, stats.requests, stats.errors) == ("GET /", 400, 100)
    assert result.failures.counts == {"ConnectionRefusedError": 100}


@pytest.mark.parametrize(
    ("changed", "is_oom"),
    [
        ({}, False),
        ({"events": (TargetEvent(20.0, EventKind.DIE),)}, False),
        ({"events": (TargetEvent(20.0, EventKind.OOM),)}, True),
        ({"end_reason": EndReason.TARGET_DIED, "note": "exit code 137, out of memory: "}, True),
        ({"end_reason": EndReason.TARGET_DIED, "note": "exit code 137: "}, False),
    ],
)
def test_exit_code_137_alone_does_not_prove_an_oom_kill(changed: dict[str, Any], is_oom: bool) -> None:
    assert judge_step(make_closed_step(**changed), SLOS).target.is_out_of_memory is is_oom


def test_the_kernels_count_tells_a_kill_that_the_engine_does_not_report() -> None:
    """The count rises from 1 to 2 between the samples at 19 and 20 s; what was killed before is not new."""
    samples = make_target_samples([float(second) for second in range(34)])
    counted = tuple(replace(sample, oom_kills=2 if sample.at_s >= 20 else 1) for sample in samples)
    result = judge_step(make_closed_step(30, target=counted), SLOS, LIGHT)
    assert result.judgement == Judgement(Rule.OOM_KILL, ProcessKilled(20.0))
    assert result.target.is_out_of_memory
    before = tuple(replace(sample, oom_kills=1) for sample in samples)
    assert judge_step(make_closed_step(30, target=before), SLOS, LIGHT).verdict is Verdict.PASS


def test_an_oom_kill_of_a_process_fails_a_window_that_would_otherwise_pass() -> None:
    """The container goes on. The ramp began at 0 s."""
    result = judge_step(make_closed_step(30, events=(TargetEvent(20.0, EventKind.OOM),)), SLOS, LIGHT)
    assert result.judgement == Judgement(Rule.OOM_KILL, ProcessKilled(20.0))
    assert result.verdict is Verdict.FAIL
    assert find_limiting_factor(CELL, result).factor is Factor.MEMORY


def make_companion(kills_from_s: float) -> CompanionFacts:
    """Return a database of which the kernel counts a killed process from an instant on."""
    samples = make_target_samples([float(second) for second in range(34)])
    counted = tuple(replace(each, oom_kills=1 if each.at_s >= kills_from_s else 0) for each in samples)
    return CompanionFacts(Limits(1.0, 256 * MIB), counted)


def test_an_oom_kill_in_a_companion_fails_a_window_that_would_otherwise_pass() -> None:
    facts = make_closed_step(30, companions={"cache": make_companion(99.0), "db": make_companion(20.0)})
    result = judge_step(facts, SLOS, LIGHT)
    assert result.judgement == Judgement(Rule.OOM_KILL, ProcessKilled(20.0, "db"))
    assert [(use.name, use.is_out_of_memory) for use in result.companions] == [("cache", False), ("db", True)]
    cause = find_limiting_factor(CELL, result)
    assert (cause.factor, cause.evidence) == (Factor.DEPENDENCY, result.judgement)
    both = replace(facts, events=(TargetEvent(25.0, EventKind.OOM),))
    assert judge_step(both, SLOS, LIGHT).judgement.evidence == ProcessKilled(25.0)


def test_an_oom_kill_decides_if_there_are_too_few_requests() -> None:
    facts = make_closed_step(events=(TargetEvent(20.0, EventKind.OOM),))
    assert judge_step(facts, [Slo("p99.9", 1.0)], LIGHT).rule is Rule.OOM_KILL


def test_a_broken_slo_comes_before_an_oom_kill() -> None:
    slow = make_closed_step(latency=always(2.0), events=(TargetEvent(20.0, EventKind.OOM),))
    result = judge_step(slow, SLOS, LIGHT)
    assert result.rule is Rule.SLO_BROKEN
    assert find_limiting_factor(CELL, result).factor is Factor.MEMORY


BUSY_HOST = tuple(
    HostSample(float(at), (at * 0.9,) * 2, 0.0, 2**30, 1.0, 0, 0, 0, 0, 0.0, 0.0, 0.0) for at in range(34)
)
"""Two cores of which 1.8 are busy: the target uses 0.5 of them and the generator 0.1."""


def test_an_oom_kill_fails_whatever_else_ran_because_no_other_program_causes_it() -> None:
    """Other programs use 1.2 of two cores, which is more than 10 %."""
    disturbed = make_closed_step(30, host=BUSY_HOST)
    assert judge_step(disturbed, SLOS, LIGHT, CELL.limits).rule is Rule.FOREIGN_LOAD
    for killed in (
        replace(disturbed, events=(TargetEvent(20.0, EventKind.OOM),)),
        replace(disturbed, companions={"db": make_companion(20.0)}),
    ):
        assert judge_step(killed, SLOS, LIGHT, CELL.limits).rule is Rule.OOM_KILL


def test_an_oom_kill_fails_on_a_full_host_where_an_slo_is_broken_too() -> None:
    """Both cores of the host are busy, and the target used half of its quota."""
    slow = make_closed_step(30, latency=always(2.0))
    assert judge_step(slow, SLOS, LIGHT, CELL.limits).rule is Rule.HOST_FULL
    killed = replace(slow, events=(TargetEvent(20.0, EventKind.OOM),))
    assert judge_step(killed, SLOS, LIGHT, CELL.limits).rule is Rule.OOM_KILL


# Settled


def test_an_oom_kill_settles_the_verdict() -> None:
    """With 20 users and a limit of 0.1 % on errors 400 requests settle nothing: 3 / 400 is 0.75 %."""
    facts = make_closed_step(20)
    slos = (Slo("errors", 0.001),)
    assert not is_verdict_settled(facts, slos, LIGHT, DRAIN_S, 0.05)
    killed = replace(facts, events=(TargetEvent(20.0, EventKind.OOM),))
    assert is_verdict_settled(killed, slos, LIGHT, DRAIN_S, 0.05)


def make_unfinished_step(**changed: Any) -> StepFacts:
    """Return a step whose window is in progress, forty seconds after it began."""
    return replace(make_closed_step(100, window_s=40), window_to_s=None, ended_s=40.0, **changed)


def test_a_clear_pass_and_a_hopeless_failure_are_settled() -> None:
    assert is_verdict_settled(make_unfinished_step(), SLOS[:2], LIGHT, drain_s=1.0, precision_ratio=0.0)
    slow = make_closed_step(100, latency=always(2.0), window_s=40)
    assert is_verdict_settled(
        replace(slow, window_to_s=None, ended_s=40.0), SLOS, LIGHT, drain_s=1.0, precision_ratio=0.0
    )


def test_a_share_near_its_limit_is_not_settled() -> None:
    near = make_closed_step(100, latency=slow_share(0.05), window_s=40)
    assert not is_verdict_settled(
        replace(near, window_to_s=None, ended_s=40.0), SLOS[:1], LIGHT, drain_s=1.0, precision_ratio=0.0
    )


def test_the_window_of_a_light_step_does_not_wait_for_slos_with_too_few_requests() -> None:
    """One user with a cycle of 1 s makes about 27 requests in 27 s; p99 needs 100, p95 needs 20."""
    facts = replace(make_closed_step(1, window_s=40), window_to_s=None, ended_s=40.0)
    slos = [SLOS[0], Slo("p99", 1.0)]
    for is_light in (False, True):
        settled = is_verdict_settled(facts, slos, None, drain_s=1.0, precision_ratio=5.0, is_light=is_light)
        assert settled is is_light
    assert judge_step(facts, slos).rule is Rule.TOO_FEW_REQUESTS


def test_the_window_of_a_light_step_does_not_wait_for_errors_without_a_failure() -> None:
    """It holds 27 requests without a failure; 1 % needs 300."""
    facts = replace(make_closed_step(1, window_s=40), window_to_s=None, ended_s=40.0)
    for is_light in (False, True):
        settled = is_verdict_settled(
            facts, SLOS[:2], None, drain_s=1.0, precision_ratio=5.0, is_light=is_light
        )
        assert settled is is_light


def test_the_window_of_a_light_step_waits_for_slos_with_enough_requests() -> None:
    near = make_closed_step(100, latency=slow_share(0.05), window_s=40)
    facts = replace(near, window_to_s=None, ended_s=40.0)
    assert not is_verdict_settled(facts, SLOS[:1], None, drain_s=1.0, precision_ratio=0.0, is_light=True)


def test_nothing_is_settled_before_the_window_or_without_requests() -> None:
    assert not is_verdict_settled(
        make_unfinished_step(window_from_s=None), SLOS, LIGHT, drain_s=1.0, precision_ratio=0.0
    )
    assert not is_verdict_settled(make_step_of(), SLOS, LIGHT, drain_s=1.0, precision_ratio=0.0)


# The baseline


def test_the_lightest_step_that_holds_answers_is_the_baseline() -> None:
    silent, light, loaded = make_closed_step(2, window_from_s=None), make_closed_step(5), make_closed_step(50)
    baseline = find_baseline([loaded, silent, light])
    assert baseline is not None
    assert baseline == build_baseline(light)
    assert find_baseline([silent]) is None
    assert find_baseline([]) is None


def test_an_invalid_step_is_no_baseline() -> None:
    """Leave it out: after a generator that left users idle, a healthy one would look wrong."""
    invalid = make_closed_step(2, end_reason=EndReason.GENERATOR_DIED)
    valid = make_closed_step(5)
    assert find_baseline([invalid, valid]) == build_baseline(valid)
    assert find_baseline([invalid]) is None


def test_the_baseline_of_fewer_users_is_chosen() -> None:
    heavier = replace(LIGHT, users=6)
    assert choose_lighter_baseline(heavier, LIGHT) == choose_lighter_baseline(LIGHT, heavier) == LIGHT
    assert choose_lighter_baseline(None, LIGHT) == choose_lighter_baseline(LIGHT, None) == LIGHT


def test_a_cell_without_answers_borrows_its_baseline() -> None:
    borrowed = replace(LIGHT, is_borrowed=True)
    assert choose_baseline([], LIGHT) == borrowed
    assert choose_baseline([make_closed_step(window_from_s=None)], LIGHT) == borrowed
    assert choose_baseline([], None) is None


def test_a_cell_prefers_a_lighter_baseline_of_its_own() -> None:
    baseline = choose_baseline([make_closed_step(3, 2.7, latency=always(0.3))], LIGHT)
    assert baseline is not None
    assert baseline.users == 3
    assert baseline.mean_s == pytest.approx(0.3)


def test_a_cell_prefers_a_light_baseline_of_another_size_to_a_busy_one_of_its_own() -> None:
    """Six users wait for 0.3 s and think for 0.9 s: a quarter of their time. That is no light load.

    With three it is the cell's own although it isn't light: then a single user is measured in this cell.
    """
    baseline = choose_baseline([make_closed_step(6, latency=always(0.3))], LIGHT)
    assert baseline is not None
    assert (baseline.users, baseline.is_borrowed) == (LIGHT.users, True)
    fewer = choose_baseline([make_closed_step(3, latency=always(0.3))], LIGHT)
    assert fewer is not None
    assert (fewer.users, fewer.is_borrowed, fewer.is_light) == (3, False, False)
    single = choose_baseline([make_closed_step(1, latency=always(0.3))], LIGHT)
    assert single is not None
    assert (single.users, single.is_borrowed) == (1, False)


@pytest.mark.parametrize(("own_s", "raised_s"), [(0.05, 0.1), (0.3, 0.3)])
def test_a_borrowed_response_time_is_raised_to_that_of_the_fastest_tenth(
    own_s: float, raised_s: float
) -> None:
    baseline = choose_baseline([make_closed_step(50, latency=always(own_s))], LIGHT)
    assert baseline is not None
    assert baseline.mean_s == pytest.approx(raised_s)


def test_a_repeated_step_without_answers_does_not_make_the_baseline_stricter() -> None:
    answered = make_closed_step(50, latency=always(0.3))
    silent = make_closed_step(50, window_from_s=None, end_reason=EndReason.GENERATOR_DIED, index=2)
    assert choose_baseline([answered, silent], LIGHT) == choose_baseline([answered], LIGHT)


def test_the_fastest_tenth_is_not_slowed_by_a_queue() -> None:
    assert find_fastest_tenth_s(make_closed_step(50, latency=slow_share(0.8))) == pytest.approx(0.1)


def test_the_step_that_is_the_baseline_has_no_shortfall() -> None:
    """It has nothing to be compared with, and "0.0 %" would look like a measured value."""
    (only,) = judge_steps([make_closed_step(400)], SLOS)
    assert only.shortfall_ratio is None
    assert isinstance(only.judgement.evidence, SlosHold)
    assert "shortfall" not in [each.slo.indicator for each in only.judgement.evidence.evaluations]


def test_other_steps_have_a_shortfall_against_the_baseline() -> None:
    """A cycle lasts 0.9 s + 0.6 s instead of 0.9 s + 0.1 s: users make 1 - 1.0/1.5 = 33 % fewer requests."""
    light, slow = make_closed_step(5), make_closed_step(50, latency=always(0.6), index=2)
    shortfalls = [result.shortfall_ratio for result in judge_steps([light, slow], SLOS)]
    assert shortfalls == [None, pytest.approx(1 / 3, abs=0.02)]
    (alone,) = judge_steps([light], SLOS, Baseline(users=2, mean_s=0.1))
    assert alone.shortfall_ratio == pytest.approx(0.0, abs=0.01), "measured against a borrowed baseline"


@pytest.mark.parametrize(("in_flight", "seen_ratio"), [(1, 1.0), (0, 0.0)])
def test_the_share_of_waiting_requests_that_were_seen_is_known(in_flight: int, seen_ratio: float) -> None:
    """Ten users who wait for a tenth of their time are one request in flight. 60 samples show 60, or none."""
    facts = make_closed_step(10, window_s=60.0)
    generator = tuple(replace(sample, in_flight=in_flight) for sample in facts.generator)
    use = judge_step(replace(facts, generator=generator), SLOS).generator
    assert use.seen_ratio == pytest.approx(seen_ratio, abs=0.02)
    assert judge_step(make_closed_step(10), SLOS).generator.seen_ratio is None, "20 are too few"


# Judging the same facts again

SHARES = st.floats(0, 0.3)
MEASURED = st.lists(
    st.tuples(st.integers(1, 40), SHARES, SHARES, st.floats(0.05, 0.9)), min_size=1, max_size=5
)
LIMITS_S = st.sampled_from([0.04, 0.1, 0.2, 0.5, 1.0, 1.4, 1.6, 3.0])
RATIOS = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.15, 0.3, 0.6])
BROKEN_BY = st.sampled_from(["p50", "p95", "p99", "mean", "errors", "shortfall", "drift"])


@given(MEASURED, BROKEN_BY, LIMITS_S, RATIOS, st.data())
def test_a_tighter_slo_never_raises_a_capacity(
    measured: list[tuple[int, float, float, float]],
    indicator: str,
    limit_s: float,
    ratio: float,
    data: st.DataObject,
) -> None:
    facts = [
        make_closed_step(users, latency=slow_share(slow, fast_s), fails=spread_evenly(failed), index=index)
        for index, (users, slow, failed, fast_s) in enumerate(measured, start=1)
    ]
    loose = Slo(indicator, limit_s if Slo(indicator, 0).is_response_time else ratio)
    tight = Slo(indicator, loose.at_most * data.draw(st.floats(0, 1)))
    # The slowest limit is the same, because it says where the window ends.
    others = (Slo("p95", 3.0), Slo("errors", 0.25))
    before, after = (find_bracket(judge_steps(facts, (*others, slo))) for slo in (loose, tight))
    assert (after.sustained_users or 0) <= (before.sustained_users or 0)
    assert (after.broken_users or 10**6) <= (before.broken_users or 10**6)


@settings(max_examples=count_examples(15))
@given(MEASURED)
def test_judging_twice_gives_the_same_results(measured: list[tuple[int, float, float, float]]) -> None:
    facts = [
        make_closed_step(users, latency=slow_share(slow, fast_s), fails=spread_evenly(failed), index=index)
        for index, (users, slow, failed, fast_s) in enumerate(measured, start=1)
    ]
    same = [replace(each) for each in facts]
    assert judge_steps(facts, SLOS) == judge_steps(same, SLOS)


def test_pauses_have_a_mean_and_a_spread() -> None:
    """Pauses of 1 and 3 s: the mean is 2 s, the deviation 1 s. The pause before the window is left out."""
    thinks = make_thinks([(5.0, 9.0), (13.0, 1.0), (14.0, 3.0)])
    result = judge_step(make_closed_step(thinks=thinks), SLOS)
    assert (result.think_s, result.think_spread_ratio) == (2.0, 0.5)
