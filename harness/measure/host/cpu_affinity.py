"""Separate the generator's cores from the target's, where the host has enough of both.

A target's size is a quota and never a set of cores. The separation only keeps generator and target from
disturbing each other, and several sizes that are measured at once.
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

_SHARED_GENERATOR_CORES = 0.5
"""Of a core that a generator shares with its target; 400 users with 150 requests a second use 0.3."""

_MOST_PROCESSES = 8
"""Cores to reserve for a generator whose number of processes is known only while it measures."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Two sets of the host's logical cores: disjoint, or the same if there are too few to separate them."""

    generator: Cores
    target: Cores

    @property
    def most_cores(self) -> float:
        """The largest quota of a size that may be measured here: some of the target's cores are kept free."""
        is_shared = self.generator == self.target
        return len(self.target) - (_SHARED_GENERATOR_CORES if is_shared else _SPARE_CORES)


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


def split_lanes(
    physical: Sequence[Cores], quotas: Sequence[float], most: int, *, may_share: bool = False
) -> tuple[Placement, ...]:
    """Return cores of their own for several sizes at once: as many placements as fit, at most `most`.

    `quotas` are the CPU cores that each size needs; at least one. Each placement has a physical core for its
    generator, and as many for its target as the largest of its sizes and one core more need. The sizes are
    shared out evenly, the largest to the first placement: of nine sizes on three, the first one holds all,
    the second all but the three largest, and the third the three smallest. The first physical core is left
    to all other programs. Empty if fewer than two placements fit. With `may_share` all physical cores are
    then split evenly instead, and each generator shares them with its target, if the largest quota leaves
    half a core.
    """
    ordered, largest_first = sorted(physical, key=min), sorted(quotas, reverse=True)
    for count in range(min(most, len(quotas)), 1, -1):
        largest_each = [largest_first[number * len(quotas) // count] for number in range(count)]
        if placements := _place_in_order(ordered[1:], largest_each):
            return placements
    each = len(ordered) // most
    groups = [frozenset[int]().union(*ordered[n * each : (n + 1) * each]) for n in range(most)]
    is_enough = min(map(len, groups)) >= largest_first[0] + _SHARED_GENERATOR_CORES
    return tuple(Placement(group, group) for group in groups) if may_share and is_enough else ()


def _place_in_order(physical: Sequence[Cores], quotas: Sequence[float]) -> tuple[Placement, ...]:
    """Return a placement for each of the quotas, on cores in this order; empty if they don't all fit."""
    placements: list[Placement] = []
    for quota in quotas:
        count = _count_physical(physical, quota + _SPARE_CORES)
        if count is None or count + 1 > len(physical):
            return ()
        placements.append(Placement(physical[count], frozenset[int]().union(*physical[:count])))
        physical = physical[count + 1 :]
    return tuple(placements)


def _count_physical(physical: Sequence[Cores], logical_cores: float) -> int | None:
    """Return how many of the physical cores, in this order, have so many logical ones; None if too few do."""
    total = 0
    for number, cores in enumerate(physical, 1):
        total += len(cores)
        if total >= logical_cores:
            return number
    return None


def plan_placement(
    fingerprint: Fingerprint, target: Target, sizes: Iterable[Limits], load: Load
) -> tuple[Placement | None, str]:
    """Return the cores of a campaign's generator and targets (None: all are shared), and the same in words.

    Cores are separated only if the engine runs on this machine's kernel, because otherwise its cores are not
    this machine's. All sizes get the same cores, which are enough for the largest size that fits the host.
    """
    engine = fingerprint.engine
    if engine.cores is None or not is_on_this_kernel(fingerprint):
        return None, "cores not separated: the engine does not run on this kernel"
    needed = [sum_cores(limits, target) for limits in sizes]
    largest = max((cores for cores in needed if cores <= engine.cores), default=0.0)
    processes = (load.workers or _MOST_PROCESSES) if isinstance(load, LocalWorkers) else 1
    placement = split_cores(find_physical_cores(), largest, processes)
    if placement is None:
        return None, f"target and generator share all {engine.cores} cores: too few to separate them"
    generator, targets = format_cpuset(placement.generator), format_cpuset(placement.target)
    return placement, f"generator on {generator}, targets on {targets}"


def is_on_this_kernel(fingerprint: Fingerprint) -> bool:
    """Return True if the engine's cores are this machine's, so that both can be told on which ones to run."""
    machine, engine = fingerprint.machine, fingerprint.engine
    is_same_kernel = machine.kernel is not None and machine.kernel == engine.kernel
    return engine.cores is not None and machine.cores == engine.cores and is_same_kernel and engine.is_local


def sum_cores(limits: Limits, target: Target) -> float:
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
