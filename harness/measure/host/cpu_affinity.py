"""Separate the generator's cores from the target's, where the host has enough of both.

A target's size is a quota and never a set of cores. The separation only keeps generator and target from
disturbing each other.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.model import Fingerprint, Limits, Load, LocalWorkers, Target

Cores = frozenset[int]

_TOPOLOGY = Path("/sys/devices/system/cpu")
_SPARE_CORES = 1
"""Cores that the target gets beyond its quota: the kernel's network work for the target runs there too."""

_MOST_PROCESSES = 8
"""Cores to reserve for a generator whose number of processes is known only while it measures."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Two disjoint sets of the host's logical cores."""

    generator: Cores
    target: Cores


def split_cores(physical: Sequence[Cores], target_cores: float, processes: int = 1) -> Placement | None:
    """Give the last physical core to the generator and all others to the target.

    Returns None if the others are too few for the target's quota and one core more. A generator of several
    processes gets a physical core for each, as far as the target leaves them. `physical` are the usable
    physical cores, each as the set of its logical cores: on logical cores of the same physical core, target
    and generator would disturb each other.
    """
    ordered = sorted(physical, key=min)
    for count in range(min(processes, len(ordered) - 1), 0, -1):
        rest = frozenset[int]().union(*ordered[:-count])
        if len(rest) >= target_cores + _SPARE_CORES:
            return Placement(frozenset[int]().union(*ordered[-count:]), rest)
    return None


def plan_placement(
    fingerprint: Fingerprint, target: Target, sizes: Iterable[Limits], load: Load
) -> tuple[Placement | None, str]:
    """Return the cores of a campaign's generator and targets (None: all are shared), and the same in words.

    Cores are separated only if the engine runs on this machine's kernel, because otherwise its cores are not
    this machine's. All sizes get the same cores, which are enough for the largest size that fits the host.
    """
    machine, engine = fingerprint.machine, fingerprint.engine
    is_same_kernel = machine.kernel is not None and machine.kernel == engine.kernel
    if engine.cores is None or machine.cores != engine.cores or not is_same_kernel or not engine.is_local:
        return None, "cores not separated: the engine does not run on this kernel"
    needed = [_sum_cores(limits, target) for limits in sizes]
    largest = max((cores for cores in needed if cores <= engine.cores), default=0.0)
    processes = (load.workers or _MOST_PROCESSES) if isinstance(load, LocalWorkers) else 1
    placement = split_cores(find_physical_cores(), largest, processes)
    if placement is None:
        return None, f"target and generator share all {engine.cores} cores: too few to separate them"
    generator, targets = format_cpuset(placement.generator), format_cpuset(placement.target)
    return placement, f"generator on {generator}, targets on {targets}"


def _sum_cores(limits: Limits, target: Target) -> float:
    """Sum the quotas of a size, its companions without jobs and, if it has replicas, its balancer."""
    companions = sum(each.limits.cpu_cores for each in target.companions if not each.is_job)
    balancer = target.balancer.limits.cpu_cores if target.balancer else 0.0
    return limits.total_cores + companions + (balancer if limits.replicas > 1 else 0.0)


def find_physical_cores(topology: Path = _TOPOLOGY) -> list[Cores]:
    """Return the cores that this process may use, grouped by physical core.

    Each core is a group of its own if the kernel does not show the topology. The list is empty on systems
    without CPU affinity.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    usable = os.sched_getaffinity(0)
    return sorted({_read_siblings(topology, core) & usable for core in usable}, key=min)


def _read_siblings(topology: Path, core: int) -> Cores:
    try:
        text = (topology / f"cpu{core}" / "topology" / "thread_siblings_list").read_text()
        return parse_cpuset(text) | {core}
    except (OSError, ValueError):
        return frozenset([core])


def parse_cpuset(text: str) -> Cores:
    """Parse the kernel's list format, such as "0-3,8"; ranges include both ends. Raises ValueError."""
    ranges = (part.partition("-") for part in text.strip().split(","))
    return frozenset(n for low, _, high in ranges for n in range(int(low), int(high or low) + 1))


def format_cpuset(cores: Iterable[int]) -> str:
    """Format cores for the engine and for people, such as "0,1,2"."""
    return ",".join(str(core) for core in sorted(cores))
