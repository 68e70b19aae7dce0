"""Record every request of the scenario, from its start until its answer has been read.

Locust loads this file after `harness_user_time.py`. It imports nothing of the harness, because a worker on
another host gets this file alone, from the master.

Locust reports a request when it has ended, and some never: those that the scenario asks for with
`catch_response=True` and does not use in a `with` block, or whose `with` block ends with an exception, and
those that the scenario gives up. They are recorded all the same, with the time that they took. Locust reports
a stream (`stream=True`) when its headers arrive; it is recorded when the scenario has read it. Requests of
other clients are known only when the scenario reports them (`events.request.fire`). If it reports once more
what Locust's own client has just reported, by the same name, this is one request; by another name, it times
a flow. A report without a response time, or of a name that never had another one than 0, such as that of a
message which was sent or pushed, is no request, unless it failed.

Every request goes through `request_and_record` and `on_request`, so these two must be cheap.
"""

import functools
import itertools
import math
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import gevent
import locust
from gevent import getcurrent
from locust.clients import HttpSession
from locust.clients import ResponseContextManager as HttpAnswer
from locust.contrib.fasthttp import FastHttpSession
from locust.contrib.fasthttp import ResponseContextManager as FastHttpAnswer
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately

SAME_START_S = 0.005
"""By how much a report of the scenario's own may begin after the request that it is about."""

MAX_OPEN_REQUESTS = 8
"""A greenlet with more open requests will not report the first of them."""

TASK_ENDS = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)
"""Exceptions by which a scenario ends a task."""

OVERLOADED = frozenset({408, 425, 429})
"""Statuses below 500 that mean that the target does not keep up."""

SPANS_AT_LEAST = 5
"""A single report that spans another request may be about something else."""

log: Any = None
request_numbers = itertools.count()
span_counts: "Counter[int]" = Counter()


class OpenRequest:
    """A request that is not recorded yet: Locust is to report it, or the scenario reads its stream.

    `reported` refers to the response that Locust's report will name; it is None if the request awaits no
    report. `holder` refers to what the scenario got. Both are weak, because a response holds its connection.
    `last_s` is when the scenario last read the stream. `error` is why the request failed.
    """

    def __init__(self, lane: Any, key: int, *, is_stream: bool) -> None:
        self.lane = lane
        self.key = key
        self.start_s: float
        self.start_s, self.method, self.name, _ = log.in_flight[key]
        self.is_stream = is_stream
        self.last_s = time.monotonic()
        self.latency_s: float = self.last_s - self.start_s
        self.error: BaseException | str | None = None
        self.holder: Callable[[], Any] | None = None
        self.reported: Callable[[], Any] | None = None

    def await_report(self, answer: Any) -> None:
        """Keep what Locust would report of an answer, in case that it never does."""
        meta = answer.request_meta
        self.name, self.latency_s = meta["name"], meta["response_time"] / 1000
        self.holder, self.reported = weakref.ref(answer), weakref.ref(meta["response"])
        self.error = meta["exception"] or getattr(answer, "error", None)
        status = answer.status_code or 0
        if self.error is None and status >= 400:
            whose = "Client" if status < 500 else "Server"
            reason = getattr(answer, "reason", None) or ""
            self.error = f"HTTPError: {status} {whose} Error: {reason} for url: {self.name}"

    def is_spanned(self, start_s: float) -> bool:
        """Return True if a report of the scenario's own that begins then stands for this request.

        Within its `with` block the request has a report of its own.
        """
        is_in_block = self.holder is not None and getattr(self.holder(), "_entered", False)
        return self.reported is not None and start_s <= self.start_s + SAME_START_S and not is_in_block

    def is_report(self, response: Any) -> bool:
        return response is not None and self.reported is not None and self.reported() is response

    def compute_latency_s(self) -> float:
        """Return the seconds until the scenario had read the answer, or as much of it as it has read."""
        return max(self.latency_s, self.last_s - self.start_s) if self.is_stream else self.latency_s

    def forget(self) -> None:
        self.lane.open.remove(self)
        log.in_flight.pop(self.key, None)

    def close(self, *, is_handled: bool = False) -> None:
        """Record the request as it is, also if it has never been reported.

        `is_handled`: the scenario has looked at the answer, which is what it asked for.
        """
        self.forget()
        error = None if is_handled else self.error
        log.add(self.method, self.name, self.start_s, self.compute_latency_s(), error, self.lane.owner)
        if self.reported is not None and not is_handled:
            log.mark_unreported(self.method, self.name, self.start_s)


def track_requests(request: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a client's `request` to record what is in flight: Locust reports only completed requests."""

    @functools.wraps(request)
    def request_and_record(
        self: Any, method: str, url: str, name: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        if log is None:
            return request(self, method, url, name, *args, **kwargs)
        lane = getattr(getcurrent(), "harness_lane", None) or log.find_lane()
        key = next(request_numbers)
        shown_name = name or self.request_name or self.name_asked(url, kwargs.get("params"))
        lane.asked_s = monotonic()
        log.in_flight[key] = (lane.asked_s, method, shown_name, lane.owner)
        lane.busy += 1
        lane.last = None
        stays_in_flight = False
        try:
            if not kwargs and not args:
                return request(self, method, url, name)
            lane.opening = {} if kwargs.get("stream") else None
            answer = request(self, method, url, name, *args, **kwargs)
            stays_in_flight = open_request(lane, key, answer)
            return answer
        except BaseException as error:
            add_abandoned(lane, key, error)
            raise
        finally:
            lane.busy -= 1
            lane.opening = None
            lane.note_request()
            if not stays_in_flight:
                log.in_flight.pop(key, None)

    return request_and_record


def open_request(lane: Any, key: int, answer: Any) -> bool:
    """Keep a request open that awaits its report, or whose stream the scenario has to read.

    Return True for a stream: it stays in flight until its end.
    """
    awaits_report = getattr(answer, "_catch_response", False) is True
    is_stream = bool(lane.opening) or (lane.opening is not None and awaits_report)
    if not is_stream and not awaits_report:
        return False
    opened = OpenRequest(lane, key, is_stream=is_stream)
    if awaits_report:
        opened.await_report(answer)
    else:
        opened.method, opened.name = lane.opening["method"], lane.opening["name"]
    if is_stream:
        source = getattr(answer, "_response", None)
        follow_stream(getattr(answer, "raw", None) if source is None else source, opened)
    greenlet = lane.greenlet()
    if not lane.is_linked and hasattr(greenlet, "rawlink"):
        lane.is_linked = True
        greenlet.rawlink(functools.partial(end_lane, lane))
    lane.open.append(opened)
    while len(lane.open) > MAX_OPEN_REQUESTS:
        lane.open[0].close()
    return is_stream


def note_handled(leave: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the end of a `with` block: a scenario may end its task there, for an answer such as 404.

    Locust does not report the request then. The target has answered it, so it has not failed, unless the
    target does not keep up.
    """

    @functools.wraps(leave)
    def leave_and_note(self: Any, kind: Any, error: Any, tb: Any) -> Any:
        result = leave(self, kind, error, tb)
        if isinstance(error, TASK_ENDS) and log is not None:
            status = self.status_code or 500
            for opened in list(log.find_lane().open):
                is_this = opened.holder is not None and opened.holder() is self
                if is_this and status < 500 and status not in OVERLOADED:
                    opened.close(is_handled=True)
        return result

    return leave_and_note


def close_own_requests() -> None:
    """Close what the current greenlet has left open, as the scenario has marked it: it ends Locust now."""
    for opened in list(log.find_lane().open):
        result = getattr(opened.holder(), "_manual_result", None) if opened.holder else None
        if result is not None:
            opened.error = None if result is True else result
        opened.close()


def end_lane(lane: Any, _greenlet: Any) -> None:
    """Close what a greenlet has left open. A user that has been stopped takes it away."""
    for opened in list(lane.open):
        if lane.user is lane:
            opened.forget()
        else:
            opened.close()


def add_abandoned(lane: Any, key: int, error: BaseException) -> None:
    """Record a request that the scenario gave up, by a time-out or by killing a greenlet that it had spawned.

    Locust does not report it. A user whose own greenlet is killed gives up nothing: Locust stops it.
    """
    is_killed = isinstance(error, gevent.GreenletExit) and lane.user is not lane
    if is_killed or isinstance(error, gevent.Timeout):
        start_s, method, name, _ = log.in_flight[key]
        text = f"given up by the scenario ({type(error).__name__})"
        log.add(method, name, start_s, time.monotonic() - start_s, text, lane.owner)
        log.mark_unreported(method, name, start_s)


def on_request(
    request_type: str,
    name: str,
    response_time: Any,
    exception: BaseException | str | None = None,
    start_time: Any = None,
    response: Any = None,
    response_length: Any = None,
    context: Any = None,
    url: Any = None,
    **_: Any,  # all that Locust's clients report is named, because to collect the rest takes longest
) -> None:
    """Record a request that is reported, before a listener of the scenario may end the event."""
    if log is None:
        return
    now_s = monotonic()
    lane = getattr(getcurrent(), "harness_lane", None) or log.find_lane()
    is_clients = lane.busy and lane.last is None and lane.opening is None and not lane.open
    is_plain = exception is None and type(name) is str and type(response_time) is float
    if is_clients and is_plain and response_time > 0:
        number = log.number_by_request.get((request_type, name))
        if number is not None:  # so it is with nearly all reports, and what follows finds the same
            latency_s = response_time / 1000
            lane.last = number, latency_s
            log.append(number, -1, now_s - latency_s, latency_s, lane.owner)
            return
    record_report(lane, now_s, request_type, name, response_time, exception, start_time, response)


def record_report(
    lane: Any,
    now_s: float,
    request_type: str,
    name: Any,
    response_time: Any,
    exception: BaseException | str | None,
    start_time: Any,
    response: Any,
) -> None:
    """Record a report of any kind: of a request that failed or stayed open, or of the scenario's own."""
    if not isinstance(name, str):
        name = str(name)
    if lane.opening == {} and not exception:
        lane.opening = {"method": request_type, "name": name}
        return
    is_own = not lane.busy or lane.last is not None  # a busy client reports once, then listeners
    if is_own:
        lane.note_request()
    latency_s = log.read_latency_s((request_type, name), response_time, now_s, not is_own, bool(exception))
    if latency_s is None:
        return
    start_s = now_s - latency_s
    if start_time and is_own:  # a client that is busy reports its own request, at once
        start_s = now_s - log.estimate_age_s(start_time, latency_s)
    if lane.open:
        start_s, latency_s, is_own = match_open_requests(lane, response, start_s, latency_s)
    number = log.find_number(request_type, name)
    if is_repeated(lane, number, latency_s, is_own) and not exception:
        return
    if is_own and start_s <= lane.asked_s + SAME_START_S:
        note_span(number)
    log.append(number, log.note_failure(exception) if exception else -1, start_s, latency_s, lane.owner)


def note_span(number: int) -> None:
    """Count a report that spans requests of Locust's clients, and tell of its name once it has some."""
    span_counts[number] += 1
    if span_counts[number] == SPANS_AT_LEAST:
        names = list(log.names.numbers)
        log.tell(flows=[names[each] for each, count in span_counts.items() if count >= SPANS_AT_LEAST])


def is_repeated(lane: Any, number: int, latency_s: float, is_own: bool) -> bool:
    """Return True if the scenario reports once more what Locust's own client has just reported."""
    last, lane.last = lane.last, None if is_own else (number, latency_s)
    return is_own and last is not None and last[0] == number and latency_s <= last[1] + SAME_START_S


def match_open_requests(
    lane: Any, response: Any, start_s: float, latency_s: float
) -> tuple[float, float, bool]:
    """Forget the open requests that a report is about; return its start and latency as they are known.

    The last value is False for a report of Locust's own clients. These report their own request and no other:
    a busy lane reports what it asks now.
    """
    reported = next((opened for opened in lane.open if opened.is_report(response)), None)
    spans = not lane.busy and (reported is None or reported.is_spanned(start_s))
    for opened in list(lane.open):
        if opened is reported or (spans and opened.is_spanned(start_s)):
            opened.forget()
            if opened is not reported:
                lane.asked_s = -math.inf  # what is reported is this request, and no flow
    if reported is None:
        return start_s, latency_s, not lane.busy
    is_whole = abs(latency_s - reported.latency_s) < 1e-6
    return reported.start_s, reported.compute_latency_s() if is_whole else latency_s, False


def follow_stream(source: Any, opened: OpenRequest) -> None:
    """Record when the scenario reads a stream, by whichever method of its source.

    The methods of this one source are wrapped, so that other answers cost nothing. They refer to it weakly,
    because it holds a connection.
    """
    if source is None:
        return
    reference, kind = weakref.ref(source), type(source)
    for name in ("read", "read1", "readinto", "readline"):
        if method := getattr(kind, name, None):
            setattr(source, name, note_reads(method, reference, opened))
    if stream := getattr(kind, "stream", None):
        source.stream = note_chunks(stream, reference, opened)


def note_reads(
    read: Callable[..., Any], reference: Callable[[], Any], opened: OpenRequest
) -> Callable[..., Any]:
    """Wrap a method that reads a part of a stream. FastHttpUser's sources know when they are read."""

    def read_and_note(*args: Any, **kwargs: Any) -> Any:
        source = reference()
        try:
            return read(source, *args, **kwargs)
        finally:
            note_read(opened, is_over=getattr(source, "message_complete", False))

    return read_and_note


def note_chunks(
    stream: Callable[..., Any], reference: Callable[[], Any], opened: OpenRequest
) -> Callable[..., Any]:
    """Wrap the iteration over the chunks of HttpUser's sources."""

    def iterate_and_note(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for chunk in stream(reference(), *args, **kwargs):
            note_read(opened)
            yield chunk
        note_read(opened, is_over=True)

    return iterate_and_note


def note_read(opened: OpenRequest, *, is_over: bool = False) -> None:
    """Record a read of a stream. At its end it is done, unless its report is still to come."""
    opened.last_s = time.monotonic()
    if is_over and opened.reported is None and opened in opened.lane.open:
        opened.close()


def on_init(environment: Any, **_: Any) -> None:
    global log
    log = environment.harness
    log.on_ending.append(close_own_requests)


for answer_class in (HttpAnswer, FastHttpAnswer):
    answer_class.__exit__ = note_handled(answer_class.__exit__)  # type: ignore[method-assign]
clients: list[Any] = [HttpSession, FastHttpSession]
for client in clients:
    client.request = track_requests(client.request)
    client.request_name = getattr(client, "request_name", None)
locust.events.request.add_listener(on_request)  # type: ignore[no-untyped-call]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
