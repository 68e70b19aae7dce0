"""Runs inside Locust, given first on its command line: takes "hold N users" and streams facts back.

It talks JSON lines over the socket that it inherits as file descriptor `HARNESS_FD`. In: `{"hold": users,
"rate": per second}`, `{"close": true}`, `{"quit": true}`. Out: `{"hello": …}` once, `{"facts": …}` twice a
second and when asked to close a step. When the other end is gone, so is this process: no load outlives the
harness. A worker has no such socket: `harness_worker_relay.py`, given second, takes its facts to the master.

It is stand-alone on purpose: it is run by path beside the user's own locustfile.
"""

import base64
import contextlib
import ctypes
import functools
import json
import os
import re
import signal
import socket
import time
from array import array
from collections.abc import Callable
from typing import Any

import gevent
import gevent.queue
import locust
import psutil
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import MasterRunner, WorkerRunner
from locust.user.task import TaskSet

REPORT_EVERY_S = 0.5
LAG_EVERY_S = 0.05
CLOCK_SET_S = 5.0
PR_SET_PDEATHSIG = 1
DISTINCT_ERRORS_AT_MOST = 200
ERROR_CHARACTERS_AT_MOST = 300
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

commands: "gevent.queue.Queue[dict[str, Any] | None]" = gevent.queue.Queue()


class Index:
    """Numbers for strings in the order of their first use; `news()` tells each string once."""

    def __init__(self, at_most: int | None = None) -> None:
        self.numbers: dict[str, int] = {}
        self.at_most = at_most
        self.told = 0

    def __getitem__(self, text: str) -> int:
        number = self.numbers.get(text)
        if number is None:
            if self.at_most is not None and len(self.numbers) >= self.at_most:
                return (
                    self["(other errors)"]
                    if "(other errors)" in self.numbers
                    else self._add("(other errors)")
                )
            number = self._add(text)
        return number

    def _add(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def news(self) -> list[str]:
        new = list(self.numbers)[self.told :]
        self.told = len(self.numbers)
        return new


class Book:
    """What has been counted and not yet been reported.

    Instants are of the monotonic clock, shared with the harness.
    """

    def __init__(self) -> None:
        self.names = Index()
        self.errors = Index(DISTINCT_ERRORS_AT_MOST)
        self.numbers: dict[tuple[str, str], int] = {}
        self.in_flight: dict[int, tuple[float, str, str]] = {}
        self.reached = 0
        self.worst_lag_s = 0.0
        self.process = psutil.Process()
        self.line: Line | None = None
        self.on_closing: list[Callable[[], None]] = []
        self._clear()

    def _clear(self) -> None:
        self.start = array("d")
        self.latency = array("d")
        self.name = array("i")
        self.error = array("i")
        self.think_start = array("d")
        self.think = array("d")

    def request(self, kind: str, name: str, start_s: float, latency_s: float, error: str | None) -> None:
        self.start.append(start_s)
        self.latency.append(latency_s)
        self.name.append(self.number(kind, name))
        self.error.append(-1 if error is None else self.errors[error])

    def number(self, kind: str, name: str) -> int:
        """Of a request's name with its method. It is looked up for every request, so it is quick."""
        number = self.numbers.get((kind, name))
        if number is None:
            number = self.numbers[kind, name] = self.names[f"{kind} {name}"]
        return number

    def page(self, users: int, *, closing: bool) -> dict[str, Any]:
        """All columns since the last page, and the requests in flight right now."""
        unfinished = list(self.in_flight.values())
        page = {
            "at": time.monotonic(),
            "start": packed(self.start),
            "latency": packed(self.latency),
            "name": packed(self.name),
            "error": packed(self.error),
            "think_start": packed(self.think_start),
            "think": packed(self.think),
            "unfinished_start": packed(array("d", [started for started, _, _ in unfinished])),
            "unfinished_name": packed(array("i", [self.number(kind, name) for _, kind, name in unfinished])),
            "cpu": time.process_time(),
            "rss": self.process.memory_info().rss,
            "lag": self.worst_lag_s,
            "users": users,
            "in_flight": len(self.in_flight),
            "reached": self.reached,
            "closing": closing,
            "names": self.names.news(),
            "errors": self.errors.news(),
        }
        self.worst_lag_s = 0.0
        self._clear()
        return page


def packed(column: "array[Any]") -> str:
    """A column's bytes as text: numbers written out one by one would cost more than the request itself."""
    return base64.b64encode(column).decode()


book = Book()


class HarnessHold(locust.LoadTestShape):
    """Goes to each number of users it is told to and stays there.

    Given first, it wins over a shape of the user's.
    """

    def tick(self) -> tuple[int, float] | None:
        command = commands.get()
        return None if command is None else (command["hold"], command["rate"])


class Line:
    """The connection to the harness: a JSON object a line, both ways."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.reader = self.socket.makefile("r", encoding="utf-8")

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.socket.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        except OSError:
            os._exit(1)

    def obey(self, environment: Any) -> None:
        """Take commands until the harness says quit; leave at once when it is gone."""
        for text in self.reader:
            command = json.loads(text)
            if "close" in command:
                for tell in book.on_closing:
                    tell()
                self.report(environment, closing=True)
            elif "quit" in command:
                commands.put(None)
                return
            else:
                held = environment.runner.user_count
                book.reached = held if command["hold"] == held else 0
                commands.put(command)
        os._exit(1)

    def report(self, environment: Any, *, closing: bool = False) -> None:
        runner = environment.runner
        workers = {"workers": runner.worker_count} if isinstance(runner, MasterRunner) else {}
        self.send({"facts": book.page(runner.user_count, closing=closing) | workers})

    def report_always(self, environment: Any) -> None:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            self.report(environment)


def watch_lag() -> None:
    while True:
        due = time.monotonic() + LAG_EVERY_S
        gevent.sleep(LAG_EVERY_S)
        book.worst_lag_s = max(book.worst_lag_s, time.monotonic() - due)


def tracked(request: Callable[..., Any]) -> Callable[..., Any]:
    """The client's `request`, noting what is in flight: Locust only tells of requests that completed."""

    @functools.wraps(request)
    def noting(self: Any, method: str, url: str, name: str | None = None, *args: Any, **kwargs: Any) -> Any:
        key = id(gevent.getcurrent())
        shown = name or getattr(self, "request_name", None) or url
        book.in_flight[key] = (time.monotonic(), method, shown)
        try:
            return request(self, method, url, name, *args, **kwargs)
        finally:
            book.in_flight.pop(key, None)

    return noting


def thinking(sleep: Callable[..., Any]) -> Callable[..., Any]:
    """The task set's pause between tasks, noting how long the scenario asked for."""

    @functools.wraps(sleep)
    def noting(self: Any, seconds: float) -> Any:
        book.think_start.append(time.monotonic())
        book.think.append(float(seconds))
        return sleep(self, seconds)

    return noting


def describe_error(exception: BaseException | str) -> str:
    text = exception if isinstance(exception, str) else f"{type(exception).__name__}: {exception}"
    return ADDRESS.sub("0x…", text)[:ERROR_CHARACTERS_AT_MOST]


def on_request(
    request_type: str,
    name: str,
    response_time: float | None,
    exception: BaseException | str | None = None,
    start_time: float | None = None,
    **_: Any,
) -> None:
    latency_s = (response_time or 0.0) / 1000
    error = describe_error(exception) if exception else None
    book.request(request_type, name, time.monotonic() - age(start_time, latency_s), latency_s, error)


def age(start_time: float | None, latency_s: float) -> float:
    """Seconds since a request began. Locust notes that by the wall clock, which may be set meanwhile."""
    age_s = time.time() - start_time if start_time else latency_s
    return age_s if latency_s - CLOCK_SET_S < age_s < latency_s + CLOCK_SET_S else latency_s


def on_spawning_complete(user_count: int, **_: Any) -> None:
    book.reached = user_count


def die_with_the_harness() -> None:
    """Also while stopped or wedged, when it can't see that its line is closed. Linux alone offers this."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def on_init(environment: Any, **_: Any) -> None:
    environment.harness = book
    environment.events.request.add_listener(on_request)
    environment.events.spawning_complete.add_listener(on_spawning_complete)
    die_with_the_harness()
    gevent.spawn(watch_lag)
    if isinstance(environment.runner, WorkerRunner):
        return
    book.line = Line(int(os.environ["HARNESS_FD"]))
    shapes = [name for name in environment.available_shape_classes or {} if name != HarnessHold.__name__]
    users = [user_class.__name__ for user_class in environment.user_classes]
    hello = {"locust": locust.__version__, "users": users, "shapes_overridden": shapes}
    book.line.send({"hello": hello})
    gevent.spawn(book.line.obey, environment)
    gevent.spawn(book.line.report_always, environment)


HttpSession.request = tracked(HttpSession.request)  # type: ignore[method-assign]
FastHttpSession.request = tracked(FastHttpSession.request)  # type: ignore[method-assign]
TaskSet._sleep = thinking(TaskSet._sleep)  # type: ignore[method-assign]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
