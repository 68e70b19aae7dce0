"""Find out for which user a greenlet acts, and record the users' pauses, between tasks and within them.

Users also start one by one instead of all users of a second at once, as real users would come.

Locust loads this file after `harness_plugin.py`, whose log it fills, and before the user's locustfile, which
may import `sleep`. It imports nothing of the harness, because a worker on another host gets this file alone,
from the master.
"""

import functools
import itertools
import math
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import gevent
import gevent.select
import gevent.socket
import gevent.ssl
import gevent.time
import locust
from gevent import getcurrent
from locust.user.task import TaskSet

POLL_AT_MOST_S = 1.0
"""A sleep of at most this length, right after another one, is no pause: the user polls for something."""

PAUSE_AT_MOST_S = 1e6
"""A longer pause, perhaps an endless one, is recorded as this: it outlasts every load."""

MAX_CLOCK_ERROR_S = 5.0
"""If a request's age by the wall clock differs by more from its latency, the clock was set meanwhile."""

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2

NETWORK_FILES = frozenset(
    function.__code__.co_filename
    for function in (gevent.socket.socket.recv, gevent.ssl.SSLSocket.read, gevent.select.select)
)
"""The files whose functions a greenlet is in while it waits for the network."""

sleep_unrecorded = gevent.sleep
log: Any = None
user_numbers = itertools.count()


class Lane:
    """A greenlet that acts for a user: the user's own one, or one that it has spawned, perhaps as a thread.

    `user` is the lane of the user's own greenlet, or None if it is not known for whom this greenlet acts.
    `owner` is that of `RequestLog`. `busy` is above 0 during a request.
    `may_pause`: a request has come since the last sleep. `task` is the number of tasks that the user had
    done when the lane was built; that of the user's own lane counts on. `open` are the requests of which
    `harness_requests.py` awaits a report or the end of a stream; `opening` is what Locust has reported of a
    stream that is being asked for. `last` is the name's number and the latency of the last request, if it was
    reported by Locust's own client. `asked_s` is when the last request of such a client began.
    """

    __slots__ = (
        "asked_s",
        "busy",
        "greenlet",
        "is_linked",
        "last",
        "may_pause",
        "open",
        "opening",
        "owner",
        "task",
        "user",
    )

    def __init__(self, greenlet: Any, owner: int, user: "Lane | None" = None) -> None:
        self.greenlet = weakref.ref(greenlet)
        self.owner = owner
        self.user = self if user is None and owner >= 0 else user
        self.task: int = 0 if user is None else user.task
        self.busy = 0
        self.may_pause = True
        self.is_linked = False
        self.open: list[Any] = []
        self.opening: Any = None
        self.last: tuple[int, float] | None = None
        self.asked_s = -math.inf

    def note_request(self) -> None:
        self.may_pause = True
        if self.user is not None:
            self.user.may_pause = True

    def is_pausing(self, seconds: float) -> bool:
        """Return True if a sleep in the user's code is a pause, and no wait for something.

        A greenlet that the user has spawned pauses for its user if it is part of the user's task, and the
        user's own greenlet waits for it. It does not if it only works in the background: if it was spawned
        before the task, or while the user's own greenlet waits for the network.
        """
        is_asking = self.busy and self.last is None  # a listener may sleep once the request is reported
        if self.user is None or is_asking or not seconds > 0:
            return False
        is_pause = self.may_pause or seconds > POLL_AT_MOST_S
        self.may_pause = False
        if self.user is self or not is_pause:
            return is_pause
        frame = getattr(self.user.greenlet(), "gr_frame", None)
        is_reading = frame is not None and frame.f_code.co_filename in NETWORK_FILES
        return self.task == self.user.task and not is_reading


def find_lane() -> Lane:
    """Return the lane of the current greenlet."""
    greenlet: Any = getcurrent()
    lane: Lane | None = getattr(greenlet, "harness_lane", None)
    if lane is None:
        lane = greenlet.harness_lane = build_lane(greenlet)
    return lane


def build_lane(greenlet: Any) -> Lane:
    """Build the lane of a greenlet that was not started as a user's own.

    Threads are greenlets too, and each acts for the user that has started it.
    """
    thread: Any = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    if thread is not None and not isinstance(thread, threading._DummyThread):
        return build_lane_for(greenlet, getattr(thread, "harness_starter", None))
    parent = find_spawner(greenlet)
    while parent is not None:
        lane: Lane | None = getattr(parent, "harness_lane", None)
        if lane is not None:
            return build_lane_for(greenlet, lane)
        parent = find_spawner(parent)
    return Lane(greenlet, -1)


def build_lane_for(greenlet: Any, other: Lane | None) -> Lane:
    """Build the lane of a greenlet that acts for the same user as another lane."""
    user = other.user if other else None
    return Lane(greenlet, user.owner + 1, user) if user else Lane(greenlet, -1)


def find_spawner(greenlet: Any) -> Any:
    reference = getattr(greenlet, "spawning_greenlet", None)
    return None if reference is None else reference()


class SpreadStart:
    """A group of greenlets that start up to a second later: Locust starts all users of a second at once.

    The parts of a second that follow each other by the golden ratio fill it evenly, however many there are
    (a Kronecker sequence: Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods, 1992, ch. 3).
    """

    def __init__(self, group: Any, number: int) -> None:
        self.group = group
        self.after_s = number * GOLDEN_RATIO % 1

    def spawn(self, function: Callable[..., Any], *arguments: Any) -> Any:
        greenlet = gevent.Greenlet(function, *arguments)
        self.group.add(greenlet)
        greenlet.start_later(self.after_s)
        return greenlet


def spread_users(start: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a user's `start` to spread users over a second, and to give their greenlets a lane before they
    run."""

    @functools.wraps(start)
    def start_later(self: Any, group: Any) -> Any:
        number = next(user_numbers)
        log.begun_s = log.begun_s or monotonic()
        greenlet = start(self, SpreadStart(group, number))
        self._group = group
        greenlet.harness_lane = Lane(greenlet, 2 * number)
        return greenlet

    return start_later


def note_starter(start: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a thread's `start` to keep for whom it is started."""

    @functools.wraps(start)
    def start_and_note(self: Any) -> Any:
        self.harness_starter = find_lane()
        return start(self)

    return start_and_note


def note_submitter(submit: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an executor's `submit`: its threads may be shared, but each job is of the user that submits it."""

    @functools.wraps(submit)
    def submit_and_note(self: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, functools.partial(run_job, find_lane(), function), *args, **kwargs)

    return submit_and_note


def run_job(submitter: Lane, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Run a job of an executor in a lane of its own."""
    greenlet: Any = getcurrent()
    lane = greenlet.harness_lane = build_lane_for(greenlet, submitter)
    try:
        return function(*args, **kwargs)
    finally:
        for each in list(lane.open):
            each.close()
        greenlet.harness_lane = None


def record_think_times(sleep: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a task set's pause between tasks to record the length that the scenario asks for.

    Every task ends here, so this must be cheap: it sleeps as Locust's own method does. Locust takes a
    negative length for none.
    """

    @functools.wraps(sleep)
    def sleep_and_record(self: Any, seconds: float) -> Any:
        lane = getattr(getcurrent(), "harness_lane", None) or find_lane()
        if lane.open:
            for each in list(lane.open):
                each.close()
        try:
            planned_s = float(seconds)
        except (TypeError, ValueError):
            message = f"wait_time returned {seconds!r:.80}, which is no number of seconds"
            raise TypeError(message) from None
        log.think_start.append(monotonic())
        log.think.append(limit_pause_s(planned_s))
        log.think_owner.append(lane.owner)
        lane.task += 1
        lane.may_pause = True
        return sleep_unrecorded(seconds)

    return sleep_and_record


def limit_pause_s(planned_s: float) -> float:
    """Return the length of a pause as it is recorded; not a number (NaN) counts as none."""
    if 0 < planned_s < PAUSE_AT_MOST_S:
        return planned_s
    return PAUSE_AT_MOST_S if planned_s > 0 else 0.0


def record_pauses(sleep: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap gevent's `sleep`, which is also that of `time`, to record the users' pauses within their tasks."""

    @functools.wraps(sleep)
    def sleep_and_record(seconds: float = 0, ref: bool = True) -> Any:
        lane = find_lane()
        if lane.user is not None and lane.is_pausing(seconds):
            log.add_pause(limit_pause_s(float(seconds)), lane.owner)
        return sleep(seconds, ref)

    return sleep_and_record


def estimate_age_s(start_time: Any, latency_s: float) -> float:
    """Return the seconds since a request began.

    Locust records the start by the wall clock. If the wall clock was set meanwhile, return the latency; also
    if the scenario reports the start in another form, which Locust ignores.
    """
    if not isinstance(start_time, (int, float)):
        return latency_s
    age_s = time.time() - start_time
    return age_s if latency_s - MAX_CLOCK_ERROR_S < age_s < latency_s + MAX_CLOCK_ERROR_S else latency_s


def on_init(environment: Any, **_: Any) -> None:
    global log
    log = environment.harness
    log.find_lane, log.estimate_age_s = find_lane, estimate_age_s


locust.User.start = spread_users(locust.User.start)  # type: ignore[method-assign]
threading.Thread.start = note_starter(threading.Thread.start)  # type: ignore[method-assign]
ThreadPoolExecutor.submit = note_submitter(ThreadPoolExecutor.submit)  # type: ignore[method-assign]
TaskSet._sleep = record_think_times(TaskSet._sleep)  # type: ignore[method-assign]
gevent_time: Any = gevent.time  # a scenario that patches the standard modules once more takes it from here
time.sleep = gevent.sleep = gevent.hub.sleep = gevent_time.sleep = record_pauses(sleep_unrecorded)
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
