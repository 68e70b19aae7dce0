"""How long the work of a container waited for CPU, memory and disk, and what follows from it for a size.

The kernel counts it as pressure stall information (PSI). All shares are of time in which at least one thread
of the container waited ("some"): a share of 0.34 says nothing about how many threads waited.
"""

from dataclasses import dataclass

OFTEN_THROTTLED_RATIO = 0.25
"""From this share of throttled periods on, response times show that the quota is used up."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """The shares of a window in which work waited; None if the kernel's files were not read.

    `cpu_ratio`: for a core, because the quota was used up or other programs had the core. `memory_ratio`: for
    memory to be freed, or for pages to be read back that had been dropped too early. `io_ratio`: for a disk.
    `limit_hits` is how often the memory reached its limit in the window. `reread_per_s` is how often a second
    a page was read from a disk, of all replicas together: the engine counts that too.
    """

    cpu_ratio: float | None = None
    memory_ratio: float | None = None
    io_ratio: float | None = None
    limit_hits: int | None = None
    reread_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryShort:
    """Memory at its limit, where the kernel drops pages of files that are needed again: it thrashes.

    Work waited for memory `stalled_ratio` of the time; None if this was not counted. `reread_per_s` is how
    often a second a page was read from a disk, of all replicas together. `slows_requests`: work surely waits
    so long that response times show it. `has_files`: nobody counted it, although the kernel's own files
    were read.
    """

    stalled_ratio: float | None
    limit_bytes: int
    reread_per_s: float | None = None
    slows_requests: bool = True
    has_files: bool = False

    @property
    def is_unclear(self) -> bool:
        """True if it may slow requests down, and it is not known whether it does."""
        return self.stalled_ratio is None and not self.slows_requests


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
    stall: MemoryShort | DiskStalled


StallEvidence = MemoryShort | DiskStalled | CompanionStalled
