"""Run Locust in separate processes, with the harness's plugin before the user's unmodified locustfile."""

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from harness.errors import GeneratorError
from harness.measure.docker.port_access import find_free_port
from harness.measure.host.cpu_affinity import Cores
from harness.measure.locust.command import build_command, build_environment, find_ignored_variables
from harness.measure.locust.ending import describe_ending, find_cause
from harness.measure.locust.local_workers import (
    ProcessWorkers,
    build_worker_command,
    end_group,
    get_last_lines,
    read_log_end,
)
from harness.measure.locust.pages import LOCAL_CLOCK, MAIN_PROCESS, PageBuffer
from harness.measure.locust.remote_workers import ContainerWorkers, WorkerPool
from harness.measure.locust.startup_notes import describe_startup
from harness.measure.locust.user_classes import START_WITHIN_S, UserClasses, find_user_classes
from harness.measure.protocols import GeneratorFacts
from harness.model import SINGLE_PROCESS, Crowd, ExternalWorkers, Load, LocalWorkers, Scenario

_LOCUST_SIDE = Path(__file__).parents[1] / "locust_side"
_OPTIONS_FILE = _LOCUST_SIDE / "harness_options.py"
_PLUGIN_FILES = (
    _OPTIONS_FILE,
    _LOCUST_SIDE / "harness_host.py",
    _LOCUST_SIDE / "harness_plugin.py",
    _LOCUST_SIDE / "harness_task_errors.py",
    _LOCUST_SIDE / "harness_other_errors.py",
    _LOCUST_SIDE / "harness_endings.py",
    _LOCUST_SIDE / "harness_user_time.py",
    _LOCUST_SIDE / "harness_seeds.py",
    _LOCUST_SIDE / "harness_requests.py",
    _LOCUST_SIDE / "harness_target_only.py",
    _LOCUST_SIDE / "harness_telemetry.py",
)
_RELAY_FILES = (_LOCUST_SIDE / "harness_worker_relay.py",)
CONNECT_WITHIN_S = 120.0
_CLOSE_WITHIN_S = 10.0
_QUIT_WITHIN_S = 5.0
_MAX_LOG_BYTES = 256 * 1024


class LocustGenerator:
    """The real `LoadGenerator`, which starts Locust processes.

    With `cores`, the processes on this host run on these cores only. With `worker_pool`, the workers run in
    containers; None means that they run on this host, or that the user starts them.
    """

    def __init__(self, cores: Cores | None = None, worker_pool: WorkerPool | None = None) -> None:
        self._cores = cores
        self._worker_pool = worker_pool

    def with_cores(self, cores: Cores) -> "LocustGenerator":
        return LocustGenerator(cores, self._worker_pool)

    def find_problems(self, load: Load) -> list[str]:
        return self._worker_pool.find_problems(load) if self._worker_pool else []

    def prepare(self, scenario: Scenario) -> None:
        if self._worker_pool:
            self._worker_pool.prepare(scenario)

    def find_user_classes(self, scenario: Scenario, users_limit: int | None = None) -> list[str]:
        return list(self.find_users(scenario, users_limit).names)

    def find_users(self, scenario: Scenario, users_limit: int | None = None) -> UserClasses:
        """Return the same with how long these users pause. Raises UsageError as `find_user_classes` does."""
        return find_user_classes(scenario, _OPTIONS_FILE, users_limit)

    @contextlib.contextmanager
    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS, crowd: Crowd | None = None
    ) -> Iterator["LocustProcess"]:
        count = _count_workers(load)
        port = self._choose_port(load)
        url += scenario.base or ""
        options = build_master_options(load.bind, port, count) if count else []
        options += build_crowd_options(crowd)
        seed = crowd.seed if crowd else None
        files = (*_PLUGIN_FILES, *_RELAY_FILES) if count else _PLUGIN_FILES
        connection, locust_end = socket.socketpair()
        with connection, tempfile.TemporaryFile() as log:
            with locust_end:
                process = _spawn_locust(scenario, url, locust_end, log, files, options, seed)
            try:
                workers = self._start_workers(scenario, files, url, load, port, seed)
            except BaseException:
                _end_process(process, connection)
                raise
            running = LocustProcess(process, connection, log, workers, count)
            try:
                if self._cores:
                    running.pin_to_cores(self._cores)
                running.wait_for_hello()
                running.wait_for_workers(
                    build_worker_command(scenario, load) if isinstance(load, ExternalWorkers) else ""
                )
                yield running
            finally:
                running.end()

    def _choose_port(self, load: Load) -> int:
        """Return the master's port: a free one, or that of the matrix if workers run on other hosts."""
        if self._worker_pool and load.is_remote:
            return self._worker_pool.port
        return load.port if isinstance(load, ExternalWorkers) else find_free_port()

    def _start_workers(
        self,
        scenario: Scenario,
        plugin_files: tuple[Path, ...],
        url: str,
        load: Load,
        port: int,
        seed: int | None,
    ) -> ProcessWorkers | ContainerWorkers | None:
        """Start the workers. Return None if there are none, or if the user starts them."""
        count = _count_workers(load)
        if self._worker_pool:
            return self._worker_pool.start(scenario, plugin_files, url, load, count, port)
        if count and not isinstance(load, ExternalWorkers):
            return ProcessWorkers(scenario, plugin_files, url, count, port, seed)
        return None


class LocustProcess:
    """The real `RunningGenerator`: a single Locust process, or a master with `expected_workers` workers.

    `workers` are the workers that the harness has started; None if there are none, or the user starts them.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        connection: socket.socket,
        log: IO[bytes],
        workers: ProcessWorkers | ContainerWorkers | None = None,
        expected_workers: int = 0,
    ) -> None:
        self.process = process
        self.workers = workers
        self.hello: dict[str, Any] = {}
        self._expected_workers = expected_workers
        self._all_connected = False
        self._connection = connection
        self._log = log
        self._received = b""
        self._pages = PageBuffer(expected_workers)

    def pin_to_cores(self, cores: Cores) -> None:
        """Pin Locust, and the workers on this host, to these cores."""
        os.sched_setaffinity(self.process.pid, cores)
        if self.workers:
            self.workers.pin_to_cores(cores)

    def wait_for_hello(self) -> None:
        """Wait until Locust has loaded the scenario. Raises GeneratorError if it has not in time, or ends."""
        deadline = time.monotonic() + START_WITHIN_S
        while not self.hello:
            if time.monotonic() > deadline:
                raise GeneratorError(
                    f"Locust was not ready after {START_WITHIN_S:.0f} s", self._read_log_tail()
                )
            self._receive(0.5)

    def wait_for_workers(self, worker_command: str = "") -> None:
        """Wait until all expected workers have connected. Raises GeneratorError if one has not in time.

        `worker_command` is the command with which the user starts one; empty if the harness starts them.
        """
        deadline = time.monotonic() + (CONNECT_WITHIN_S if worker_command else START_WITHIN_S)
        while self._pages.workers_seen < self._expected_workers:
            if time.monotonic() > deadline:
                raise GeneratorError(
                    f"{self._pages.workers_seen} of {self._expected_workers} Locust workers have connected",
                    f"start each on its host with: {worker_command}" if worker_command else self.read_logs(),
                )
            self._receive(0.5)
        self._pages.take()
        self._all_connected = True

    @property
    def notes(self) -> tuple[str, ...]:
        return describe_startup(self.hello, find_ignored_variables())

    def hold(self, users: int, spawn_rate: float) -> None:
        self._send({"hold": users, "rate": spawn_rate})

    def poll(self, timeout_s: float) -> GeneratorFacts:
        self._receive(timeout_s)
        return self._pages.take()

    def close_step(self) -> GeneratorFacts:
        self._send({"close": True})
        deadline = time.monotonic() + _CLOSE_WITHIN_S
        while not self._pages.is_closed:
            if time.monotonic() > deadline:
                raise GeneratorError(
                    f"Locust has been silent for {_CLOSE_WITHIN_S:.0f} s", self._read_log_tail()
                )
            self._receive(0.5)
        return self._pages.take()

    def read_logs(self) -> str:
        bytes_each = _MAX_LOG_BYTES // (1 + (self._expected_workers if self.workers else 0))
        return read_log_end(self._log, bytes_each) + (
            self.workers.read_logs(bytes_each) if self.workers else ""
        )

    def end(self) -> None:
        """End Locust, then its workers."""
        _end_process(self.process, self._connection)
        if self.workers:
            self.workers.end()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise self._build_end_error() from None

    def _receive(self, timeout_s: float) -> None:
        """Handle the messages that have arrived, waiting at most `timeout_s` for the first byte."""
        if self.workers:
            self.workers.check_alive()
        if not select.select([self._connection], [], [], timeout_s)[0]:
            return
        try:
            data = self._connection.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            raise self._build_end_error()
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._handle_message(json.loads(line))

    def _handle_message(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            self.hello = message["hello"]
        else:
            self._pages.add(
                message["facts"], message.get("worker", MAIN_PROCESS), message.get("clock", LOCAL_CLOCK)
            )
            if self._all_connected:
                self._check_workers()

    def _check_workers(self) -> None:
        """Raise GeneratorError if workers were lost or added: Locust then moves users between workers."""
        if (connected := self._pages.workers_connected) < self._expected_workers:
            cause = find_cause(self.read_logs())
            raise GeneratorError(
                f"{cause}{', so ' if cause else ''}{self._expected_workers - connected} of "
                f"{self._expected_workers} Locust workers were lost"
            )
        if (seen := self._pages.workers_seen) > self._expected_workers:
            raise GeneratorError(
                f"{seen} Locust workers have connected, but {self._expected_workers} are expected",
                "start no more workers than expected",
            )

    def _build_end_error(self) -> GeneratorError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_QUIT_WITHIN_S)
        log = self.read_logs()
        ending = describe_ending("Locust", self.process.poll(), log)
        return GeneratorError(f"{ending}\nlast log lines:\n{get_last_lines(log)}")

    def _read_log_tail(self) -> str:
        return get_last_lines(self.read_logs())


def _count_workers(load: Load) -> int:
    """Return the number of workers under a master; 0 for a single process without one."""
    count = load.workers or 1
    return 0 if isinstance(load, LocalWorkers) and count == 1 else count


def build_master_options(bind: str, port: int, workers: int) -> list[str]:
    """Build the options of a master that listens at `bind` and `port`, and waits for `workers` workers."""
    address = ["--master-bind-host", bind, "--master-bind-port", str(port)]
    return ["--master", *address, "--expect-workers", str(workers)]


def build_crowd_options(crowd: Crowd | None) -> list[str]:
    """Build the options that tell the scenario of the load; the harness alone decides how much there is."""
    return ["--users", str(crowd.users), "--spawn-rate", f"{crowd.spawn_rate:g}"] if crowd else []


def _spawn_locust(
    scenario: Scenario,
    url: str,
    connection: socket.socket,
    log: IO[bytes],
    plugin_files: Sequence[Path],
    master_options: Sequence[str],
    seed: int | None,
) -> subprocess.Popen[bytes]:
    """Start Locust in its own session, so that Ctrl-C in the terminal reaches only the harness."""
    options = [
        "--headless",
        "--only-summary",
        "--host",
        url,
        "--exit-code-on-error",
        "0",
        "--loglevel",
        "INFO",
        *master_options,
    ]
    return subprocess.Popen(
        build_command(scenario, *options, files=(*plugin_files, *scenario.locustfiles)),
        cwd=scenario.working_folder,
        env={**build_environment(seed), "HARNESS_FD": str(connection.fileno())},
        pass_fds=(connection.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end_process(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    """Ask Locust to quit, so that users' `on_stop` runs; then kill what is left of its process group."""
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps({"quit": True}).encode() + b"\n")
    end_group(process, _QUIT_WITHIN_S)
