"""Simulate closed users and their target: a user thinks, sends a request, waits for a slot, and is served."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from bench.simulation.memory import TargetMemory
from bench.simulation.model import RequestKind, Service
from bench.simulation.processor import Processor

BROKEN, REFUSED, SERVER_ERROR = range(3)
ERRORS = (
    "RemoteDisconnected('Remote end closed connection without response')",
    "ConnectionRefusedError(111, 'Connection refused')",
    "HTTPError('500 Server Error: Internal Server Error')",
)
"""The texts of the errors; `BROKEN`, `REFUSED` and `SERVER_ERROR` are their indices."""

ANSWERED = -1
"""The error index of a request without an error."""

_MEMORY_CHECK_EVERY_S = 1.0
_NEVER = (math.inf, -1)
_NO_USER = -1


@dataclass(slots=True)
class EndedRequests:
    """Requests that ended, and the think time after each, as columns: equal indices are of one request."""

    start_s: list[float] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    name: list[int] = field(default_factory=list)
    error: list[int] = field(default_factory=list)
    think_start_s: list[float] = field(default_factory=list)
    think_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exit:
    """When and how a target's process ended."""

    at_s: float
    code: int
    is_oom: bool


@dataclass(slots=True)
class Streams:
    """The random numbers of a system, each kind from a stream of its own.

    `failures` are True for a request that is answered with an error. `names` are indices of request names;
    None if all requests have the name of index 0.
    """

    cpu_times: Iterator[float]
    think_times: Iterator[float]
    failures: Iterator[bool]
    delays: Iterator[float]
    names: Iterator[int] | None = None


class ClosedSystem:
    """Closed users and the target that serves them, from the target's start on (instant 0).

    Users arrive as in Locust: once a second, as many as the spawn rate says, and each sends a request at
    once. If they are paced, think times are counted from the start of the request, not from its end.
    `in_flight` maps a waiting user to the start and the name of its request. `reached_users` is the
    number of users when all have arrived, and 0 before. `exit` is None while the target runs; afterwards
    every request is refused.
    """

    def __init__(
        self,
        service: Service,
        processor: Processor,
        streams: Streams,
        memory_limit_bytes: int,
        *,
        is_paced: bool = False,
    ) -> None:
        self.service = service
        self.processor = processor
        self.streams = streams
        self.now_s = 0.0
        self.users: dict[int, None] = {}
        self.memory = TargetMemory(service)
        self.reached_users = 0
        self.in_flight: dict[int, tuple[float, int]] = {}
        self.answered_count = 0
        self.exit: Exit | None = None
        self.memory_peak_bytes = service.base_bytes
        self._memory_limit_bytes = memory_limit_bytes
        self._memory_check_s = 0.0 if self.memory.grows_with_time else math.inf
        self._is_paced = is_paced
        self._kind_of = {_NO_USER: RequestKind("")}
        self._slots = math.inf if service.slots is None else service.slots
        self._busy_slots = 0
        self._queue: deque[int] = deque()
        self._thinking: list[tuple[float, int]] = [_NEVER]
        self._delayed: list[tuple[float, int]] = [_NEVER]
        self._wanted_users = 0
        self._user_count = 0
        self._burst = 1
        self._burst_every_s = 1.0
        self._spawn_s = math.inf
        self._ended = EndedRequests()

    @property
    def memory_bytes(self) -> int:
        """What the target holds in memory, at most its limit."""
        return min(self._memory_limit_bytes, self.memory.compute_bytes(self.now_s, self.answered_count))

    def hold(self, users: int, spawn_rate: float) -> None:
        """Change the number of users as Locust does: users arrive in bursts, and leave all at once."""
        self._wanted_users = users
        self._burst = max(1, math.floor(spawn_rate))
        self._burst_every_s = self._burst / spawn_rate
        while len(self.users) > users:
            user, _ = self.users.popitem()
            self.memory.remove_user(user, self.now_s)
            self.in_flight.pop(user, None)
        self._spawn_s = self.now_s if len(self.users) < users else math.inf
        self.reached_users = users if len(self.users) == users else 0

    def take_ended(self) -> EndedRequests:
        """Return the requests that ended since the last call."""
        ended, self._ended = self._ended, EndedRequests()
        return ended

    def allocate(self, extra_bytes: int) -> None:
        """Let the target allocate memory that belongs to no user."""
        self.memory.allocated_bytes += extra_bytes
        self._check_memory()

    def burn(self, cpu_s: float) -> None:
        """Let the target use CPU time on one core, apart from its requests."""
        self._busy_slots += 1
        self.processor.add(_NO_USER, cpu_s)

    def stop(self, code: int, *, is_oom: bool = False) -> None:
        """End the target's process: the requests in flight break, and later requests are refused."""
        self.exit = Exit(self.now_s, code, is_oom)
        self.processor.clear()
        self._queue.clear()
        self._delayed[:] = [_NEVER]
        self._busy_slots = 0
        for user in list(self.in_flight):
            self._end_request(user, BROKEN)

    def advance(self, until_s: float) -> None:
        """Simulate all events up to and including an instant."""
        while self._memory_check_s <= until_s:
            self._run_events(self._memory_check_s)
            self._check_memory()
            self._memory_check_s += _MEMORY_CHECK_EVERY_S
        self._run_events(until_s)

    def _run_events(self, until_s: float) -> None:
        thinking, delayed, processor = self._thinking, self._delayed, self.processor
        while True:
            wake_s, release_s, at_s = thinking[0][0], delayed[0][0], processor.next_s
            if at_s <= wake_s and at_s <= release_s and at_s <= self._spawn_s:
                if at_s > until_s:
                    break
                self.now_s = at_s
                if (user := processor.run_next_event()) is not None:
                    self._finish_cpu_work(user)
                continue
            at_s = min(wake_s, release_s, self._spawn_s)
            if at_s > until_s:
                break
            self.now_s = at_s
            processor.run_to(at_s)
            if at_s == wake_s:
                self._send_request(heappop(thinking)[1])
            elif at_s == release_s:
                self._answer(heappop(delayed)[1])
            else:
                self._spawn()
        self.now_s = until_s
        processor.run_to(until_s)

    def _spawn(self) -> None:
        for _ in range(min(self._burst, self._wanted_users - len(self.users))):
            user = self._user_count
            self._user_count += 1
            self.users[user] = None
            self.memory.add_user(user, self.now_s)
            self._send_request(user)
        self._check_memory()
        if len(self.users) == self._wanted_users:
            self.reached_users, self._spawn_s = self._wanted_users, math.inf
        else:
            self._spawn_s += self._burst_every_s

    def _check_memory(self) -> None:
        needed_bytes = self.memory.compute_bytes(self.now_s, self.answered_count)
        self.memory_peak_bytes = max(self.memory_peak_bytes, min(needed_bytes, self._memory_limit_bytes))
        if needed_bytes > self._memory_limit_bytes and self.exit is None:
            self.stop(137, is_oom=True)

    def _send_request(self, user: int) -> None:
        if user not in self.users:
            return
        names = self.streams.names
        name = 0 if names is None else next(names)
        self.in_flight[user] = (self.now_s, name)
        if self.service.kinds:
            self._kind_of[user] = self.service.kinds[name]
        if self.exit is not None:
            self._end_request(user, REFUSED)
        elif self._busy_slots < self._slots:
            self._serve(user)
        else:
            self._queue.append(user)

    def _serve(self, user: int) -> None:
        self._busy_slots += 1
        work_s = next(self.streams.cpu_times)
        if self.service.kinds:
            work_s *= self._kind_of[user].cpu_ratio
        if work_s > 0:
            self.processor.add(user, work_s)
        else:
            self._finish_cpu_work(user)

    def _finish_cpu_work(self, user: int) -> None:
        delay_s = next(self.streams.delays) if self.service.delay_s else 0.0
        if self.service.kinds:
            delay_s *= self._kind_of[user].delay_ratio
        if delay_s:
            heappush(self._delayed, (self.now_s + delay_s, user))
        else:
            self._answer(user)

    def _answer(self, user: int) -> None:
        has_failed = self.service.error_ratio and next(self.streams.failures)
        self._end_request(user, SERVER_ERROR if has_failed else ANSWERED)
        self.answered_count += 1
        self._busy_slots -= 1
        if self.memory.grows_with_answers:
            self._check_memory()
        if self._queue:
            self._serve(self._queue.popleft())
        if self.answered_count == self.service.dies_after_requests:
            self.stop(1)

    def _end_request(self, user: int, error: int) -> None:
        """Record the end of a request and let its user think; do nothing if the user has left."""
        request = self.in_flight.pop(user, None)
        if request is None:
            return
        start_s, name = request
        think_s, ended = next(self.streams.think_times), self._ended
        if self._is_paced:
            think_s = max(0.0, think_s - (self.now_s - start_s))
        ended.start_s.append(start_s)
        ended.latency_s.append(self.now_s - start_s)
        ended.name.append(name)
        ended.error.append(error)
        ended.think_start_s.append(self.now_s)
        ended.think_s.append(think_s)
        heappush(self._thinking, (self.now_s + think_s, user))
