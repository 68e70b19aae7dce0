"""Check whether this machine and its engines can measure, and how well; each finding says what fixes it."""

import json
import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from docker.api import APIClient
from docker.utils.config import find_config_file

from harness.errors import EngineError
from harness.measure.docker.client import connect, find_port_access, is_local, translate_docker_errors
from harness.measure.docker.file_pages import OWN_FILE_PAGES, SHARED_FILE_PAGES, shares_file_pages
from harness.measure.docker.port_access import PortAccess
from harness.measure.engine_kind import PODMAN_COUNTERS, EngineKind, ThisMachine, recognise_engine
from harness.measure.fingerprint import NO_SWAP_LIMIT
from harness.measure.host.process_cpu import read_process_name
from harness.measure.own_container import (
    NO_HOST_NETWORK,
    OwnContainer,
    find_own_container,
    lacks_host_network,
    list_lacks,
)
from harness.model import GIB, Engine

_OLDEST_LOCUST = (2, 46, 3)
_OLDEST_PYTHON = (3, 11)
_OPEN_FILES_AT_LEAST = 4096
_DISK_AT_LEAST_BYTES = 2 * GIB
_MEMORY_AT_LEAST_BYTES = GIB
_PODMAN_TELLS_KILLS_FROM = 5
WATCH_S = 2.0
_BUSY_AT_MOST = 0.05
_STEAL_AT_MOST = 0.02
"""Both limits are at most half of what makes a window invalid: a campaign only adds load to this machine."""

_ENGINE_OF_ITS_OWN = (
    "for figures to rely on, let targets run on an engine of its own, on Linux (engine: ssh://…), or let "
    "the load come from one (load: {engines: […]}): docs/scale.md"
)


class Level(StrEnum):
    """What a finding means: all is well, figures may suffer, or nothing can be measured."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. `fix` is what to do, empty if all is well."""

    level: Level
    what: str
    fix: str = ""


def examine(results: Path, engines: Mapping[str | None, Engine]) -> Iterator[Finding]:
    """Yield all findings. Those about other load come last, because they take some seconds of watching.

    `engines` are the engines to examine, by name: the name begins each finding of its engine, unless it is
    None. `results` is the folder where campaigns will be stored; it need not exist.
    """
    yield from _check_software()
    yield from examine_engines(engines)
    yield _check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield from check_results(results)
    yield _check_disk(results)
    yield check_memory(psutil.virtual_memory().available)
    before = psutil.cpu_times()
    time.sleep(WATCH_S)
    yield from check_load(before, psutil.cpu_times())


def _check_software() -> Iterator[Finding]:
    yield check_python(sys.version_info[:3])
    try:
        yield check_locust(version("locust"))
    except PackageNotFoundError:
        yield Finding(Level.ERROR, "Locust is not installed", "make venv")


def check_python(installed: tuple[int, ...]) -> Finding:
    shown = ".".join(map(str, installed))
    if installed[:2] < _OLDEST_PYTHON:
        fix = "install Python 3.11 or newer, then make distclean venv"
        return Finding(Level.ERROR, f"Python {shown} is too old", fix)
    return Finding(Level.OK, f"Python {shown}")


def check_locust(installed: str) -> Finding:
    digits = tuple(int(part) for part in installed.split(".")[:3] if part.isdigit())
    if digits < _OLDEST_LOCUST:
        fix = "pip install 'locust>=2.46.3', or make distclean venv"
        return Finding(Level.ERROR, f"Locust {installed} is too old", fix)
    return Finding(Level.OK, f"Locust {installed}")


def examine_engines(engines: Mapping[str | None, Engine]) -> Iterator[Finding]:
    """Yield the findings of each engine, which begin with its name; one that does not answer is an error."""
    for name, engine in engines.items():
        for finding in _examine_engine(engine):
            yield replace(finding, what=f"{name}: {finding.what}") if name else finding


def _examine_engine(engine: Engine) -> Iterator[Finding]:
    try:
        client = connect(engine)
    except EngineError as error:
        yield Finding(Level.ERROR, error.what, error.hint)
        return
    try:
        yield from _check_engine(engine, client)
    except EngineError as error:
        yield Finding(Level.ERROR, error.what, error.hint)
    finally:
        client.close()


def _check_engine(engine: Engine, client: APIClient) -> Iterator[Finding]:
    with translate_docker_errors("describe itself"):
        info, about = client.info(), client.version()
    own = find_own_container(client)
    local, this = is_local(client), ThisMachine(platform.release(), psutil.cpu_count() or 1)
    kind = recognise_engine(info, about, this, is_local=local)
    yield from check_limits(info, kind.title)
    yield from check_file_pages(info, is_local=local)
    yield from check_kind(kind, info, this)
    yield from check_own_container(own)
    yield from check_credentials(_find_docker_config())
    yield check_cores(int(info.get("NCPU") or 1), this.cores if kind.is_separate else None, is_local=local)
    if not local:
        yield check_remote_engine(find_port_access(engine, client))
    elif not kind.is_separate:
        if not kind.is_windows:
            yield Finding(Level.OK, "the engine is on this machine")
        yield check_proxy([read_process_name(process) for process in psutil.process_iter()])
        yield from check_pressure()


def check_limits(info: Mapping[str, Any], title: str = "Docker") -> Iterator[Finding]:
    """Check what the engine can limit: without limits of CPU and memory, sizes mean nothing."""
    shown = f"{title} {info.get('ServerVersion')}, cgroup v{info.get('CgroupVersion') or '1'}"
    limits = (("CpuCfsQuota", "CPU"), ("MemoryLimit", "memory"))
    missing = [name for key, name in limits if not info.get(key)]
    if missing:
        fix = "give the engine these cgroup controllers (rootless: delegate cpu and memory to the user)"
        yield Finding(Level.ERROR, f"{shown} can't limit {' and '.join(missing)}", fix)
    else:
        yield Finding(Level.OK, f"{shown} limits CPU and memory")
    if not info.get("SwapLimit"):
        yield Finding(Level.WARNING, NO_SWAP_LIMIT, "boot with swapaccount=1, or without swap")


def check_file_pages(info: Mapping[str, Any], *, is_local: bool) -> Iterator[Finding]:
    """Yield a warning if containers of one image share the pages of its files."""
    if shares_file_pages(info, is_local=is_local):
        yield Finding(Level.WARNING, SHARED_FILE_PAGES, OWN_FILE_PAGES)


def check_pressure(folder: Path = Path("/proc/pressure")) -> Iterator[Finding]:
    """Yield a warning if this kernel does not count for what work waits: its folder is not there then."""
    if not folder.is_dir():
        what = (
            "this kernel counts no pressure stall information: it may stay unknown whether memory or a disk "
            "stops a size"
        )
        yield Finding(Level.WARNING, what, "boot with psi=1, a kernel that has it (CONFIG_PSI)")


def _find_docker_config() -> str | None:
    path = find_config_file()
    return str(path) if path else None


def check_credentials(config: str | None) -> Iterator[Finding]:
    """Yield what is wrong with Docker's config.json: without its helper, images can't be pulled.

    `config` is the file's path; None if there is no such file.
    """
    try:
        values = json.loads(Path(config).read_text()) if config else {}
        helpers = [values.get("credsStore"), *(values.get("credHelpers") or {}).values()]
    except (OSError, ValueError, AttributeError):
        yield Finding(Level.WARNING, f"{config} can't be read as JSON", "correct the file, or remove it")
        return
    missing = sorted({f"docker-credential-{name}" for name in helpers if name})
    for helper in missing:
        if shutil.which(helper) is None:
            what = f"{config} names {helper}, which is not installed: images can't be pulled"
            yield Finding(Level.WARNING, what, "install it, or remove credsStore and credHelpers there")


def check_cores(count: int, cores_outside: int | None = None, *, is_local: bool = True) -> Finding:
    """Check that the engine's host has cores for the target, and for the generator if it is this machine.

    `cores_outside` are the cores of this machine if the engine has `count` of them in a virtual machine:
    there the generator runs outside. None if the engine runs on this machine itself.
    """
    if not is_local:
        return Finding(
            Level.OK, f"{count} cores: sizes up to {count} CPU; the generator runs on this machine"
        )
    if cores_outside is not None:
        return _check_virtual_cores(count, cores_outside)
    if count < 2:
        what = "1 core, which the target and the generator share"
        return Finding(Level.WARNING, what, "measure on a host with two or more")
    return Finding(Level.OK, f"{count} cores: sizes up to {count - 1} CPU; the generator keeps one")


def _check_virtual_cores(count: int, cores_outside: int) -> Finding:
    shown = f"{count} cores in the virtual machine, {cores_outside} on this machine"
    if cores_outside < 2:
        what = f"{shown}: the target and the generator share one"
        return Finding(Level.WARNING, what, "measure on a host with two or more")
    most = min(count, cores_outside - 1)
    return Finding(
        Level.OK, f"{shown}: sizes up to {most} CPU; the generator runs outside of the virtual machine"
    )


def check_kind(kind: EngineKind, info: Mapping[str, Any], this: ThisMachine) -> Iterator[Finding]:
    """Yield what Podman, rootless engines and engines in a virtual machine do otherwise or do not show."""
    if kind.is_separate:
        where = (
            f"{kind.product} runs the engine in a virtual machine"
            if kind.product
            else (
                "the engine has another kernel than this machine: it runs in a virtual machine, or elsewhere "
                "behind a local port"
            )
        )
        memory = (info.get("MemTotal") or 0) / GIB
        what = (
            f"{where}, with {memory:.1f} GiB of memory; other load there is not noticed, and every request "
            "crosses its border"
        )
        yield Finding(Level.WARNING, what, _ENGINE_OF_ITS_OWN)
    elif kind.is_windows:
        name = f"{kind.product} in WSL" if kind.product else "WSL"
        yield Finding(
            Level.WARNING,
            f"{name}: this is a virtual machine of Windows with {this.cores} cores, and other programs of "
            "Windows are not noticed",
            f"close other programs; .wslconfig sets the cores; {_ENGINE_OF_ITS_OWN}",
        )
    if kind.is_podman:
        yield from _check_podman(kind, info)
    if kind.is_rootless:
        yield Finding(
            Level.WARNING,
            "the engine is rootless: published ports go through a process of the user, which takes CPU time "
            "for every request",
            "measure with an engine that runs as root",
        )


def _check_podman(kind: EngineKind, info: Mapping[str, Any]) -> Iterator[Finding]:
    if not kind.has_files_here:
        fix = "run the harness on the engine's machine, or measure with Docker (docs/engines.md)"
        yield Finding(Level.WARNING, PODMAN_COUNTERS, fix)
    shown = str(info.get("ServerVersion") or "")
    if _is_older_podman(shown):
        yield Finding(
            Level.WARNING,
            f"Podman {shown} may not tell that a target ran out of memory: it then looks as if it had ended "
            "by itself",
            "Podman 5, or Docker, where you must know why a size stopped",
        )


def _is_older_podman(shown: str) -> bool:
    """Return True for versions before the oldest one that was seen to tell it; False if it is unknown."""
    major = shown.split(".")[0]
    return major.isdecimal() and int(major) < _PODMAN_TELLS_KILLS_FROM


def check_own_container(own: OwnContainer | None) -> Iterator[Finding]:
    """Check that a harness in a container reaches published ports, and sees the engine's processes.

    None: it runs in no container of this engine.
    """
    if own is None:
        return
    if lacks_host_network(own):
        yield Finding(Level.ERROR, NO_HOST_NETWORK, "docker run --network host")
    else:
        yield Finding(
            Level.OK, "this container has the host's network: published ports are reached at 127.0.0.1"
        )
    yield from (Finding(Level.WARNING, what, fix) for what, fix in list_lacks(own))


def check_remote_engine(access: PortAccess | None) -> Finding:
    """Check that the ports of an engine on another machine can be reached; None: their address is unknown."""
    if access is None:
        return Finding(
            Level.WARNING,
            "the engine is on another machine, and the address of its ports is unknown",
            "name its address in the matrix (engine: {host: …, address: 10.0.0.5}), or reach it by ssh://",
        )
    way = "through an SSH tunnel" if access.ssh else f"at {access.address}"
    return Finding(
        Level.OK,
        f"the engine is on another machine, and its ports are reached {way}; `files` can't be mounted there, "
        "and other load on it is not noticed",
    )


def check_proxy(process_names: list[str]) -> Finding:
    """Check for the userland proxy, which costs 0.25 ms of CPU a request; only its processes reveal it."""
    if "docker-proxy" in process_names:
        return Finding(
            Level.WARNING,
            "published ports go through docker-proxy: about 0.25 ms of CPU a request",
            'beyond some 2,000 RPS: {"userland-proxy": false} in daemon.json, or network: host',
        )
    return Finding(Level.OK, "no docker-proxy runs (one may start when a port is published)")


def _check_open_files(limit: int) -> Finding:
    """Check the limit of open files of a process; negative: there is none."""
    if 0 <= limit < _OPEN_FILES_AT_LEAST:
        what = f"a process may have {limit} open files, and each user needs one"
        return Finding(Level.WARNING, what, "ulimit -n 65536")
    return Finding(Level.OK, "open files: enough for thousands of users")


def check_results(results: Path) -> Iterator[Finding]:
    """Yield an error if no campaign can be stored in this folder, which need not exist."""
    nearest = _find_existing(results)
    if not nearest.is_dir():
        what = f"{results}: campaigns can't be stored here, because {nearest} is no folder"
        yield Finding(Level.ERROR, what, "name another folder with --results")
    elif not os.access(nearest, os.W_OK | os.X_OK):
        what = f"{results}: campaigns can't be stored here, because this user may not write into {nearest}"
        yield Finding(Level.ERROR, what, "name another folder with --results, or change its owner")


def _find_existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    candidates = (path, *path.parents, *path.absolute().parents)
    return next((each for each in candidates if os.path.exists(each)), Path("/"))


def _check_disk(results: Path) -> Finding:
    free = shutil.disk_usage(_find_existing(results)).free
    shown = f"{free / GIB:.0f} GiB free where results are stored"
    if free < _DISK_AT_LEAST_BYTES:
        fix = "free some space: a campaign takes some MiB, an image some hundred MiB"
        return Finding(Level.WARNING, shown, fix)
    return Finding(Level.OK, shown)


def check_memory(available_bytes: int) -> Finding:
    shown = f"{available_bytes / GIB:.1f} GiB of memory available"
    if available_bytes < _MEMORY_AT_LEAST_BYTES:
        fix = "close other programs: the generator and the page cache need memory"
        return Finding(Level.WARNING, shown, fix)
    return Finding(Level.OK, shown)


def check_load(before: Any, after: Any) -> Iterator[Finding]:
    """Check what other programs use and what the hypervisor takes, from two readings of the CPU times.

    Yields nothing if no time has passed between the readings.
    """
    spent_s = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    total_s = sum(spent_s[name] for name in spent_s if not name.startswith("guest"))
    if total_s <= 0:
        return
    idle_s = spent_s.get("idle", 0.0) + spent_s.get("iowait", 0.0)
    steal = spent_s.get("steal", 0.0) / total_s
    busy = 1 - idle_s / total_s - steal
    if busy > _BUSY_AT_MOST:
        what = f"other programs use {_format_ratio(busy)} of this host"
        yield Finding(Level.WARNING, what, "stop them: above 10 %, a step is invalid")
    else:
        yield Finding(Level.OK, f"this host is quiet ({_format_ratio(busy)} used)")
    if steal > _STEAL_AT_MOST:
        what = f"the hypervisor takes {_format_ratio(steal)} of this host's CPU time"
        yield Finding(Level.WARNING, what, "measure on a quieter machine")


def _format_ratio(ratio: float) -> str:
    return f"{ratio * 100:.0f} %"
