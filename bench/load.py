"""What making load costs: plain Locust, the harness's single process, and its master with workers, in turn.

`python -m bench.load` lets FastHttpUsers without pauses ask a server in a process of its own, which counts.
A way's requests per second and CPU seconds per request are read from that server's count and from all
processes that make the load, in the same seconds. Rounds are interleaved; medians and their ratios count.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.measure.docker.port_access import find_free_port
from harness.measure.locust.generator import LocustGenerator
from harness.model import LocalWorkers, Scenario

USERS = 20
SETTLE_S = 2.0
WATCHED_S = 4.0

LOCUSTFILE = """\
from locust import FastHttpUser, constant, task


class Hasty(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/")
"""
SERVER = """\
import asyncio, sys

answered = 0


class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        global answered
        if data.startswith(b"GET /count"):
            body = str(answered).encode()
        else:
            answered += 1
            body = b"ok"
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))


async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests per second, and CPU seconds of all generator processes per request."""

    rps: float
    cpu_s: float


@contextlib.contextmanager
def run_server() -> Iterator[str]:
    port = find_free_port()
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)]) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(100):
                with contextlib.suppress(OSError):
                    count_answered(url)
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def count_answered(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count", timeout=5) as answer:
        return int(answer.read())


def measure_cost(url: str, pids: list[int], keep_on: float = 0.25) -> Iterator[Cost | None]:
    """None while it settles and is watched, so that the caller can drain what comes; then the figures."""
    processes = [psutil.Process(pid) for pid in pids]
    yield from wait_quietly(SETTLE_S, keep_on)
    began_s, before, cpu = time.monotonic(), count_answered(url), sum_cpu_s(processes)
    yield from wait_quietly(WATCHED_S, keep_on)
    requests = count_answered(url) - before
    length_s = time.monotonic() - began_s
    yield Cost(requests / length_s, (sum_cpu_s(processes) - cpu) / requests)


def wait_quietly(seconds: float, keep_on: float) -> Iterator[None]:
    for _ in range(round(seconds / keep_on)):
        yield None


def sum_cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure_plain_locust(url: str, locustfile: Path, workers: int) -> Cost:
    """Locust by itself, as anybody starts it; with workers, by its own `--processes`."""
    command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--only-summary"]
    command += ["--host", url, "--users", str(USERS), "--spawn-rate", str(USERS)]
    command += ["--processes", str(workers)] if workers > 1 else []
    quiet_output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, **quiet_output
    ) as locust:
        try:
            while count_answered(url) == 0 or len(list_process_tree(locust.pid)) < (workers + 1 if workers > 1 else 1):
                time.sleep(0.2)
            for figures in measure_cost(url, list_process_tree(locust.pid)):
                if figures is not None:
                    return figures
                time.sleep(0.25)
            raise AssertionError("no figures")
        finally:
            os.killpg(locust.pid, 9)


def list_process_tree(pid: int) -> list[int]:
    parent = psutil.Process(pid)
    return [pid, *(child.pid for child in parent.children(recursive=True))]


def measure_harness(url: str, locustfile: Path, workers: int) -> Cost:
    with LocustGenerator().start(Scenario((locustfile,)), url, LocalWorkers(workers)) as running:
        running.hold(USERS, USERS)
        pids = [running.process.pid, *(running.workers.pids if running.workers else [])]
        for figures in measure_cost(url, pids):
            if figures is not None:
                return figures
            until = time.monotonic() + 0.25
            while (left := until - time.monotonic()) > 0:
                running.poll(left)
        raise AssertionError("no figures")


VARIANTS = {
    "plain Locust": (measure_plain_locust, 1),
    "harness, 1 process": (measure_harness, 1),
    "plain Locust, 2 workers": (measure_plain_locust, 2),
    "harness, 2 workers": (measure_harness, 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    found: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        locustfile = Path(folder) / "locustfile.py"
        locustfile.write_text(LOCUSTFILE)
        for number in range(1, rounds + 1):
            for name, (way, workers) in VARIANTS.items():
                with run_server() as url:
                    found[name].append(way(url, locustfile, workers))
                figures = found[name][-1]
                print(
                    f"{number}. {name}: {figures.rps:.0f} RPS, {figures.cpu_s * 1e6:.0f} µs a request",
                    flush=True,
                )
    print_ratios(found)


def print_ratios(found: dict[str, list[Cost]]) -> None:
    """Ratios within each round, then their medians: a busy minute is busy for all ways in it."""
    print(f"\n{psutil.cpu_count()} cores, which the server and the harness share with the load")
    for name, base in (
        ("harness, 1 process", "plain Locust"),
        ("harness, 2 workers", "plain Locust, 2 workers"),
        ("harness, 2 workers", "harness, 1 process"),
        ("plain Locust, 2 workers", "plain Locust"),
    ):
        pairs = list(zip(found[name], found[base], strict=True))
        rps = statistics.median(one.rps / other.rps for one, other in pairs)
        cpu = statistics.median(one.cpu_s / other.cpu_s for one, other in pairs)
        print(f"{name} against {base}: {rps:.2f}× the requests, {cpu:.2f}× the CPU for each")


if __name__ == "__main__":
    main()
