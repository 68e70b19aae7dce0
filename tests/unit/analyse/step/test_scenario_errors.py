"""Exceptions in the scenario: from which share on a step is invalid, and when a failure stands."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.step.baseline import Baseline, build_baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.scenario_errors import summarize_tasks
from harness.measure.locust.ending import describe_ending
from harness.model import (
    EndReason,
    ErrorOrigin,
    RequestFailure,
    Rule,
    Slo,
    StepFacts,
    TaskError,
    TaskErrorSample,
    TaskFacts,
    TaskSample,
)
from harness.model.evidence import EveryRequestFailed, GeneratorBusy, SloBroken
from harness.model.task_evidence import (
    NothingAsked,
    ReportsUnread,
    TasksRaised,
    TasksSpin,
    UserEnds,
    UsersLost,
)
from tests.unit.analyse.synthetic import (
    make_closed_step,
    make_generator_samples,
    spread_evenly,
)
from tests.unit.analyse.synthetic import (
    slow_share as make_slow_share,
)

KEY_ERROR = TaskError(ErrorOrigin.TASK, "KeyError: 'rows'", "locustfile.py:9")
INDEX_ERROR = TaskError(ErrorOrigin.USER, "IndexError: pop from empty list", "locustfile.py:16")
STOP = TaskError(ErrorOrigin.STOP, "StopUser", "locustfile.py:22")
REPORT = TaskError(ErrorOrigin.REPORT, "rpc call with a response time of -3", "locustfile.py:7")
LISTENER = TaskError(ErrorOrigin.LISTENER, "KeyError: 'x'", "locustfile.py:3")
GREENLET = TaskError(ErrorOrigin.GREENLET, "ValueError", "locustfile.py:5")
LIGHT = Baseline(users=5, mean_s=0.1)
SLOS = [Slo("p95", 1.0), Slo("errors", 0.01)]


def make_tasks(
    raised: int, after_failure: int = 0, error: TaskError = KEY_ERROR, *, ended: int = 10, user_tasks: int = 0
) -> TaskFacts:
    """Make tasks of a step of 33 s: each second `ended` of them end; `raised` exceptions come at 20 s."""
    samples = tuple(TaskSample(float(second), ended) for second in range(34))
    return TaskFacts((error,), samples, (TaskErrorSample(20.0, 0, raised, after_failure, user_tasks),))


def judge(tasks: TaskFacts, baseline: Baseline | None = LIGHT, **changed: Any) -> Rule:
    return judge_step(make_closed_step(tasks=tasks, **changed), SLOS, baseline).rule


def test_tasks_are_counted_within_the_window() -> None:
    """The window is (12, 32]: 20 samples of 10 tasks. Only the exception at 20 s is in it."""
    tasks = replace(make_tasks(7, 2), error_samples=tuple(TaskErrorSample(at, 0, 7, 2) for at in (3.0, 20.0)))
    use = summarize_tasks(make_closed_step(tasks=tasks), 12.0, 32.0)
    assert (use.ended, use.raised, use.after_failure, use.error, use.error_count) == (200, 7, 2, KEY_ERROR, 5)
    assert use.unexplained_ratio == pytest.approx(5 / 200)


@pytest.mark.parametrize(
    ("raised", "after_failure", "rule"),
    [
        (0, 0, Rule.SLOS_HOLD),
        (9, 0, Rule.SLOS_HOLD),
        (10, 0, Rule.SCENARIO_ERRORS),
        (200, 0, Rule.SCENARIO_ERRORS),
        (60, 51, Rule.SLOS_HOLD),
        (60, 50, Rule.SCENARIO_ERRORS),
    ],
)
def test_a_twentieth_of_the_tasks_may_end_in_exceptions(raised: int, after_failure: int, rule: Rule) -> None:
    """Of 200 tasks 10 are 5 %. Exceptions after a failed request do not count: 60 - 51 is 9."""
    assert judge(make_tasks(raised, after_failure)) is rule


def test_a_single_exception_makes_no_step_invalid() -> None:
    few = replace(make_tasks(1), samples=(TaskSample(20.0, 4),))
    assert judge(few) is Rule.SLOS_HOLD
    assert judge(replace(few, error_samples=(TaskErrorSample(20.0, 0, 2),))) is Rule.SCENARIO_ERRORS


def test_exceptions_of_listeners_make_no_step_invalid() -> None:
    assert judge(make_tasks(200, error=LISTENER)) is Rule.SLOS_HOLD
    use = summarize_tasks(make_closed_step(tasks=make_tasks(200, error=LISTENER)), 12.0, 32.0)
    assert (use.raised, use.other_error) == (0, LISTENER)


def test_exceptions_of_listeners_are_known_from_the_whole_step() -> None:
    """One that prepares the test is called before the window, which is (12, 32]."""
    tasks = replace(make_tasks(0), errors=(LISTENER,), error_samples=(TaskErrorSample(1.0, 0, 1),))
    assert summarize_tasks(make_closed_step(tasks=tasks), 12.0, 32.0).other_error == LISTENER


@pytest.mark.parametrize(("unread", "rule"), [(10, Rule.SLOS_HOLD), (11, Rule.SCENARIO_ERRORS)])
def test_a_twentieth_of_the_reports_may_be_unreadable(unread: int, rule: Rule) -> None:
    """The window holds 200 requests: 10 of 210 are 4.8 %, and 11 of 211 are 5.2 %."""
    facts = make_closed_step(tasks=make_tasks(unread, error=REPORT))
    judgement = judge_step(facts, SLOS).judgement
    assert judgement.rule is rule
    if rule is Rule.SCENARIO_ERRORS:
        assert isinstance(judgement.evidence, ReportsUnread)
        assert judgement.evidence.reports == 211
        assert judgement.evidence.tasks.unread_error == REPORT
        assert judgement.evidence.tasks.raised == 0


@pytest.mark.parametrize(
    ("tasks", "evidence"),
    [
        (make_tasks(200), TasksRaised),
        (make_tasks(0, ended=100), TasksSpin),
        (make_tasks(0, ended=99), GeneratorBusy),
    ],
)
def test_tasks_that_end_at_once_are_what_keeps_locust_busy(tasks: TaskFacts, evidence: type[object]) -> None:
    """200 requests in 20 s. Ten tasks for each are 2000: 100 a second."""
    busy = make_generator_samples([float(second) for second in range(34)], 10, cpu_ratio=0.99)
    judgement = judge_step(make_closed_step(generator=busy, tasks=tasks), SLOS).judgement
    assert isinstance(judgement.evidence, evidence)


@pytest.mark.parametrize(("ended", "rule"), [(1000, Rule.ALL_FAILED), (1, Rule.GENERATOR_CPU)])
def test_users_that_spin_after_requests_that_all_failed_are_explained_by_these(
    ended: int, rule: Rule
) -> None:
    """330 requests of the step fail. In its six seconds 1000 tasks a second are more than ten for each."""
    facts = make_closed_step(
        fails=spread_evenly(1.0),
        end_reason=EndReason.ALL_FAILED,
        window_from_s=None,
        window_to_s=None,
        ended_s=6.0,
        generator=make_generator_samples([float(second) for second in range(7)], 10, cpu_ratio=0.99),
        tasks=make_tasks(0, ended=ended),
    )
    assert judge_step(facts, SLOS).rule is rule


def test_a_silent_window_is_explained_by_a_listener_or_by_long_pauses() -> None:
    """The user asks once and pauses for 5000 s, which was perhaps meant to be milliseconds."""
    silent = make_closed_step(users=1, think_s=5000.0)
    assert judge_step(silent, SLOS).judgement.evidence == NothingAsked(pause_s=5000.0)
    tasks = replace(make_tasks(0), errors=(LISTENER,), error_samples=(TaskErrorSample(1.0, 0, 1),))
    assert judge_step(replace(silent, tasks=tasks), SLOS).judgement.evidence == NothingAsked(error=LISTENER)


def test_exceptions_in_greenlets_of_the_scenario_count_like_those_in_its_tasks() -> None:
    assert judge(make_tasks(10, error=GREENLET)) is Rule.SCENARIO_ERRORS


def test_a_step_in_which_no_request_starts_names_the_exceptions() -> None:
    nothing = judge_step(make_closed_step(users=1, think_s=1e6, tasks=make_tasks(0)), SLOS)
    assert nothing.rule is Rule.NO_DATA
    raised = judge_step(make_closed_step(users=1, think_s=1e6, tasks=make_tasks(200)), SLOS)
    assert isinstance(raised.judgement.evidence, TasksRaised)
    assert raised.judgement.evidence.tasks.error == KEY_ERROR


def test_tasks_that_were_not_counted_judge_nothing() -> None:
    assert judge(TaskFacts()) is Rule.SLOS_HOLD


@pytest.mark.parametrize(
    ("slo", "baseline", "rule"),
    [
        (Slo("p95", 0.01), None, Rule.SCENARIO_ERRORS),
        (Slo("p95", 0.01), LIGHT, Rule.SLO_BROKEN),
        (Slo("errors", 0.01), None, Rule.SLO_BROKEN),
        (Slo("errors", 0.2), LIGHT, Rule.SCENARIO_ERRORS),
    ],
)
def test_a_failure_stands_if_the_load_or_the_targets_errors_explain_the_exceptions(
    slo: Slo, baseline: Baseline | None, rule: Rule
) -> None:
    """A tenth of the requests fails. A baseline shows that the scenario raises nothing at light load."""
    facts = make_closed_step(fails=spread_evenly(0.1), tasks=make_tasks(100))
    assert judge_step(facts, [slo], baseline).rule is rule


def test_a_step_whose_tasks_end_in_exceptions_is_no_baseline() -> None:
    assert build_baseline(make_closed_step(tasks=make_tasks(9))) is not None
    assert build_baseline(make_closed_step(tasks=make_tasks(10))) is None


# Users that end


def lose_users(tasks: TaskFacts, **changed: Any) -> StepFacts:
    """Return a step of ten users of which seven are left in the window."""
    return make_closed_step(tasks=tasks, generator=make_generator_samples(range(34), 7), **changed)


def test_lost_users_name_what_ended_them() -> None:
    facts = lose_users(make_tasks(3, error=STOP, user_tasks=9))
    assert judge_step(facts, SLOS).judgement.evidence == UsersLost(7, 10, UserEnds(3, STOP, 3, 0, 3.0))
    assert judge_step(lose_users(TaskFacts()), SLOS).judgement.evidence == UsersLost(7, 10)


def test_users_that_never_came_name_what_ended_them() -> None:
    facts = make_closed_step(
        tasks=make_tasks(9, error=INDEX_ERROR),
        generator=make_generator_samples(range(34), 1),
        end_reason=EndReason.USERS_MISSING,
        note="10 users were not reached in time",
    )
    assert judge_step(facts, SLOS).judgement.evidence == UsersLost(1, 10, UserEnds(9, INDEX_ERROR, 9, 0, 0.0))


def test_what_kept_users_from_starting_is_named_if_none_has_ended() -> None:
    (ends,) = [judge_step(lose_users(make_tasks(1, error=GREENLET)), SLOS).judgement.evidence]
    assert isinstance(ends, UsersLost)
    assert ends.ends == UserEnds(1, GREENLET, 1, 0, 0.0)


@pytest.mark.parametrize(
    ("share", "after_failure", "rule"),
    [(0.1, 3, Rule.SLO_BROKEN), (0.1, 1, Rule.USERS), (0.005, 3, Rule.USERS)],
)
def test_users_that_end_after_failed_requests_are_lost_to_the_target(
    share: float, after_failure: int, rule: Rule
) -> None:
    """Three users ended. 1 % of the requests may fail; a tenth of them fails from the ramp on."""
    facts = lose_users(make_tasks(3, after_failure, INDEX_ERROR), fails=spread_evenly(share))
    judgement = judge_step(facts, SLOS).judgement
    assert judgement.rule is rule
    if isinstance(judgement.evidence, SloBroken):
        assert judgement.evidence.evaluation.value == pytest.approx(0.1, abs=0.005)


# Locust, ended by the scenario


@pytest.mark.parametrize(
    ("log", "share", "rule"),
    [
        ("harness: locustfile.py:9 called runner.quit()", 0.1, Rule.SLO_BROKEN),
        ("harness: locustfile.py:9 called sys.exit(1)", 0.1, Rule.SLO_BROKEN),
        ("harness: locustfile.py:9 called os._exit(1)", 0.1, Rule.SLO_BROKEN),
        ("harness: locustfile.py:9 called os.kill(os.getpid(), SIGTERM)", 0.1, Rule.SLO_BROKEN),
        (
            "[x] vm/ERROR/locust.runners: too many errors\n[x] vm/WARNING/locust.runners: Stopping Locust...",
            0.1,
            Rule.SLO_BROKEN,
        ),
        ("harness: locustfile.py:9 called runner.quit()", 0.005, Rule.GENERATOR),
        ("[x] vm/INFO/locust.main: Got SIGTERM signal", 0.1, Rule.GENERATOR),
        ("called runner.quit() at last", 0.1, Rule.GENERATOR),
    ],
)
def test_a_scenario_that_ends_locust_when_requests_fail_has_seen_a_failure(
    log: str, share: float, rule: Rule
) -> None:
    """1 % of the requests may fail. Some scenarios quit when more than 5 % do."""
    facts = make_closed_step(
        fails=spread_evenly(share),
        end_reason=EndReason.GENERATOR_DIED,
        note=f"{describe_ending('Locust', 0, log)}\nlast log lines:\n{log}",
        window_to_s=None,
    )
    assert judge_step(facts, SLOS).rule is rule


def test_a_failed_request_of_few_proves_nothing_when_the_scenario_ends_locust() -> None:
    """One of 50 requests is 2 %. Wilson's interval begins at 0.4 %, below the 1 % that are allowed."""
    facts = make_closed_step(fails=lambda number: number == 3, end_reason=EndReason.GENERATOR_DIED)
    requests = facts.requests
    few = replace(
        requests, **{key: getattr(requests, key)[:50] for key in ("start_s", "latency_s", "name", "error")}
    )
    note = "locustfile.py:9 called runner.quit(), so Locust ended with exit code 0"
    assert judge_step(replace(facts, requests=few, note=note), SLOS).rule is Rule.GENERATOR


def test_names_that_only_failed_before_the_window_are_named() -> None:
    """The window begins at 12 s. Ten log-ins failed before it, a page failed once and was found later."""
    facts = make_closed_step()
    requests = facts.requests
    rows = [(1.0 + number / 10, 0.1, 1, 1) for number in range(10)] + [(5.0, 0.1, 2, 0), (15.0, 0.1, 2, -1)]
    columns = zip(*rows, strict=True)
    more = {
        key: np.concatenate([getattr(requests, key), np.array(column, dtype=getattr(requests, key).dtype)])
        for key, column in zip(("start_s", "latency_s", "name", "error"), columns, strict=True)
    }
    names, errors = ("GET /", "POST /login", "GET /page"), ("ConnectionRefusedError", "HTTPError: 401")
    facts = replace(facts, requests=replace(requests, names=names, errors=errors, **more))
    failure = RequestFailure("POST /login", "HTTPError: 401", 10, 10)
    assert judge_step(facts, SLOS).failures.at_start == (failure,)


# No request was answered


def make_all_failed(count: int, **changed: Any) -> StepFacts:
    """Return a step of ten users whose first requests all failed, and that has no others."""
    facts = make_closed_step(fails=lambda number: True, **changed)
    columns = {key: getattr(facts.requests, key)[:count] for key in ("start_s", "latency_s", "name", "error")}
    return replace(facts, requests=replace(facts.requests, **columns))


QUIT: dict[str, Any] = {
    "end_reason": EndReason.GENERATOR_DIED,
    "note": "locustfile.py:9 called runner.quit(), so Locust ended with exit code 0",
}
MISSING: dict[str, Any] = {
    "end_reason": EndReason.USERS_MISSING,
    "note": "10 users were not reached in time",
    "tasks": make_tasks(10, error=STOP),
}


@pytest.mark.parametrize("slos", [SLOS, SLOS[:1], [Slo("errors", 1.0)]])
@pytest.mark.parametrize(("count", "changed"), [(1, QUIT), (4, QUIT), (10, MISSING)])
def test_a_step_without_any_answer_names_the_failed_request_and_not_what_the_scenario_did_then(
    count: int, changed: dict[str, Any], slos: list[Slo]
) -> None:
    judgement = judge_step(make_all_failed(count, **changed), slos).judgement
    failure = RequestFailure("GET /", "ConnectionRefusedError", count, count)
    assert judgement.rule is Rule.ALL_FAILED
    assert judgement.evidence == EveryRequestFailed("ConnectionRefusedError", count, failure)


@pytest.mark.parametrize(
    ("slow_share", "changed", "rule"),
    [(0.2, QUIT, Rule.SLO_BROKEN), (0.04, QUIT, Rule.GENERATOR), (0.2, MISSING, Rule.USERS)],
)
def test_a_scenario_that_ends_locust_when_answers_are_slow_has_seen_a_failure(
    slow_share: float, changed: dict[str, Any], rule: Rule
) -> None:
    """A twentieth may take more than 1 s, some take 1.5 s. Users who stop themselves prove nothing."""
    slow = make_closed_step(latency=make_slow_share(slow_share), **changed)
    judgement = judge_step(slow, SLOS).judgement
    assert judgement.rule is rule
    if isinstance(judgement.evidence, SloBroken):
        assert judgement.evidence.evaluation.slo == SLOS[0]
        assert judgement.evidence.evaluation.value == pytest.approx(1.5)


def test_requests_that_wait_when_the_scenario_ends_locust_count_with_what_they_have_waited() -> None:
    """The step ends at 33 s. Thirty requests wait since 20 s, beside about 330 that took 0.1 s."""
    facts = make_closed_step(**QUIT)
    waiting = replace(
        facts.requests, unfinished_start_s=np.full(30, 20.0), unfinished_name=np.zeros(30, dtype=np.int32)
    )
    judgement = judge_step(replace(facts, requests=waiting), SLOS).judgement
    assert isinstance(judgement.evidence, SloBroken)
    assert judgement.evidence.evaluation.value == pytest.approx(13.0)


def test_users_that_have_not_asked_yet_may_be_answered() -> None:
    """Nine requests of ten users failed, and their users ended. The tenth has not asked."""
    assert judge_step(make_all_failed(9, **MISSING), SLOS[:1]).rule is Rule.USERS


def test_requests_of_an_earlier_step_are_not_those_of_this_one() -> None:
    """All ten requests began before 1 s. The ramp that begins at 5 s saw none of them."""
    facts = make_all_failed(10, **QUIT)
    assert judge_step(replace(facts, ramp_from_s=5.0), SLOS).rule is Rule.GENERATOR


def test_a_load_that_somebody_else_ended_says_nothing_of_the_target() -> None:
    killed = QUIT | {"note": "somebody sent it SIGTERM, so Locust ended with exit code 0"}
    assert judge_step(make_all_failed(4, **killed), SLOS).rule is Rule.GENERATOR
