"""A container's counters from files like the kernel's, of both versions of cgroups."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.measure.host.cgroup import CgroupCounters, CgroupReader, open_cgroup
from harness.measure.host.cgroup_files import MemoryStat, Pressure, Throttling

ID = "3b9d" * 16
MIB = 2**20
PRESSURE = "some avg10=1.2 avg60=0.4 avg300=0.1 total={}\nfull avg10=0.6 avg60=0.2 avg300=0.0 total={}\n"
PRESSURES = {
    "cpu.pressure": PRESSURE.format(4_000_000, 3_000_000),
    "memory.pressure": PRESSURE.format(2_000_000, 1_000_000),
    "io.pressure": PRESSURE.format(500_000, 250_000),
}
V2_FILES = {
    **PRESSURES,
    "cpu.max": "50000 100000\n",
    "cpu.stat": "usage_usec 9000000\nnr_periods 90\nnr_throttled 30\nthrottled_usec 1500000\n",
    "memory.current": f"{40 * MIB}\n",
    "memory.peak": f"{60 * MIB}\n",
    "memory.stat": f"anon {9 * MIB}\ninactive_file {5 * MIB}\nactive_file {2 * MIB}\npgmajfault 33\n",
    "memory.events": "low 0\nhigh 0\nmax 17\noom 1\noom_kill 1\n",
}
V1_MEMORY = {
    "memory.usage_in_bytes": f"{40 * MIB}\n",
    "memory.max_usage_in_bytes": f"{60 * MIB}\n",
    "memory.failcnt": "17\n",
    "memory.stat": (
        "inactive_file 0\nactive_file 0\npgmajfault 0\n"
        f"total_inactive_file {5 * MIB}\ntotal_active_file {2 * MIB}\ntotal_pgmajfault 33\n"
    ),
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
}
V1_CPU = {
    "cpu.cfs_quota_us": "50000\n",
    "cpu.stat": "nr_periods 90\nnr_throttled 30\nthrottled_time 1500000000\n",
}
ALL = CgroupCounters(
    throttling=Throttling(90, 30, 1.5),
    memory_peak_bytes=60 * MIB,
    limit_hits=17,
    oom_kills=1,
    cpu=Pressure(4.0, 3.0),
    memory=Pressure(2.0, 1.0),
    io=Pressure(0.5, 0.25),
    memory_bytes=40 * MIB,
    memory_stat=MemoryStat(5 * MIB, 2 * MIB, 33),
)


class Host:
    """A machine's /proc and its cgroup files, in a folder. Process 42 is the container's first."""

    def __init__(self, folder: Path, membership: str, mounts: dict[str, str]) -> None:
        self.folder, self.proc = folder, folder / "proc"
        lines = [
            f"{number} 1 0:{number} / {folder / name} rw - {'cgroup' if kind else 'cgroup2'} none rw,{kind}"
            for number, (name, kind) in enumerate(mounts.items(), 30)
        ]
        self.write("proc/self/mountinfo", "\n".join(lines) + "\n")
        self.write("proc/42/cgroup", membership)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def write_files(self, group: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            self.write(f"{group}/{name}", text)

    def open(self, pid: int = 42) -> CgroupReader | None:
        return open_cgroup(pid, ID, self.proc)

    def read(self) -> CgroupCounters | None:
        reader = self.open()
        return None if reader is None else reader.read()


def make_v2_host(folder: Path, files: dict[str, str]) -> Host:
    host = Host(folder, f"0::/system.slice/docker-{ID}.scope\n", {"cgroup": ""})
    host.write_files(f"cgroup/system.slice/docker-{ID}.scope", files)
    return host


def without(*names: str) -> dict[str, str]:
    return {name: text for name, text in V2_FILES.items() if name not in names}


def test_version_2_shows_every_counter(tmp_path: Path) -> None:
    assert make_v2_host(tmp_path, V2_FILES).read() == ALL


def test_a_hybrid_host_shows_the_same_from_three_hierarchies(tmp_path: Path) -> None:
    membership = f"4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/docker/{ID}\n"
    host = Host(tmp_path, membership, {"memory": "memory", "cpu": "cpu,cpuacct", "unified": ""})
    host.write_files(f"memory/docker/{ID}", V1_MEMORY)
    host.write_files(f"cpu/docker/{ID}", V1_CPU)
    host.write_files(f"unified/docker/{ID}", {**PRESSURES, "cpu.stat": "usage_usec 9000000\n"})
    assert host.read() == ALL


@pytest.mark.parametrize(
    ("mounts", "file", "text"),
    [
        ({"cpu": "cpu,cpuacct", "unified": ""}, f"cpu/docker/{ID}/cpuacct.usage", "9000000123\n"),
        ({"unified": ""}, f"unified/docker/{ID}/cpu.stat", "usage_usec 9000000\nuser_usec 8000000\n"),
    ],
    ids=["v1, in nanoseconds", "v2, in microseconds"],
)
def test_the_cpu_time_is_read_from_one_file(
    tmp_path: Path, mounts: dict[str, str], file: str, text: str
) -> None:
    host = Host(tmp_path, f"2:cpu,cpuacct:/docker/{ID}\n0::/docker/{ID}\n", mounts)
    host.write_files(f"unified/docker/{ID}", PRESSURES)
    host.write(file, text)
    reader = host.open()
    assert reader is not None
    assert reader.read_cpu_s() == pytest.approx(9.0)
    (tmp_path / file).unlink()
    assert reader.read_cpu_s() is None


def test_version_1_alone_has_no_pressure(tmp_path: Path) -> None:
    membership = f"4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n"
    host = Host(tmp_path, membership, {"memory": "memory", "cpu": "cpu,cpuacct"})
    host.write_files(f"memory/docker/{ID}", V1_MEMORY)
    host.write_files(f"cpu/docker/{ID}", V1_CPU)
    assert host.read() == replace(ALL, cpu=None, memory=None, io=None)


@pytest.mark.parametrize(
    ("hits", "swap_hits", "limit_mib", "expected"),
    [(3, 0, 60, 3), (0, 9, 60, 9), (0, 0, 61, 0), (0, 0, 60, None)],
    ids=["its own", "with swap", "never", "at the limit, but not counted"],
)
def test_version_1_counts_hits_of_two_limits_unless_its_kernel_does_not_count(
    tmp_path: Path, hits: int, swap_hits: int, limit_mib: int, expected: int | None
) -> None:
    """The peak is 60 MiB. On Linux 6.18 both counts stay zero."""
    host = Host(tmp_path, f"4:memory:/docker/{ID}\n", {"memory": "memory"})
    counts = {"memory.failcnt": f"{hits}\n", "memory.memsw.failcnt": f"{swap_hits}\n"}
    limit = {"memory.limit_in_bytes": f"{limit_mib * MIB}\n"}
    host.write_files(f"memory/docker/{ID}", V1_MEMORY | counts | limit)
    counters = host.read()
    assert counters is not None
    assert counters.limit_hits == expected


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ("cpu.stat", "throttling"),
        ("memory.current", "memory_bytes"),
        ("memory.stat", "memory_stat"),
        ("memory.events", "limit_hits"),
        ("memory.events", "oom_kills"),
        ("cpu.pressure", "cpu"),
        ("memory.pressure", "memory"),
        ("io.pressure", "io"),
    ],
)
def test_a_missing_file_is_unknown_and_never_zero(tmp_path: Path, missing: str, field: str) -> None:
    counters = make_v2_host(tmp_path, without(missing)).read()
    assert counters is not None
    assert getattr(counters, field) is None
    assert counters.is_peak_sampled is False


def test_a_kernel_that_keeps_no_peak_gives_the_most_of_all_samples_and_says_so(tmp_path: Path) -> None:
    host = make_v2_host(tmp_path, without("memory.peak"))
    reader = host.open()
    assert reader is not None
    peaks = []
    for mib in (45, 30):
        host.write(f"cgroup/system.slice/docker-{ID}.scope/memory.current", f"{mib * MIB}\n")
        counters = reader.read()
        assert counters is not None
        assert counters.is_peak_sampled
        peaks.append(counters.memory_peak_bytes)
    assert peaks == [45 * MIB, 45 * MIB]


def test_without_peak_and_usage_the_peak_is_unknown(tmp_path: Path) -> None:
    counters = make_v2_host(tmp_path, without("memory.peak", "memory.current")).read()
    assert counters is not None
    assert (counters.memory_peak_bytes, counters.is_peak_sampled) == (None, False)


def test_throttling_is_read_where_the_quota_is(tmp_path: Path) -> None:
    """Podman's quota may be on the group of the container's process, and not on the scope around it."""
    host = Host(tmp_path, f"0::/machine.slice/libpod-{ID}.scope/container\n", {"cgroup": ""})
    scope = f"cgroup/machine.slice/libpod-{ID}.scope"
    unlimited = {"cpu.max": "max 100000\n", "cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"}
    host.write_files(scope, {**V2_FILES, **unlimited})
    host.write_files(f"{scope}/container", {"cpu.max": "50000 100000\n", "cpu.stat": V2_FILES["cpu.stat"]})
    assert host.read() == ALL


def test_files_that_may_not_be_read_are_unknown(tmp_path: Path) -> None:
    """A folder in a file's place can't be read either, whoever runs the test."""
    host = make_v2_host(tmp_path, without("memory.pressure"))
    (tmp_path / f"cgroup/system.slice/docker-{ID}.scope/memory.pressure").mkdir()
    counters = host.read()
    assert counters is not None
    assert counters.memory is None


def test_there_are_no_counters_after_the_containers_end(tmp_path: Path) -> None:
    host = make_v2_host(tmp_path, V2_FILES)
    reader = host.open()
    group = tmp_path / f"cgroup/system.slice/docker-{ID}.scope"
    for name in os.listdir(group):
        (group / name).unlink()
    assert reader is not None
    assert reader.read() is None


@pytest.mark.parametrize("pid", [0, 43, 4_194_304])
def test_a_process_that_is_not_here_has_no_files(tmp_path: Path, pid: int) -> None:
    assert make_v2_host(tmp_path, V2_FILES).open(pid) is None


def test_a_process_of_the_same_number_in_another_group_has_no_files(tmp_path: Path) -> None:
    host = make_v2_host(tmp_path, V2_FILES)
    host.write("proc/42/cgroup", "0::/user.slice\n")
    assert host.open() is None


def test_a_system_without_cgroups_has_no_files(tmp_path: Path) -> None:
    assert open_cgroup(1, ID, tmp_path) is None


def test_a_group_that_shows_no_counter_is_not_read(tmp_path: Path) -> None:
    assert make_v2_host(tmp_path, {"cgroup.procs": "42\n"}).open() is None
