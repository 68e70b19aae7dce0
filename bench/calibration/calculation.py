"""Calculate capacities: read questions as JSON from standard input, write answers as JSON.

`python -m bench.calibration.calculation` runs as a process of its own and imports nothing of the harness. It
knows the parameters, the limits and the measured cost of a request, but no measured number of users.

In a saturated queue of N closed users, the mean response time is R = N/X - Z (throughput X, think time Z). So
N = X·(Z + L) users have the mean response time L. The p95 lies above the mean, because think times vary and a
CPU quota serves in bursts. No formula gives the p95, so the queue is also simulated, request by request.
"""

import heapq
import json
import math
import random
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

_PERCENTILE = 0.95
REQUESTS = 30_000
"""How many response times are simulated for one percentile."""

_WARM_CYCLES = 10
_PERIOD_S = 0.1
"""The kernel's CFS period: a quota of c cores is c times as much CPU time in each period."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue before `servers` that work for `work_s` on each request, under a quota of `cores` for all.

    `think_s` are the bounds of the users' think times. `cores` is None if the servers wait and use no CPU.
    Unless `heavy` is 0, one of so many requests, by chance, is so many times the work of the others; `work_s`
    is the mean of all.
    """

    servers: int
    work_s: float
    think_s: tuple[float, float]
    cores: float | None = None
    heavy: int = 0

    @property
    def max_rps(self) -> float:
        return min(self.servers, self.cores or math.inf) / self.work_s

    def draw_work_s(self, chance: random.Random) -> float:
        """Return the work of a request. Of h, all but one are light; the work of all is 2h - 1 light ones."""
        if not self.heavy:
            return self.work_s
        light_s = self.work_s * self.heavy / (2 * self.heavy - 1)
        return light_s * (self.heavy if chance.randrange(self.heavy) == 0 else 1)

    def compute_users_at_mean(self, mean_s: float) -> float:
        """Return how many users of a saturated queue have this mean response time: X·(Z + L)."""
        return self.max_rps * (sum(self.think_s) / 2 + mean_s)

    def find_users_at_p95(self, p95_s: float) -> float:
        """Find by simulation how many users have this p95; it is interpolated between two whole numbers."""
        high = math.ceil(self.compute_users_at_mean(p95_s)) + 1
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._simulate_p95_s(middle) > p95_s + 1e-9 else (middle, high)
        if low == 0:
            return 0.0
        below_s, above_s = self._simulate_p95_s(low), self._simulate_p95_s(high)
        return low + (p95_s - below_s) / (above_s - below_s)

    def _simulate_p95_s(self, users: int) -> float:
        times_s = sorted(Simulation(self, users).simulate_response_times_s())
        return times_s[math.ceil(_PERCENTILE * len(times_s)) - 1]


class Simulation:
    """A simulation of a queue with a number of users, from one event to the next.

    All busy servers work at the same speed, so a request ends when every busy server has worked for its work
    since the request began.
    """

    def __init__(self, queue: Queue, users: int) -> None:
        self._queue = queue
        self._random = random.Random(users)
        cycle_s = max(users / queue.max_rps, sum(queue.think_s) / 2 + queue.work_s)
        self._now_s = self._worked_s = 0.0
        self._warm_until_s = _WARM_CYCLES * cycle_s
        self._arrivals_s = [cycle_s * number / users for number in range(users)]
        self._waiting: deque[float] = deque()
        self._served: list[tuple[float, float]] = []
        """A heap of the requests in service: what every server has worked when they end, and arrivals."""

        self._quota_s = self._full_quota_s = math.inf if queue.cores is None else queue.cores * _PERIOD_S
        self._period_ends_s = math.inf if queue.cores is None else _PERIOD_S

    def simulate_response_times_s(self) -> list[float]:
        """Return the response times of REQUESTS successive requests, after the queue has settled."""
        times_s: list[float] = []
        while len(times_s) < REQUESTS:
            self._pass_time()
            self._refill()
            self._arrive()
            self._begin()
            times_s += self._finish()
        return times_s

    def _pass_time(self) -> None:
        """Go to the next event: an arrival, or the end of a period, of its quota or of a request."""
        busy = len(self._served)
        until_s = min(self._period_ends_s, self._arrivals_s[0] if self._arrivals_s else math.inf)
        if not busy or self._quota_s <= 0:
            self._now_s = until_s
            return
        left_s = min(self._served[0][0] - self._worked_s, self._quota_s / busy)
        spent_s = min(until_s - self._now_s, left_s)
        self._now_s += spent_s
        self._worked_s += spent_s
        self._quota_s = 0.0 if spent_s * busy >= self._quota_s else self._quota_s - spent_s * busy

    def _refill(self) -> None:
        if self._now_s >= self._period_ends_s:
            self._period_ends_s += _PERIOD_S
            self._quota_s = self._full_quota_s

    def _arrive(self) -> None:
        while self._arrivals_s and self._arrivals_s[0] <= self._now_s:
            self._waiting.append(heapq.heappop(self._arrivals_s))

    def _begin(self) -> None:
        while self._waiting and len(self._served) < self._queue.servers:
            ends_s = self._worked_s + self._queue.draw_work_s(self._random)
            heapq.heappush(self._served, (ends_s, self._waiting.popleft()))

    def _finish(self) -> list[float]:
        """Let the users of all ended requests think, and return the response times after the warm-up."""
        times_s = []
        while self._served and self._served[0][0] <= self._worked_s + 1e-12:
            _, arrived_s = heapq.heappop(self._served)
            heapq.heappush(self._arrivals_s, self._now_s + self._random.uniform(*self._queue.think_s))
            if arrived_s >= self._warm_until_s:
                times_s.append(self._now_s - arrived_s)
        self._begin()
        return times_s


def answer_question(question: dict[str, Any]) -> dict[str, float]:
    """Return the users at the mean by the formula (`formula`), and at the p95 by simulation (`users`)."""
    if question["mode"] == "memory":
        free_bytes = question["memory_bytes"] - question["base_bytes"]
        users = free_bytes / question["held_bytes"]
        return {"formula": users, "users": users}
    queue = Queue(
        question["servers"],
        question["work_s"],
        tuple(question["think_s"]),
        question.get("cpu_cores"),
        question.get("heavy", 0),
    )
    return {
        "formula": queue.compute_users_at_mean(question["p95_s"]),
        "users": queue.find_users_at_p95(question["p95_s"]),
    }


def main() -> None:
    """Answer the questions of all cells."""
    questions = json.load(sys.stdin)
    json.dump({cell: answer_question(question) for cell, question in questions.items()}, sys.stdout)


if __name__ == "__main__":
    main()
