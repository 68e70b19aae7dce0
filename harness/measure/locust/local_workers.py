"""Locust's workers: those that we start here, and how others are started elsewhere."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from harness.errors import GeneratorError
from harness.measure.docker.port_access import LOOPBACK
from harness.measure.host.cpu_affinity import Cores
from harness.measure.locust.command import command, environment, inside
from harness.model import Load, Scenario

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
                raise GeneratorError(
                    f"Locust's worker {number} of {len(self._processes)} {ended_with(code)}"
                    f"\nits last words:\n{last_lines(log_end(self._logs[number - 1], 4096))}"
                )

    def logs(self, bytes_each: int) -> str:
        return "".join(
            f"--- worker {number}\n{log_end(log, bytes_each)}" for number, log in enumerate(self._logs, 1)
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


def log_end(log: IO[bytes], bytes_at_most: int) -> str:
    """The end of a file that another process is writing."""
    size = os.fstat(log.fileno()).st_size
    start = max(0, size - bytes_at_most)
    return os.pread(log.fileno(), bytes_at_most, start).decode(errors="replace")


def last_lines(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def ended_with(code: int) -> str:
    killed = " (killed, by somebody or for lack of memory)" if code == -signal.SIGKILL else ""
    return f"ended with exit code {code}{killed}"


def worker_command(scenario: Scenario, load: Load) -> str:
    """What to run on another host, once for each worker: it fetches the locustfile from us, for every
    container life anew, and ends when we are done.
    """
    address = ["--master-host", load.bind, "--master-port", str(load.port)]
    words = inside(scenario, ["-"], "--worker", *address)
    return f"while {shlex.join(words)}; do :; done"
