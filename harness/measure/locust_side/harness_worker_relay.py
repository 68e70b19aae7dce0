"""Runs inside a master and its workers beside `harness_plugin.py`: the workers' facts and clocks, over
Locust's own connection.

To the workers: `{"ask": instant}` once a second and `{"close": true}`. To the master: `{"facts": …}` twice a
second, and `{"asked": …, "at": …, "clock": …}` for every question. The master hands each page on to the
harness with the worker's number, and with what is known of its clock.

It is stand-alone on purpose: a worker on another host gets it from the master.
"""

import contextlib
import os
import time
from collections import deque
from pathlib import Path
from typing import Any

import gevent
import locust
from locust.runners import MasterRunner, WorkerRunner

CHANNEL = "harness"
REPORT_EVERY_S = 0.5
ASK_EVERY_S = 1.0
EXCHANGES_KEPT = 30
MASTER_SILENT_AT_MOST_S = 15.0


def clock_name() -> str:
    """What tells one monotonic clock from another: this boot of this kernel, and its namespace of times."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        with contextlib.suppress(OSError):
            return boot + os.readlink("/proc/self/ns/time")
        return boot
    return f"pid {os.getpid()}"


class Clock:
    """What is known of a worker's clock: by how much it is ahead of ours, and how wrong that may be.

    Of the last exchanges the quickest counts: its answer was given at some time between question and arrival
    (D. L. Mills, RFC 5905, section 8). The error is at most half of its round trip.
    """

    def __init__(self) -> None:
        self.is_ours = False
        self.exchanges: deque[tuple[float, float]] = deque(maxlen=EXCHANGES_KEPT)

    def note(self, asked: float, at: float, arrived: float, name: str) -> None:
        self.is_ours = name == clock_name()
        self.exchanges.append((arrived - asked, at - (asked + arrived) / 2))

    def known(self) -> dict[str, Any]:
        if self.is_ours:
            return {"here": True, "offset": 0.0, "error": 0.0}
        round_trip, offset = min(self.exchanges)
        return {"here": False, "offset": offset, "error": round_trip / 2}


class Relay:
    """The master's side: questions out, pages on to the harness."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.runner = environment.runner
        self.clocks: dict[int, Clock] = {}
        self.runner.register_message(CHANNEL, self.take)
        environment.harness.on_closing.append(lambda: self.runner.send_message(CHANNEL, {"close": True}))
        gevent.spawn(self.ask_always)

    def take(self, environment: Any, msg: Any, **_: Any) -> None:
        number = self.runner.get_worker_index(msg.node_id) + 1
        clock = self.clocks.setdefault(number, Clock())
        data = msg.data
        if "asked" in data:
            clock.note(data["asked"], data["at"], time.monotonic(), data["clock"])
        else:
            environment.harness.line.send({"facts": data["facts"], "worker": number, "clock": clock.known()})

    def ask_always(self) -> None:
        while True:
            self.runner.send_message(CHANNEL, {"ask": time.monotonic()})
            few = any(len(clock.exchanges) < EXCHANGES_KEPT / 6 for clock in self.clocks.values())
            gevent.sleep(ASK_EVERY_S / 10 if few or not self.clocks else ASK_EVERY_S)


class Worker:
    """A worker's side: its own book, a page of it twice a second from the first question on.

    So each page finds a clock that is known. Without further questions the worker ends itself.
    """

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.runner = environment.runner
        self.asked_at: float | None = None
        self.name = clock_name()
        self.runner.register_message(CHANNEL, self.take)
        gevent.spawn(self.report_always)

    def take(self, environment: Any, msg: Any, **_: Any) -> None:
        if "ask" in msg.data:
            self.asked_at = time.monotonic()
            self.send({"asked": msg.data["ask"], "at": self.asked_at, "clock": self.name})
        elif "close" in msg.data:
            self.report(closing=True)

    def report(self, *, closing: bool = False) -> None:
        self.send({"facts": self.environment.harness.page(self.runner.user_count, closing=closing)})

    def report_always(self) -> None:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            if self.asked_at is None:
                continue
            if time.monotonic() - self.asked_at > MASTER_SILENT_AT_MOST_S:
                os._exit(0)
            self.report()

    def send(self, data: dict[str, Any]) -> None:
        self.runner.send_message(CHANNEL, data)


def on_init(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, MasterRunner):
        Relay(environment)
    elif isinstance(environment.runner, WorkerRunner):
        Worker(environment)


locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
