"""Judge whether the users did what the scenario says: a task that ends in an exception leaves out its rest.

An exception after a failed request of the same user may follow from the target's answer. So it is never held
against the scenario, and users that end so are held against the target.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.search.capacity_estimate import compute_allowed_slow_share
from harness.analyse.step.window import Window, find_percentile_s
from harness.model import (
    ANSWERED,
    EndReason,
    ErrorOrigin,
    IndicatorKind,
    Judgement,
    Rule,
    Slo,
    StepFacts,
    TaskError,
    TaskErrorSample,
    TaskUse,
    Verdict,
    count_failures,
    find_commonest_failure,
)
from harness.model.evidence import EndedStep, EveryRequestFailed, NoRequests, SloBroken, SloEvaluation
from harness.model.task_evidence import (
    NothingAsked,
    ReportsUnread,
    TasksRaised,
    TasksSpin,
    UserEnds,
    UsersIdle,
    UsersLost,
)

_RAISED_BELOW = 0.05
"""From this share of the tasks on, a step is invalid. Users may then do 5 % less than the scenario says, and
so their number may be wrong by as much: the default precision of a capacity.
"""

_RAISED_AT_LEAST = 2
"""A single exception in a window is no share that could be trusted."""

_SPIN_FROM = 10
"""From so many tasks for each request on, tasks begin and end without asking for anything."""

_ENDED_ITSELF = re.compile(
    r"called (runner\.(quit|stop)|sys\.exit|os\.(_exit|kill))\(|the scenario stopped the test \("
)
"""What the note of a step says if the scenario itself has ended Locust (see `measure/locust/ending.py`)."""

_OWN_LINE = re.compile(r"\.py:[0-9]+\b")
"""A line of the scenario's, which a note names if it has ended Locust."""


def summarize_tasks(facts: StepFacts, from_s: float, to_s: float) -> TaskUse:
    """Return what became of the tasks that ended in (from_s, to_s], by samples of half a second.

    Exceptions that ended none count since the step began: the listeners of `test_start` prepare its window.
    """
    tasks = facts.tasks
    ended = sum(sample.ended for sample in tasks.samples if from_s < sample.at_s <= to_s)
    inside = [sample for sample in tasks.error_samples if from_s < sample.at_s <= to_s]
    raised = [sample for sample in inside if tasks.errors[sample.error].origin.ends_tasks]
    since = [sample for sample in tasks.error_samples if sample.at_s <= to_s]
    others = [sample for sample in since if tasks.errors[sample.error].origin is ErrorOrigin.LISTENER]
    unread = [sample for sample in inside if tasks.errors[sample.error].origin is ErrorOrigin.REPORT]
    unexplained = {error: count - after for error, (count, after) in _count(raised).items() if count > after}
    error = _find_most_frequent(facts, unexplained or {e: count for e, (count, _) in _count(raised).items()})
    other = _find_most_frequent(facts, {e: count for e, (count, _) in _count(others).items()})
    return TaskUse(
        ended=ended,
        raised=sum(sample.count for sample in raised),
        after_failure=sum(sample.after_failure for sample in raised),
        error=error[0],
        error_count=error[1],
        other_error=other[0],
        unread=sum(sample.count for sample in unread),
        unread_error=_find_most_frequent(facts, {e: count for e, (count, _) in _count(unread).items()})[0],
    )


def _count(samples: Iterable[TaskErrorSample]) -> dict[int, tuple[int, int]]:
    """Return how often each exception was raised, and how often of these after a failed request."""
    counts: dict[int, tuple[int, int]] = {}
    for sample in samples:
        count, after = counts.get(sample.error, (0, 0))
        counts[sample.error] = (count + sample.count, after + sample.after_failure)
    return counts


def _find_most_frequent(facts: StepFacts, counts: dict[int, int]) -> tuple[TaskError | None, int]:
    if not counts:
        return None, 0
    error = max(counts, key=lambda number: (counts[number], -number))
    return facts.tasks.errors[error], counts[error]


def check_scenario_errors(facts: StepFacts, window: Window | None) -> Judgement | None:
    """Return that too many tasks of the window ended in exceptions; None if not, or if they were not counted.

    Exceptions after a failed request do not count. Nor may too many reports of requests be unreadable: their
    requests are in no number.
    """
    if window is None:
        return None
    tasks = summarize_tasks(facts, window.from_s, window.to_s)
    reports = tasks.unread + len(window.start_s)
    if tasks.unread >= max(_RAISED_AT_LEAST, _RAISED_BELOW * reports):
        return Judgement(Rule.SCENARIO_ERRORS, ReportsUnread(tasks, reports, _RAISED_BELOW))
    ratio = tasks.unexplained_ratio
    if ratio is None or ratio < _RAISED_BELOW or tasks.unexplained_count < _RAISED_AT_LEAST:
        return None
    return Judgement(Rule.SCENARIO_ERRORS, TasksRaised(tasks, _RAISED_BELOW))


def does_failure_stand(judgement: Judgement, *, has_baseline: bool) -> bool:
    """Return True if a failure stands although too many tasks ended in exceptions.

    It does if requests failed too often, because answers that are missing raise exceptions. It also does if
    there is a baseline: a step with so many exceptions gives none, so they came with the load.
    """
    if judgement.verdict is not Verdict.FAIL:
        return False
    slo = judgement.broken_slo
    is_about_errors = slo is not None and slo.kind in (IndicatorKind.ERRORS, IndicatorKind.ADDED_ERRORS)
    return has_baseline or slo is None or is_about_errors


def is_scenarios_fault(judgement: Judgement) -> bool:
    """Return True if the scenario made a step invalid, so that a better generator or host would not help."""
    evidence = judgement.evidence
    if isinstance(evidence, UsersIdle | TasksSpin):
        return True
    if isinstance(evidence, UsersLost):
        return evidence.ends is not None
    if isinstance(evidence, EndedStep):
        first_line = evidence.note.partition("\n")[0]
        return judgement.rule is Rule.GENERATOR and bool(_OWN_LINE.search(first_line))
    return judgement.rule in (Rule.UNREPORTED, Rule.SCENARIO_ERRORS, Rule.NOT_ASKED)


def explain_silence(facts: StepFacts, window: Window | None) -> Judgement:
    """Return that no request started within the window, and why.

    Requests failed before, or an exception ended no task, as in a listener that prepares the test, or the
    users pause for longer than the window. It may be known of none of these.
    """
    failure = find_commonest_failure(facts.requests)
    if failure is not None or window is None:
        return Judgement(Rule.NO_DATA, NoRequests(failure))
    error = summarize_tasks(facts, window.from_s, window.to_s).other_error
    if error is not None:
        return Judgement(Rule.NO_DATA, NothingAsked(error=error))
    thinks = facts.thinks
    covers = (thinks.start_s <= window.from_s) & (thinks.start_s + thinks.planned_s >= window.to_s)
    if 2 * int(covers.sum()) < window.users:
        return Judgement(Rule.NO_DATA, NoRequests())
    return Judgement(Rule.NO_DATA, NothingAsked(pause_s=float(np.median(thinks.planned_s[covers]))))


def summarize_user_ends(facts: StepFacts) -> UserEnds | None:
    """Return what ended users since the ramp began; None if none ended by itself.

    Where no user has ended, an exception in a greenlet of the scenario may have kept users from starting.
    """
    tasks = facts.tasks
    since = [sample for sample in tasks.error_samples if sample.at_s >= facts.ramp_from_s]
    ended = [sample for sample in since if tasks.errors[sample.error].origin.ends_users]
    ended = ended or [sample for sample in since if tasks.errors[sample.error].origin is ErrorOrigin.GREENLET]
    error, count = _find_most_frequent(facts, {e: count for e, (count, _) in _count(ended).items()})
    if error is None:
        return None
    user_tasks = sum(sample.user_tasks for sample in ended if tasks.errors[sample.error] == error)
    return UserEnds(
        count=sum(sample.count for sample in ended),
        error=error,
        error_count=count,
        after_failure=sum(sample.after_failure for sample in ended),
        tasks_each=user_tasks / count,
    )


def blame_others(
    invalid: Judgement, facts: StepFacts, window: Window | None, slos: Sequence[Slo]
) -> Judgement | None:
    """Return what truly has made a step invalid: failed requests, or the scenario; None if neither has."""
    return _blame_failed_requests(invalid, facts, slos) or _blame_scenario(invalid, facts, window)


def _blame_scenario(invalid: Judgement, facts: StepFacts, window: Window | None) -> Judgement | None:
    """Return that the scenario kept Locust too busy for its users; None if it did not.

    Tasks that end at once, in an exception or without asking for anything, begin again at once if no pause
    follows them.
    """
    if invalid.rule not in (Rule.GENERATOR_CPU, Rule.LOOP_LAG):
        return None
    if window is None:
        is_over = facts.end_reason is EndReason.ALL_FAILED
        return _check_every_request(facts, 1) if is_over and _do_tasks_spin(facts) else None
    if (raised := check_scenario_errors(facts, window)) is not None:
        return raised
    if len(window.start_s) == 0 and find_commonest_failure(facts.requests) is not None:
        return explain_silence(facts, window)
    tasks = summarize_tasks(facts, window.from_s, window.to_s)
    if invalid.rule is not Rule.GENERATOR_CPU or tasks.ended < _SPIN_FROM * max(1, len(window.start_s)):
        return None
    return Judgement(Rule.GENERATOR_CPU, TasksSpin(tasks.ended, len(window.start_s)))


def _do_tasks_spin(facts: StepFacts) -> bool:
    """Return True if far more tasks than requests ended since the ramp began."""
    ended = summarize_tasks(facts, facts.ramp_from_s, facts.ended_s).ended
    return ended >= _SPIN_FROM * max(1, int((facts.requests.start_s >= facts.ramp_from_s).sum()))


def _blame_failed_requests(invalid: Judgement, facts: StepFacts, slos: Sequence[Slo]) -> Judgement | None:
    """Return that requests failed too often, if this is why users are missing, or Locust; None if it is not.

    If no request was answered since the ramp began, this is the reason, whatever the SLOs are. Otherwise
    users that end after a failed request, at a load at which more requests fail than an SLO allows, are lost
    to the target: the step then fails by that SLO, judged on all its requests from the ramp on. So does one
    whose scenario ends Locust, as some do when too many requests fail or are slow.
    """
    has_quit = _has_scenario_ended_locust(facts)
    if not has_quit and not isinstance(invalid.evidence, UsersLost):
        return None
    if (all_failed := _check_every_request(facts, 1 if has_quit else facts.users)) is not None:
        return all_failed
    if not (has_quit or _are_users_lost(invalid)):
        return None
    for slo in slos:
        is_judged = slo.kind is IndicatorKind.ERRORS or (has_quit and slo.kind is IndicatorKind.PERCENTILE)
        broken = _find_broken_since_ramp(facts, slo) if is_judged and slo.request_name is None else None
        if broken is not None:
            return Judgement(Rule.SLO_BROKEN, SloBroken(broken))
    return None


def _find_broken_since_ramp(facts: StepFacts, slo: Slo) -> SloEvaluation | None:
    """Return that an SLO on errors or on a percentile is surely broken by all requests since the ramp began.

    Unanswered requests count for a percentile with the time that they have waited. None if it may hold.
    """
    requests = facts.requests
    since, waiting = (each >= facts.ramp_from_s for each in (requests.start_s, requests.unfinished_start_s))
    failed = requests.error[since] != ANSWERED
    if slo.kind is IndicatorKind.ERRORS:
        bad, allowed, value = failed, slo.at_most, float(failed.mean()) if len(failed) else 0.0
    else:
        waited_s = facts.ended_s - requests.unfinished_start_s[waiting]
        good_s = np.concatenate([requests.latency_s[since][~failed], waited_s])
        bad, allowed = good_s > slo.at_most, compute_allowed_slow_share(slo)
        value = find_percentile_s(good_s, 100 * (1 - allowed)) or 0.0
    if len(bad) == 0 or compute_wilson_interval(float(bad.mean()), len(bad))[0] <= allowed:
        return None
    return SloEvaluation(slo, value, holds=False, is_settled=True)


def _check_every_request(facts: StepFacts, at_least: int) -> Judgement | None:
    """Return that every request since the ramp began has failed; None if one was answered.

    None also if they are fewer than `at_least`: then some users may not have asked for anything yet.
    """
    requests = facts.requests
    since = requests.start_s >= facts.ramp_from_s
    if int(since.sum()) < at_least or bool((requests.error[since] == ANSWERED).any()):
        return None
    failure = count_failures(requests, since)[0]
    return Judgement(Rule.ALL_FAILED, EveryRequestFailed(failure.error, failure.count, failure))


def _are_users_lost(invalid: Judgement) -> bool:
    """Return True if most of the users that are missing ended after a failed request."""
    ends = invalid.evidence.ends if isinstance(invalid.evidence, UsersLost) else None
    return ends is not None and 2 * ends.after_failure > ends.count


def _has_scenario_ended_locust(facts: StepFacts) -> bool:
    is_over = facts.end_reason is EndReason.GENERATOR_DIED
    return is_over and bool(_ENDED_ITSELF.search(facts.note.partition("\n")[0]))
