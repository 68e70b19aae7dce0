"""Tell by how long work waited for memory or a disk whether one of them limits a size.

Lighter steps of the same size show what waits in the background, whatever the load is.
"""

from harness.model import CompanionUse, Limits, StepResult
from harness.model.stalls import CompanionStalled, DiskStalled, MemoryStalled, Stalls

_MEMORY_STALLED_AT_LEAST = 0.10
"""From this share of the time on, work waits for memory so long that response times show it."""

_DISK_STALLED_AT_LEAST = 0.25
"""From this share of the time on, a disk is what requests wait for. The kernel does not count all of the
waiting: a program that did nothing but write through to its disk waited 35 % of the time by its count.
"""

_DISK_RISE_AT_LEAST = 1.25
"""A disk that is waited for at light load too, up to this ratio, serves work that no request waits for."""

_NEARLY_FULL_RATIO = 0.9


def find_memory_stall(stalls: Stalls, limits: Limits, memory_peak_bytes: int | None) -> MemoryStalled | None:
    """Return how long work waited for memory, if that was long and the memory reached its own limit.

    Otherwise it may have waited for memory of the host. Where it was not counted how often the limit was
    reached, the working set must have come to 90 % of it.
    """
    if stalls.memory_ratio is None or stalls.memory_ratio < _MEMORY_STALLED_AT_LEAST:
        return None
    hits = stalls.limit_hits
    is_nearly_full = (memory_peak_bytes or 0) >= _NEARLY_FULL_RATIO * limits.memory_bytes
    is_at_limit = is_nearly_full if hits is None else hits > 0
    return MemoryStalled(stalls.memory_ratio, limits.memory_bytes) if is_at_limit else None


def find_disk_stall(stalls: Stalls, light: Stalls | None, light_users: int | None) -> DiskStalled | None:
    """Return how long work waited for a disk, if that was long, and longer than at light load.

    `light` is what was counted in the lighter step, with `light_users`; None if there is none.
    """
    light_ratio = None if light is None else light.io_ratio
    if stalls.io_ratio is None or stalls.io_ratio < _DISK_STALLED_AT_LEAST:
        return None
    if light_ratio is None:
        return DiskStalled(stalls.io_ratio)
    if stalls.io_ratio < _DISK_RISE_AT_LEAST * light_ratio:
        return None
    return DiskStalled(stalls.io_ratio, light_ratio, light_users)


def find_companion_stall(step: StepResult, light: StepResult | None) -> CompanionStalled | None:
    """Return the first companion that waited for memory or a disk as a target would that is limited by it."""
    for use in step.companions:
        before = _find_use(light, use.name)
        stall = find_memory_stall(use.stalls, use.limits, use.memory_peak_bytes) or find_disk_stall(
            use.stalls, before.stalls if before else None, light.users if light else None
        )
        if stall is not None:
            return CompanionStalled(use.name, stall)
    return None


def _find_use(step: StepResult | None, name: str) -> CompanionUse | None:
    companions = () if step is None else step.companions
    return next((use for use in companions if use.name == name), None)
