"""Locust in processes of its own, with our plugin beside the user's unmodified locustfile."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from harness.errors import GeneratorError, UsageError
from harness.measure.docker.port_access import free_port
from harness.measure.host.cpu_affinity import Cores
from harness.measure.locust.command import command, environment
from harness.measure.locust.local_workers import Workers, ended_with, last_lines, log_end, worker_command
from harness.measure.locust.pages import FIRST, OUR_CLOCK, Pages
from harness.measure.locust.remote_workers import Containers, LoadEngines
from harness.measure.protocols import GeneratorFacts
from harness.model import SINGLE_PROCESS, Load, Scenario

LOCUST_SIDE = Path(__file__).parents[1] / "locust_side"
PLUGIN = (LOCUST_SIDE / "harness_plugin.py", LOCUST_SIDE / "harness_target_only.py")
FOR_WORKERS = (LOCUST_SIDE / "harness_worker_relay.py",)
START_WITHIN_S = 60.0
COME_WITHIN_S = 120.0
CLOSE_WITHIN_S = 10.0
QUIT_WITHIN_S = 5.0
LOG_BYTES_AT_MOST = 256 * 1024


class LocustGenerator:
    """Starts Locust processes, on the given cores or engines if any are; the real `LoadGenerator`."""

    def __init__(self, cores: Cores | None = None, engines: LoadEngines | None = None) -> None:
        self._cores = cores
        self._engines = engines

    def kept_to(self, cores: Cores) -> "LocustGenerator":
        return LocustGenerator(cores, self._engines)

    def check(self, load: Load) -> list[str]:
        return self._engines.check(load) if self._engines else []

    def prepare(self, scenario: Scenario) -> None:
        if self._engines:
            self._engines.prepare(scenario)

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
            raise UsageError(f"{shown}: Locust can't load it:\n{last_lines(done.stderr or done.stdout)}")
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
    def start(self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS) -> Iterator["LocustProcess"]:
        count = load.workers or 1
        distributed = load.is_elsewhere or count > 1
        port = self._port(load)
        options = _as_master(load.bind, port, count) if distributed else []
        files = (*PLUGIN, *FOR_WORKERS) if distributed else PLUGIN
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile() as log:
            with theirs:
                process = _spawn(scenario, url, theirs, log, files, options)
            running = LocustProcess(process, ours, log, count if distributed else 0)
            try:
                if self._engines:
                    running.workers = self._engines.start(scenario, files, url, load, count, port)
                elif distributed and not load.external:
                    running.workers = Workers(scenario, files, url, count, port)
                if self._cores:
                    running.keep_to(self._cores)
                running.wait_for_hello()
                running.wait_for_workers(worker_command(scenario, load) if load.external else "")
                yield running
            finally:
                running.end()

    def _port(self, load: Load) -> int:
        """The master's: a free one, unless its workers' hosts were told of it (and their firewalls)."""
        if self._engines and load.is_remote:
            return self._engines.port
        return load.port if load.external else free_port()


class LocustProcess:
    """One running Locust, or the master of `workers`; the real `RunningGenerator`."""

    def __init__(
        self, process: subprocess.Popen[bytes], line: socket.socket, log: IO[bytes], workers: int = 0
    ) -> None:
        self.process = process
        self.workers: Workers | Containers | None = None
        self.hello: dict[str, Any] = {}
        self._expected = workers
        self._all_came = False
        self._line = line
        self._log = log
        self._received = b""
        self._pages = Pages(workers)

    def keep_to(self, cores: Cores) -> None:
        os.sched_setaffinity(self.process.pid, cores)
        if self.workers:
            self.workers.keep_to(cores)

    def wait_for_hello(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self.hello:
            if time.monotonic() > deadline:
                raise GeneratorError(f"Locust was not ready after {START_WITHIN_S:.0f} s", self._log_tail())
            self._receive(0.5)

    def wait_for_workers(self, how_to_start_one: str) -> None:
        deadline = time.monotonic() + (COME_WITHIN_S if how_to_start_one else START_WITHIN_S)
        while self._pages.workers_seen < self._expected:
            if time.monotonic() > deadline:
                raise GeneratorError(
                    f"{self._pages.workers_seen} of {self._expected} workers of Locust came",
                    f"start each on its host with: {how_to_start_one}" if how_to_start_one else self.logs(),
                )
            self._receive(0.5)
        self._pages.take()
        self._all_came = True

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
        each = LOG_BYTES_AT_MOST // (1 + (self._expected if self.workers else 0))
        return log_end(self._log, each) + (self.workers.logs(each) if self.workers else "")

    def end(self) -> None:
        """Ask it to quit, so that users' `on_stop` runs; then end what is left of its process group."""
        with contextlib.suppress(GeneratorError):
            self._send({"quit": True})
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(QUIT_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.workers:
            self.workers.end()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._line.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise self._gone() from None

    def _receive(self, timeout_s: float) -> None:
        """Take in what has arrived, waiting at most `timeout_s` for the first byte."""
        if self.workers:
            self.workers.look()
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
            self._pages.add(message["facts"], message.get("worker", FIRST), message.get("clock", OUR_CLOCK))
            if self._all_came:
                self._look_for_workers()

    def _look_for_workers(self) -> None:
        """They must stay those that came: Locust moves users when one is lost, and when another one comes."""
        if (connected := self._pages.workers_connected) < self._expected:
            raise GeneratorError(f"{self._expected - connected} of {self._expected} workers were lost")
        if (seen := self._pages.workers_seen) > self._expected:
            raise GeneratorError(
                f"a further worker came, beside the {self._expected} expected: {seen} in all"
            )

    def _gone(self) -> GeneratorError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(QUIT_WITHIN_S)
        code = self.process.poll()
        how = "closed its line" if code is None else ended_with(code)
        return GeneratorError(f"Locust {how}\nits last words:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return last_lines(self.logs())


def _as_master(bind: str, port: int, workers: int) -> list[str]:
    address = ["--master-bind-host", bind, "--master-bind-port", str(port)]
    return ["--master", *address, "--expect-workers", str(workers)]


def _spawn(
    scenario: Scenario,
    url: str,
    line: socket.socket,
    log: IO[bytes],
    files: Sequence[Path],
    as_master: Sequence[str],
) -> subprocess.Popen[bytes]:
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
        *as_master,
    ]
    return subprocess.Popen(
        command(scenario, *options, files=(*files, *scenario.locustfiles)),
        cwd=scenario.locustfiles[0].parent,
        env={**environment(), "HARNESS_FD": str(line.fileno())},
        pass_fds=(line.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
