"""Start Locust workers on this host, and build the command that starts one on another host."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from harness.errors import GeneratorError
from harness.measure.host.cpu_affinity import Cores
from harness.measure.locust.command import build_command, build_command_elsewhere, build_environment
from harness.measure.locust.ending import describe_ending
from harness.measure.locust.telemetry import (
    build_demand,
    hide_secrets,
    list_missing_options,
    measure_longest_secret,
)
from harness.model import LOOPBACK, ExternalWorkers, Scenario

END_WITHIN_S = 5.0


class ProcessWorkers:
    """The workers of one master, as processes on this host; each has its own session, like the master."""

    def __init__(
        self,
        scenario: Scenario,
        plugin_files: tuple[Path, ...],
        url: str,
        count: int,
        port: int,
        seed: int | None = None,
    ) -> None:
        self._logs: list[IO[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        options = ["--worker", "--master-host", LOOPBACK, "--master-port", str(port), "--host", url]
        try:
            for _ in range(count):
                self._logs.append(tempfile.TemporaryFile())  # noqa: SIM115 (closed by `end`)
                self._processes.append(
                    subprocess.Popen(
                        build_command(scenario, *options, files=(*plugin_files, *scenario.locustfiles)),
                        cwd=scenario.working_folder,
                        env=build_environment(seed),
                        stdin=subprocess.DEVNULL,
                        stdout=self._logs[-1],
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        except BaseException:
            self.end()
            raise

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def pin_to_cores(self, cores: Cores) -> None:
        for process in self._processes:
            os.sched_setaffinity(process.pid, cores)

    def check_alive(self) -> None:
        """Raise GeneratorError if a worker has ended."""
        for number, process in enumerate(self._processes, 1):
            if (code := process.poll()) is not None:
                log = read_log_end(self._logs[number - 1], 64 * 1024)
                who = f"Locust's worker {number} of {len(self._processes)}"
                raise GeneratorError(
                    f"{describe_ending(who, code, log)}\nlast log lines:\n{get_last_lines(log)}"
                )

    def read_logs(self, bytes_each: int) -> str:
        """Return the last `bytes_each` bytes of each worker's log."""
        return "".join(
            f"--- worker {number}\n{read_log_end(log, bytes_each)}"
            for number, log in enumerate(self._logs, 1)
        )

    def end(self) -> None:
        """Wait until the workers have quit on their master's command, then kill those that still run."""
        for process in self._processes:
            end_group(process, END_WITHIN_S)
        for log in self._logs:
            log.close()


def end_group(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait until a process has ended, for so long at most; then kill what is left of its process group."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_log_end(log: IO[bytes], max_bytes: int) -> str:
    """Return the last `max_bytes` bytes of a file to which another process may still write; hide secrets."""
    size = os.fstat(log.fileno()).st_size
    more_bytes = max_bytes + measure_longest_secret()  # so that no secret is cut before it is found
    text = os.pread(log.fileno(), more_bytes, max(0, size - more_bytes)).decode(errors="replace")
    return hide_secrets(text)[-max_bytes:]


def get_last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])


def build_worker_command(scenario: Scenario, load: ExternalWorkers) -> str:
    """Build the shell command that runs one worker on another host.

    The worker gets the locustfile from the master. The command starts a worker for one container run after
    the other, until a worker finds no master any more. If Locust exports traces or metrics, the command ends
    where the variables for that are not set.
    """
    address = ["--master-host", load.bind, "--master-port", str(load.port)]
    options = ["--worker", *address, *list_missing_options(scenario)]
    command = build_command_elsewhere(scenario, ["-"], *options)
    return f"{build_demand(scenario)}while {shlex.join(command)}; do :; done"
