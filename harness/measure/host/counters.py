"""Read the counters of this machine: CPU, memory, disks, network."""

from collections.abc import Callable
from typing import Any

import psutil

from harness.measure.host.cpu_speed import probe_work_s
from harness.measure.host.process_cpu import ProcessCpu
from harness.model import HostSample


def read_host_sample(
    at_s: float, processes: ProcessCpu, only_cores: frozenset[int] | None = None
) -> HostSample:
    """Read this machine's counters, of all cores or of some. The network's bytes include the loopback's."""
    cpu = processes.read()
    cores = psutil.cpu_times(percpu=True)
    if only_cores is not None:
        cores = [each for number, each in enumerate(cores) if number in only_cores]
    disk, network = _read_or_none(psutil.disk_io_counters), _read_or_none(psutil.net_io_counters)
    return HostSample(
        at_s=at_s,
        busy_s=tuple(sum_busy_s(core) for core in cores),
        steal_s=sum(getattr(core, "steal", 0.0) for core in cores),
        memory_available_bytes=psutil.virtual_memory().available,
        load_1m=psutil.getloadavg()[0],
        disk_read_bytes=disk.read_bytes if disk else 0,
        disk_written_bytes=disk.write_bytes if disk else 0,
        received_bytes=network.bytes_recv if network else 0,
        sent_bytes=network.bytes_sent if network else 0,
        harness_cpu_s=cpu.harness_cpu_s,
        engine_cpu_s=cpu.engine_cpu_s,
        proxy_cpu_s=cpu.proxy_cpu_s,
        work_s=probe_work_s(),
    )


def _read_or_none(read: Callable[[], Any]) -> Any:
    """Return the counters; None on a system that keeps none, as some containers and virtual machines do."""
    try:
        return read()
    except (NotImplementedError, OSError):
        return None


def sum_busy_s(core_times: Any) -> float:
    """Sum the seconds that a core worked for this machine: not idle, not waiting for a disk, not stolen.

    `core_times` are the core's times as psutil reads them. The time of guests is not added, because the
    kernel counts it in `user` and `nice` already.
    """
    working = ("user", "nice", "system", "irq", "softirq")
    return float(sum(getattr(core_times, part, 0.0) for part in working))
