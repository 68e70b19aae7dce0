"""Slots: at most so many requests in service, each for the same time; the others wait, first come first."""

import asyncio
import heapq


class Slots:
    """A request leaves when its slot's *timetable* says so, not a timer's delay later.

    So the slots together serve exactly `slots / service_s` a second while anyone waits. A request keeps its
    place when its client has gone.
    """

    def __init__(self, slots: int, service_s: float) -> None:
        self._service_s = service_s
        self._free_s = [float("-inf")] * slots

    async def serve(self, user: str, times: int) -> None:
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(self.book(now_s, times) - now_s)

    def book(self, now_s: float, times: int = 1) -> float:
        """Return the instant at which a request that arrives now will have been served."""
        done_s = max(now_s, self._free_s[0]) + times * self._service_s
        heapq.heapreplace(self._free_s, done_s)
        return done_s
