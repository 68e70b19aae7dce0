"""Locust in a process of its own, with our plugin beside the user's unmodified locustfile."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from harness.errors import GeneratorError, UsageError
from harness.measure.columns import Pages
from harness.measure.locust_command import command, environment
from harness.measure.placement import Cores
from harness.measure.seam import GeneratorFacts
from harness.model import Scenario

PLUGIN = Path(__file__).with_name("locust_plugin.py")
START_WITHIN_S = 60.0
CLOSE_WITHIN_S = 10.0
QUIT_WITHIN_S = 5.0
LOG_BYTES_AT_MOST = 256 * 1024


class LocustGenerator:
    """Starts Locust processes, on the given cores if any are; the real `LoadGenerator`."""

    def __init__(self, cores: Cores | None = None) -> None:
        self._cores = cores

    def inspect(self, scenario: Scenario) -> list[str]:
        """The scenario's user classes, as Locust itself finds them."""
        done = subprocess.run(
            command(scenario, "--list"),
            cwd=scenario.locustfiles[0].parent,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_WITHIN_S,
        )
        shown = ", ".join(path.name for path in scenario.locustfiles)
        if done.returncode != 0:
            raise UsageError(f"{shown}: Locust can't load it:\n{_tail(done.stderr or done.stdout)}")
        found = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
        if not found:
            raise UsageError(
                f"{shown}: no user class in it", "define a class that inherits from HttpUser and has tasks"
            )
        missing = [name for name in scenario.user_classes if name not in found]
        if missing:
            raise UsageError(f"{shown}: no user class {missing[0]!r}", f"name one of {', '.join(found)}")
        return found

    @contextlib.contextmanager
    def start(self, scenario: Scenario, url: str) -> Iterator["LocustProcess"]:
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile() as log:
            with theirs:
                process = _spawn(scenario, url, theirs, log)
            if self._cores:
                os.sched_setaffinity(process.pid, self._cores)
            running = LocustProcess(process, ours, log)
            try:
                running.wait_for_hello()
                yield running
            finally:
                running.end()


class LocustProcess:
    """One running Locust; the real `RunningGenerator`."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket, log: IO[bytes]) -> None:
        self.process = process
        self.hello: dict[str, Any] = {}
        self._line = line
        self._log = log
        self._received = b""
        self._pages = Pages()

    def wait_for_hello(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self.hello:
            if time.monotonic() > deadline:
                raise GeneratorError(f"Locust was not ready after {START_WITHIN_S:.0f} s", self._log_tail())
            self._receive(0.5)

    @property
    def notes(self) -> tuple[str, ...]:
        shapes = ", ".join(self.hello.get("shapes_overridden", ()))
        return (f"the load shape {shapes} is not used: the harness sets the users",) if shapes else ()

    def hold(self, users: int, spawn_rate: float) -> None:
        self._send({"hold": users, "rate": spawn_rate})

    def poll(self, timeout_s: float) -> GeneratorFacts:
        self._receive(timeout_s)
        return self._pages.take()

    def close_step(self) -> GeneratorFacts:
        self._send({"close": True})
        deadline = time.monotonic() + CLOSE_WITHIN_S
        while not self._pages.closed:
            if time.monotonic() > deadline:
                raise GeneratorError(f"Locust has been silent for {CLOSE_WITHIN_S:.0f} s", self._log_tail())
            self._receive(0.5)
        return self._pages.take()

    def logs(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        start = max(0, size - LOG_BYTES_AT_MOST)
        return os.pread(self._log.fileno(), LOG_BYTES_AT_MOST, start).decode(errors="replace")

    def end(self) -> None:
        """Ask it to quit, so that users' `on_stop` runs; then end what is left of its process group."""
        with contextlib.suppress(GeneratorError):
            self._send({"quit": True})
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(QUIT_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._line.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise self._gone() from None

    def _receive(self, timeout_s: float) -> None:
        """Take in what has arrived, waiting at most `timeout_s` for the first byte."""
        if not select.select([self._line], [], [], timeout_s)[0]:
            return
        try:
            data = self._line.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            raise self._gone()
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._understand(json.loads(line))

    def _understand(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            self.hello = message["hello"]
        else:
            self._pages.add(message["facts"])

    def _gone(self) -> GeneratorError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(QUIT_WITHIN_S)
        code = self.process.poll()
        how = "closed its line" if code is None else f"ended with exit code {code}"
        killed = " (killed, by somebody or for lack of memory)" if code == -signal.SIGKILL else ""
        return GeneratorError(f"Locust {how}{killed}\nits last words:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return _tail(self.logs())


def _spawn(scenario: Scenario, url: str, line: socket.socket, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Locust in its own session: a Ctrl-C in the terminal is ours to handle, not its."""
    options = [
        "--headless",
        "--only-summary",
        "--host",
        url,
        "--exit-code-on-error",
        "0",
        "--run-time",
        "0",
        "--loglevel",
        "INFO",
    ]
    return subprocess.Popen(
        command(scenario, *options, files=(PLUGIN, *scenario.locustfiles)),
        cwd=scenario.locustfiles[0].parent,
        env={**environment(), "HARNESS_FD": str(line.fileno())},
        pass_fds=(line.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
