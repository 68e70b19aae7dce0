"""Make Locust hold the number of users that the harness asks for, and report what it measures.

Locust loads this file before the user's locustfile. It exchanges JSON objects, one a line, over the socket
that Locust inherits as file descriptor `HARNESS_FD`. Messages to Locust: `{"close": true}`, `{"quit": true}`,
and `{"hold": users, "rate": users per second}`. Messages to the harness: `{"hello": …}` at the start and when
there is more to say of the scenario, and `{"facts": …}` twice a second and in answer to "close". Locust exits
when the harness has closed the socket, so that no load outlives the harness. A worker has no such socket:
`harness_worker_relay.py` sends its facts to the master.

`harness_user_time.py` fills the log with what the users do. This file imports nothing of the harness: Locust
loads it by path, perhaps in a Python without the harness.
"""

import base64
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import time
from array import array
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.lock
import gevent.queue
import locust
import psutil
from locust.runners import MasterRunner, WorkerRunner

REPORT_EVERY_S = 0.5
LAG_EVERY_S = 0.05

PR_SET_PDEATHSIG = 1
MAX_DISTINCT_ERRORS = 200
MAX_ERROR_CHARACTERS = 300
OTHER_ERRORS = "(other errors)"
MEMORY_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

commands: "gevent.queue.Queue[dict[str, Any] | None]" = gevent.queue.Queue()


class StringTable:
    """Numbers for strings, in the order of their first use.

    After `max_size` strings, all new ones share the number of `OTHER_ERRORS`.
    """

    def __init__(self, max_size: int | None = None) -> None:
        self.numbers: dict[str, int] = {}
        self.max_size = max_size
        self.reported_count = 0

    def __getitem__(self, text: str) -> int:
        is_full = self.max_size is not None and len(self.numbers) >= self.max_size
        if is_full and text not in self.numbers:
            text = OTHER_ERRORS
        return self.numbers.setdefault(text, len(self.numbers))

    def take_new(self) -> list[str]:
        """Return the strings that were added since the last call."""
        new = list(self.numbers)[self.reported_count :]
        self.reported_count = len(self.numbers)
        return new


class RequestLog:
    """What was recorded since the last page: requests, think times, event loop lag.

    Instants are seconds of the monotonic clock, which all processes of a host share. An owner says whose
    request or pause it was: 2·n for the greenlet of user n, 2·n + 1 for greenlets that it has spawned, and -1
    if that is unknown. `in_flight` maps any key to (start, method, name, owner). `is_preparing` is true while
    listeners of `test_start` run: no user starts before they are done. `begun_s` is when the first user came.
    `read_report_s` reads the response time of a report; `harness_other_errors.py` replaces it.
    """

    def __init__(self) -> None:
        self.names = StringTable()
        self.errors = StringTable(MAX_DISTINCT_ERRORS)
        self.number_by_request: dict[tuple[str, str], int] = {}
        self.in_flight: dict[int, tuple[float, str, str, int]] = {}
        self.reached = 0
        self.is_preparing = False
        self.worst_lag_s = 0.0
        self.process = psutil.Process()
        self.environment: Any = None
        self.hello: dict[str, Any] = {}
        self.connection: HarnessConnection | None = None
        self.on_close: list[Callable[[], None]] = []
        self.on_ending: list[Callable[[], None]] = []
        self.on_failure: list[Callable[[], None]] = []
        self.page_parts: list[Callable[[], dict[str, Any]]] = []
        self.read_report_s: Callable[..., float | None] = read_as_it_is
        self.begun_s: float | None = None
        self._clear()

    def _clear(self) -> None:
        self.start = array("d")
        self.latency = array("d")
        self.name = array("i")
        self.error = array("i")
        self.owner = array("i")
        self.think_start = array("d")
        self.think = array("d")
        self.think_owner = array("i")
        self.unreported_start = array("d")
        self.unreported_name = array("i")
        self.append = build_row_writer(self.name, self.error, self.start, self.latency, self.owner)

    def tell(self, **more: Any) -> None:
        """Tell the harness what is known of the scenario; `more` adds to it. A worker tells nothing."""
        self.hello |= more
        if self.connection is not None:
            self.connection.send({"hello": self.hello})

    def report(self) -> None:
        """Send a page at once, because the scenario ends Locust: its last requests may say why."""
        for callback in self.on_ending:
            callback()
        if self.connection is not None:
            self.connection.report(self.environment)

    def add(
        self,
        method: str,
        name: str,
        start_s: float,
        latency_s: float,
        exception: BaseException | str | None,
        owner: int,
    ) -> None:
        """Record a request that has ended and that Locust does not report; `exception` is why it failed."""
        error = self.find_error_number(exception) if exception else -1
        self.append(self.find_number(method, name), error, start_s, latency_s, owner)

    def add_pause(self, planned_s: float, owner: int) -> None:
        """Record a pause within a task that begins now; `harness_user_time.py` adds those between tasks."""
        self.think_start.append(time.monotonic())
        self.think.append(planned_s)
        self.think_owner.append(owner)

    def mark_unreported(self, method: str, name: str, start_s: float) -> None:
        """Record that the scenario has never reported a request, which was added all the same."""
        self.unreported_start.append(start_s)
        self.unreported_name.append(self.find_number(method, name))

    def read_latency_s(
        self, named: tuple[str, str], response_time: Any, now_s: float, is_clients: bool, is_failed: bool
    ) -> float | None:
        """Return a report's response time in seconds; None if it is no request, or can't be read.

        A report without a time is no request, unless it failed; 0 may be one if its name had other times.
        `is_clients`: it is of Locust's own client.
        """
        is_zero = response_time is not None and named in self.number_by_request
        if not response_time and not is_failed and not is_zero:
            return None
        if is_clients and isinstance(response_time, float):
            return response_time / 1000
        return self.read_report_s("{} {}".format(*named), response_time, is_failed, now_s)

    def find_error_number(self, exception: BaseException | str) -> int:
        """Return the number of an error, which is the same for equal texts."""
        return self.errors[describe_error(exception)]

    def note_failure(self, exception: BaseException | str) -> int:
        """Tell others that a request failed; return the number of its error."""
        for callback in self.on_failure:
            callback()
        return self.find_error_number(exception)

    def find_number(self, method: str, name: str) -> int:
        """Return the number of "method name", without the target's address in the name."""
        if not isinstance(name, str):  # a name of any kind may come from the scenario
            name = str(name)
        number = self.number_by_request.get((method, name))
        if number is None:
            shown = drop_address(name, getattr(self.environment, "host", None))
            number = self.number_by_request[method, name] = self.names[f"{method} {shown}"]
        return number

    def take_page(self, users: int, *, closing: bool) -> dict[str, Any]:
        """Return what was recorded since the last page and the requests now in flight; start a new page."""
        unfinished = list(self.in_flight.values())
        page = {
            "at": time.monotonic(),
            "start": encode_column(self.start),
            "latency": encode_column(self.latency),
            "name": encode_column(self.name),
            "error": encode_column(self.error),
            "owner": encode_column(self.owner),
            "think_start": encode_column(self.think_start),
            "think": encode_column(self.think),
            "think_owner": encode_column(self.think_owner),
            "unfinished_start": encode_column(array("d", [start_s for start_s, _, _, _ in unfinished])),
            "unfinished_name": encode_column(
                array("i", [self.find_number(method, name) for _, method, name, _ in unfinished])
            ),
            "unfinished_owner": encode_column(array("i", [owner for _, _, _, owner in unfinished])),
            "unreported_start": encode_column(self.unreported_start),
            "unreported_name": encode_column(self.unreported_name),
            "cpu": time.process_time(),
            "rss": self.process.memory_info().rss,
            "lag": self.worst_lag_s,
            "users": users,
            "in_flight": len(self.in_flight),
            "reached": self.reached,
            "preparing": self.is_preparing,
            "closing": closing,
            "names": self.names.take_new(),
            "errors": self.errors.take_new(),
        }
        self.worst_lag_s = 0.0
        self._clear()
        for take_part in self.page_parts:
            page |= take_part()
        return page


def build_row_writer(*columns: "array[Any]") -> Callable[..., None]:
    """Return a function that appends a request to the five columns: name, error, start, latency, owner.

    Every request goes through it, so it looks nothing up.
    """
    add_name, add_error, add_start, add_latency, add_owner = (column.append for column in columns)

    def append(name: int, error: int, start_s: float, latency_s: float, owner: int) -> None:
        add_name(name)
        add_error(error)
        add_start(start_s)
        add_latency(latency_s)
        add_owner(owner)

    return append


def read_as_it_is(name: str, response_time: Any, *_: Any) -> float | None:
    """Return a report's response time in seconds; none counts as 0."""
    return float(response_time or 0.0) / 1000


def drop_address(name: object, host: str | None) -> str:
    """Return a request's name without the target's address, whose port differs from container to container.

    Some scenarios name requests by their whole address, or by the host alone, which becomes "/".
    """
    text, address = str(name), urlsplit(host or "").netloc.rpartition("@")[2]
    if not address or address not in text:
        return text
    pattern = rf"(?<![\w.@-])(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^\s/@]*@)?{re.escape(address)}(?![\w.:-])"
    return re.sub(pattern, "", text).strip() or "/"


def encode_column(column: "array[Any]") -> str:
    """Encode a column in Base64: numbers as JSON text would cost more CPU time than the requests."""
    return base64.b64encode(column).decode()


request_log = RequestLog()


class HarnessHoldShape(locust.LoadTestShape):
    """A load shape that goes to each number of users that the harness asks for, and stays there.

    Locust uses the first shape that it loads, so a shape in the user's locustfile has no effect. The class
    has a name that no locustfile is likely to use: Locust does not start if two shapes share a name.
    """

    use_common_options = True  # otherwise Locust warns that the number of users has no effect

    def tick(self) -> tuple[int, float] | None:
        command = commands.get()
        return None if command is None else (command["hold"], command["rate"])


class HarnessConnection:
    """The socket to the harness, with one JSON object a line in each direction."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.reader = self.socket.makefile("r", encoding="utf-8")
        self.lock = gevent.lock.Semaphore()

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self.lock:  # a long page is sent in parts
            try:
                self.socket.sendall(line)
            except OSError:
                os._exit(1)

    def handle_commands(self, environment: Any) -> None:
        """Follow the harness's commands until "quit". Exit if the harness closes the socket before that."""
        for line in self.reader:
            command = json.loads(line)
            if "close" in command:
                for callback in request_log.on_close:
                    callback()
                self.report(environment, closing=True)
            elif "quit" in command:
                commands.put(None)
                return
            else:
                users = environment.runner.user_count
                request_log.reached = users if command["hold"] == users else 0
                commands.put(command)
        os._exit(1)

    def report(self, environment: Any, *, closing: bool = False) -> None:
        runner = environment.runner
        workers = {"workers": runner.worker_count} if isinstance(runner, MasterRunner) else {}
        self.send({"facts": request_log.take_page(runner.user_count, closing=closing) | workers})

    def report_forever(self, environment: Any) -> None:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            self.report(environment)


def watch_event_loop_lag() -> None:
    """Record by how many seconds the event loop wakes up too late, at worst."""
    while True:
        due = time.monotonic() + LAG_EVERY_S
        gevent.sleep(LAG_EVERY_S)
        request_log.worst_lag_s = max(request_log.worst_lag_s, time.monotonic() - due)


def describe_error(exception: BaseException | str) -> str:
    """Return an error's text without memory addresses, so that equal errors have equal texts."""
    text = exception if isinstance(exception, str) else type(exception).__name__
    if not isinstance(exception, str):
        with contextlib.suppress(Exception):  # an exception of the scenario's own may have no text
            text = f"{text}: {exception}"
    return MEMORY_ADDRESS.sub("0x…", text)[:MAX_ERROR_CHARACTERS]


def on_spawning_complete(user_count: int, **_: Any) -> None:
    request_log.reached = user_count


def die_with_harness() -> None:
    """Ask the kernel to kill this process when the harness ends, even if the process is stopped or hangs.

    Only Linux offers this. Elsewhere, the process ends when it finds its socket closed.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def count_shared_connections(user_class: type[Any]) -> int | None:
    """Return how many connections all users of a class in this process share; None if nothing limits them.

    A pool of HttpUser limits them only if it blocks.
    """
    if issubclass(user_class, locust.HttpUser):
        options = getattr(user_class.pool_manager, "connection_pool_kw", {})
        return int(options.get("maxsize", 1)) if options.get("block") else None
    pool: Any = getattr(user_class, "client_pool", None)
    return int(pool.client_args.get("concurrency", 1)) if hasattr(pool, "client_args") else None


def find_shared_connections(environment: Any) -> dict[str, int]:
    counts = {each.__name__: count_shared_connections(each) for each in environment.user_classes}
    return {name: count for name, count in counts.items() if count is not None}


def on_init(environment: Any, **_: Any) -> None:
    environment.harness = request_log
    request_log.environment = environment
    environment.events.spawning_complete.add_listener(on_spawning_complete)
    die_with_harness()
    gevent.spawn(watch_event_loop_lag)
    if isinstance(environment.runner, WorkerRunner):
        return
    request_log.connection = HarnessConnection(int(os.environ["HARNESS_FD"]))
    shapes = [name for name in environment.available_shape_classes or {} if name != HarnessHoldShape.__name__]
    users = [user_class.__name__ for user_class in environment.user_classes]
    request_log.tell(
        locust=locust.__version__,
        users=users,
        shapes_overridden=shapes,
        settings=environment.harness_settings,
        bases=environment.harness_bases,
        hosts=environment.harness_hosts,
        shared_connections=find_shared_connections(environment),
        ignored_waits=environment.harness_ignored_waits,
    )
    gevent.spawn(request_log.connection.handle_commands, environment)
    gevent.spawn(request_log.connection.report_forever, environment)


locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
