"""Count what goes wrong in the scenario without ending a task or a user, and reports that can't be read.

That is exceptions in listeners of events, in greenlets and in threads. A report of the scenario's own has a
response time in milliseconds, which is neither negative nor longer than the load has lasted. Others tell
nothing of the target, so they are counted instead of recorded.

Locust loads this file after `harness_task_errors.py`, which keeps the counts. This file imports nothing of
the harness, because a worker on another host gets it alone, from the master.
"""

import contextlib
import itertools
import logging
import math
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

import gevent
import locust
from locust.runners import Runner

GREENLET, LISTENER, REPORT = "greenlet", "listener", "report"
MAX_FRAMES = 200
MAX_VALUE_CHARACTERS = 40
TOLERANCE_S = 1.0
"""By how much a report may be older than the load: it may be about something from just before."""

CREATION = Runner.spawn_users.__code__

log: Any = None


class BadReport(ValueError):
    """A report of the scenario's own that can't be read."""


class ListenerErrors(logging.Handler):
    """Counts exceptions in listeners of events and in `on_stop`, which Locust only logs."""

    def emit(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if error is None or not str(record.msg).startswith("Uncaught exception in "):
            return
        if place := log.find_place(error.__traceback__):
            log.task_log.add(LISTENER, error, place, None)


def watch_greenlets(handle_error: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap gevent's handler of exceptions that end a greenlet, which must not raise one."""

    def handle_and_watch(context: Any, kind: Any, value: Any, tb: Any) -> Any:
        with contextlib.suppress(Exception):
            record_greenlet_error(value, tb)
        return handle_error(context, kind, value, tb)

    return handle_and_watch


def watch_threads(handle_error: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap Python's handler of exceptions that end a thread, which must not raise one."""

    def handle_and_watch(arguments: Any) -> Any:
        with contextlib.suppress(Exception):
            if not isinstance(arguments.exc_value, SystemExit):  # it ends the thread alone
                record_greenlet_error(arguments.exc_value, arguments.exc_traceback)
        return handle_error(arguments)

    return handle_and_watch


def record_greenlet_error(error: object, tb: TracebackType | None) -> None:
    """Count an exception that ended a greenlet or thread of the scenario's, or say that it ends Locust.

    So is one that Locust meets while it creates users, such as an `__init__` without arguments.
    """
    if isinstance(error, SystemExit):
        log.record_exit(error, tb)
    elif isinstance(error, Exception) and getattr(error, "_harness_mark", None) is None:
        state, place = log.task_log.find_state(), log.find_place(tb)
        if state is not None and not state.has_raised:
            state.has_raised = True
            log.task_log.add(GREENLET, error, place, state)
        elif state is None and (place or is_creating_users(tb)):
            log.task_log.add(GREENLET, error, place, None)


def is_creating_users(tb: TracebackType | None) -> bool:
    frames = itertools.islice(traceback.walk_tb(tb), MAX_FRAMES)
    return any(frame.f_code is CREATION for frame, _ in frames)


def read_report_s(name: str, response_time: Any, is_failed: bool, now_s: float) -> float | None:
    """Return the response time of a report in seconds; None if it can't be read, which is counted.

    A failed request counts without a time that can be read, because the time of none of them is judged.
    """
    try:
        latency_s = float(response_time or 0.0) / 1000
    except (TypeError, ValueError):
        latency_s = math.nan
    longest_s = math.inf if log.begun_s is None else now_s - log.begun_s + TOLERANCE_S
    if 0.0 <= latency_s <= longest_s and latency_s < math.inf:
        return latency_s
    if is_failed:
        return 0.0
    value = f"{response_time!r}"[:MAX_VALUE_CHARACTERS]
    age = ", which is longer than the load has lasted" if latency_s > longest_s else ""
    error = BadReport(f"{name} with a response time of {value}{age}")
    log.task_log.add(REPORT, error, log.find_calling_place(), None)
    return None


def on_init(environment: Any, **_: Any) -> None:
    global log
    log = environment.harness
    log.read_report_s = read_report_s
    logging.getLogger().addHandler(ListenerErrors())
    threading.excepthook = watch_threads(threading.excepthook)
    hub = gevent.get_hub()
    hub.handle_error = watch_greenlets(hub.handle_error)  # type: ignore[method-assign]


locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
