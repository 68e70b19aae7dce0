"""The real clock. Its instants are the same in every process of a host: the generator's fit ours."""

import time


class MonotonicClock:
    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
