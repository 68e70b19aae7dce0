"""tools/base-image pulls the image, or builds it from the packages that this host's apt reads."""

from pathlib import Path

import pytest

from tests.bootstrap.machine import Machine

ABSENT = 'case "$*" in "image inspect"*|pull*) exit 1;; version*) echo amd64;; esac'
TARGETS = """cat <<'END'
http://mirror.example/debian {codename} main Debian
http://mirror.example/debian {codename}-updates main Debian
http://security.example/debian-security {codename}-security main Debian
http://packages.example/linux {codename} stable Elsewhere
END"""


@pytest.fixture
def offline(machine: Machine) -> Machine:
    """Return a Debian host that reaches no registry, and whose debootstrap fails."""
    machine.add_stub("docker", ABSENT)
    machine.add_stub("dpkg", "echo amd64")
    machine.add_stub("apt-config", "true")
    machine.add_stub("apt-get", TARGETS.format(codename="bookworm"))
    machine.add_stub("debootstrap", "echo E: no such mirror; exit 1")
    return machine


def test_nothing_is_done_or_printed_if_the_image_exists(machine: Machine) -> None:
    machine.add_stub("docker", "true")
    outcome = machine.run_tool("base-image")
    assert (outcome.exit_code, outcome.output) == (0, "")
    assert outcome.commands == ("docker image inspect harness-base:bookworm",)


def test_a_pulled_image_gets_the_name_of_the_base_image(machine: Machine) -> None:
    machine.add_stub("docker", 'case "$*" in "image inspect"*) exit 1;; esac')
    outcome = machine.run_tool("base-image")
    assert outcome.exit_code == 0
    assert outcome.commands[-1] == "docker tag debian:bookworm-slim harness-base:bookworm"


def test_without_a_registry_the_image_is_built_from_the_hosts_mirror(offline: Machine) -> None:
    outcome = offline.run_tool("base-image")
    (built,) = [c for c in outcome.commands if c.startswith("debootstrap")]
    assert "--variant=minbase bookworm " in built
    assert built.endswith(" http://mirror.example/debian")


def test_a_host_of_another_debian_release_builds_the_same_image(offline: Machine) -> None:
    offline.set_os_release("ID=debian\nVERSION_CODENAME=trixie\n")
    offline.add_stub("apt-get", TARGETS.format(codename="trixie"))
    outcome = offline.run_tool("base-image")
    (built,) = [c for c in outcome.commands if c.startswith("debootstrap")]
    assert "--variant=minbase bookworm " in built
    assert built.endswith(" http://mirror.example/debian")


def test_a_failed_build_shows_why_and_leaves_nothing_behind(offline: Machine, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    outcome = offline.run_tool("base-image")
    assert outcome.exit_code == 1
    assert "E: no such mirror" in outcome.output
    assert {p.name for p in set(tmp_path.iterdir()) - before} == {"calls"}
    assert not any(c.startswith(("docker tag", "docker import")) for c in outcome.commands)


@pytest.mark.parametrize("os_release", ["ID=fedora\n", "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n"])
def test_on_a_host_without_debians_packages_the_user_must_load_the_image(
    offline: Machine, os_release: str
) -> None:
    offline.set_os_release(os_release)
    outcome = offline.run_tool("base-image")
    assert outcome.exit_code == 1
    assert "docker load" in outcome.output
    assert not any(c.startswith("debootstrap") for c in outcome.commands)


def test_no_image_is_built_for_an_engine_on_another_kind_of_processor(offline: Machine) -> None:
    offline.add_stub("dpkg", "echo arm64")
    outcome = offline.run_tool("base-image")
    assert outcome.exit_code == 1
    assert "another kind" in outcome.output
    assert not any(c.startswith("debootstrap") for c in outcome.commands)
