"""What became of the users' tasks in a step: how many ended, and which exceptions were raised meanwhile."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorOrigin(StrEnum):
    """Where in the scenario an exception was raised, and what it ended."""

    TASK = "task"
    """It ended a task; the user went on with its next one."""
    USER = "user"
    """It ended a user, as an exception in `on_start` or `wait_time` does."""
    STOP = "stop"
    """It is no error: the user stopped itself, by StopUser or `stop()`."""
    GREENLET = "greenlet"
    """It ended a greenlet that the scenario had started."""
    LISTENER = "listener"
    """It was raised by a listener of an event, or by `on_stop`; nothing ended."""
    REPORT = "report"
    """It is no exception: the scenario reported a request with a response time that can't be read."""

    @property
    def ends_users(self) -> bool:
        """True if a user is gone after it."""
        return self in (ErrorOrigin.USER, ErrorOrigin.STOP)

    @property
    def ends_tasks(self) -> bool:
        """True if a task did not do what the scenario says."""
        return self in (ErrorOrigin.TASK, ErrorOrigin.GREENLET)


@dataclass(frozen=True, slots=True)
class TaskError:
    """A kind of exception: those of one type that the same line of the scenario raised, at the same origin.

    `text` is the type and the message of the first one, `place` the line, such as "locustfile.py:9"; it is
    the innermost line that belongs neither to Locust nor to another library, and empty if there is none.
    """

    origin: ErrorOrigin
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class TaskSample:
    """How many tasks of one Locust process ended since its sample before, twice a second."""

    at_s: float
    ended: int


@dataclass(frozen=True, slots=True)
class TaskErrorSample:
    """How often an exception was raised since the sample before; `error` indexes `TaskFacts.errors`.

    In `after_failure` of these `count` cases, a request of the same user had failed before: in the same task,
    or in `on_start`. The exception may then follow from the target's answer. `user_tasks` is how many tasks
    the users had ended that it ended; 0 if it ended none.
    """

    at_s: float
    error: int
    count: int
    after_failure: int = 0
    user_tasks: int = 0


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The tasks of a step. Without `samples` they were not counted, as by an older harness."""

    errors: tuple[TaskError, ...] = ()
    samples: tuple[TaskSample, ...] = ()
    error_samples: tuple[TaskErrorSample, ...] = ()
