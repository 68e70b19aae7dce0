"""Closed users at a service under limits: the queue behind the fakes, the same for the same seed.

Users ask at once when spawned, wait for the answer, think, and ask again. A request waits for a slot, spends
`wait_s` off the CPU, then shares the cores equally with the others (at most one core each). Processor sharing
runs in virtual time, which is the work that each request on the CPU was given so far.
"""

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.model import MIB, Limits

HOST_CORES = 2
REFUSED = "ConnectionRefusedError(111, 'Connection refused')"
BROKEN = "RemoteDisconnected('Remote end closed connection without response')"
SERVER_ERROR = "HTTPError('500 Server Error: Internal Server Error')"


@dataclass(frozen=True, slots=True)
class Service:
    """How a target fares. `demand_s` is CPU per request; it and `wait_s` vary by ± `spread_ratio`."""

    demand_s: float = 0.006
    wait_s: float = 0.0
    slots: int | None = None
    spread_ratio: float = 0.5
    base_bytes: int = 20 * MIB
    user_bytes: int = 64 * 1024
    error_ratio: float = 0.0
    start_s: float = 0.3
    exits_at_start: int | None = None
    never_ready: bool = False
    dies_after_requests: int | None = None


@dataclass(slots=True)
class Request:
    user: int
    name: str
    start_s: float
    work_s: float


@dataclass(slots=True)
class Answers:
    """What has happened since it was last emptied, in order of completion."""

    requests: list[tuple[str, float, float, str | None]] = field(default_factory=list)
    """Name, start, latency, error."""
    thinks: list[tuple[float, float]] = field(default_factory=list)
    """Start, planned length."""


class Station:
    """A service under limits and the users at it. Time moves in `advance` alone."""

    def __init__(self, service: Service, limits: Limits, now_s: float, seed: str) -> None:
        self.service = service
        self.cores = min(limits.cpu_cores, HOST_CORES)
        self.memory_limit_bytes = limits.memory_bytes
        self.now_s = now_s
        self.born_s = now_s
        self.cpu_s = 0.0
        self.throttled_s = 0.0
        self.saturated_s = 0.0
        self.eaten_bytes = 0
        self.peak_bytes = service.base_bytes
        self.served = 0
        self.died: tuple[int, bool] | None = None
        self.died_s = 0.0
        self.answers = Answers()
        self.in_flight: dict[int, Request] = {}
        self.users = 0
        self.think_s = (1.0, 4.0)
        self.names: tuple[tuple[str, float], ...] = (("GET /", 1.0),)
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._working: list[tuple[float, int, Request]] = []
        self._given_s = 0.0
        self._in_slots = 0
        self._queue: deque[Request] = deque()
        self._present: dict[int, int] = {}

    @property
    def memory_bytes(self) -> int:
        return self.service.base_bytes + self.service.user_bytes * self.users + self.eaten_bytes

    def advance(self, to_s: float) -> None:
        """Everything that happens until `to_s`."""
        while True:
            active = len(self._working)
            speed = min(1.0, self.cores / active) if active else 0.0
            done_s = self.now_s + (self._working[0][0] - self._given_s) / speed if active else math.inf
            coming_s = self._coming[0][0] if self._coming else math.inf
            at_s = min(done_s, coming_s, to_s)
            self._account(max(0.0, at_s - self.now_s), active, speed)
            self.now_s = max(self.now_s, at_s)
            if min(done_s, coming_s) > to_s:
                return
            if done_s <= coming_s:
                self._finish(heapq.heappop(self._working)[2])
            else:
                heapq.heappop(self._coming)[2]()

    def spawn(self, user: int, at_s: float) -> None:
        self._later(at_s, lambda: self._arrive(user))

    def drop(self, users: int) -> None:
        """Users from this number on leave at once, their requests uncounted."""
        for user in [user for user in self._present if user >= users]:
            del self._present[user]
            self.in_flight.pop(user, None)
        self.users = len(self._present)

    def eat(self, extra_bytes: int) -> None:
        self.eaten_bytes += extra_bytes
        self._look_at_memory()

    def burn(self, cpu_s: float) -> None:
        """Work on one core, all by itself: what it can't get at once, it waits for."""
        self.cpu_s += cpu_s
        self.saturated_s += cpu_s / self.cores if self.cores < 1 else 0.0
        self.throttled_s += max(0.0, cpu_s / self.cores - cpu_s)

    def die(self, exit_code: int, *, oom: bool = False) -> None:
        """The service is gone: what was in flight breaks, what comes is refused."""
        self.died, self.died_s = (exit_code, oom), self.now_s
        self._working.clear()
        self._queue.clear()
        self._in_slots = 0
        for request in list(self.in_flight.values()):
            self._answer(request, BROKEN)

    def _account(self, seconds: float, active: int, speed: float) -> None:
        self._given_s += speed * seconds
        self.cpu_s += speed * active * seconds
        if active > self.cores:
            wanted = min(active, HOST_CORES)
            self.saturated_s += seconds
            self.throttled_s += seconds * max(0.0, 1 - self.cores / wanted)

    def _later(self, at_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._coming, (at_s, next(self._numbers), what))

    def _arrive(self, user: int) -> None:
        self._present[user] = next(self._numbers)
        self.users = len(self._present)
        self._look_at_memory()
        self._ask(user, self._present[user])

    def _ask(self, user: int, visit: int) -> None:
        if self._present.get(user) != visit:
            return
        request = Request(user, self._name(), self.now_s, self._spread(self.service.demand_s))
        self.in_flight[user] = request
        if self.died is not None:
            self._answer(request, REFUSED)
        elif self.service.slots is not None and self._in_slots >= self.service.slots:
            self._queue.append(request)
        else:
            self._begin(request)

    def _begin(self, request: Request) -> None:
        self._in_slots += 1
        if self.service.wait_s > 0:
            self._later(self.now_s + self._spread(self.service.wait_s), lambda: self._compute(request))
        else:
            self._compute(request)

    def _compute(self, request: Request) -> None:
        if self.died is None:
            heapq.heappush(self._working, (self._given_s + request.work_s, next(self._numbers), request))

    def _finish(self, request: Request) -> None:
        self._in_slots -= 1
        self.served += 1
        failed = self._random.random() < self.service.error_ratio
        self._answer(request, SERVER_ERROR if failed else None)
        if self._queue:
            self._begin(self._queue.popleft())
        if self.served == self.service.dies_after_requests:
            self.die(1)

    def _answer(self, request: Request, error: str | None) -> None:
        if self.in_flight.get(request.user) is not request:
            return
        del self.in_flight[request.user]
        self.answers.requests.append((request.name, request.start_s, self.now_s - request.start_s, error))
        planned_s = self._random.uniform(*self.think_s)
        self.answers.thinks.append((self.now_s, planned_s))
        user, visit = request.user, self._present[request.user]
        self._later(self.now_s + planned_s, lambda: self._ask(user, visit))

    def _look_at_memory(self) -> None:
        self.peak_bytes = min(max(self.peak_bytes, self.memory_bytes), self.memory_limit_bytes)
        if self.memory_bytes > self.memory_limit_bytes and self.died is None:
            self.die(137, oom=True)

    def _name(self) -> str:
        names, weights = zip(*self.names, strict=True)
        return str(self._random.choices(names, weights)[0]) if len(names) > 1 else str(names[0])

    def _spread(self, seconds: float) -> float:
        spread = self.service.spread_ratio
        return seconds * self._random.uniform(1 - spread, 1 + spread)
