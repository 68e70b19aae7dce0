"""Decide which cells a host can measure honestly."""

from collections.abc import Sequence
from dataclasses import replace

from harness.model import GIB, MIB, Cell, Limits, Plan
from harness.plan.schema.units import format_cores

_RESERVED_BYTES = GIB
_RESERVED_RATIO = 0.2
_ROUNDING = 1e-9


def fit_to_host(plan: Plan, cores: float, memory_bytes: int, *, is_shared: bool = True) -> Plan:
    """Return the plan with the cells in `skipped` that need more than a host of this size can give.

    `is_shared`: the generator runs on this host too, and gets a core of its own.
    """
    companions = [companion.limits for companion in plan.target.companions]
    reasons = {
        cell.id: _find_shortage(
            cell.limits,
            cores,
            memory_bytes,
            [*companions, *_list_balancer_limits(plan, cell)],
            is_shared=is_shared,
        )
        for cell in plan.cells
    }
    return replace(plan, skipped={cell: reason for cell, reason in reasons.items() if reason})


def compute_available_cores(cores: float, *, is_shared: bool = True) -> float:
    """Return the cores left for targets: all but the generator's one; of a single core, half."""
    if not is_shared:
        return cores
    return cores - 1 if cores >= 2 else cores / 2


def compute_available_bytes(memory_bytes: int) -> int:
    """Return the bytes left for targets: all but a fifth, and but 1 GiB at least.

    The generator, the harness, the engine and the host itself use the rest. 400 users cost Locust about
    70 MB, and the harness stays under 250 MB; what remains keeps the page cache alive.
    """
    return max(0, memory_bytes - max(_RESERVED_BYTES, int(memory_bytes * _RESERVED_RATIO)))


def _list_balancer_limits(plan: Plan, cell: Cell) -> list[Limits]:
    """Return the load balancer's limits, if the cell has several replicas."""
    balancer = plan.target.balancer
    return [balancer.limits] if balancer is not None and cell.limits.replicas > 1 else []


def _find_shortage(
    limits: Limits, cores: float, memory_bytes: int, others: Sequence[Limits], *, is_shared: bool
) -> str | None:
    """Say what the host lacks for these limits and the `others` beside them; None if it lacks nothing."""
    needed_cores = limits.total_cores + sum(each.cpu_cores for each in others)
    needed_bytes = limits.total_bytes + sum(each.memory_bytes for each in others)
    shortages = []
    if needed_cores > compute_available_cores(cores, is_shared=is_shared) + _ROUNDING:
        shortages.append(_describe_cores(needed_cores, cores, is_shared=is_shared))
    if needed_bytes > compute_available_bytes(memory_bytes):
        shortages.append(_describe_memory(needed_bytes, memory_bytes))
    with_others = "with what stands beside it, it " if others else ""
    return with_others + "; ".join(shortages) if shortages else None


def _describe_cores(needed: float, cores: float, *, is_shared: bool) -> str:
    if not is_shared:
        return f"needs {format_cores(needed)} cores; its host has {cores:g}"
    reserved = "one" if cores >= 2 else "half of it"
    needs, left = format_cores(needed), format_cores(compute_available_cores(cores))
    return f"needs {needs} cores; this host has {cores:g} and the generator keeps {reserved}, which leaves {left}"


def _describe_memory(needed: int, memory_bytes: int) -> str:
    total, most = memory_bytes // MIB, compute_available_bytes(memory_bytes) // MIB
    return f"needs {needed // MIB} MiB; this host has {total} MiB, of which a target may use {most} MiB"
