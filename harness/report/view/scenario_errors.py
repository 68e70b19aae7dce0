"""Put into words which exceptions the scenario raised, what they ended, and what would help."""

import re
from collections.abc import Iterable

from harness.model import ErrorOrigin, RequestFailure, StepResult, TaskError, TaskUse, Verdict
from harness.model.task_evidence import (
    NothingAsked,
    ReportsUnread,
    TaskEvidence,
    TasksRaised,
    TasksSpin,
    UserEnds,
    UsersIdle,
    UsersLost,
)
from harness.report.view.failures import describe_failure
from harness.report.view.text import (
    clean_text,
    format_count,
    format_limit,
    format_number,
    format_ratio,
    format_seconds,
    format_times,
)

_WARNED_FROM_RATIO = 0.001
"""A smaller share of tasks is named in the report, but no warning."""

_EXPLANATION = "users did less than the scenario says"
_ENDS_THE_LOAD = re.compile(r" called (?:runner\.(?:quit|stop)|sys\.exit|os\.(?:_exit|kill))\(")


def name_error(error: TaskError) -> str:
    """Return an exception with its line: "KeyError: 'rows' (locustfile.py:9)"."""
    return f"{error.text} ({error.place})" if error.place else error.text


def explain_task_evidence(evidence: TaskEvidence) -> str:
    """Return what the scenario's tasks and users did that gave a step its verdict, and a remedy."""
    match evidence:
        case UsersLost():
            return explain_lost_users(evidence)
        case TasksRaised():
            return explain_raised_tasks(evidence)
        case ReportsUnread(tasks, reports, allowed_ratio):
            share = format_ratio(tasks.unread / max(1, reports))
            return (
                f"{_describe_unread(tasks, share)}, so their requests are "
                f"in no number ({format_limit(allowed_ratio)} or more make a step invalid); "
                "report milliseconds, from 0 on"
            )
        case UsersIdle(count, users, failure):
            return (
                f"{count} of {users} users asked for nothing in the window, after a failed request "
                f"({describe_failure(failure)}), so {_EXPLANATION}; let such users try again"
            )
        case TasksSpin(ended, requests):
            return (
                f"Locust was busy with {format_count(ended)} tasks, which made {format_count(requests)} "
                "requests; let a task that asks for nothing pause, by a wait_time"
            )
        case NothingAsked(error, pause_s):
            return f"no request started within the window; {_explain_silence(error, pause_s)}"


def _explain_silence(error: TaskError | None, pause_s: float | None) -> str:
    if error is not None:
        return f"a listener of the scenario raised {name_error(error)}; mend the locustfile"
    return (
        f"users pause for {format_seconds(pause_s or 0.0, 0)} at a time, and wait_time is in seconds; "
        "let them pause less, or allow a longer window"
    )


def _describe_unread(tasks: TaskUse, share: str) -> str:
    error = name_error(tasks.unread_error) if tasks.unread_error else "reports without a time"
    return f"{share} of the reports of requests can't be read, most often {error}"


def explain_raised_tasks(evidence: TasksRaised) -> str:
    """Return that too many tasks ended in exceptions, with the share, the commonest one and a remedy."""
    tasks = evidence.tasks
    allowed = f"{format_limit(evidence.allowed_ratio)} or more make a step invalid"
    return f"{_describe_unexplained(tasks)}, so {_EXPLANATION} ({allowed}); {_suggest_for_error(tasks.error)}"


def _suggest_for_error(error: TaskError | None) -> str:
    """Return what to do about an exception: wrong answers belong to the requests, if the scenario says so."""
    if error is not None and error.text.startswith("AssertionError"):
        return (
            "if the answer was wrong, let its request fail: response.failure() in a block "
            "`with self.client.get(..., catch_response=True) as response:`"
        )
    return "mend the locustfile"


def suggest_for_ending(note: str) -> str:
    """Return where to look after a load has ended early, and what to do if the scenario has ended it."""
    if _ENDS_THE_LOAD.search(note):
        return (
            "see in Locust's log, in the cell's folder, why it does, or remove this call: "
            "the harness ends the load"
        )
    return "Locust's log is in the cell's folder"


def _describe_unexplained(tasks: TaskUse) -> str:
    error = name_error(tasks.error) if tasks.error else "exceptions"
    is_one_kind = tasks.error_count >= tasks.unexplained_count
    often = "" if is_one_kind else f", most often in {error}"
    return (
        f"{format_ratio(tasks.unexplained_ratio)} of the tasks "
        f"ended in {error if is_one_kind else 'exceptions'}{often}"
    )


def describe_raised_tasks(tasks: TaskUse) -> str:
    """Return which share of a window's tasks ended in exceptions, for a step's reason; empty if none did."""
    parts = [_describe_unexplained(tasks)] if tasks.unexplained_count else []
    if tasks.after_failure:
        ratio = format_ratio(tasks.after_failure / max(tasks.ended, tasks.raised))
        parts.append(f"{ratio} of the tasks ended in an exception after a failed request")
    if tasks.unread:
        parts.append(_describe_unread(tasks, format_count(tasks.unread)))
    if tasks.other_error is not None:
        parts.append(f"a listener of the scenario raised {name_error(tasks.other_error)}")
    return "; ".join(parts)


def explain_lost_users(evidence: UsersLost) -> str:
    """Return how many users were alive, what ended the others, and a remedy."""
    lost = f"only {evidence.alive} of {evidence.expected} users were alive"
    ends = evidence.ends
    if ends is None:
        return f"{lost}; look for StopUser or exceptions in the locustfile"
    cause, remedy = _explain_ends(ends)
    return f"{lost}: {cause}; {remedy}"


def _explain_ends(ends: UserEnds) -> tuple[str, str]:
    """Return what ended the users, and a remedy."""
    error, times = name_error(ends.error), _count_ends(ends)
    if ends.error.origin is ErrorOrigin.GREENLET:
        return f"the scenario raised {error}", "mend the locustfile"
    after = f"after {_count_tasks(ends)}"
    if 2 * ends.after_failure > ends.count:
        after += ", mostly after a failed request"
    if ends.error.origin is ErrorOrigin.STOP:
        remedy = "no other takes its place, so let users go on for as long as the load lasts"
        return f"{times} a user stopped itself with {error} {after}", remedy
    return f"{times} a user ended in {error} {after}", "mend the locustfile"


def _count_ends(ends: UserEnds) -> str:
    if ends.error_count < ends.count:
        return f"{ends.error_count} of {ends.count} times"
    return format_times(ends.count)


def _count_tasks(ends: UserEnds) -> str:
    if not ends.tasks_each:
        return "no task"
    number = format_number(ends.tasks_each, 0 if ends.tasks_each == round(ends.tasks_each) else 1)
    return f"{number} task" if number == "1" else f"{number} tasks"


def find_worst_tasks(steps: Iterable[StepResult]) -> TaskUse | None:
    """Return the tasks of the step with the largest share of unexplained exceptions; None without tasks."""
    counted = [step.tasks for step in steps if step.tasks.unexplained_ratio is not None]
    return max(counted, key=lambda tasks: tasks.unexplained_ratio or 0.0, default=None)


def warn_of_raised_tasks(steps: Iterable[StepResult]) -> str:
    """Return a warning of exceptions in steps that passed; empty if there is none to be worth it."""
    passed = [step for step in steps if step.verdict is Verdict.PASS]
    tasks = find_worst_tasks(passed)
    other = next((step.tasks.other_error for step in passed if step.tasks.other_error), None)
    sentences = []
    if tasks is not None and (tasks.unexplained_ratio or 0.0) >= _WARNED_FROM_RATIO:
        sentences.append(f"Up to {_describe_unexplained(tasks)}: {_EXPLANATION}.")
    unread = max((step.tasks for step in passed), key=lambda tasks: tasks.unread, default=TaskUse())
    if unread.unread:
        sentences.append(f"{_describe_unread(unread, f'Up to {format_count(unread.unread)}')}.")
    if other is not None:
        sentences.append(f"A listener of the scenario raised {name_error(other)}.")
    return clean_text(" ".join(sentences))


def warn_of_failures_at_start(steps: Iterable[StepResult]) -> tuple[str, ...]:
    """Return a warning of each request name that only failed, before the windows of steps that passed."""
    passed = [step for step in steps if step.verdict is Verdict.PASS]
    answered = {stats.name for step in passed for stats in step.by_name}
    worst: dict[str, RequestFailure] = {}
    for failure in (failure for step in passed for failure in step.failures.at_start):
        if failure.name not in answered and failure.count > getattr(worst.get(failure.name), "count", 0):
            worst[failure.name] = failure
    return tuple(
        f"All of these requests failed, before the window began ({describe_failure(failure)}): "
        f"{_EXPLANATION} if they need an answer."
        for failure in worst.values()
    )
