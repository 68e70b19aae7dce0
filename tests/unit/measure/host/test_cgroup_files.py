"""What the kernel's files of a control group say, by the formats of its documentation."""

import pytest

from harness.measure.host.cgroup_files import (
    UNIFIED,
    MemoryStat,
    Pressure,
    Throttling,
    has_quota,
    locate_container,
    parse_keys,
    parse_memory_stat,
    parse_number,
    parse_pressure,
    parse_throttling,
)

ID = "7c1f" * 16
V2_MOUNTS = "24 1 0:22 / /sys/fs/cgroup rw,nosuid,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:12 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


def find(mounts: str, membership: str, container_id: str = ID) -> dict[str, list[str]]:
    """Return the folders by hierarchy, as text."""
    found = locate_container(mounts, membership, container_id)
    return {name: [str(folder) for folder in folders.path] for name, folders in found.items()}


# Single files


def test_pressure_is_in_seconds() -> None:
    text = (
        "some avg10=3.11 avg60=1.02 avg300=0.40 total=2500000\n"
        "full avg10=1.50 avg60=0.70 avg300=0.10 total=1250000\n"
    )
    assert parse_pressure(text) == Pressure(2.5, 1.25)


def test_pressure_on_the_cpu_has_no_full_line_before_linux_5_13() -> None:
    assert parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n") == Pressure(7e-6, None)


@pytest.mark.parametrize("text", ["", "\n", "some", "some total=", "some total=x", "full total=5", "0 0 0"])
def test_a_file_without_the_time_of_waiting_has_no_pressure(text: str) -> None:
    assert parse_pressure(text) is None


def test_throttling_is_in_seconds_on_both_versions() -> None:
    v2 = (
        "usage_usec 9000000\nuser_usec 8000000\nsystem_usec 1000000\nnr_periods 600\nnr_throttled 150\n"
        "throttled_usec 4500000\nnr_bursts 0\nburst_usec 0\n"
    )
    v1 = "nr_periods 600\nnr_throttled 150\nthrottled_time 4500000000\n"
    assert parse_throttling(v2) == parse_throttling(v1) == Throttling(600, 150, 4.5)


@pytest.mark.parametrize(
    "text",
    ["", "usage_usec 9\nuser_usec 8\nsystem_usec 1\n", "nr_periods 5\nnr_throttled 1\n", "nr_periods x\n"],
)
def test_a_cpu_stat_without_periods_has_no_throttling_rather_than_zeros(text: str) -> None:
    """Without the CPU's controller, cpu.stat of cgroup v2 has only the times."""
    assert parse_throttling(text) is None


def test_pages_of_files_include_those_of_inner_groups_on_both_versions() -> None:
    v1 = "cache 9\ninactive_file 1\nactive_file 0\npgmajfault 2\n" + (
        "total_cache 99\ntotal_inactive_file 5000\ntotal_active_file 300\ntotal_pgmajfault 16\n"
    )
    v2 = "anon 7\nfile 5300\ninactive_file 5000\nactive_file 300\npgfault 99\npgmajfault 16\n"
    assert parse_memory_stat(v1) == parse_memory_stat(v2) == MemoryStat(5000, 300, 16)


def test_names_of_files_are_memory_that_the_kernel_drops() -> None:
    """Only cgroup v2 tells them."""
    text = "inactive_file 5000\nactive_file 300\npgmajfault 16\nslab_reclaimable 700\n"
    assert parse_memory_stat(text) == MemoryStat(5000, 300, 16, names_bytes=700)


@pytest.mark.parametrize("text", ["", "anon 7\n", "inactive_file 1\nactive_file 2\n", "inactive_file x\n"])
def test_a_memory_stat_that_lacks_a_count_is_unknown(text: str) -> None:
    assert parse_memory_stat(text) is None


def test_keys_are_read_and_other_lines_are_left_out() -> None:
    events = "low 0\nhigh 3\nmax 41\noom 2\noom_kill 2\noom_group_kill 0\n"
    assert parse_keys(events)["max"] == 41
    assert parse_keys("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")["oom_kill"] == 2
    assert parse_keys("max\nanon x\na b c\n-1\nslab -5\n") == {}


@pytest.mark.parametrize(
    ("text", "number"), [("73400320\n", 73_400_320), ("max\n", None), ("", None), ("-1", None)]
)
def test_a_single_number_is_a_number(text: str, number: int | None) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("text", "is_set"),
    [("25000 100000\n", True), ("max 100000\n", False), ("25000\n", True), ("-1\n", False), ("", False)],
)
def test_a_quota_may_be_unlimited(text: str, is_set: bool) -> None:
    assert has_quota(text) is is_set


# Where a container's files are


@pytest.mark.parametrize(
    ("path", "folders"),
    [
        (f"/docker/{ID}", [f"/docker/{ID}"]),
        (f"/system.slice/docker-{ID}.scope", [f"/system.slice/docker-{ID}.scope"]),
        (
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
            [f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope"],
        ),
        (
            f"/machine.slice/libpod-{ID}.scope/container",
            [f"/machine.slice/libpod-{ID}.scope", f"/machine.slice/libpod-{ID}.scope/container"],
        ),
        (f"/docker/{'0' * 64}/docker/{ID}", [f"/docker/{'0' * 64}/docker/{ID}"]),
        (f"/docker/{ID}/init.scope", [f"/docker/{ID}", f"/docker/{ID}/init.scope"]),
    ],
    ids=["cgroupfs", "systemd", "rootless", "podman", "engine within a container", "systemd inside"],
)
def test_the_files_begin_where_a_group_names_the_container(path: str, folders: list[str]) -> None:
    expected = {UNIFIED: [f"/sys/fs/cgroup{folder}" for folder in folders]}
    assert find(V2_MOUNTS, f"0::{path}\n") == expected


def test_a_hybrid_host_has_controllers_of_v1_and_the_pressure_of_v2() -> None:
    names = ("9:name=systemd", "4:memory", "2:cpu,cpuacct", "0:")
    found = find(V1_MOUNTS, "".join(f"{name}:/docker/{ID}\n" for name in names))
    assert found["memory"] == [f"/sys/fs/cgroup/memory/docker/{ID}"]
    assert found["cpu"] == found["cpuacct"] == [f"/sys/fs/cgroup/cpu,cpuacct/docker/{ID}"]
    assert found[UNIFIED] == [f"/sys/fs/cgroup/unified/docker/{ID}"]


def test_a_hierarchy_in_which_the_engine_made_no_group_is_left_out() -> None:
    """Runc before 1.1 makes none in the unified hierarchy of a hybrid host."""
    membership = f"4:memory:/docker/{ID}\n0::/system.slice/containerd.service\n"
    assert find(V1_MOUNTS, membership).keys() == {"memory"}


@pytest.mark.parametrize(
    "membership",
    [
        "0::/\n",
        "0::/user.slice/session-3.scope\n",
        f"0::/docker/{'0' * 64}\n",
        f"0::/../../docker/{ID}\n",
        f"0::/docker/{ID}/../../other\n",
        f"4:memory:/docker/{ID}\n",
        "",
        "nonsense\n::\n0:\n",
    ],
)
def test_another_process_of_that_number_is_never_taken_for_the_containers(membership: str) -> None:
    assert find(V2_MOUNTS, membership) == {}


@pytest.mark.parametrize("container_id", ["", "7c1f"])
def test_an_id_that_any_path_might_hold_finds_nothing(container_id: str) -> None:
    assert find(V2_MOUNTS, f"0::/docker/{ID}\n", container_id) == {}


def test_a_part_of_a_hierarchy_may_be_mounted_alone() -> None:
    """A container with the groups of its engine's host sees them below a root, at a path of its own."""
    mounts = V2_MOUNTS.replace("0:22 / /sys/fs/cgroup", "0:22 /machine.slice /mnt/control\\040groups")
    assert find(mounts, f"0::/machine.slice/docker-{ID}.scope\n") == {
        UNIFIED: [f"/mnt/control groups/docker-{ID}.scope"]
    }
    assert find(mounts, f"0::/system.slice/docker-{ID}.scope\n") == {}
    assert find(mounts, f"0::/machine.slice2/docker-{ID}.scope\n") == {}


def test_mounts_of_other_kinds_and_damaged_lines_are_left_out() -> None:
    mounts = "1 2 0:3 / /proc rw - proc proc rw\n\n4 5 0:6 / /x rw\nx - cgroup2\n"
    assert find(mounts, f"0::/docker/{ID}\n") == {}
