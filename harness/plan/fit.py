"""Which cells a host can measure honestly."""

from dataclasses import replace

from harness.model import GIB, MIB, Limits, Plan
from harness.plan.units import cores_text

KEPT_MEMORY_BYTES = GIB
KEPT_MEMORY_RATIO = 0.2


def fit(plan: Plan, cores: float, memory_bytes: int) -> Plan:
    """The plan with those cells in `skipped` that are larger than a host of this size can give."""
    reasons = {cell.id: reason(cell.limits, cores, memory_bytes) for cell in plan.cells}
    return replace(plan, skipped={cell: words for cell, words in reasons.items() if words})


def cores_to_give(cores: float) -> float:
    """All but the core that the generator keeps; of a single core, half."""
    return cores - 1 if cores >= 2 else cores / 2


def memory_to_give(memory_bytes: int) -> int:
    """All but a fifth, and at least 1 GiB, for the generator, the harness, the engine and the host itself.

    400 users cost Locust about 70 MB and the harness stays under 250 MB; the rest keeps the page cache alive.
    """
    return max(0, memory_bytes - max(KEPT_MEMORY_BYTES, int(memory_bytes * KEPT_MEMORY_RATIO)))


def reason(limits: Limits, cores: float, memory_bytes: int) -> str | None:
    """Why a host can't give these limits, in a sentence; None if it can."""
    wants = []
    if limits.cpu_cores > cores_to_give(cores):
        wants.append(cores_reason(limits.cpu_cores, cores))
    if limits.memory_bytes > memory_to_give(memory_bytes):
        wants.append(memory_reason(limits.memory_bytes, memory_bytes))
    return "; ".join(wants) or None


def cores_reason(wanted: float, cores: float) -> str:
    kept = "one" if cores >= 2 else "half of it"
    left = cores_text(cores_to_give(cores))
    return (
        f"wants {cores_text(wanted)} cores; of this host's {cores:g} the generator keeps {kept}: {left} left"
    )


def memory_reason(wanted: int, memory_bytes: int) -> str:
    total, most = memory_bytes // MIB, memory_to_give(memory_bytes) // MIB
    return f"wants {wanted // MIB} MiB; this host has {total} MiB, and {most} MiB of it for a target"
