"""Recognise what answers as a Docker engine, and whether it runs in a virtual machine on this machine.

Products are told by what they say of themselves in `docker info` and `docker version`. That an engine runs
in a virtual machine is told by its kernel, which is not this machine's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DESKTOP = "Docker Desktop"
_HOST_NAMES = {
    "lima-rancher-desktop": "Rancher Desktop",
    "colima": "Colima",
    "lima-colima": "Colima",
    "lima-": "Lima",
    "minikube": "minikube",
}
"""What the names of virtual machines begin with, the longer ones first."""


PODMAN_COUNTERS = (
    "Podman's API reports no throttling, and does not tell pages of files from other memory; the kernel's "
    "own files, which tell both, can't be read from here: whether a size was throttled, and how much memory "
    "it needs, is not known"
)


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """The release of this machine's kernel, and the number of its cores."""

    kernel: str
    cores: int


@dataclass(frozen=True, slots=True)
class EngineKind:
    """What answers as a Docker engine.

    `product` is a name such as "Docker Desktop", empty if none is recognised. `is_separate` is True if it
    runs in a virtual machine on this machine, with a kernel of its own; `is_windows` if its kernel is that
    of WSL. `has_files_here`: this machine's kernel runs its containers, so their control groups can be read.
    """

    product: str
    is_podman: bool
    is_rootless: bool
    is_separate: bool
    is_windows: bool
    has_files_here: bool = True

    @property
    def title(self) -> str:
        """The name of the engine's program, as a finding begins with it."""
        return "Podman" if self.is_podman else "Docker"


def recognise_engine(
    info: Mapping[str, Any], version: Mapping[str, Any], this: ThisMachine, *, is_local: bool
) -> EngineKind:
    """Return the kind of an engine by its `info` and its `version`; `is_local` as its address says."""
    kernel = str(info.get("KernelVersion") or "")
    is_separate = is_local and bool(kernel) and kernel != this.kernel
    return EngineKind(
        product=_name_product(info, version, is_separate=is_separate or not is_local),
        is_podman=is_podman(version),
        is_rootless=any("rootless" in str(option) for option in info.get("SecurityOptions") or ()),
        is_separate=is_separate,
        is_windows="microsoft" in kernel.lower(),
        has_files_here=is_local and not is_separate,
    )


def identify_engine(info: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    """Return a text that identifies an engine among all others.

    The ID is not enough, because cloned hosts share it. Podman makes up another one whenever it is asked.
    """
    keys = ("Name", "DockerRootDir") if is_podman(version) else ("ID", "Name", "DockerRootDir")
    return " ".join(str(info.get(key)) for key in keys)


def is_podman(version: Mapping[str, Any]) -> bool:
    """Return True if the parts that an engine names by `version` are those of Podman."""
    return any("podman" in name.lower() for name in _list_components(version))


def _list_components(version: Mapping[str, Any]) -> list[str]:
    components = version.get("Components") or ()
    return [str(each.get("Name") or "") for each in components if isinstance(each, Mapping)]


def _name_product(info: Mapping[str, Any], version: Mapping[str, Any], *, is_separate: bool) -> str:
    """Return the name of the product. The host's name counts only if the engine has a host of its own."""
    system, name, kernel = (str(info.get(key) or "") for key in ("OperatingSystem", "Name", "KernelVersion"))
    platform = version.get("Platform")
    platform_name = str(platform.get("Name") or "") if isinstance(platform, Mapping) else ""
    if system.startswith(_DESKTOP) or platform_name.startswith(_DESKTOP):
        return _DESKTOP
    if system.startswith("OrbStack") or "-orbstack-" in kernel:
        return "OrbStack"
    if system.startswith("Rancher Desktop"):
        return "Rancher Desktop"
    if not is_separate:
        return ""
    return next((product for start, product in _HOST_NAMES.items() if name.startswith(start)), "")
