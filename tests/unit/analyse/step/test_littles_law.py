"""What users' time goes into, user by user, and which verdict time that is not seen leads to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.step.baseline import Baseline, build_baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.littles_law import (
    UnexplainedTime,
    check_littles_law,
    check_unreported_time,
    compute_residual_ratio,
    compute_wait_ratio,
)
from harness.analyse.step.slo import compute_shortfall_ratio
from harness.analyse.step.user_time import UserTime
from harness.model import (
    Rule,
    Slo,
    StepFacts,
    ThinkTimes,
    UnreportedRequests,
    Verdict,
)
from harness.model.evidence import TimeUnexplained
from harness.model.user_time import TimeUnreported
from tests.unit.analyse.synthetic import (
    make_closed_step,
    make_generator_samples,
    make_requests,
    make_thinks,
    require_window,
)

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))
SECONDS = range(34)

Span = tuple[int, float, float]
"""An owner (2·n for user n, 2·n + 1 for what it does beside that, -1 for nobody known), start, length."""


def make_step_of_users(
    users: int,
    requests: Sequence[Span],
    pauses: Sequence[Span] = (),
    open_requests: Sequence[tuple[int, float]] = (),
    **changed: Any,
) -> StepFacts:
    """Return a step with exactly these requests and pauses: its window is [12, 32), and it ends at 33 s."""
    rows = make_requests(
        [(start_s, length_s, -1) for _, start_s, length_s in requests], [start for _, start in open_requests]
    )
    thinks = make_thinks([(start_s, length_s) for _, start_s, length_s in pauses])
    return make_closed_step(
        users,
        requests=replace(
            rows,
            owner=np.array([owner for owner, _, _ in requests], dtype=np.int32),
            unfinished_owner=np.array([owner for owner, _ in open_requests], dtype=np.int32),
        ),
        thinks=replace(thinks, owner=np.array([owner for owner, _, _ in pauses], dtype=np.int32)),
        **changed,
    )


def make_cycles(
    users: int, request_s: float, pause_s: float, lost_s: float = 0.0, cycles: int = 400, own: int = 0
) -> tuple[list[Span], list[Span]]:
    """Return requests and pauses of users who repeat both, and lose some time after each pause."""
    cycle_s = request_s + pause_s + lost_s
    starts = [
        (2 * user, cycle * cycle_s + user * cycle_s / users)
        for user in range(users)
        for cycle in range(cycles)
    ]
    inside = [(owner, start_s) for owner, start_s in starts if start_s < 33]
    return (
        [(owner + own, start_s, request_s) for owner, start_s in inside],
        [(owner, start_s + request_s, pause_s) for owner, start_s in inside],
    )


def measure(facts: StepFacts) -> UserTime:
    time = require_window(facts).user_time
    assert time is not None
    return time


def test_a_users_time_is_thinking_waiting_and_gaps() -> None:
    """One user in the window from 12 s to 32 s.

    It waits from 12 to 14 s, pauses to 17 s, does something unseen to 20 s, and waits from 20 s on. So it
    waits for 2 + 12 s, thinks for 3 s, and 3 s are a gap.
    """
    facts = make_step_of_users(1, [(0, 11.0, 3.0)], [(0, 14.0, 3.0)], [(0, 20.0)])
    time = measure(facts)
    assert (time.thinking_s, time.waiting_s) == pytest.approx((3.0, 14.0))
    assert (time.outside_s, time.closed_s) == pytest.approx((3.0, 3.0))
    assert compute_wait_ratio(require_window(facts)) == pytest.approx(14 / 20)
    assert compute_residual_ratio(require_window(facts)) == pytest.approx(3 / 20)


def test_users_who_do_nothing_in_the_whole_window_are_counted() -> None:
    """Of three users two wait for an answer from 2 s to 33 s, and one is never seen."""
    evidence = judge_step(make_step_of_users(3, [(0, 2.0, 31.0), (2, 2.0, 31.0)]), SLOS).judgement.evidence
    assert isinstance(evidence, TimeUnreported)
    assert evidence.ratio == pytest.approx(1 / 3)
    assert evidence.silent == 1


def test_requests_in_parallel_are_one_wait() -> None:
    """Three requests from 12 s to 16 s, 17 s and 18 s are 6 s of waiting; the rest is a pause."""
    requests = [(1, 12.0, 4.0), (1, 12.0, 5.0), (1, 12.0, 6.0)]
    time = measure(make_step_of_users(1, requests, [(0, 18.0, 15.0)]))
    assert (time.waiting_s, time.thinking_s, time.outside_s) == pytest.approx((6.0, 14.0, 0.0))


def test_requests_of_different_users_at_once_are_two_waits() -> None:
    facts = make_step_of_users(2, [(0, 12.0, 20.0), (2, 12.0, 20.0)], [(0, 32.0, 5.0), (2, 32.0, 5.0)])
    assert measure(facts).waiting_s == pytest.approx(40.0)


def test_a_pause_while_requests_go_on_beside_it_is_thinking() -> None:
    """The user reads for 20 s while its page asks for news: 2 s of these are no waiting."""
    time = measure(make_step_of_users(1, [(1, 15.0, 2.0)], [(0, 12.0, 21.0)]))
    assert (time.thinking_s, time.waiting_s) == pytest.approx((20.0, 0.0))


def test_sleeps_while_the_same_greenlet_waits_for_its_own_request_are_no_thinking() -> None:
    """A client that sleeps until its answer is there, and then reports the request from 12 s to 22 s."""
    time = measure(make_step_of_users(1, [(0, 12.0, 10.0)], [(0, 13.0, 5.0), (0, 22.0, 11.0)]))
    assert (time.thinking_s, time.waiting_s) == pytest.approx((10.0, 10.0))


def test_a_pause_of_an_earlier_step_covers_the_window() -> None:
    time = measure(make_step_of_users(1, [(0, 25.0, 7.0)], [(0, -30.0, 55.0), (0, 32.0, 9.0)]))
    assert (time.thinking_s, time.outside_s) == pytest.approx((13.0, 0.0))


def test_a_user_of_whom_nothing_is_seen_does_nothing_all_the_time() -> None:
    """Of three users one is silent, and one was last seen at 5 s: 40 of 60 s are unseen, and may go on."""
    time = measure(make_step_of_users(3, [(0, 2.0, 31.0), (2, 4.0, 1.0)]))
    assert (time.outside_s, time.closed_s) == pytest.approx((40.0, 0.0))


def test_users_who_come_after_the_window_have_no_time_in_it() -> None:
    """One user waits all the time. Two more come at 32 s, when the window has ended, as in a burst."""
    time = measure(make_step_of_users(1, [(0, 12.0, 20.0), (2, 32.0, 0.5)], [(4, 32.2, 0.5)]))
    assert (time.waiting_s, time.thinking_s, time.outside_s) == pytest.approx((20.0, 0.0, 0.0))


def test_a_request_of_an_unknown_user_explains_a_gap_that_it_covers() -> None:
    """A thread waits from 14 s to 20 s, and its user with it; the gap from 24 s to 25 s stays."""
    requests = [(0, 12.0, 2.0), (-1, 14.0, 6.0), (0, 20.0, 4.0), (0, 25.0, 8.0)]
    assert measure(make_step_of_users(1, requests)).outside_s == pytest.approx(1.0)


def test_facts_without_owners_are_added_up_as_before() -> None:
    facts = make_closed_step(10)
    assert require_window(facts).user_time is None
    assert compute_wait_ratio(require_window(facts)) == pytest.approx(0.1, abs=0.001)


def judge(facts: StepFacts, baseline: Baseline | None = None) -> tuple[Verdict, Rule]:
    result = judge_step(facts, SLOS, baseline)
    return result.verdict, result.rule


@pytest.mark.parametrize("request_s", [0.01, 0.5, 0.9])
def test_pauses_in_tasks_are_no_lost_time_at_any_load(request_s: float) -> None:
    requests, pauses = make_cycles(10, request_s, 1.2)
    light = build_baseline(make_step_of_users(5, *make_cycles(5, 0.01, 1.2)))
    assert light is not None
    assert light.usual_loss.per_request_s == pytest.approx(0.0, abs=1e-3)
    assert judge(make_step_of_users(10, requests, pauses), light)[0] is Verdict.PASS


def test_requests_in_parallel_are_judged_by_what_their_user_waits() -> None:
    """Six requests of 0.1 s at once and a pause of 0.9 s: the users wait for 10 % of their time.

    At twice the response time they wait for 0.2 of 1.1 s, and make 1 / 1.1 of the requests: 9.1 % less.
    """

    def make(response_s: float, users: int) -> StepFacts:
        requests, pauses = make_cycles(users, response_s, 0.9, own=1)
        return make_step_of_users(users, [row for row in requests for _ in range(6)], pauses)

    light = build_baseline(make(0.1, 10))
    assert light is not None
    assert light.wait_ratio == pytest.approx(0.1, abs=0.002)
    slower = make(0.2, 20)
    assert judge(slower, light)[0] is Verdict.PASS
    assert compute_shortfall_ratio(require_window(slower), light) == pytest.approx(0.1 / 1.1, abs=0.01)


@pytest.mark.parametrize(
    ("lost_s", "rule"), [(0.04, Rule.SLOS_HOLD), (0.08, Rule.LITTLES_LAW), (0.2, Rule.UNREPORTED)]
)
def test_time_that_light_load_does_not_lose_is_judged_for_each_cycle(lost_s: float, rule: Rule) -> None:
    """A cycle takes 1 s and what is lost: 0.04 of 1.04 s (3.8 %) may be lost, 0.08 of 1.08 s (7.4 %) not.

    Gaps of 0.2 s are too long for the generator, whose event loop was never late: they are the scenario's.
    """
    light = build_baseline(make_step_of_users(10, *make_cycles(10, 0.1, 0.9)))
    assert judge(make_step_of_users(10, *make_cycles(10, 0.1, 0.9, lost_s)), light)[1] is rule


def test_what_tasks_do_unseen_at_light_load_too_is_no_lost_time() -> None:
    """0.08 s of computing in each cycle: 7.4 % of the time at light load, 5.1 % when answers take 0.6 s."""
    light = build_baseline(make_step_of_users(10, *make_cycles(10, 0.1, 0.9, 0.08)))
    assert light is not None
    assert light.usual_loss.per_request_s == pytest.approx(0.08, abs=0.002)
    assert judge(make_step_of_users(10, *make_cycles(10, 0.6, 0.9, 0.08)), light)[1] is Rule.SLOS_HOLD


def test_a_generator_that_stalls_is_told_from_a_scenario_that_does_not_report() -> None:
    """Nothing begins from 16 s to 19 s, so each user loses 3 of 20 s. A loop that is 3 s late explains it."""
    requests, pauses = make_cycles(10, 0.1, 0.9)

    def leave_out(rows: Sequence[Span]) -> list[Span]:
        return [row for row in rows if not 16.0 <= row[1] < 19.0]

    facts = make_step_of_users(10, leave_out(requests), leave_out(pauses))
    late = [3.0 if sample.at_s == 19 else 0.002 for sample in facts.generator]
    stalled = replace(
        facts,
        generator=tuple(replace(s, loop_lag_s=lag) for s, lag in zip(facts.generator, late, strict=True)),
    )
    window, usual = require_window(facts), UnexplainedTime(0.0, 200)
    unreported, unexplained = (check_littles_law(each, window, usual) for each in (facts, stalled))
    assert unreported is not None
    assert unexplained is not None
    assert (unreported.rule, unexplained.rule) == (Rule.UNREPORTED, Rule.LITTLES_LAW)
    assert isinstance(unexplained.evidence, TimeUnexplained)
    assert unexplained.evidence.ratio == pytest.approx(0.15, abs=0.001)


def make_hanging_step(hangs: int, users: int = 100, hang_s: float = 60.0) -> StepFacts:
    """Return users with a cycle of 1 s; this many calls hang from 20 s on, and are never reported."""
    requests, pauses = make_cycles(users, 0.01, 0.99)
    silent = {2 * user for user in range(hangs)}
    until_s = 20.0 + hang_s

    def is_seen(row: Span) -> bool:
        return row[0] not in silent or row[1] < 20.0 or row[1] >= until_s

    return make_step_of_users(users, [r for r in requests if is_seen(r)], [p for p in pauses if is_seen(p)])


def test_a_client_that_reports_only_what_was_answered_gives_no_verdict() -> None:
    """Ten of 100 users hang from 20 s to the end: 10 · 12 of 2,000 s, that is 6 %, are not seen at all.

    All that is reported took 0.01 s, so without this rule the step would pass.
    """
    result = judge_step(make_hanging_step(10), SLOS)
    assert (result.verdict, result.rule) == (Verdict.INVALID, Rule.UNREPORTED)
    assert isinstance(result.judgement.evidence, TimeUnreported)
    assert result.judgement.evidence.ratio == pytest.approx(0.06, abs=0.006)
    assert result.judgement.evidence.gaps == 10
    assert result.latency.p95_s == pytest.approx(0.01)


def test_a_few_calls_that_hang_unseen_leave_the_verdict_as_it_is() -> None:
    """Five of 100 users lose 3 % of the time; at most 5 of 1,945 requests are slow, and 5 % may be."""
    assert judge(make_hanging_step(5))[1] is Rule.SLOS_HOLD


def test_calls_that_may_break_an_slo_on_a_percentile_leave_no_verdict() -> None:
    """Users with a cycle of 10 s make 20 requests in the window; 2 more, if they are, take over 1.5 s.

    That is 2 of 22, and p95 allows 5 %. They are only 2 · 1.5 of 200 s: 1.5 % of the users' time.
    """
    requests, pauses = make_cycles(10, 0.1, 9.9)
    shorter = {
        next(i for i, (owner, start, _) in enumerate(pauses) if owner == user and start > 12)
        for user in (0, 2)
    }
    cut = [(o, s, p - 1.5) if i in shorter else (o, s, p) for i, (o, s, p) in enumerate(pauses)]
    judgement = check_unreported_time(
        facts := make_step_of_users(10, requests, cut), require_window(facts), [Slo("p95", 1.0)]
    )
    assert judgement is not None
    assert isinstance(judgement.evidence, TimeUnreported)
    assert (judgement.evidence.gaps, judgement.evidence.longer_than_s) == (2, 1.0)
    assert check_unreported_time(facts, require_window(facts), [Slo("p95", 2.0)]) is None


def make_rare_gaps(gaps: int, gap_s: float, last_s: float = 0.0, name: str = "rpc call") -> StepFacts:
    """Return ten users with a cycle of 5 s who make 40 requests of 0.1 s, and some gaps in their pauses.

    Each gap is of another user, and ends its first pause of the window. `last_s` is how long two more users
    have done nothing when the step ends.
    """
    requests, pauses = make_cycles(10, 0.1, 4.9)
    firsts = [
        next(i for i, (o, at, _) in enumerate(pauses) if o == 2 * user and at > 12) for user in range(10)
    ]
    cut = [(o, at, p - gap_s) if i in firsts[:gaps] else (o, at, p) for i, (o, at, p) in enumerate(pauses)]
    silent, from_s = ({16, 18} if last_s else set()), 33.0 - last_s
    facts = make_step_of_users(
        10,
        [row for row in requests if row[0] not in silent or row[1] < from_s],
        [
            (o, at, min(p, from_s - at) if o in silent else p)
            for o, at, p in cut
            if at < from_s or o not in silent
        ],
    )
    return replace(facts, requests=replace(facts.requests, names=(name,)))


@pytest.mark.parametrize(
    ("gaps", "gap_s", "slos", "rule"),
    [
        (1, 1.5, SLOS, Rule.SLOS_HOLD),
        (2, 1.5, SLOS, Rule.UNREPORTED),
        (2, 1.5, SLOS[:1], Rule.UNREPORTED),
        (2, 1.5, [Slo("p90", 1.0)], Rule.UNREPORTED),
        (2, 1.5, [Slo("p80", 1.0)], Rule.SLOS_HOLD),
        (2, 1.5, [Slo("errors", 0.01)], Rule.UNREPORTED),
        (2, 1.5, [Slo("errors", 0.1)], Rule.SLOS_HOLD),
        (2, 0.9, SLOS, Rule.SLOS_HOLD),
        (2, 1.5, [Slo("p80", 2.0), Slo("errors", 0.01)], Rule.SLOS_HOLD),
    ],
)
def test_the_share_of_requests_that_may_hide_in_gaps_is_bounded(
    gaps: int, gap_s: float, slos: Sequence[Slo], rule: Rule
) -> None:
    """Two gaps beside 40 requests are 2 of 42: 4.8 %, by Wilson's interval at most 15.8 %.

    So p95 and p90 may be broken, and p80 is not. As failed requests they are more than 1 %, but no gap of
    1.5 s is a request that was given up where 2 s are allowed. A single gap may be chance.
    """
    assert judge_step(make_rare_gaps(gaps, gap_s), slos).rule is rule


@pytest.mark.parametrize(("name", "rule"), [("GET /", Rule.SLOS_HOLD), ("grpc /", Rule.UNREPORTED)])
def test_few_gaps_hide_no_requests_of_locusts_own_clients(name: str, rule: Rule) -> None:
    """They may be pauses that are not seen, such as a wait for an event."""
    assert judge_step(make_rare_gaps(2, 1.5, name=name), SLOS).rule is rule


@pytest.mark.parametrize(("last_s", "rule"), [(1.5, Rule.SLOS_HOLD), (3.0, Rule.UNREPORTED)])
def test_what_may_still_be_reported_is_hidden_only_if_no_request_took_as_long(
    last_s: float, rule: Rule
) -> None:
    """Two users have done nothing for 1.5 s or 3 s when the step ends, and one request took 2 s."""
    facts = make_rare_gaps(0, 0.0, last_s)
    latency_s = facts.requests.latency_s.copy()
    latency_s[np.flatnonzero((facts.requests.start_s > 14) & (facts.requests.owner == 0))[0]] = 2.0
    slow = replace(facts, requests=replace(facts.requests, latency_s=latency_s))
    assert judge_step(slow, [Slo("p90", 1.0)]).rule is rule


def test_gaps_that_a_late_event_loop_made_hide_no_request() -> None:
    """Two users lose 1.5 s from 16 s on at the earliest; a loop that was 0.8 s late explains as much."""
    facts = make_rare_gaps(2, 1.5)
    late = tuple(
        replace(sample, loop_lag_s=0.8 if 12 < sample.at_s < 24 else 0.0) for sample in facts.generator
    )
    window = require_window(facts)
    assert check_unreported_time(facts, window, SLOS) is not None
    assert check_unreported_time(replace(facts, generator=late), window, SLOS) is None


def test_an_slo_that_the_reported_requests_break_fails_whatever_else_hangs() -> None:
    """The last requests of a client that reports when it is answered are not known yet when a step ends."""
    requests, pauses = make_cycles(10, 1.5, 0.5)
    seen = [(r, p) for r, p in zip(requests, pauses, strict=True) if r[1] + r[2] < 30]
    facts = make_step_of_users(10, [r for r, _ in seen], [p for _, p in seen])
    light = Baseline(users=2, mean_s=0.1, lost=UnexplainedTime(0.0, 100))
    assert judge(facts, light) == (Verdict.FAIL, Rule.SLO_BROKEN)


def test_a_light_step_with_unreported_time_is_no_baseline() -> None:
    assert build_baseline(make_hanging_step(10)) is None
    assert build_baseline(make_hanging_step(0)) is not None


def test_users_of_whom_nothing_is_reported_at_all_are_named_as_the_cause() -> None:
    """One user made a request before the window, and none is seen in it."""
    facts = make_step_of_users(2, [(0, 2.0, 11.0)])
    assert judge(facts) == (Verdict.INVALID, Rule.UNREPORTED)


def test_the_code_of_a_scenario_between_two_requests_is_no_unreported_time() -> None:
    """A user without think time spends 0.05 of 0.1 s in Python: half of its time, in short pieces."""
    requests, _ = make_cycles(1, 0.05, 0.0, 0.05)
    assert judge(make_step_of_users(1, requests))[1] is Rule.SLOS_HOLD


def test_the_requests_of_a_name_that_were_not_reported_are_counted_in_the_window() -> None:
    requests, pauses = make_cycles(1, 0.1, 0.9)
    facts = make_step_of_users(1, requests, pauses)
    unreported = UnreportedRequests(np.array([5.0, 15.0, 16.0, 32.5]), np.zeros(4, dtype=np.int32))
    (stats,) = judge_step(replace(facts, unreported=unreported), SLOS).by_name
    assert (stats.requests, stats.unreported) == (20, 2)


def test_users_are_told_apart_whatever_their_numbers_are() -> None:
    """Numbers of users grow while users come and go; these three have 7, 1,000 and 500,000."""
    spans = [(2 * number, 12.0, 10.0) for number in (7, 1_000, 500_000)]
    time = measure(make_step_of_users(3, spans, [(owner, 22.0, 11.0) for owner, _, _ in spans]))
    assert (time.waiting_s, time.thinking_s, time.outside_s) == pytest.approx((30.0, 30.0, 0.0))


def test_the_old_rule_holds_for_facts_without_owners() -> None:
    facts = replace(
        make_closed_step(90, thinks=ThinkTimes()),
        users=100,
        generator=make_generator_samples(SECONDS, 100),
    )
    window = require_window(facts)
    assert check_unreported_time(facts, window, SLOS) is None
    judgement = check_littles_law(facts, window, UnexplainedTime(0.0, 100))
    assert judgement is not None
    assert judgement.rule is Rule.LITTLES_LAW
