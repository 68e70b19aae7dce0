"""Gather what Locust's processes report of their users' tasks, with one numbering of the exceptions."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from harness.model import ErrorOrigin, TaskError, TaskErrorSample, TaskFacts, TaskSample


class TaskBuffer:
    """The tasks of the pages that have arrived, until `take` returns them."""

    def __init__(self) -> None:
        self._numbers: dict[TaskError, int] = {}
        self._numbers_by_worker: dict[int, list[int]] = {}
        self._samples: list[TaskSample] = []
        self._error_samples: list[TaskErrorSample] = []

    def add(self, page: dict[str, Any], worker: int, at_s: float) -> None:
        """Add the tasks of a page, which ended at `at_s` on this host's clock; nothing if it has none."""
        if "tasks" not in page:
            return
        numbers = self._numbers_by_worker.setdefault(worker, [])
        for origin, text, place in page["task_error_kinds"]:
            error = TaskError(ErrorOrigin(origin), text, place)
            numbers.append(self._numbers.setdefault(error, len(self._numbers)))
        self._samples.append(TaskSample(at_s, page["tasks"]))
        self._error_samples += [
            TaskErrorSample(at_s, numbers[number], *counts) for number, *counts in page["task_errors"]
        ]

    def take(self) -> TaskFacts:
        """Return all tasks since the last call; their `errors` are all of this generator so far."""
        samples, self._samples = self._samples, []
        error_samples, self._error_samples = self._error_samples, []
        return TaskFacts(tuple(self._numbers), tuple(samples), tuple(error_samples))


def concat_tasks(parts: Iterable[TaskFacts], start_s: float) -> TaskFacts:
    """Concatenate the tasks of successive polls of one generator; instants count from `start_s`.

    Exceptions are those of the newest part, which contain all earlier ones.
    """
    counted = [part for part in parts if part.samples]
    if not counted:
        return TaskFacts()
    return TaskFacts(
        counted[-1].errors,
        tuple(replace(each, at_s=each.at_s - start_s) for part in counted for each in part.samples),
        tuple(replace(each, at_s=each.at_s - start_s) for part in counted for each in part.error_samples),
    )
