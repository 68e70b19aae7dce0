"""Closed users and their target as one system of events: think, ask, wait for a slot, be served, think."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from bench.simulation.processor import Processor

RESET = 0
REFUSED = 1
ERRORS = ("ConnectionResetError: the target died", "ConnectionRefusedError: nobody listens")
ANSWERED = -1

NEVER = (math.inf, -1)


@dataclass(slots=True)
class EndedRequests:
    """What ended since it was last taken, a column each."""

    start_s: list[float] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    error: list[int] = field(default_factory=list)
    think_start_s: list[float] = field(default_factory=list)
    think_s: list[float] = field(default_factory=list)


class ClosedSystem:
    """Users who come as Locust's do (in bursts of a second's worth, asking at once), and a target that serves
    them.

    `in_flight` maps a waiting user to when it asked. `reached` is the number of users once all have come.
    """

    def __init__(
        self,
        processor: Processor,
        slots: int | None,
        delay_s: float,
        demands: Iterator[float],
        thinks: Iterator[float],
        users_at_most: float = math.inf,
    ) -> None:
        self.now_s = 0.0
        self.users: dict[int, None] = {}
        self.reached = 0
        self.in_flight: dict[int, float] = {}
        self.died_s: float | None = None
        self.processor = processor
        self._slots = math.inf if slots is None else slots
        self._busy = 0
        self._queue: deque[int] = deque()
        self._delay_s = delay_s
        self._demands = demands
        self._thinks = thinks
        self._users_at_most = users_at_most
        self._thinking: list[tuple[float, int]] = [NEVER]
        self._delayed: list[tuple[float, int]] = [NEVER]
        self._wanted = 0
        self._user_count = 0
        self._burst = 1
        self._burst_every_s = 1.0
        self._spawn_s = math.inf
        self._ended = EndedRequests()

    def hold(self, users: int, spawn_rate: float) -> None:
        """Go to this number of users, as Locust's dispatcher does; leaving takes no time."""
        self._wanted = users
        self._burst = max(1, math.floor(spawn_rate))
        self._burst_every_s = self._burst / spawn_rate
        while len(self.users) > users:
            user, _ = self.users.popitem()
            self.in_flight.pop(user, None)
        self._spawn_s = self.now_s if len(self.users) < users else math.inf
        self.reached = users if len(self.users) == users else 0

    def take(self) -> EndedRequests:
        ledger, self._ended = self._ended, EndedRequests()
        return ledger

    def advance(self, until_s: float) -> None:
        """Let everything happen up to and at an instant."""
        thinking, held, processor = self._thinking, self._delayed, self.processor
        while True:
            wake_s, release_s, at_s = thinking[0][0], held[0][0], processor.next_s
            if at_s <= wake_s and at_s <= release_s and at_s <= self._spawn_s:
                if at_s > until_s:
                    break
                self.now_s = at_s
                if (user := processor.step()) is not None:
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
                self._answer(heappop(held)[1])
            else:
                self._spawn()
        self.now_s = until_s
        processor.run_to(until_s)

    def _spawn(self) -> None:
        for _ in range(min(self._burst, self._wanted - len(self.users))):
            user = self._user_count
            self._user_count += 1
            self.users[user] = None
            self._send_request(user)
        if len(self.users) > self._users_at_most and self.died_s is None:
            self._die()
        if len(self.users) == self._wanted:
            self.reached, self._spawn_s = self._wanted, math.inf
        else:
            self._spawn_s += self._burst_every_s

    def _send_request(self, user: int) -> None:
        if user not in self.users:
            return
        self.in_flight[user] = self.now_s
        if self.died_s is not None:
            self._end_request(user, REFUSED)
        elif self._busy < self._slots:
            self._serve(user)
        else:
            self._queue.append(user)

    def _serve(self, user: int) -> None:
        self._busy += 1
        work_s = next(self._demands)
        if work_s > 0:
            self.processor.add(user, work_s)
        else:
            self._finish_cpu_work(user)

    def _finish_cpu_work(self, user: int) -> None:
        if self._delay_s:
            heappush(self._delayed, (self.now_s + self._delay_s, user))
        else:
            self._answer(user)

    def _answer(self, user: int) -> None:
        self._end_request(user, ANSWERED)
        self._busy -= 1
        if self._queue:
            self._serve(self._queue.popleft())

    def _end_request(self, user: int, error: int) -> None:
        """The user learns what became of its request, and thinks; one who has left learns nothing."""
        start_s = self.in_flight.pop(user, None)
        if start_s is None:
            return
        think_s, ledger = next(self._thinks), self._ended
        ledger.start_s.append(start_s)
        ledger.latency_s.append(self.now_s - start_s)
        ledger.error.append(error)
        ledger.think_start_s.append(self.now_s)
        ledger.think_s.append(think_s)
        heappush(self._thinking, (self.now_s + think_s, user))

    def _die(self) -> None:
        self.died_s = self.now_s
        self.processor.clear()
        self._queue.clear()
        self._delayed[:] = [NEVER]
        self._busy = 0
        for user in list(self.in_flight):
            self._end_request(user, RESET)
