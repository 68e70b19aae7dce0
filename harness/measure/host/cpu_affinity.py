"""Which cores the generator keeps for itself, and which are left to the target.

The size itself is a quota and never a set of cores; this only keeps the two out of each other's way, where
the host has cores for both.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.model import Plan

Cores = frozenset[int]

TOPOLOGY = Path("/sys/devices/system/cpu")
SPARE_CORES = 1
"""Left to the target beside those that its quota fills: the kernel's network work for it runs there too."""

MOST_PROCESSES = 8
"""Cores to keep for a generator whose number of processes turns out only while it measures."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Two disjoint sets of the host's logical cores."""

    generator: Cores
    target: Cores


def place(physical: Sequence[Cores], target_cores: float, processes: int = 1) -> Placement | None:
    """The last physical core for the generator and all others for the target; None where these would not hold
    its quota with one to spare. A generator of several processes gets as many as the target leaves.

    `physical` are the usable physical cores, each with its logical ones: a target on the generator's
    hyperthread would not be out of its way.
    """
    ordered = sorted(physical, key=min)
    for kept in range(min(processes, len(ordered) - 1), 0, -1):
        left = frozenset[int]().union(*ordered[:-kept])
        if len(left) >= target_cores + SPARE_CORES:
            return Placement(frozenset[int]().union(*ordered[-kept:]), left)
    return None


def placed(environment: Mapping[str, Any], plan: Plan) -> tuple[Placement | None, str]:
    """Where generator and targets of a campaign run, and that in words.

    `environment` is the engine's fingerprint: only on this very kernel are its cores the same as ours. Every
    size gets the same cores, so the largest one that fits this host decides.
    """
    machine, engine = environment["machine"], environment["engine"]
    keys = ("kernel", "cores")
    is_ours = all(machine.get(key) is not None and machine[key] == engine.get(key) for key in keys)
    if not is_ours or not engine.get("local", True):
        return None, "not parted: the engine does not run on this kernel"
    beside = sum(companion.limits.cpu_cores for companion in plan.target.companions)
    balancer = plan.target.balancer.limits.cpu_cores if plan.target.balancer else 0.0
    wanted = [
        cell.limits.all_cores + beside + (balancer if cell.limits.replicas > 1 else 0.0)
        for cell in plan.cells
    ]
    quotas = [cores for cores in wanted if cores <= engine["cores"]]
    processes = plan.load.workers or MOST_PROCESSES
    placement = place(physical_cores(), max(quotas, default=0.0), 1 if plan.load.is_elsewhere else processes)
    if placement is None:
        return None, f"target and generator share all {engine['cores']} cores: too few to part them"
    return placement, f"generator on {listed(placement.generator)}, targets on {listed(placement.target)}"


def physical_cores(topology: Path = TOPOLOGY) -> list[Cores]:
    """The cores that this process may use, grouped by physical core; each by itself where nothing tells."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    usable = os.sched_getaffinity(0)
    return sorted({_siblings(topology, core) & usable for core in usable}, key=min)


def _siblings(topology: Path, core: int) -> Cores:
    try:
        text = (topology / f"cpu{core}" / "topology" / "thread_siblings_list").read_text()
        return parsed(text) | {core}
    except (OSError, ValueError):
        return frozenset([core])


def parsed(text: str) -> Cores:
    """The kernel's list format, such as "0-3,8": both ends of a range are in it. Raises ValueError."""
    ranges = (part.partition("-") for part in text.strip().split(","))
    return frozenset(n for low, _, high in ranges for n in range(int(low), int(high or low) + 1))


def listed(cores: Iterable[int]) -> str:
    """For the engine and for people, such as "0,1,2"."""
    return ",".join(str(core) for core in sorted(cores))
