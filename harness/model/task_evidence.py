"""What exceptions in the scenario did to a step's tasks and users."""

from dataclasses import dataclass

from harness.model.failures import RequestFailure
from harness.model.task_facts import TaskError


@dataclass(frozen=True, slots=True)
class TaskUse:
    """The tasks of a window: how many ended, and how many of them by an exception.

    In `after_failure` of the `raised`, a request had failed before, so the exception may follow from the
    target's answer. `error` is the most frequent exception of the others (of all if there are no others),
    `error_count` its number; it is None if none was raised. `other_error` is the most frequent exception that
    ended neither a task nor a user, such as one in a listener of an event, since the step began. `unread` is
    how many reports of requests had no response time that can be read, `unread_error` the most frequent one.
    """

    ended: int = 0
    raised: int = 0
    after_failure: int = 0
    error: TaskError | None = None
    error_count: int = 0
    other_error: TaskError | None = None
    unread: int = 0
    unread_error: TaskError | None = None

    @property
    def unexplained_count(self) -> int:
        """Number of tasks that ended in an exception although no request had failed before."""
        return self.raised - self.after_failure

    @property
    def unexplained_ratio(self) -> float | None:
        """Share of tasks that ended in an exception although no request had failed; None without tasks."""
        ended = max(self.ended, self.raised)
        return self.unexplained_count / ended if ended else None


@dataclass(frozen=True, slots=True)
class TasksRaised:
    """Tasks that ended in exceptions, so that the users did less than the scenario says."""

    tasks: TaskUse
    allowed_ratio: float


@dataclass(frozen=True, slots=True)
class UserEnds:
    """Users that ended by themselves in a step: `count` in all, most often by `error` (`error_count` times).

    In `after_failure` cases a request of the user had failed before, in `on_start` or in its last task.
    `tasks_each` is the mean number of tasks that a user had ended when `error` ended it.
    """

    count: int
    error: TaskError
    error_count: int
    after_failure: int
    tasks_each: float


@dataclass(frozen=True, slots=True)
class UsersLost:
    """Users that are missing: `alive` is the lowest number of users, `expected` the step's number.

    `ends` says what ended them, if it was seen.
    """

    alive: int
    expected: int
    ends: UserEnds | None = None


@dataclass(frozen=True, slots=True)
class ReportsUnread:
    """Reports of requests without a response time that can be read, of the window's `reports` in all."""

    tasks: TaskUse
    reports: int
    allowed_ratio: float


@dataclass(frozen=True, slots=True)
class UsersIdle:
    """Users that went on with their tasks, but asked for nothing in the window after a request had failed.

    `failure` is the most frequent one of these requests.
    """

    count: int
    users: int
    failure: RequestFailure


@dataclass(frozen=True, slots=True)
class TasksSpin:
    """Tasks that ended without asking for anything, so often that Locust was busy with them alone."""

    ended: int
    requests: int


@dataclass(frozen=True, slots=True)
class NothingAsked:
    """Why no request started within the window, if none failed before.

    Either an exception that ended no task, such as one of a listener that prepares the test, or pauses of
    `pause_s` that lasted through the whole window.
    """

    error: TaskError | None = None
    pause_s: float | None = None


TaskEvidence = UsersLost | TasksRaised | ReportsUnread | UsersIdle | TasksSpin | NothingAsked
"""The evidence for verdicts on what the scenario's tasks and users did."""
