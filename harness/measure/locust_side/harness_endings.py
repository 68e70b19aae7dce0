"""Say what in the scenario ends Locust: `runner.quit()`, `sys.exit()`, `os._exit()`, a signal, and the like.

A call that the scenario has only scheduled, as with `gevent.spawn_later(60, runner.quit)`, is named by the
line that has scheduled it. A function of the scenario that calls `runner.start()` drives the load by itself.
As with a load shape, this has no effect: the harness sets the number of users, and the function does not end
Locust either.

Locust loads this file after `harness_task_errors.py`, which finds the places. What ends Locust early becomes
one line on stderr that starts with `LOG_MARK`; the harness reads it in Locust's log. This file imports
nothing of the harness, because a worker on another host gets it alone, from the master.
"""

import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any

import gevent
import locust

LOG_MARK = "harness: "

SCHEDULING_FILES = ("threading.py", "harness_")
"""How the names of all files begin that lead to a scheduled call; the rest of the way is compiled code."""

ENDING_SIGNALS = ("SIGTERM", "SIGINT", "SIGKILL", "SIGQUIT", "SIGHUP", "SIGABRT")

OWN_PROCESS = os.getpid()

log: Any = None
driving: dict[CodeType, str] = {}
"""The scenario's functions that drive the load themselves, with the lines in which they do."""


def write_ending(text: str) -> None:
    """Write into Locust's log what ends Locust, and send what has been recorded until now."""
    sys.stderr.write(f"{LOG_MARK}{text}\n")
    if log is not None:
        log.report()


def record_exit(error: SystemExit, tb: TracebackType | None) -> None:
    place = log.find_place(tb)
    code = "" if error.code is None else f"{error.code!r:.80}"
    write_ending(f"{place or 'the scenario'} called sys.exit({code})")


def watch_fire(fire: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an event's `fire`: nothing tells which of its listeners has called `sys.exit`."""

    def fire_and_watch(**arguments: Any) -> Any:
        try:
            return fire(**arguments)
        except SystemExit as error:
            record_exit(error, error.__traceback__)
            raise

    return fire_and_watch


def watch_preparation(fire: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `fire` of `test_start`: no user starts before its listeners are done, however long they take."""

    def fire_and_note(**arguments: Any) -> Any:
        log.is_preparing = True
        try:
            return fire(**arguments)
        finally:
            log.is_preparing = False

    return fire_and_note


def watch_runner(runner: Any, name: str) -> None:
    """Wrap a method of the runner that ends the load, to say which line of the scenario calls it."""
    call = getattr(runner, name)

    def call_and_watch(*arguments: Any, **keywords: Any) -> Any:
        frame = log.find_calling_frame()
        if frame is not None and frame.f_code in driving:
            return None
        if place := log.find_calling_place() or find_scheduling_place():
            write_ending(f"{place} called runner.{name}()")
        return call(*arguments, **keywords)

    setattr(runner, name, call_and_watch)


def find_scheduling_place() -> str:
    """Return the line of the scenario that has scheduled the present call, in a greenlet or a timer.

    Return "" if a function of Locust's or of another library makes the call.
    """
    stack = traceback.walk_stack(sys._getframe(1))
    names = (os.path.basename(frame.f_code.co_filename) for frame, _ in stack)
    if not all(name.startswith(SCHEDULING_FILES) for name in names):
        return ""
    frame = getattr(gevent.getcurrent(), "spawning_stack", None)
    while frame is not None:
        if place := log.name_code(frame.f_code, frame.f_lineno):
            return str(place)
        frame = frame.f_back
    return ""


def watch_exit(exit_process: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `os._exit`, after which nothing else could tell the end. A child that was forked ends alone."""

    @functools.wraps(exit_process)
    def note_and_exit(*arguments: Any) -> Any:
        if os.getpid() == OWN_PROCESS and log is not None and (place := log.find_calling_place()):
            write_ending(f"{place} called os._exit({', '.join(map(repr, arguments))})")
        return exit_process(*arguments)

    return note_and_exit


def watch_kill(kill: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `os.kill`: Locust's log does not tell that the scenario has sent the signal that ends Locust."""

    @functools.wraps(kill)
    def note_and_kill(pid: int, number: int) -> Any:
        name = next((each for each in ENDING_SIGNALS if getattr(signal, each, None) == number), "")
        is_own = pid in (0, OWN_PROCESS) and os.getpid() == OWN_PROCESS
        if name and is_own and log is not None and (place := log.find_calling_place()):
            write_ending(f"{place} called os.kill(os.getpid(), {name})")
        return kill(pid, number)

    return note_and_kill


def keep_number_of_users(runner: Any) -> None:
    """Wrap `runner.start`, which only Locust itself may call."""
    start = runner.start

    def start_or_note(*arguments: Any, **keywords: Any) -> Any:
        frame = log.find_calling_frame()
        if frame is None:
            return start(*arguments, **keywords)
        if frame.f_code not in driving:
            driving[frame.f_code] = log.find_calling_place()
            log.tell(own_starts=list(driving.values()))
        return None

    runner.start = start_or_note


def on_init(environment: Any, **_: Any) -> None:
    global log
    log = environment.harness
    log.record_exit = record_exit
    watch_runner(environment.runner, "stop")
    watch_runner(environment.runner, "quit")
    keep_number_of_users(environment.runner)


process: Any = os
process._exit, process.kill = watch_exit(os._exit), watch_kill(os.kill)
started: Any = locust.events.test_start
started.fire = watch_preparation(watch_fire(started.fire))
locust.events.init.fire = watch_fire(locust.events.init.fire)  # type: ignore[method-assign]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
