"""Which cells a host can measure honestly."""

from collections.abc import Sequence
from dataclasses import replace

from harness.model import GIB, MIB, Cell, Limits, Plan
from harness.plan.schema.units import cores_text

KEPT_MEMORY_BYTES = GIB
KEPT_MEMORY_RATIO = 0.2
ROUNDING = 1e-9


def fit(plan: Plan, cores: float, memory_bytes: int, *, is_shared: bool = True) -> Plan:
    """The plan with those cells in `skipped` that are larger than a host of this size can give.

    `is_shared`: the generator runs on it too, and keeps a core.
    """
    companions = [companion.limits for companion in plan.target.companions]
    reasons = {
        cell.id: reason(
            cell.limits, cores, memory_bytes, [*companions, *balanced(plan, cell)], is_shared=is_shared
        )
        for cell in plan.cells
    }
    return replace(plan, skipped={cell: words for cell, words in reasons.items() if words})


def balanced(plan: Plan, cell: Cell) -> list[Limits]:
    """What stands before a target of several replicas."""
    balancer = plan.target.balancer
    return [balancer.limits] if balancer is not None and cell.limits.replicas > 1 else []


def cores_to_give(cores: float, *, is_shared: bool = True) -> float:
    """All but the core that the generator keeps; of a single core, half."""
    if not is_shared:
        return cores
    return cores - 1 if cores >= 2 else cores / 2


def memory_to_give(memory_bytes: int) -> int:
    """All but a fifth, and at least 1 GiB, for the generator, the harness, the engine and the host itself.

    400 users cost Locust about 70 MB and the harness stays under 250 MB; the rest keeps the page cache alive.
    """
    return max(0, memory_bytes - max(KEPT_MEMORY_BYTES, int(memory_bytes * KEPT_MEMORY_RATIO)))


def reason(
    limits: Limits,
    cores: float,
    memory_bytes: int,
    companions: Sequence[Limits] = (),
    *,
    is_shared: bool = True,
) -> str | None:
    """Why a host can't give these limits and those of what stands beside, in a sentence; None if it can."""
    wanted_cores = limits.all_cores + sum(each.cpu_cores for each in companions)
    wanted_bytes = limits.all_bytes + sum(each.memory_bytes for each in companions)
    wants = []
    if wanted_cores > cores_to_give(cores, is_shared=is_shared) + ROUNDING:
        wants.append(cores_reason(wanted_cores, cores, is_shared=is_shared))
    if wanted_bytes > memory_to_give(memory_bytes):
        wants.append(memory_reason(wanted_bytes, memory_bytes))
    with_them = "with what stands beside it, it " if companions else ""
    return with_them + "; ".join(wants) if wants else None


def cores_reason(wanted: float, cores: float, *, is_shared: bool) -> str:
    if not is_shared:
        return f"wants {cores_text(wanted)} cores; its host has {cores:g}"
    kept = "one" if cores >= 2 else "half of it"
    left = cores_text(cores_to_give(cores))
    return (
        f"wants {cores_text(wanted)} cores; of this host's {cores:g} the generator keeps {kept}: {left} left"
    )


def memory_reason(wanted: int, memory_bytes: int) -> str:
    total, most = memory_bytes // MIB, memory_to_give(memory_bytes) // MIB
    return f"wants {wanted // MIB} MiB; this host has {total} MiB, and {most} MiB of it for a target"
