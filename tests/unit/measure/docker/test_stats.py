"""The engine's JSON of both cgroup versions, converted to samples and events."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure.docker.events import event_from_json
from harness.measure.docker.stats import add_cgroup_counters, sum_replicas, target_sample_from_json
from harness.measure.host.cgroup import CgroupCounters
from harness.measure.host.cgroup_files import MemoryStat, Pressure, Throttling
from harness.measure.host.counters import sum_busy_s
from harness.model import EventKind, TargetEvent, TargetSample

CPU = {
    "cpu_usage": {"total_usage": 2_500_000_000},
    "throttling_data": {"periods": 120, "throttled_periods": 30, "throttled_time": 1_250_000_000},
}
NETWORKS = {"eth0": {"rx_bytes": 1000, "tx_bytes": 5000}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}}
V1 = {
    "cpu_stats": CPU,
    "networks": NETWORKS,
    "memory_stats": {
        "usage": 60_000_000,
        "max_usage": 70_000_000,
        "limit": 134_217_728,
        "stats": {
            "inactive_file": 1,
            "total_inactive_file": 20_000_000,
            "pgmajfault": 1,
            "total_pgmajfault": 16,
        },
    },
}
V2 = {
    "cpu_stats": CPU,
    "networks": NETWORKS,
    "memory_stats": {
        "usage": 60_000_000,
        "limit": 134_217_728,
        "stats": {"inactive_file": 20_000_000, "pgmajfault": 16},
    },
}
STOPPED = {"cpu_stats": {"cpu_usage": {"total_usage": 0}, "throttling_data": {}}, "memory_stats": {}}


@pytest.mark.parametrize(("message", "peak_bytes"), [(V1, 70_000_000), (V2, None)], ids=["v1", "v2"])
def test_counters_are_the_same_on_both_cgroup_versions(
    message: Mapping[str, Any], peak_bytes: int | None
) -> None:
    assert target_sample_from_json(message, 7.0) == TargetSample(
        at_s=7.0,
        cpu_s=2.5,
        periods=120,
        throttled_periods=30,
        throttled_s=1.25,
        working_set_bytes=40_000_000,
        memory_peak_bytes=peak_bytes,
        received_bytes=1001,
        sent_bytes=5002,
        major_faults=16,
    )


def test_a_stopped_container_gives_no_sample_rather_than_zeros() -> None:
    assert target_sample_from_json(STOPPED, 7.0) is None
    assert target_sample_from_json({}, 7.0) is None


def test_a_target_without_a_network_received_and_sent_no_bytes() -> None:
    sample = target_sample_from_json({**V2, "networks": None}, 7.0)
    assert sample is not None
    assert (sample.received_bytes, sample.sent_bytes) == (0, 0)


def test_time_that_waits_for_a_disk_and_stolen_time_are_not_busy() -> None:
    core = SimpleNamespace(
        user=5.0, nice=1.0, system=2.0, irq=0.5, softirq=0.5, idle=90, iowait=7, steal=3, guest=4
    )
    assert sum_busy_s(core) == 9.0


def build_message(action: str, **attributes: str) -> dict[str, Any]:
    return {"Type": "container", "Action": action, "Actor": {"ID": "c", "Attributes": attributes}}


@pytest.mark.parametrize(
    ("reported", "event"),
    [
        (build_message("oom"), TargetEvent(3.0, EventKind.OOM)),
        (build_message("die", exitCode="137"), TargetEvent(3.0, EventKind.DIE, "exit code 137")),
        (build_message("kill", signal="9"), TargetEvent(3.0, EventKind.KILL, "signal 9")),
        (build_message("restart"), TargetEvent(3.0, EventKind.RESTART)),
        (build_message("health_status: unhealthy"), TargetEvent(3.0, EventKind.UNHEALTHY)),
        (build_message("exec_create: sh"), None),
        (build_message("start"), None),
    ],
)
def test_only_events_about_a_targets_state_are_converted(
    reported: dict[str, Any], event: TargetEvent | None
) -> None:
    assert event_from_json(reported, 3.0) == event


def test_replicas_are_summed_and_their_memory_is_that_of_the_fullest() -> None:
    one = TargetSample(1.0, 2.0, 100, 10, 0.5, 40 * 2**20, None, 1000, 5000)
    other = TargetSample(1.4, 3.0, 200, 50, 0.7, 60 * 2**20, 65 * 2**20, 10, 20)
    assert sum_replicas(1.4, [one, other]) == TargetSample(
        1.4, 5.0, 300, 60, 1.2, 60 * 2**20, 65 * 2**20, 1010, 5020
    )


def test_the_fullest_replica_without_pages_of_files_counts_though_another_has_more_with_them() -> None:
    """One uses 200 MiB, of which 150 are pages of files, the other 180 MiB of its own: 180 MiB count."""
    plain = TargetSample(1.0, 2.0, 0, 0, 0.0, 200 * 2**20, None, 0, 0)
    one, other = replace(plain, file_bytes=150 * 2**20), replace(plain, working_set_bytes=180 * 2**20)
    both = sum_replicas(1.4, [one, other])
    assert (both.working_set_bytes, both.file_bytes) == (200 * 2**20, 20 * 2**20)


# The kernel's own files beside the engine's counters

PODMAN = {
    **V2,
    "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}, "throttling_data": {"periods": 0}},
    "memory_stats": {"usage": 60_000_000, "limit": 134_217_728},
}
"""Podman's API has no throttling, and does not tell apart which of the memory are pages of files."""
FROM_FILES = CgroupCounters(
    throttling=Throttling(120, 30, 1.25),
    memory_peak_bytes=65_000_000,
    limit_hits=4,
    oom_kills=1,
    cpu=Pressure(3.0, 2.0),
    memory=Pressure(1.5, 0.5),
    io=Pressure(0.25, None),
    memory_bytes=61_000_000,
    memory_stat=MemoryStat(22_000_000, 7_000_000, 33),
)


def test_names_of_files_count_as_pages_of_files() -> None:
    """The engine passes on what the kernel's file shows."""
    stats = {"inactive_file": 22_000_000, "active_file": 7_000_000, "slab_reclaimable": 3_000_000}
    sample = target_sample_from_json(V2 | {"memory_stats": {"usage": 61_000_000, "stats": stats}}, 7.0)
    assert sample is not None
    assert (sample.file_bytes, sample.own_bytes) == (10_000_000, 29_000_000)
    memory_stat = MemoryStat(22_000_000, 7_000_000, 33, names_bytes=3_000_000)
    assert add_cgroup_counters(sample, replace(FROM_FILES, memory_stat=memory_stat)).own_bytes == 29_000_000


def test_files_show_what_the_engine_does_not() -> None:
    engines = target_sample_from_json(PODMAN, 7.0)
    assert engines is not None
    assert (engines.periods, engines.memory_peak_bytes, engines.oom_kills) == (0, None, None)
    assert (engines.working_set_bytes, engines.file_bytes, engines.major_faults) == (60_000_000, 0, 0)
    assert engines.includes_file_pages
    sample = add_cgroup_counters(engines, FROM_FILES)
    assert (sample.periods, sample.throttled_periods, sample.throttled_s) == (120, 30, 1.25)
    assert (sample.memory_peak_bytes, sample.is_peak_sampled) == (65_000_000, False)
    assert (sample.limit_hits, sample.oom_kills) == (4, 1)
    assert (sample.cpu_some_s, sample.cpu_full_s) == (3.0, 2.0)
    assert (sample.memory_some_s, sample.memory_full_s) == (1.5, 0.5)
    assert (sample.io_some_s, sample.io_full_s) == (0.25, None)
    assert (sample.working_set_bytes, sample.file_bytes, sample.major_faults) == (39_000_000, 7_000_000, 33)
    assert (sample.cpu_s, sample.includes_file_pages) == (2.5, False)


def test_what_files_do_not_show_stays_the_engines() -> None:
    engines = target_sample_from_json(V1, 7.0)
    assert engines is not None
    only_pressure = CgroupCounters(memory=Pressure(1.5, 0.5), memory_bytes=61_000_000)
    expected = replace(engines, memory_some_s=1.5, memory_full_s=0.5)
    assert add_cgroup_counters(engines, only_pressure) == expected


def test_replicas_wait_for_the_mean_of_their_times_and_their_kills_are_summed() -> None:
    plain = TargetSample(1.0, 2.0, 100, 10, 0.5, 40, None, 1000, 5000)
    one = replace(plain, limit_hits=3, oom_kills=1, memory_some_s=1.0, io_some_s=4.0, is_peak_sampled=True)
    other = replace(plain, limit_hits=4, oom_kills=0, memory_some_s=2.0)
    both = sum_replicas(1.4, [one, other])
    assert (both.limit_hits, both.oom_kills, both.memory_some_s) == (7, 1, 1.5)
    assert (both.io_some_s, both.is_peak_sampled) == (None, True)
