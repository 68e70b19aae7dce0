"""The machine and the software that a campaign's numbers belong to. No names of hosts or users, no paths."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from docker.api import APIClient

from harness.measure.docker.client import engine_asked_to, is_local

PACKAGES = {
    "harness": "capacity-harness",
    "locust": "locust",
    "gevent": "gevent",
    "docker_py": "docker",
    "psutil": "psutil",
    "numpy": "numpy",
}


def fingerprint(client: APIClient) -> dict[str, Any]:
    """Plain JSON: `machine` (this one, which makes the load), `engine`, `software`, `notes` on what lacks."""
    with engine_asked_to("describe itself"):
        info = client.info()
    return {
        "machine": machine(),
        "engine": engine(info, client.api_version, local=is_local(client)),
        "software": {"python": platform.python_version()}
        | {name: _version(package) for name, package in PACKAGES.items()},
        "notes": notes(info),
    }


def machine() -> dict[str, Any]:
    cpu = _first_cpu()
    return {
        "cpu_model": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores": psutil.cpu_count() or 1,
        "usable_cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "os": _os_name(),
        "architecture": platform.machine(),
        "virtual": "hypervisor" in cpu.get("flags", "").split(),
    }


def engine(info: dict[str, Any], api_version: str, *, local: bool) -> dict[str, Any]:
    return {
        "version": info.get("ServerVersion"),
        "api_version": api_version,
        "local": local,
        "architecture": info.get("Architecture"),
        "cores": info.get("NCPU"),
        "memory_bytes": info.get("MemTotal"),
        "kernel": info.get("KernelVersion"),
        "os": info.get("OperatingSystem"),
        "cgroup_version": info.get("CgroupVersion") or "1",
        "cgroup_driver": info.get("CgroupDriver"),
        "storage_driver": info.get("Driver"),
        "runtime": info.get("DefaultRuntime"),
        "swap_limit": bool(info.get("SwapLimit")),
        "rootless": any("rootless" in option for option in info.get("SecurityOptions") or []),
    }


def notes(info: dict[str, Any]) -> list[str]:
    """What this engine can't do that a number may depend on."""
    lacking = {
        "SwapLimit": "the engine can't limit swap: a target short of memory may swap instead of failing",
        "CpuCfsQuota": "the engine can't limit CPU: the sizes mean nothing here",
        "MemoryLimit": "the engine can't limit memory: the sizes mean nothing here",
    }
    return [note for key, note in lacking.items() if not info.get(key)]


def _first_cpu() -> dict[str, str]:
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
