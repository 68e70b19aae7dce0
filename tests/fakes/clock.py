"""A clock whose time passes only when someone sleeps on it."""

import contextlib
from collections.abc import Callable, Iterator

TICK_S = 0.25

TickListener = Callable[[float], None]


class FakeClock:
    """A clock that moves in ticks when someone sleeps on it, and notifies its listeners of each tick."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self._now_s = now_s
        self._listeners: list[TickListener] = []

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        until_s = self._now_s + seconds
        while self._now_s < until_s:
            self._now_s = min(until_s, self._now_s + TICK_S)
            for listener in list(self._listeners):
                listener(self._now_s)

    @contextlib.contextmanager
    def notify(self, listener: TickListener) -> Iterator[None]:
        """Call the listener with the new instant after each tick, until exit."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)
