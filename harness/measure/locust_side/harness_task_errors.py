"""Count the users' tasks, and the exceptions that end tasks or users.

Locust loads this file after `harness_plugin.py`, in every process. Counts go with the pages of facts. Equal
exceptions of one line are one kind, so that endless different messages need no memory.

This file imports nothing of the harness, because a worker on another host gets it alone, from the master.
"""

import contextlib
import functools
import itertools
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

import gevent
import locust
from locust.exception import StopUser
from locust.user.task import TaskSet

TASK, USER, STOP = "task", "user", "stop"
BAD_REPORT = "BadReport"
"""The type of what `harness_other_errors.py` counts of reports that can't be read; its text says it all."""

MAX_KINDS, OTHER_KINDS = 100, "(other exceptions)"
MAX_TEXT_CHARACTERS, MAX_PLACE_CHARACTERS = 200, 120
MAX_FRAMES, MAX_SPAWN_DEPTH = 200, 5
MEMORY_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
STOPPING = "stopping"
"""The state of a user that Locust asks to stop."""

STOPS = (StopUser, getattr(locust.exception, "StopTest", StopUser))

WAIT = TaskSet.wait.__code__

LIBRARY_FOLDERS = (
    *(sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    os.path.dirname(os.path.abspath(locust.__file__)) + os.sep,
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness_"),
)


class UserState:
    """What is known of a running user: its tasks, and whether requests of it have failed."""

    __slots__ = (
        "failed_at_start",
        "failed_in_task",
        "has_raised",
        "has_stopped",
        "in_task",
        "raises",
        "tasks",
    )

    def __init__(self) -> None:
        self.tasks = 0
        self.in_task = self.raises = self.has_raised = self.has_stopped = False
        self.failed_in_task = self.failed_at_start = False

    def record_failed_request(self) -> None:
        if self.in_task:
            self.failed_in_task = True
        else:
            self.failed_at_start = True


class TaskLog:
    """What was counted since the last page, and the states of the users by their greenlets' ids.

    `counts` are, by the number of a kind: exceptions, those after a failed request, tasks of ended users.
    """

    def __init__(self) -> None:
        self.harness: Any = None
        self.states: dict[int, UserState] = {}
        self.kinds: dict[tuple[str, str, str], int] = {}
        self.new_kinds: list[list[str]] = []
        self.counts: dict[int, list[int]] = {}
        self.ended = 0

    def add(self, origin: str, exception: BaseException, place: str, state: UserState | None) -> None:
        key = (origin, type(exception).__qualname__, place)
        number = self.kinds.get(key)
        if number is None:
            number = self.add_kind(key, exception)
        counts = self.counts.setdefault(number, [0, 0, 0])
        counts[0] += 1
        if state is not None:
            is_open = any(request.error for request in self.harness.find_lane().open)
            counts[1] += state.failed_in_task or state.failed_at_start or is_open
            counts[2] += state.tasks + state.in_task if origin in (USER, STOP) else 0

    def add_kind(self, key: tuple[str, str, str], exception: BaseException) -> int:
        """Return the number of a new kind. Once there are too many, new ones of an origin share a number."""
        is_full = len(self.kinds) >= MAX_KINDS
        if is_full:
            key = (key[0], OTHER_KINDS, "")
        if key not in self.kinds:
            self.kinds[key] = len(self.kinds)
            self.new_kinds.append([key[0], OTHER_KINDS if is_full else describe(exception), key[2]])
        return self.kinds[key]

    def take_page_part(self) -> dict[str, Any]:
        """Return what was counted since the last call, for the page of facts."""
        part = {
            "tasks": self.ended,
            "task_errors": [[number, *counts] for number, counts in self.counts.items()],
            "task_error_kinds": self.new_kinds,
        }
        self.ended, self.counts, self.new_kinds = 0, {}, []
        return part

    def find_state(self) -> UserState | None:
        """Return the state of the user that runs now, or that has started the greenlet that runs now."""
        greenlet = gevent.getcurrent()
        for _ in range(MAX_SPAWN_DEPTH):
            state = self.states.get(id(greenlet))
            find_spawner = getattr(greenlet, "spawning_greenlet", None)
            if state is not None or find_spawner is None:
                return state
            greenlet = find_spawner()
        return None


task_log = TaskLog()


def describe(exception: BaseException) -> str:
    """Return an exception's type and message on one line, without memory addresses."""
    try:
        message = " ".join(str(exception)[: 4 * MAX_TEXT_CHARACTERS].split())
    except Exception:
        message = ""
    name = type(exception).__qualname__
    if name == BAD_REPORT:
        return message[:MAX_TEXT_CHARACTERS]
    return MEMORY_ADDRESS.sub("0x…", f"{name}: {message}" if message else name)[:MAX_TEXT_CHARACTERS]


@functools.lru_cache(maxsize=1000)
def name_own_file(path: str) -> str:
    """Return how a file of the user's own is shown; "" for a file of Locust, of another library or of ours.

    It is relative to the working folder if it is below that; otherwise it is the bare name. Files that don't
    exist are those that a compiled library was made of.
    """
    full, folder = os.path.abspath(path), os.getcwd() + os.sep
    if path.startswith("<") or full.startswith(LIBRARY_FOLDERS) or re.search("(site|dist)-packages", full):
        return ""
    if not os.path.exists(full):
        return ""
    shown = full.removeprefix(folder) if full.startswith(folder) else os.path.basename(full)
    return shown[-MAX_PLACE_CHARACTERS:]


def name_line(frame: FrameType, line: int) -> str:
    """Return a frame's place, such as "locustfile.py:9"; "" if the code is not the user's own."""
    return "" if frame.f_globals.get("__name__") == "__main__" else name_code(frame.f_code, line)


def name_code(code: CodeType, line: int) -> str:
    """Return the place of a line of code; "" if the code is not the user's own."""
    name = name_own_file(code.co_filename)
    return f"{name}:{line}" if name else ""


def find_place(tb: TracebackType | None) -> str:
    """Return the innermost line of the user's own code in a traceback; "" if there is none."""
    frames = itertools.islice(traceback.walk_tb(tb), MAX_FRAMES)
    return next(filter(None, reversed([name_line(frame, line) for frame, line in frames])), "")


def name_wait(tb: TracebackType | None, user: Any) -> str:
    """Return whose `wait_time` raised an exception; "" if none did."""
    codes = (frame.f_code for frame, _ in itertools.islice(traceback.walk_tb(tb), MAX_FRAMES))
    return f"wait_time of {type(user).__name__}" if WAIT in codes else ""


def find_calling_frame() -> FrameType | None:
    """Return the innermost frame of the user's own code that led here; None if there is none."""
    frames = itertools.islice(traceback.walk_stack(sys._getframe(1)), MAX_FRAMES)
    return next((frame for frame, line in frames if name_line(frame, line)), None)


def find_calling_place() -> str:
    """Return the line of that frame; "" if there is none."""
    frame = find_calling_frame()
    return name_line(frame, frame.f_lineno) if frame else ""


def mark_once(exception: BaseException, mark: object) -> bool:
    """Return True, unless the exception has this mark already: Locust may report one more than once."""
    if getattr(exception, "_harness_mark", None) == mark:
        return False
    with contextlib.suppress(AttributeError, TypeError):
        exception._harness_mark = mark  # type: ignore[attr-defined]
    return True


# Tasks and users


def count_tasks(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the execution of a task. A nested task set is none: its own tasks are counted.

    Every task goes through this, so it must be cheap.
    """

    @functools.wraps(execute)
    def execute_and_count(self: Any) -> Any:
        state = self._user.harness_state
        queue = self._task_queue
        if state is None or (queue and isinstance(queue[0], type)):
            return execute(self)
        state.in_task = True
        if state.raises or state.has_raised or state.failed_in_task:
            state.raises = state.has_raised = state.failed_in_task = False
        try:
            return execute(self)
        except Exception:
            state.raises = True
            raise
        finally:
            state.in_task = False
            state.tasks += 1
            task_log.ended += 1

    return execute_and_count


def on_user_error(user_instance: Any, exception: BaseException, tb: TracebackType | None, **_: Any) -> None:
    """Count an exception that ended a task. `run_and_watch` counts those in `on_start`, which end a user."""
    if isinstance(user_instance, locust.User):
        return
    state = task_log.find_state()
    if not mark_once(exception, (id(state), state.tasks if state else 0)):
        return
    if state is None or not state.raises:
        task_log.ended += 1
    elif state.has_raised:
        return
    if state is not None:
        state.raises, state.has_raised = False, True
    place = find_place(tb) or name_wait(tb, getattr(user_instance, "user", None))
    task_log.add(TASK, exception, place, state)


def on_failed_request() -> None:
    state = task_log.find_state()
    if state is not None:
        state.record_failed_request()


def watch_users(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the whole life of a user, to know its state and what ends it."""

    @functools.wraps(run)
    def run_and_watch(self: Any) -> Any:
        key, state = id(gevent.getcurrent()), UserState()
        task_log.states[key] = self.harness_state = state
        self.on_start = watch_start(self, state, self.on_start)
        try:
            return run(self)
        except Exception as error:
            tb = error.__traceback__
            task_log.add(USER, error, find_place(tb) or name_wait(tb, self), state)
            mark_once(error, USER)
            raise
        finally:
            task_log.states.pop(key, None)

    return run_and_watch


def watch_start(user: Any, state: UserState, on_start: Callable[[], Any]) -> Callable[[], Any]:
    """Wrap a user's `on_start`: Locust does not tell that it stopped the user."""

    @functools.wraps(on_start)
    def start_and_watch() -> Any:
        try:
            return on_start()
        except STOPS as error:
            record_stop(user, state, error, find_place(error.__traceback__))
            raise

    return start_and_watch


def watch_task_sets(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a task set, to see when it stops its user."""

    @functools.wraps(run)
    def run_and_watch(self: Any) -> Any:
        try:
            return run(self)
        except (*STOPS, gevent.GreenletExit) as error:
            state, is_kill = task_log.find_state(), isinstance(error, gevent.GreenletExit)
            if state is not None and not (is_kill and is_from_outside(error)):
                record_stop(self.user, state, error, find_place(error.__traceback__))
            raise

    return run_and_watch


def is_from_outside(error: BaseException) -> bool:
    """Return True if a greenlet was killed, and False if the scenario itself has raised the exception."""
    frames = list(itertools.islice(traceback.walk_tb(error.__traceback__), MAX_FRAMES))
    return not frames or not name_line(*frames[-1])


def watch_stop(stop: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `User.stop`, which a user may call itself. Locust calls it to have fewer users."""

    @functools.wraps(stop)
    def stop_and_watch(self: Any, force: bool = False) -> Any:
        state = task_log.states.get(id(self._greenlet))
        if state is not None and (place := find_calling_place()):
            record_stop(self, state, StopUser("stop()"), place)
        return stop(self, force)

    return stop_and_watch


def record_stop(user: Any, state: UserState, error: BaseException, place: str) -> None:
    """Count a user that stops itself, once, and not if Locust stops it."""
    if state.has_stopped or user._state == STOPPING:
        return
    state.has_stopped = True
    task_log.add(STOP, error, place, state)


def on_init(environment: Any, **_: Any) -> None:
    harness = task_log.harness = environment.harness
    harness.task_log = task_log
    harness.page_parts.append(task_log.take_page_part)
    harness.on_failure.append(on_failed_request)
    harness.find_place, harness.name_code = find_place, name_code
    harness.find_calling_place = find_calling_place
    harness.find_calling_frame = find_calling_frame


locust.User.harness_state = None  # type: ignore[attr-defined]
TaskSet.execute_next_task = count_tasks(TaskSet.execute_next_task)  # type: ignore[method-assign]
TaskSet.run = watch_task_sets(TaskSet.run)  # type: ignore[method-assign, misc]
locust.User.run = watch_users(locust.User.run)  # type: ignore[method-assign, misc]
locust.User.stop = watch_stop(locust.User.stop)  # type: ignore[method-assign]
locust.events.user_error.add_listener(on_user_error)  # type: ignore[no-untyped-call]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
