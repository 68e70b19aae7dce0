"""Can this machine measure, and how well? Each finding with its mend."""

import resource
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import psutil
from docker.api import APIClient

from harness.errors import EngineError
from harness.measure.docker.client import connect, is_local, translate_docker_errors
from harness.model import GIB

Level = Literal["ok", "beware", "broken"]

OLDEST_LOCUST = (2, 46, 3)
OLDEST_PYTHON = (3, 11)
FILES_AT_LEAST = 4096
DISK_AT_LEAST_BYTES = 2 * GIB
MEMORY_AT_LEAST_BYTES = GIB
WATCHED_S = 2.0
BUSY_AT_MOST = 0.05
STEAL_AT_MOST = 0.02
"""Half of what would spoil a window, and less: a machine that is busy already gets no quieter."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `mend` is what to do; empty where all is well."""

    level: Level
    what: str
    fix: str = ""


def examine(results: Path) -> Iterator[Finding]:
    """What was found, one after the other; the last ones take some seconds of watching."""
    yield from _software()
    try:
        engine = connect()
    except EngineError as error:
        yield Finding("broken", error.what, error.hint)
    else:
        try:
            yield from _engine(engine)
        finally:
            engine.close()
    yield _files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield _disk(results)
    yield check_memory(psutil.virtual_memory().available)
    yield from _load()


def _software() -> Iterator[Finding]:
    yield check_python(sys.version_info[:3])
    try:
        yield check_locust(version("locust"))
    except PackageNotFoundError:
        yield Finding("broken", "Locust is not installed", "make venv")


def check_python(found: tuple[int, ...]) -> Finding:
    shown = ".".join(map(str, found))
    if found[:2] < OLDEST_PYTHON:
        return Finding(
            "broken", f"Python {shown} is too old", "install Python 3.11 or newer, then make distclean venv"
        )
    return Finding("ok", f"Python {shown}")


def check_locust(found: str) -> Finding:
    digits = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
    if digits < OLDEST_LOCUST:
        return Finding(
            "broken", f"Locust {found} is too old", "pip install 'locust>=2.46.3', or make distclean venv"
        )
    return Finding("ok", f"Locust {found}")


def _engine(client: APIClient) -> Iterator[Finding]:
    try:
        with translate_docker_errors("describe itself"):
            info = client.info()
    except EngineError as error:
        yield Finding("broken", error.what, error.hint)
        return
    yield from check_limits(info)
    yield check_cores(int(info.get("NCPU") or 1))
    yield check_location(is_local(client), info)
    yield check_proxy([_named(process) for process in psutil.process_iter()])


def check_limits(info: Mapping[str, Any]) -> Iterator[Finding]:
    """What the engine can limit: without CPU and memory, sizes mean nothing."""
    shown = f"Docker {info.get('ServerVersion')}, cgroup v{info.get('CgroupVersion') or '1'}"
    lacking = [name for key, name in (("CpuCfsQuota", "CPU"), ("MemoryLimit", "memory")) if not info.get(key)]
    if lacking:
        mend = "give the engine these cgroup controllers (rootless: delegate cpu and memory to the user)"
        yield Finding("broken", f"{shown} can't limit {' and '.join(lacking)}", mend)
    else:
        yield Finding("ok", f"{shown} limits CPU and memory")
    if not info.get("SwapLimit"):
        yield Finding(
            "beware",
            "the engine can't limit swap: a target short of memory may swap instead of failing",
            "boot with swapaccount=1, or without swap",
        )


def check_cores(count: int) -> Finding:
    if count < 2:
        return Finding(
            "beware", "1 core, for the target and for the generator", "measure on a host with two or more"
        )
    most = count - 1
    return Finding("ok", f"{count} cores: sizes up to {most} CPU; the generator keeps one")


def check_location(is_local: bool, info: Mapping[str, Any]) -> Finding:
    if not is_local:
        return Finding(
            "broken",
            "the engine is on another machine, which publishes ports on its own loopback",
            "run the harness there, or unset DOCKER_HOST and the context",
        )
    if "Desktop" in str(info.get("OperatingSystem")):
        return Finding(
            "beware",
            "the engine runs in a virtual machine of its own: what else its host does is not seen",
            "close other programs, or measure on Linux",
        )
    return Finding("ok", "the engine is on this machine")


def check_proxy(process_names: list[str]) -> Finding:
    """The userland proxy costs 0.25 ms of CPU a request, and can be told by its processes alone."""
    if "docker-proxy" in process_names:
        return Finding(
            "beware",
            "published ports go through docker-proxy: about 0.25 ms of CPU a request",
            'beyond some 2,000 RPS: {"userland-proxy": false} in daemon.json, or network: host',
        )
    return Finding("ok", "no docker-proxy runs (it may, once a port is published)")


def _named(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _files(most: int) -> Finding:
    if 0 <= most < FILES_AT_LEAST:
        return Finding("beware", f"{most} open files a process: so many users at most", "ulimit -n 65536")
    return Finding("ok", "open files: enough for thousands of users")


def _disk(results: Path) -> Finding:
    folder = next((each for each in (results, *results.absolute().parents) if each.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    shown = f"{free / GIB:.0f} GiB free where results go"
    if free < DISK_AT_LEAST_BYTES:
        return Finding("beware", shown, "make room: a campaign takes some MiB, an image some hundred")
    return Finding("ok", shown)


def check_memory(available_bytes: int) -> Finding:
    shown = f"{available_bytes / GIB:.1f} GiB of memory available"
    if available_bytes < MEMORY_AT_LEAST_BYTES:
        return Finding("beware", shown, "close other programs: the generator and the page cache need some")
    return Finding("ok", shown)


def _load() -> Iterator[Finding]:
    before = psutil.cpu_times()
    time.sleep(WATCHED_S)
    yield from check_load(before, psutil.cpu_times())


def check_load(before: Any, after: Any) -> Iterator[Finding]:
    """Between two readings of the host's CPU times: what others use, what the hypervisor takes."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    whole = sum(spent[name] for name in spent if not name.startswith("guest"))
    if whole <= 0:
        return
    waiting = spent.get("idle", 0.0) + spent.get("iowait", 0.0)
    steal = spent.get("steal", 0.0) / whole
    busy = 1 - waiting / whole - steal
    if busy > BUSY_AT_MOST:
        yield Finding(
            "beware",
            f"other programs use {busy:.0%} of this host",
            "stop them: from 10 % on a step is INVALID",
        )
    else:
        yield Finding("ok", f"this host is quiet ({busy:.0%} used)")
    if steal > STEAL_AT_MOST:
        yield Finding("beware", f"the hypervisor takes {steal:.0%}", "measure on a quieter machine")
