"""On whose account the host's CPU time goes: the harness's, the engine's, the published port's proxy's."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psutil

ENGINE = ("dockerd", "containerd", "docker-proxy", "rootlesskit", "slirp4netns", "conmon")
"""How the names of the engine's processes begin; `containerd` stands for its shims too."""

SHIMS = ("containerd-shim", "conmon")
PROXIES = ("docker-proxy", "rootlesskit-docker-proxy")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shares:
    """CPU seconds since each process's start; None where they can't be known."""

    harness_cpu_s: float | None = None
    engine_cpu_s: float | None = None
    proxy_cpu_s: float | None = None


class Accounts:
    """The CPU time of the processes that serve one container, cumulative.

    They are looked for once, here: the container must run. The engine is known to be on this machine by the
    container's own shim; where there is none to be seen (a remote engine, one in a virtual machine or behind
    another process namespace) its time and its proxy's are unknown, not zero. The proxy is not counted as
    the engine's.
    """

    def __init__(self, container_id: str, host_port: int) -> None:
        self._harness = _Group([psutil.Process()])
        found = [process for process in psutil.process_iter() if _name(process).startswith(ENGINE)]
        self._proxy = _Group(process for process in found if is_proxy_of(host_port, *_described(process)))
        self._engine = _Group(process for process in found if process not in self._proxy.members)
        self._engine_is_here = any(is_shim_of(container_id, *_described(process)) for process in found)

    def read(self) -> Shares:
        harness_s = self._harness.cpu_s()
        if not self._engine_is_here:
            return Shares(harness_s)
        return Shares(harness_s, self._engine.cpu_s(), self._proxy.cpu_s())


class _Group:
    """Processes counted together. One that has ended keeps what it had used, so that a sum never falls."""

    def __init__(self, members: Iterable[psutil.Process]) -> None:
        self.members = list(members)
        self._used_s = [0.0] * len(self.members)

    def cpu_s(self) -> float:
        for index, process in enumerate(self.members):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._used_s[index] = times.user + times.system
        return sum(self._used_s)


def is_shim_of(container_id: str, name: str, arguments: Sequence[str]) -> bool:
    return name.startswith(SHIMS) and container_id in arguments


def is_proxy_of(host_port: int, name: str, arguments: Sequence[str]) -> bool:
    """Whether this process carries what comes to the port; the engine may serve others beside it."""
    return name in PROXIES and f"-host-port {host_port} " in f"{' '.join(arguments)} "


def _name(process: psutil.Process) -> str:
    return str(_asked(process.name) or "")


def _described(process: psutil.Process) -> tuple[str, list[str]]:
    return _name(process), _asked(process.cmdline) or []


def _asked(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except psutil.Error:
        return None
