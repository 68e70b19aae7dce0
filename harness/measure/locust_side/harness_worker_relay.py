"""Send the workers' facts to the master, and the master's commands to the workers, over Locust's connection.

Locust loads this file after `harness_plugin.py`, in a master and in its workers. Messages to the
workers: `{"ask": instant}` once a second, and `{"close": true}`. Messages to the master: `{"facts": …}` twice
a second and in answer to "close", and `{"asked": …, "at": …, "clock": …}` in answer to "ask". The master
forwards each page to the harness, with the worker's number and the estimate of its clock.

External workers serve one master after the other (`build_worker_command` starts them again). So no worker may
wait for a master that is gone, and each ends with exit code 0, whatever its requests and its scenario say.

This file imports nothing of the harness, because a worker on another host gets it alone, from the master.
"""

import contextlib
import functools
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import locust
from locust.rpc import Message
from locust.runners import MasterRunner, WorkerRunner

CHANNEL = "harness"
REPORT_EVERY_S = 0.5
ASK_EVERY_S = 1.0
MAX_EXCHANGES = 30
MAX_MASTER_SILENCE_S = 15.0
JOINING = ("client_ready", "locustfile")
"""What a worker sends to the master that it wants to join."""

REPEATED = ("heartbeat", CHANNEL)
"""What a worker that has joined sends again and again."""


def identify_clock() -> str:
    """Return a text that identifies this monotonic clock: the kernel's boot id, and the time namespace."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        with contextlib.suppress(OSError):
            return boot + os.readlink("/proc/self/ns/time")
        return boot
    return f"pid {os.getpid()}"


class ClockEstimate:
    """An estimate of a worker's clock: its offset from the master's, and the largest error of the offset.

    The estimate comes from the exchange with the shortest round trip among the last `MAX_EXCHANGES`. The
    worker answered at some time between the question and the arrival of its answer, so the error is at most
    half of the round trip (D. L. Mills, RFC 5905, section 8). `exchanges` are (round trip, offset), in s.
    """

    def __init__(self) -> None:
        self.is_local = False
        self.exchanges: deque[tuple[float, float]] = deque(maxlen=MAX_EXCHANGES)

    def add_exchange(self, asked_s: float, answered_s: float, arrived_s: float, clock: str) -> None:
        self.is_local = clock == identify_clock()
        self.exchanges.append((arrived_s - asked_s, answered_s - (asked_s + arrived_s) / 2))

    def to_message(self) -> dict[str, Any]:
        """Return the estimate in seconds, as the harness reads it. At least one exchange is needed."""
        if self.is_local:
            return {"here": True, "offset": 0.0, "error": 0.0}
        round_trip, offset = min(self.exchanges)
        return {"here": False, "offset": offset, "error": round_trip / 2}


class MasterRelay:
    """The master's side: asks the workers for their clocks, and forwards their pages to the harness."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.runner = environment.runner
        self.clocks: dict[int, ClockEstimate] = {}
        self.pass_on, self.runner.handle_message = self.runner.handle_message, self.handle_any_message
        self.runner.register_message(CHANNEL, self.handle_message)
        environment.harness.on_close.append(lambda: self.runner.send_message(CHANNEL, {"close": True}))
        gevent.spawn(self.ask_forever)

    def handle_any_message(self, client_id: str, msg: Any) -> None:
        """Handle what any worker sends, before Locust does.

        A worker that joins while this master ends would never hear of the end. It gets no answer, and asks
        again until the next master answers. A worker whose master was killed goes on with the next one, which
        does not know it: it is told to quit.
        """
        if getattr(self.runner, "is_ending", False) and msg.type in JOINING:
            return
        if msg.type in REPEATED and client_id not in self.runner.clients:
            message = Message("quit", None, client_id)  # type: ignore[no-untyped-call]
            self.runner.server.send_to_client(message)
            return
        self.pass_on(client_id, msg)

    def handle_message(self, environment: Any, msg: Any, **_: Any) -> None:
        number = self.runner.get_worker_index(msg.node_id) + 1
        clock = self.clocks.setdefault(number, ClockEstimate())
        data = msg.data
        if "asked" in data:
            clock.add_exchange(data["asked"], data["at"], time.monotonic(), data["clock"])
        else:
            environment.harness.connection.send(
                {"facts": data["facts"], "worker": number, "clock": clock.to_message()}
            )

    def ask_forever(self) -> None:
        """Ask all workers once a second, and ten times a second until each has answered a few times."""
        while True:
            self.runner.send_message(CHANNEL, {"ask": time.monotonic()})
            is_certain = all(len(clock.exchanges) >= MAX_EXCHANGES / 6 for clock in self.clocks.values())
            gevent.sleep(ASK_EVERY_S if self.clocks and is_certain else ASK_EVERY_S / 10)


def note_end(quit_runner: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a runner's `quit` to set its `is_ending`."""

    @functools.wraps(quit_runner)
    def note_and_quit(self: Any) -> Any:
        self.is_ending = True
        return quit_runner(self)

    return note_and_quit


class WorkerRelay:
    """A worker's side: sends a page twice a second.

    It sends no page before the master's first question, so that the master knows the clock of every page. It
    exits if it gets no question for `MAX_MASTER_SILENCE_S`. A time in which the scenario blocks the event
    loop counts as one round: the questions wait until it is over.
    """

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.runner = environment.runner
        self.is_asked = False
        self.silent_s = 0.0
        self.clock = identify_clock()
        self.runner.register_message(CHANNEL, self.handle_message)
        gevent.spawn(self.report_forever)

    def handle_message(self, environment: Any, msg: Any, **_: Any) -> None:
        if "ask" in msg.data:
            self.is_asked, self.silent_s = True, 0.0
            self.send({"asked": msg.data["ask"], "at": time.monotonic(), "clock": self.clock})
        elif "close" in msg.data:
            self.report(closing=True)

    def report(self, *, closing: bool = False) -> None:
        self.send({"facts": self.environment.harness.take_page(self.runner.user_count, closing=closing)})

    def report_forever(self) -> None:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            self.silent_s += REPORT_EVERY_S
            if self.silent_s > MAX_MASTER_SILENCE_S:
                os._exit(0)
            if self.is_asked:
                self.report()

    def send(self, data: dict[str, Any]) -> None:
        self.runner.send_message(CHANNEL, data)


def on_init(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, MasterRunner):
        MasterRelay(environment)
    elif isinstance(environment.runner, WorkerRunner):
        WorkerRelay(environment)


def on_quitting(environment: Any, **_: Any) -> None:
    """Let a worker end well. This listener was added before those of the scenario, so it is called last."""
    if isinstance(environment.runner, WorkerRunner):
        environment.process_exit_code = 0


MasterRunner.quit = note_end(MasterRunner.quit)  # type: ignore[method-assign]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
locust.events.quitting.add_listener(on_quitting)  # type: ignore[no-untyped-call]
