"""Simulate a CPU that all requests in service share evenly, under a CFS quota.

All requests in service get the same CPU time, so only one amount is recorded: the CPU time that each of them
would have got since the start. A request that needs w seconds ends when this amount has grown by w. So the
order in which requests end is known when they begin (Parekh and Gallager's virtual time, for equal shares).

CFS gives `cpu_cores` · 0.1 s of CPU in every period of 0.1 s. When the quota is spent before the period is
over, nothing runs until the next period.
"""

import math
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

_PERIOD_S = 0.1
_SPEED_EVERY_S = 1.0

SpeedAt = Callable[[float, float], float]
"""Compute the speed from the instant and from the CPU seconds spent so far; 1 is nominal."""


class Processor:
    """The CPU of one container. `next_s` is the instant of the next event, unless a request is added before.

    The counters are cumulative, as in a cgroup: `cpu_s`, `periods` (in which something ran),
    `throttled_periods` and `throttled_s`.
    """

    def __init__(
        self,
        cpu_cores: float,
        parallel_cores: int,
        speed_at: SpeedAt | None,
        pauses: Iterator[tuple[float, float]],
    ) -> None:
        """`pauses` yields the seconds until the next pause, and its length."""
        self.now_s = 0.0
        self.next_s = math.inf
        self.cpu_s = 0.0
        self.periods = 0
        self.throttled_periods = 0
        self.throttled_s = 0.0
        self._parallel_cores = parallel_cores
        can_throttle = cpu_cores < parallel_cores
        self._quota_s = cpu_cores * _PERIOD_S if can_throttle else math.inf
        self._period_s = _PERIOD_S if can_throttle else 10 * _PERIOD_S
        self._quota_left_s = 0.0
        self._period_to_s = 0.0
        self._is_throttled = False
        self._is_stopped = False
        self._speed_at = speed_at
        self._speed = 1.0 if speed_at is None else speed_at(0.0, 0.0)
        self._pauses = pauses
        self._is_paused = False
        self._pause_change_s, self._pause_length_s = next(pauses)
        self._speed_change_s = math.inf if speed_at is None else _SPEED_EVERY_S
        self._state_change_s = min(self._pause_change_s, self._speed_change_s)
        self._requests: list[tuple[float, int]] = []
        self._work_per_request_s = 0.0
        self._busy_cores = 0
        self._speed_per_request = 0.0
        self._finish_s = math.inf
        self._schedule_next()

    def add(self, request: int, work_s: float) -> None:
        """Start to serve a request at `now_s`; call `run_to` before to move it."""
        if not self._requests and self.now_s >= self._period_to_s:
            self._begin_period((math.floor(self.now_s / self._period_s + 1e-9) + 1) * self._period_s)
            self._is_stopped = self._is_paused
        heappush(self._requests, (self._work_per_request_s + work_s, request))
        self._schedule_next()

    def run_to(self, at_s: float) -> None:
        """Work until an instant that is not after `next_s`."""
        elapsed_s = at_s - self.now_s
        self.now_s = at_s
        if self._busy_cores:
            self._work_per_request_s += elapsed_s * self._speed_per_request
            spent_s = elapsed_s * self._busy_cores
            self.cpu_s += spent_s
            self._quota_left_s -= spent_s
        elif self._is_throttled:
            self.throttled_s += elapsed_s

    def run_next_event(self) -> int | None:
        """Run to `next_s` and simulate the event there; return the request that ended, None if none did."""
        at_s = self.next_s
        self.run_to(at_s)
        if at_s == self._finish_s:
            self._work_per_request_s, request = heappop(self._requests)
            if not self._requests:
                self._work_per_request_s = 0.0
            self._schedule_next()
            return request
        self._apply_change(at_s)
        self._schedule_next()
        return None

    def clear(self) -> None:
        """Drop all requests, because the target ended."""
        self._requests.clear()
        self._is_throttled = False
        self._is_stopped = self._is_paused
        self._schedule_next()

    def _apply_change(self, at_s: float) -> None:
        if at_s == self._state_change_s:
            self._change_state(at_s)
        elif at_s == self._period_to_s:
            self._begin_period(at_s + self._period_s)
        else:
            self._is_throttled = True
            self.throttled_periods += 1
        self._is_stopped = self._is_throttled or self._is_paused

    def _change_state(self, at_s: float) -> None:
        """Begin or end a pause, or change the speed."""
        if at_s == self._pause_change_s:
            self._is_paused = not self._is_paused
            if self._is_paused:
                self._pause_change_s += self._pause_length_s
            else:
                gap_s, self._pause_length_s = next(self._pauses)
                self._pause_change_s += gap_s
        else:
            assert self._speed_at is not None
            self._speed = self._speed_at(at_s, self.cpu_s)
            self._speed_change_s += _SPEED_EVERY_S
        self._state_change_s = min(self._pause_change_s, self._speed_change_s)

    def _begin_period(self, to_s: float) -> None:
        self._period_to_s = to_s
        self._quota_left_s = self._quota_s
        self._is_throttled = False
        self.periods += round(self._period_s / _PERIOD_S)

    def _schedule_next(self) -> None:
        """Find the next event, and the speed of all requests until then.

        Half of the simulation's time is spent here, so comparisons are used instead of `min`.
        """
        next_s = self._state_change_s
        self._finish_s = math.inf
        count = len(self._requests)
        if count == 0 or self._is_stopped:
            self._busy_cores = 0
            if count and self._period_to_s < next_s:
                next_s = self._period_to_s
            self.next_s = next_s
            return
        cores = self._busy_cores = count if count < self._parallel_cores else self._parallel_cores
        speed = self._speed_per_request = cores * self._speed / count
        ahead_s = self._requests[0][0] - self._work_per_request_s
        finish_s = self._finish_s = self.now_s + ahead_s / speed if ahead_s > 0 else self.now_s
        quota_end_s = self.now_s + self._quota_left_s / cores if self._quota_left_s > 0 else self.now_s
        if quota_end_s < next_s:
            next_s = quota_end_s
        if self._period_to_s < next_s:
            next_s = self._period_to_s
        self.next_s = finish_s if finish_s < next_s else next_s
