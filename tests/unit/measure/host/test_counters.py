"""The counters of a machine that does not keep all of them."""

import psutil
import pytest

from harness.measure.host.counters import read_host_sample
from harness.measure.host.process_cpu import CpuByOwner, ProcessCpu


class NoProcesses(ProcessCpu):
    """Counts no process."""

    def __init__(self) -> None: ...

    def read(self) -> CpuByOwner:
        return CpuByOwner()


def test_a_machine_without_counters_of_disks_and_networks_is_counted_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise NotImplementedError("neither /proc/diskstats nor /sys/block are available on this system")

    monkeypatch.setattr(psutil, "disk_io_counters", refuse)
    monkeypatch.setattr(psutil, "net_io_counters", lambda: None)
    sample = read_host_sample(1.0, NoProcesses())
    assert (sample.disk_read_bytes, sample.received_bytes, sample.sent_bytes) == (0, 0, 0)
    assert sample.memory_available_bytes > 0
