"""Tasks of several processes become those of one generator, with one numbering of the exceptions."""

from typing import Any

from harness.measure.locust.task_pages import TaskBuffer, concat_tasks
from harness.model import ErrorOrigin, TaskError, TaskErrorSample, TaskFacts, TaskSample

KEY_ERROR, STOP = ["task", "KeyError: 'rows'", "locustfile.py:9"], ["stop", "StopUser", "locustfile.py:4"]


def build_page(tasks: int, kinds: list[list[str]], counts: list[list[int]]) -> dict[str, Any]:
    return {"tasks": tasks, "task_error_kinds": kinds, "task_errors": counts}


def test_each_process_has_numbers_of_its_own_for_its_exceptions() -> None:
    buffer = TaskBuffer()
    buffer.add(build_page(4, [KEY_ERROR], [[0, 2, 1, 0]]), 1, 10.0)
    buffer.add(build_page(5, [STOP, KEY_ERROR], [[0, 1, 0, 7], [1, 3, 0, 0]]), 2, 10.1)
    buffer.add(build_page(6, [], [[0, 1, 0, 2]]), 2, 10.6)
    buffer.add({}, 0, 10.7)
    assert buffer.take() == TaskFacts(
        (
            TaskError(ErrorOrigin.TASK, "KeyError: 'rows'", "locustfile.py:9"),
            TaskError(ErrorOrigin.STOP, "StopUser", "locustfile.py:4"),
        ),
        (TaskSample(10.0, 4), TaskSample(10.1, 5), TaskSample(10.6, 6)),
        (
            TaskErrorSample(10.0, 0, 2, 1, 0),
            TaskErrorSample(10.1, 1, 1, 0, 7),
            TaskErrorSample(10.1, 0, 3, 0, 0),
            TaskErrorSample(10.6, 1, 1, 0, 2),
        ),
    )
    assert buffer.take().samples == ()


def test_successive_polls_are_one_series_on_the_steps_clock() -> None:
    buffer = TaskBuffer()
    buffer.add(build_page(4, [], []), 0, 10.0)
    first = buffer.take()
    buffer.add(build_page(5, [KEY_ERROR], [[0, 2, 0, 0]]), 0, 10.5)
    tasks = concat_tasks([first, TaskFacts(), buffer.take()], start_s=9.0)
    assert [(sample.at_s, sample.ended) for sample in tasks.samples] == [(1.0, 4), (1.5, 5)]
    assert tasks.error_samples == (TaskErrorSample(1.5, 0, 2),)
    assert [error.place for error in tasks.errors] == ["locustfile.py:9"]
    assert concat_tasks([TaskFacts()], 0.0) == TaskFacts()
