"""Decide which cells a host has enough cores and memory for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.model import GIB, MIB, Cell, Limits, Plan
from harness.plan.schema.units import format_cores

_RESERVED_BYTES = GIB
_RESERVED_RATIO = 0.2
_ROUNDING = 1e-9


def fit_to_host(plan: Plan, cores: float, memory_bytes: int, *, is_shared: bool = True) -> Plan:
    """Return the plan; its `skipped` has the cells that need more than a host can give, with the reasons.

    The host has `cores` and `memory_bytes`. `is_shared`: the generator runs on it too, on a core of its own.
    """
    job_reason = _find_job_shortage(plan, cores, memory_bytes, is_shared=is_shared)
    reasons = {
        cell.id: job_reason
        or _find_shortage(
            cell.limits, cores, memory_bytes, _collect_neighbours(plan, cell), is_shared=is_shared
        )
        for cell in plan.cells
    }
    return replace(plan, skipped={cell: reason for cell, reason in reasons.items() if reason})


def compute_available_cores(cores: float, *, is_shared: bool = True) -> float:
    """Return the cores that containers may use: all but one for the generator; of fewer than two, half."""
    if not is_shared:
        return cores
    return cores - 1 if cores >= 2 else cores / 2


def compute_available_bytes(memory_bytes: int) -> int:
    """Return the bytes that containers may use: all but a reserve of a fifth, at least 1 GiB.

    The generator, the harness, the engine and the host itself use the rest. 400 users cost Locust about
    70 MB, and the harness stays under 250 MB; the remainder is for the page cache.
    """
    return max(0, memory_bytes - max(_RESERVED_BYTES, int(memory_bytes * _RESERVED_RATIO)))


def _collect_neighbours(plan: Plan, cell: Cell) -> Mapping[str, Sequence[Limits]]:
    """Return the limits of the other containers of a cell: its companions, and its load balancer if any.

    Jobs have ended by then.
    """
    balancer = plan.target.balancer if cell.limits.replicas > 1 else None
    return {
        "companions": [companion.limits for companion in plan.target.companions if not companion.is_job],
        "load balancer": [balancer.limits] if balancer is not None else [],
    }


def _find_job_shortage(plan: Plan, cores: float, memory_bytes: int, *, is_shared: bool) -> str | None:
    """Say what the host lacks for the target's jobs, each with the companions that run before it."""
    running: list[Limits] = []
    for companion in plan.target.companions:
        if not companion.is_job:
            running.append(companion.limits)
        elif reason := _find_shortage(
            companion.limits, cores, memory_bytes, {"companions": tuple(running)}, is_shared=is_shared
        ):
            return f"its job {companion.name}: {reason}"
    return None


def _find_shortage(
    limits: Limits,
    cores: float,
    memory_bytes: int,
    neighbours: Mapping[str, Sequence[Limits]],
    *,
    is_shared: bool,
) -> str | None:
    """Say what the host lacks for these limits and their neighbours; None if it lacks nothing."""
    others = [each for group in neighbours.values() for each in group]
    needed_cores = limits.total_cores + sum(each.cpu_cores for each in others)
    needed_bytes = limits.total_bytes + sum(each.memory_bytes for each in others)
    shortages = []
    if needed_cores > compute_available_cores(cores, is_shared=is_shared) + _ROUNDING:
        shortages.append(_describe_cores(needed_cores, cores, is_shared=is_shared))
    if needed_bytes > compute_available_bytes(memory_bytes):
        shortages.append(_describe_memory(needed_bytes, memory_bytes))
    names = " and ".join(name for name, group in neighbours.items() if group)
    with_neighbours = f"with its {names} it " if names else ""
    return with_neighbours + "; ".join(shortages) if shortages else None


def _describe_cores(needed: float, cores: float, *, is_shared: bool) -> str:
    if not is_shared:
        return f"needs {format_cores(needed)} cores; its host has {cores:g}"
    reserved = "one" if cores >= 2 else "half of it"
    needs, left = format_cores(needed), format_cores(compute_available_cores(cores))
    rest = f"the generator keeps {reserved}, which leaves {left}"
    return f"needs {needs} cores; this host has {cores:g} and {rest}"


def _describe_memory(needed: int, memory_bytes: int) -> str:
    total, most = memory_bytes // MIB, compute_available_bytes(memory_bytes) // MIB
    return f"needs {needed // MIB} MiB; this host has {total} MiB, of which a target may use {most} MiB"
