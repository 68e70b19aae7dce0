"""Tell by how long work waited for a disk whether it limits a size, and what of both limits a companion.

Lighter steps of the same size show what waits in the background, whatever the load is.
"""

from harness.analyse.step.memory_shortage import find_memory_shortage
from harness.model import CompanionUse, StepResult
from harness.model.stalls import CompanionStalled, DiskStalled, MemoryShort, Stalls

_DISK_STALLED_AT_LEAST = 0.25
"""From this share of the time on, a disk is what requests wait for. The kernel does not count all of the
waiting: a program that did nothing but write through to its disk waited 35 % of the time by its count.
"""

_DISK_RISE_AT_LEAST = 1.25
"""A disk that is waited for at light load too, up to this ratio, serves work that no request waits for."""


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
        stall = _find_slowing_shortage(use) or find_disk_stall(
            use.stalls, before.stalls if before else None, light.users if light else None
        )
        if stall is not None:
            return CompanionStalled(use.name, stall)
    return None


def _find_slowing_shortage(use: CompanionUse) -> MemoryShort | None:
    shortage = find_memory_shortage(use.stalls, use.limits.memory_bytes, use.memory_peak_bytes)
    return shortage if shortage is not None and shortage.slows_requests else None


def _find_use(step: StepResult | None, name: str) -> CompanionUse | None:
    companions = () if step is None else step.companions
    return next((use for use in companions if use.name == name), None)
