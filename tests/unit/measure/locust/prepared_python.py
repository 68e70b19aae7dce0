"""A Python that has imported Locust, and forks for each scenario: importing it takes half a second."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_S = 30
"""A scenario that takes longer is killed by SIGALRM."""

CODE = f"""
import os, signal, sys
import gevent.monkey, gevent.os, locust
wait = gevent.monkey.get_original("os", "waitpid")
while folder := sys.stdin.readline().rstrip():
    child = gevent.os.fork_gevent()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(wait(child, 0)[1]), flush=True)
else:
    sys.exit()
signal.alarm({MOST_S})
os.chdir(folder)
for descriptor, path, flags in (
    (0, os.devnull, os.O_RDONLY),
    (1, "stdout.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    (2, "stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
):
    os.dup2(os.open(path, flags), descriptor)
import scenario
"""


class PreparedPython:
    """Runs one scenario after the other, each in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run code as the module `scenario` of a folder, in which it is written."""
        (folder / "scenario.py").write_text(code)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        exit_code = int(self._process.stdout.readline())
        out, err = ((folder / f"{name}.txt").read_text() for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(["scenario"], exit_code, out, err)


@contextlib.contextmanager
def prepare_python() -> Iterator[PreparedPython]:
    """Start the process; it ends on exit."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield PreparedPython(process)
