"""Engines are recognised by what they say, as people have posted it, and each finding has its remedy.

The reports are shortened to what tells a product: `docker info` and `docker version` of OrbStack 2 (Docker
28.5.2), Rancher Desktop (Alpine 3.20), Docker Desktop (19.03 on a Mac, 27 on Windows), Podman 5 and others,
as they stand in public bug reports.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from harness.measure import doctor
from harness.measure.doctor import Level
from harness.measure.engine_kind import EngineKind, ThisMachine, identify_engine, recognise_engine
from harness.measure.fingerprint import find_notes

MAC = ThisMachine("24.6.0", 10)
LINUX = ThisMachine("6.8.0-60-generic", 8)
WSL = ThisMachine("5.15.167.4-microsoft-standard-WSL2", 12)
DOCKER = {
    "Platform": {"Name": "Docker Engine - Community"},
    "Components": [{"Name": "Engine"}, {"Name": "runc"}],
}
PODMAN = {
    "Platform": {"Name": "linux/amd64/debian-13"},
    "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}],
}
PODMAN_OF_DEBIAN_12 = {
    "Platform": {"Name": "linux/amd64/debian-12"},
    "Components": [
        {"Name": "Podman Engine", "Version": "4.3.1", "Details": {"APIVersion": "4.3.1"}},
        {"Name": "Conmon", "Version": "conmon version 2.1.6, commit: unknown"},
        {"Name": "OCI Runtime (crun)", "Version": "crun version 1.8.1\ncommit: f8a096be"},
        {"Name": "Engine", "Version": "4.3.1", "Details": {"ApiVersion": "1.41"}},
    ],
}
"""What Debian's podman 4.3.1 answered to /version, shortened."""


def info(
    system: str, name: str, kernel: str, cores: int = 4, memory: float = 8, *options: str
) -> dict[str, Any]:
    return {
        "OperatingSystem": system,
        "Name": name,
        "KernelVersion": kernel,
        "NCPU": cores,
        "MemTotal": int(memory * 1024**3),
        "ServerVersion": "28.5.2",
        "SecurityOptions": ["name=seccomp,profile=builtin", *options],
    }


DESKTOP_MAC = info("Docker Desktop", "docker-desktop", "4.19.76-linuxkit", 4, 2.9)
DESKTOP_OLD = info("Docker Desktop: 24.0.2", "docker-desktop", "5.15.49-linuxkit-pr")
DESKTOP_WSL = info("Docker Desktop", "docker-desktop", WSL.kernel, 12)
DESKTOP_LINUX = info("Docker Desktop", "docker-desktop", "6.10.14-linuxkit", 8)
ORBSTACK = info("OrbStack", "orbstack", "6.17.8-orbstack-00308-g8f9c941121b1", 6, 15.67)
COLIMA = info("Ubuntu 24.04.2 LTS", "colima", "6.8.0-64-generic", 2, 1.9)
COLIMA_PROFILE = info("Alpine Linux v3.16", "colima-x86", "5.15.68-0-virt", 2)
RANCHER = info("Alpine Linux v3.20", "lima-rancher-desktop", "6.6.51-0-virt", 2, 3.8)
RANCHER_WSL = info("Rancher Desktop WSL Distribution", "DESKTOP-1", WSL.kernel, 12)
LIMA = info("Ubuntu 25.04", "lima-docker", "6.14.0-15-generic")
PODMAN_MACHINE = info("fedora", "localhost.localdomain", "6.12.13-200.fc41.aarch64", 5, 2)
PLAIN = info("Ubuntu 24.04.2 LTS", "server", LINUX.kernel, 8)


def recognise(
    about: Mapping[str, Any], this: ThisMachine, version: Mapping[str, Any] = DOCKER, *, is_local: bool = True
) -> EngineKind:
    return recognise_engine(about, version, this, is_local=is_local)


@pytest.mark.parametrize(
    ("about", "this", "product"),
    [
        (DESKTOP_MAC, MAC, "Docker Desktop"),
        (DESKTOP_OLD, MAC, "Docker Desktop"),
        (DESKTOP_LINUX, LINUX, "Docker Desktop"),
        (ORBSTACK, MAC, "OrbStack"),
        (COLIMA, MAC, "Colima"),
        (COLIMA_PROFILE, MAC, "Colima"),
        (RANCHER, MAC, "Rancher Desktop"),
        (LIMA, MAC, "Lima"),
        (info("Buildroot 2023.02.9", "minikube", "5.10.207"), MAC, "minikube"),
    ],
)
def test_an_engine_in_a_virtual_machine_is_named_with_the_remedy(
    about: dict[str, Any], this: ThisMachine, product: str
) -> None:
    kind = recognise(about, this)
    assert kind.product == product
    assert kind.is_separate
    (finding,) = doctor.check_kind(kind, about, this)
    assert finding.level is Level.WARNING
    assert finding.what.startswith(f"{product} runs the engine in a virtual machine, with ")
    assert "an engine of its own" in finding.fix


def test_the_platform_tells_docker_desktop_too() -> None:
    about = DESKTOP_MAC | {"OperatingSystem": "Alpine Linux"}
    assert (
        recognise(about, MAC, {"Platform": {"Name": "Docker Desktop 4.36.0 (175267)"}}).product
        == "Docker Desktop"
    )


def test_an_unknown_virtual_machine_is_noticed_by_its_kernel() -> None:
    about = info("Debian GNU/Linux 12 (bookworm)", "box", "6.1.0-37-cloud-amd64")
    (finding,) = doctor.check_kind(recognise(about, LINUX), about, LINUX)
    assert finding.what.startswith("the engine has another kernel than this machine")


@pytest.mark.parametrize("about", [PLAIN, PLAIN | {"Name": "colima"}, PLAIN | {"Name": "lima-peru"}, {}])
def test_an_engine_on_this_machine_has_no_finding_whatever_its_hosts_name(about: dict[str, Any]) -> None:
    kind = recognise(about, LINUX)
    assert kind == EngineKind("", is_podman=False, is_rootless=False, is_separate=False, is_windows=False)
    assert list(doctor.check_kind(kind, about, LINUX)) == []


@pytest.mark.parametrize(
    ("about", "named"),
    [
        (
            info("Ubuntu 22.04.5 LTS", "DESKTOP-1", WSL.kernel, 12),
            "WSL: this is a virtual machine of Windows",
        ),
        (DESKTOP_WSL, "Docker Desktop in WSL: this is a virtual machine of Windows"),
        (RANCHER_WSL, "Rancher Desktop in WSL: this is a virtual machine of Windows"),
    ],
)
def test_an_engine_in_wsl_is_in_the_virtual_machine_of_the_harness(about: dict[str, Any], named: str) -> None:
    kind = recognise(about, WSL)
    assert (kind.is_separate, kind.is_windows) == (False, True)
    (finding,) = doctor.check_kind(kind, about, WSL)
    assert finding.what.startswith(f"{named} with 12 cores")
    assert ".wslconfig" in finding.fix


@pytest.mark.parametrize(
    "version",
    [
        PODMAN,
        PODMAN_OF_DEBIAN_12,
        {"Components": [{"Name": "Podman Engine", "Version": "3.0.1"}]},
        PODMAN | {"Platform": None},
    ],
)
def test_podman_is_told_by_its_components(version: dict[str, Any]) -> None:
    kind = recognise(PLAIN, LINUX, version)
    assert kind.is_podman
    assert list(doctor.check_kind(kind, PLAIN, LINUX)) == []
    (first, *_) = doctor.check_limits({"ServerVersion": "5.4.2"}, kind.title)
    assert first.what.startswith("Podman 5.4.2, cgroup v1 can't limit")


@pytest.mark.parametrize(("about", "this", "is_local"), [(PLAIN, LINUX, False), (PODMAN_MACHINE, MAC, True)])
def test_podman_whose_containers_files_are_elsewhere_lacks_counters(
    about: dict[str, Any], this: ThisMachine, is_local: bool
) -> None:
    """Doctor warns, and every report of the machine has the note."""
    kind = recognise(about, this, PODMAN, is_local=is_local)
    finding = list(doctor.check_kind(kind, about, this))[-1]
    assert finding.level is Level.WARNING
    assert "Podman's API reports no throttling" in finding.what
    assert finding.what in find_notes(about, kind, is_local=is_local)
    docker = recognise(about, this, is_local=is_local)
    assert finding.what not in find_notes(about, docker, is_local=is_local)


@pytest.mark.parametrize(
    ("version", "is_warned"), [("4.3.1", True), ("3.0.1", True), ("5.4.2", False), ("", False), (None, False)]
)
def test_a_podman_that_may_not_tell_a_kill_for_lack_of_memory_is_named(
    version: str | None, is_warned: bool
) -> None:
    about = PLAIN | {"ServerVersion": version}
    findings = list(doctor.check_kind(recognise(about, LINUX, PODMAN), about, LINUX))
    assert [finding.what.startswith(f"Podman {version} may not tell") for finding in findings] == (
        [True] * is_warned
    )
    assert list(doctor.check_kind(recognise(about, LINUX), about, LINUX)) == []


def test_a_machine_of_podman_is_both_a_virtual_machine_and_podman() -> None:
    kind = recognise(PODMAN_MACHINE, MAC, PODMAN)
    assert (kind.is_separate, kind.is_podman) == (True, True)
    assert len(list(doctor.check_kind(kind, PODMAN_MACHINE, MAC))) == 2


@pytest.mark.parametrize("version", [{}, {"Components": None}, {"Components": ["x"]}, {"Platform": "linux"}])
def test_a_report_without_components_is_of_docker(version: dict[str, Any]) -> None:
    assert not recognise(PLAIN, LINUX, version).is_podman


def test_a_rootless_engine_is_named() -> None:
    about = info("Ubuntu 24.04.2 LTS", "server", LINUX.kernel, 8, 8, "name=rootless", "name=cgroupns")
    kind = recognise(about, LINUX)
    assert kind.is_rootless
    (finding,) = doctor.check_kind(kind, about, LINUX)
    assert finding.what.startswith("the engine is rootless")
    assert not recognise(PLAIN | {"SecurityOptions": None}, LINUX).is_rootless


def test_an_engine_elsewhere_is_in_no_virtual_machine_of_this_machine() -> None:
    assert not recognise(ORBSTACK, LINUX, is_local=False).is_separate
    assert recognise(ORBSTACK, LINUX, is_local=False).product == "OrbStack"


@pytest.mark.parametrize(
    ("inside", "outside", "level", "words"),
    [
        (4, 10, Level.OK, "4 cores in the virtual machine, 10 on this machine: sizes up to 4 CPU"),
        (10, 10, Level.OK, "10 cores in the virtual machine, 10 on this machine: sizes up to 9 CPU"),
        (1, 4, Level.OK, "sizes up to 1 CPU"),
        (1, 1, Level.WARNING, "share one"),
    ],
)
def test_the_cores_are_those_of_the_virtual_machine_and_one_outside_is_the_generators(
    inside: int, outside: int, level: Level, words: str
) -> None:
    finding = doctor.check_cores(inside, outside)
    assert finding.level is level
    assert words in finding.what


def test_an_engine_is_identified_by_what_it_says_each_time() -> None:
    """Podman makes up a new ID for each call, so that two harnesses on it would not know of each other."""
    first, second = (PLAIN | {"ID": each, "DockerRootDir": "/var/lib/x"} for each in ("one", "two"))
    assert identify_engine(first, PODMAN) == identify_engine(second, PODMAN) == "server /var/lib/x"
    assert identify_engine(first, DOCKER) == "one server /var/lib/x"
    assert identify_engine(second, DOCKER) != identify_engine(first, DOCKER)
