"""Tell whether a container's memory is short, by what it waited for and by the pages that it read again.

A full memory is not short by itself, because a cache of files fills any memory. It is short if the kernel
drops pages of files, such as those of the program itself, which are needed again at once. Two counters show
this. The time that work waited for memory is the better one, but it is known only where the kernel's own
files can be read. The pages that were read from a disk (major faults) are known of nearly every engine.
"""

from harness.model.memory import AT_LIMIT_RATIO
from harness.model.stalls import MemoryShort, Stalls

STALLED_AT_LEAST = 0.10
"""From this share of the time on, work waits for memory so long that response times show it."""

REREAD_AT_LEAST_PER_S = 10.0
"""From so many pages a second on, memory is short. How long work waits for them depends on the disk."""

REREAD_SLOWS_FROM_PER_S = 4000.0
"""From so many pages a second on, one replica waits 10 % of the time on any disk: at 0.025 ms a page. The
fastest one measured, which the memory of its host served, took 0.03 ms.
"""


def find_memory_shortage(
    stalls: Stalls, limit_bytes: int, working_set_bytes: int | None, replicas: int = 1
) -> MemoryShort | None:
    """Return how short the memory is; None if it is not, or if nothing shows it.

    Work that waits for memory may wait for the host's. So the container's own must have reached its limit, or
    where this is not counted, the working set 90 % of it. Pages are read again for lack of memory only if the
    working set is so large.
    """
    is_full = (working_set_bytes or 0) >= AT_LIMIT_RATIO * limit_bytes
    has_hit_limit = is_full if stalls.limit_hits is None else stalls.limit_hits > 0
    stalled_ratio, reread_per_s = stalls.memory_ratio, stalls.reread_per_s or 0.0
    is_stalled = has_hit_limit and stalled_ratio is not None and stalled_ratio >= STALLED_AT_LEAST
    if not is_stalled and not (is_full and reread_per_s >= REREAD_AT_LEAST_PER_S):
        return None
    slows_requests = is_stalled
    if stalled_ratio is None:
        slows_requests = reread_per_s / replicas >= REREAD_SLOWS_FROM_PER_S
    return MemoryShort(
        stalled_ratio,
        limit_bytes,
        stalls.reread_per_s,
        slows_requests=slows_requests,
        has_files=stalled_ratio is None and stalls.limit_hits is not None,
    )
