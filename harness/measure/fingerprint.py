"""Read the fingerprint of this machine and of an engine: no names of hosts or users, and no paths."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from docker.api import APIClient

from harness.measure.docker.client import is_local, translate_docker_errors
from harness.measure.docker.file_pages import SHARED_FILE_PAGES, shares_file_pages
from harness.measure.engine_kind import PODMAN_COUNTERS, EngineKind, ThisMachine, recognise_engine
from harness.model import EngineFacts, Fingerprint, MachineFacts

NO_SWAP_LIMIT = "the engine can't limit swap: a target short of memory may swap instead of failing"

_PACKAGES = {
    "harness": "capacity-harness",
    "locust": "locust",
    "gevent": "gevent",
    "docker_py": "docker",
    "psutil": "psutil",
    "numpy": "numpy",
}


def read_fingerprint(client: APIClient) -> Fingerprint:
    """Read the facts of this machine, which makes the load, of the engine, and of the software."""
    with translate_docker_errors("describe itself"):
        info, about = client.info(), client.version()
    this = ThisMachine(platform.release(), psutil.cpu_count() or 1)
    kind = recognise_engine(info, about, this, is_local=is_local(client))
    return Fingerprint(
        machine=_read_machine(),
        engine=engine_facts_from_info(info, client.api_version, is_local=is_local(client)),
        software={"python": platform.python_version()}
        | {name: _read_version(package) for name, package in _PACKAGES.items()},
        notes=find_notes(info, kind, is_local=is_local(client)),
    )


def _read_machine() -> MachineFacts:
    cpu = _read_first_cpu()
    cores = psutil.cpu_count()
    return MachineFacts(
        cpu_model=cpu.get("model name") or platform.processor() or platform.machine(),
        cores=cores or 1,
        usable_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores,
        memory_bytes=psutil.virtual_memory().total,
        kernel=platform.release(),
        os=_read_os_name(),
        architecture=platform.machine(),
        is_virtual="hypervisor" in cpu.get("flags", "").split(),
    )


def engine_facts_from_info(info: Mapping[str, Any], api_version: str, *, is_local: bool) -> EngineFacts:
    """Convert an engine's `docker info`."""
    return EngineFacts(
        version=info.get("ServerVersion"),
        api_version=api_version,
        is_local=is_local,
        architecture=info.get("Architecture"),
        cores=info.get("NCPU"),
        memory_bytes=info.get("MemTotal"),
        kernel=info.get("KernelVersion"),
        os=info.get("OperatingSystem"),
        cgroup_version=info.get("CgroupVersion") or "1",
        cgroup_driver=info.get("CgroupDriver"),
        storage_driver=info.get("Driver"),
        runtime=info.get("DefaultRuntime"),
        has_swap_limit=bool(info.get("SwapLimit")),
        is_rootless=any("rootless" in option for option in info.get("SecurityOptions") or []),
    )


def find_notes(info: Mapping[str, Any], kind: EngineKind, *, is_local: bool) -> tuple[str, ...]:
    """Return a note for each limit that this engine can't apply, on shared pages, and on missing counters."""
    notes = {
        "SwapLimit": NO_SWAP_LIMIT,
        "CpuCfsQuota": "the engine can't limit CPU: the sizes mean nothing here",
        "MemoryLimit": "the engine can't limit memory: the sizes mean nothing here",
    }
    shared = (SHARED_FILE_PAGES,) if shares_file_pages(info, is_local=is_local) else ()
    uncounted = (PODMAN_COUNTERS,) if kind.is_podman and not kind.has_files_here else ()
    return (*(note for key, note in notes.items() if not info.get(key)), *shared, *uncounted)


def _read_first_cpu() -> dict[str, str]:
    """Return the kernel's description of the first CPU; empty on systems that have none."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _read_os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _read_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
