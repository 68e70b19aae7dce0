"""A harness in a container knows it by its mounts, and what it lacks by what the engine says."""

import pytest

from harness.measure.doctor import Level, check_own_container
from harness.measure.own_container import OwnContainer, describe_container, find_container_id

ID = "0f1e2d3c4b5a" + "9" * 52
DOCKER = f"""\
612 561 0:112 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/ABC
640 612 254:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw
641 612 254:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw
"""
ROOTLESS = f"9 8 254:1 /home/me/.local/share/docker/containers/{ID}/hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
PODMAN = (
    f"9 8 0:25 /containers/storage/overlay-containers/{ID}/userdata/hostname /etc/hostname rw - tmpfs t rw\n"
)
HOST = f"""\
25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
99 25 0:50 /var/lib/docker/containers/{ID}/mounts/shm /dev/shm rw - tmpfs shm rw
98 25 254:1 /var/lib/docker/containers/{ID}/hostname /srv/hostname rw - ext4 /dev/vda1 rw
"""


@pytest.mark.parametrize(
    ("mounts", "found"),
    [(DOCKER, ID), (ROOTLESS, ID), (PODMAN, ID), (HOST, None), ("", None), ("short line\n", None)],
    ids=["Docker", "rootless", "Podman", "a host", "nothing", "nonsense"],
)
def test_the_own_container_is_known_by_the_files_that_the_engine_mounts(
    mounts: str, found: str | None
) -> None:
    assert find_container_id(mounts) == found


def test_what_a_container_shares_is_what_its_options_say() -> None:
    network, processes = {"NetworkMode": "host", "PidMode": ""}, {"NetworkMode": "bridge", "PidMode": "host"}
    for options, shares in ((network, (True, False)), (processes, (False, True)), (None, (False, False))):
        described = describe_container({"HostConfig": options}, sees_groups=True)
        assert (described.has_host_network, described.has_host_processes) == shares


def test_a_container_without_the_hosts_network_can_measure_nothing() -> None:
    error, processes, groups = check_own_container(OwnContainer(False, False, sees_groups=False))
    assert (error.level, error.fix) == (Level.ERROR, "docker run --network host")
    assert (processes.level, processes.fix) == (Level.WARNING, "docker run --pid host")
    assert (groups.level, "--cgroupns host" in groups.fix) == (Level.WARNING, True)
    (fine,) = check_own_container(OwnContainer(True, True, sees_groups=True))
    assert fine.level is Level.OK
    assert list(check_own_container(None)) == []
