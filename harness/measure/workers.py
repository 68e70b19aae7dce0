"""Locust's workers: those that we start here, and how others are started elsewhere."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from harness.errors import GeneratorError
from harness.measure.locust_command import command, elsewhere, environment
from harness.measure.placement import Cores
from harness.model import Load, Scenario

LOOPBACK = "127.0.0.1"
ENDED_WITHIN_S = 5.0


class Workers:
    """Worker processes of one master, each in a session of its own, as the master is."""

    def __init__(self, scenario: Scenario, files: tuple[Path, ...], url: str, count: int, port: int) -> None:
        self._logs: list[IO[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        options = ["--worker", "--master-host", LOOPBACK, "--master-port", str(port), "--host", url]
        try:
            for _ in range(count):
                self._logs.append(tempfile.TemporaryFile())  # noqa: SIM115 (closed by `end`)
                self._processes.append(
                    subprocess.Popen(
                        command(scenario, *options, files=(*files, *scenario.locustfiles)),
                        cwd=scenario.locustfiles[0].parent,
                        env=environment(),
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

    def keep_to(self, cores: Cores) -> None:
        for process in self._processes:
            os.sched_setaffinity(process.pid, cores)

    def look(self) -> None:
        """Raises GeneratorError when one of them has ended."""
        for number, process in enumerate(self._processes, 1):
            if (code := process.poll()) is not None:
                words = " (killed, by somebody or for lack of memory)" if code == -signal.SIGKILL else ""
                tail = "\n".join(self._log(number - 1, 4096).strip().splitlines()[-15:])
                raise GeneratorError(
                    f"Locust's worker {number} of {len(self._processes)} ended with exit code {code}{words}"
                    f"\nits last words:\n{tail}"
                )

    def logs(self, bytes_each: int) -> str:
        return "".join(
            f"--- worker {number + 1}\n{self._log(number, bytes_each)}" for number in range(len(self._logs))
        )

    def end(self) -> None:
        """They were told to quit by their master; what is left of them is ended."""
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDED_WITHIN_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for log in self._logs:
            log.close()

    def _log(self, number: int, at_most: int) -> str:
        descriptor = self._logs[number].fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, at_most, max(0, size - at_most)).decode(errors="replace")


def free_port() -> int:
    """One of the loopback that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def worker_command(scenario: Scenario, load: Load) -> str:
    """What to run on another host, once for each worker: it fetches the locustfile from us, for every
    container life anew, and ends when we are done.
    """
    address = ["--master-host", load.bind, "--master-port", str(load.port)]
    words = elsewhere(scenario, "--worker", *address)
    return f"while {shlex.join(words)}; do :; done"
