"""CPU: a request burns a multiple of one CPU time in one of several processes, which take from one line."""

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor, wait


class Burners:
    """Processes, so that the container's CPU limit binds and not the interpreter's lock."""

    def __init__(self, workers: int, demand_s: float) -> None:
        self._demand_s = demand_s
        self._pool = ProcessPoolExecutor(workers)
        wait([self._pool.submit(burn, 0.0) for _ in range(workers)])

    async def serve(self, user: str, times: int) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, burn, times * self._demand_s)


def burn(cpu_s: float) -> None:
    """Spin for so much CPU time of this thread: a throttled process takes longer, and burns the same."""
    until_s = time.thread_time() + cpu_s
    while time.thread_time() < until_s:
        pass
