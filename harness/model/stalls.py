"""How long the work of a container waited for CPU, memory and disk, and what follows from it for a size.

The kernel counts it as pressure stall information (PSI). All shares are of time in which at least one thread
of the container waited ("some"): a share of 0.34 says nothing about how many threads waited.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stalls:
    """The shares of a window in which work waited; None if the kernel's files were not read.

    `cpu_ratio`: for a core, because the quota was used up or other programs had the core. `memory_ratio`: for
    memory to be freed, or for pages to be read back that had been dropped too early. `io_ratio`: for a disk.
    `limit_hits` is how often the memory reached its limit in the window.
    """

    cpu_ratio: float | None = None
    memory_ratio: float | None = None
    io_ratio: float | None = None
    limit_hits: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryStalled:
    """Work waited for memory for this share of the window, at the limit of the memory: it thrashes."""

    stalled_ratio: float
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class DiskStalled:
    """Work waited for a disk for this share of the window.

    `light_ratio` is the share at `light_users`, a lighter step; both are None if it is unknown.
    """

    stalled_ratio: float
    light_ratio: float | None = None
    light_users: int | None = None


@dataclass(frozen=True, slots=True)
class CompanionStalled:
    """The companion of this name waited for memory or a disk."""

    name: str
    stall: MemoryStalled | DiskStalled


StallEvidence = MemoryStalled | DiskStalled | CompanionStalled
