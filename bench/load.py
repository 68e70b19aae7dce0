"""Compare the CPU time per request of plain Locust with that of the harness, with and without workers.

`python -m bench.load` lets FastHttpUsers without think times send requests to a server in a process of its
own, which counts them. The requests per second are the server's count. The CPU seconds per request are those
of all processes of the generator in the same seconds. All variants are measured in turn, several times, and
the medians of their ratios are printed.
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

_USERS = 20
_SETTLE_S = 2.0
_MEASURED_S = 4.0
_POLL_S = 0.25

_LOCUSTFILE = """\
from locust import FastHttpUser, constant, task


class HastyUser(FastHttpUser):
    wait_time = constant(0)

    @task
    def get(self):
        self.client.get("/")
"""
_SERVER = """\
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
    """What a load costs: requests per second, and CPU seconds of all generator processes per request."""

    rps: float
    cpu_s: float


@contextlib.contextmanager
def _run_server() -> Iterator[str]:
    """Run the counting server and yield its URL."""
    port = find_free_port()
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(port)]) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(100):
                with contextlib.suppress(OSError):
                    _count_answered(url)
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def _count_answered(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count", timeout=5) as answer:
        return int(answer.read())


def _measure_cost(url: str, pids: list[int]) -> Iterator[Cost | None]:
    """Yield None every time the caller should wait for `_POLL_S`, and the cost at the end.

    The caller can read the generator's pages while it waits.
    """
    processes = [psutil.Process(pid) for pid in pids]
    yield from _wait(_SETTLE_S)
    started_s, count, cpu_s = time.monotonic(), _count_answered(url), _sum_cpu_s(processes)
    yield from _wait(_MEASURED_S)
    requests = _count_answered(url) - count
    length_s = time.monotonic() - started_s
    yield Cost(requests / length_s, (_sum_cpu_s(processes) - cpu_s) / requests)


def _wait(seconds: float) -> Iterator[None]:
    for _ in range(round(seconds / _POLL_S)):
        yield None


def _sum_cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _measure_plain_locust(url: str, locustfile: Path, workers: int) -> Cost:
    """Measure Locust without the harness, with several workers by Locust's option `--processes`."""
    command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--only-summary"]
    command += ["--host", url, "--users", str(_USERS), "--spawn-rate", str(_USERS)]
    command += ["--processes", str(workers)] if workers > 1 else []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as locust:
        try:
            process_count = workers + 1 if workers > 1 else 1
            while _count_answered(url) == 0 or len(_list_process_tree(locust.pid)) < process_count:
                time.sleep(0.2)
            for cost in _measure_cost(url, _list_process_tree(locust.pid)):
                if cost is not None:
                    return cost
                time.sleep(_POLL_S)
            raise AssertionError("no cost")
        finally:
            os.killpg(locust.pid, 9)


def _list_process_tree(pid: int) -> list[int]:
    parent = psutil.Process(pid)
    return [pid, *(child.pid for child in parent.children(recursive=True))]


def _measure_harness(url: str, locustfile: Path, workers: int) -> Cost:
    with LocustGenerator().start(Scenario((locustfile,)), url, LocalWorkers(workers)) as running:
        running.hold(_USERS, _USERS)
        pids = [running.process.pid, *(running.workers.pids if running.workers else [])]
        for cost in _measure_cost(url, pids):
            if cost is not None:
                return cost
            until_s = time.monotonic() + _POLL_S
            while (left_s := until_s - time.monotonic()) > 0:
                running.poll(left_s)
        raise AssertionError("no cost")


_VARIANTS = {
    "plain Locust": (_measure_plain_locust, 1),
    "harness, 1 process": (_measure_harness, 1),
    "plain Locust, 2 workers": (_measure_plain_locust, 2),
    "harness, 2 workers": (_measure_harness, 2),
}


def main() -> None:
    """Measure all variants in turn and print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12, help="how many times each variant is measured")
    rounds = parser.parse_args().rounds
    costs: dict[str, list[Cost]] = {name: [] for name in _VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        locustfile = Path(folder) / "locustfile.py"
        locustfile.write_text(_LOCUSTFILE)
        for number in range(1, rounds + 1):
            for name, (measure, workers) in _VARIANTS.items():
                with _run_server() as url:
                    costs[name].append(measure(url, locustfile, workers))
                cost = costs[name][-1]
                print(
                    f"{number}. {name}: {cost.rps:.0f} RPS, {cost.cpu_s * 1e6:.0f} µs a request",
                    flush=True,
                )
    _print_ratios(costs)


def _print_ratios(costs: dict[str, list[Cost]]) -> None:
    """Print medians of the ratios within each round, whose variants share the same state of the machine."""
    print(f"\n{psutil.cpu_count()} cores, which the server and the harness share with the load")
    for name, base in (
        ("harness, 1 process", "plain Locust"),
        ("harness, 2 workers", "plain Locust, 2 workers"),
        ("harness, 2 workers", "harness, 1 process"),
        ("plain Locust, 2 workers", "plain Locust"),
    ):
        pairs = list(zip(costs[name], costs[base], strict=True))
        rps = statistics.median(one.rps / other.rps for one, other in pairs)
        cpu = statistics.median(one.cpu_s / other.cpu_s for one, other in pairs)
        print(f"{name} against {base}: {rps:.2f}× the requests per second, {cpu:.2f}× the CPU per request")


if __name__ == "__main__":
    main()
