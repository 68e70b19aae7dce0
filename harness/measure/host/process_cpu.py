"""Split the host's CPU time by owner: the harness, the engine, the proxy of the published port."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psutil

_ENGINE_NAMES = ("dockerd", "containerd", "docker-proxy", "rootlesskit", "slirp4netns", "conmon")
"""How the names of the engine's processes begin; `containerd` covers its shims too."""

_SHIM_NAMES = ("containerd-shim", "conmon")
_PROXY_NAMES = ("docker-proxy", "rootlesskit-docker-proxy")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CpuByOwner:
    """CPU seconds that each owner's processes used since their start; None if unknown."""

    harness_cpu_s: float | None = None
    engine_cpu_s: float | None = None
    proxy_cpu_s: float | None = None


class ProcessCpu:
    """The cumulative CPU time of the processes that serve one container.

    The constructor looks up the processes once, so the container must be running. The engine runs on this
    machine if the container's own shim is visible. If not (a remote engine, one in a virtual machine or in
    another process namespace), the time of the engine and of the proxy is None, not zero. The proxy's time is
    not part of the engine's.
    """

    def __init__(self, container_id: str, host_port: int) -> None:
        self._harness = _ProcessGroup([psutil.Process()])
        processes = [
            each for each in psutil.process_iter() if read_process_name(each).startswith(_ENGINE_NAMES)
        ]
        self._proxy = _ProcessGroup(each for each in processes if is_proxy_of(host_port, *_describe(each)))
        self._engine = _ProcessGroup(each for each in processes if each not in self._proxy.members)
        self._is_engine_local = any(is_shim_of(container_id, *_describe(each)) for each in processes)

    def read(self) -> CpuByOwner:
        harness_s = self._harness.read_cpu_s()
        if not self._is_engine_local:
            return CpuByOwner(harness_s)
        return CpuByOwner(harness_s, self._engine.read_cpu_s(), self._proxy.read_cpu_s())


class _ProcessGroup:
    """Processes counted together. A process that ended counts with its last value: the sum never falls."""

    def __init__(self, members: Iterable[psutil.Process]) -> None:
        self.members = list(members)
        self._used_s = [0.0] * len(self.members)

    def read_cpu_s(self) -> float:
        for index, process in enumerate(self.members):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._used_s[index] = times.user + times.system
        return sum(self._used_s)


def is_shim_of(container_id: str, name: str, arguments: Sequence[str]) -> bool:
    """Return True if the process is the one that runs this container for the engine."""
    return name.startswith(_SHIM_NAMES) and container_id in arguments


def is_proxy_of(host_port: int, name: str, arguments: Sequence[str]) -> bool:
    """Return True if the process forwards this port; the engine may run others for other ports."""
    return name in _PROXY_NAMES and f"-host-port {host_port} " in f"{' '.join(arguments)} "


def read_process_name(process: psutil.Process) -> str:
    """Return the process's name; empty if it has ended or may not be read."""
    return str(_read_or_none(process.name) or "")


def _describe(process: psutil.Process) -> tuple[str, list[str]]:
    return read_process_name(process), _read_or_none(process.cmdline) or []


def _read_or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except psutil.Error:
        return None
