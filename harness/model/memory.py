"""How a target's memory developed in a step, and how long its limit lasts."""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.resources import Limits
from harness.model.stalls import MemoryShort

NEARLY_FULL_RATIO = 0.98
"""From this share of the limit on, the kernel keeps the memory below what the target would use."""

AT_LIMIT_RATIO = 0.9
"""From this share of the limit on, the working set is at its limit: the kernel has dropped what it can."""


class MemoryOutlook(StrEnum):
    """What the memory of a step says of the time after it."""

    LASTS = "lasts"
    """The limit is not reached within the horizon, even if memory goes on to grow as it did at last."""
    FILLS = "fills"
    """If memory goes on to grow as it did at last, its limit is reached within the horizon."""
    UNKNOWN = "unknown"
    """The step was too short to tell."""


@dataclass(frozen=True, slots=True)
class MemoryTrend:
    """The development of a target's memory from the end of a step's ramp to the end of its window.

    Of several replicas the fullest counts. `observed_s` is the length of that time. `start_bytes` is the
    memory when the step began, `peak_bytes` the most of the time's latest third. `growth_bytes_per_s` is the
    latest growth of the floors, with a 95 % interval from `growth_low` to `growth_high`. `projected_bytes` is
    the most memory to expect until the horizon. `lasts_s` is how long after the ramp the limit is reached if
    memory goes on to grow like that; None if it does not grow, or grows ever more slowly, to about
    `projected_bytes`. `rose_to_full`: memory rose until it was so close to its limit that the kernel held it
    there. `shortage` tells how short the memory was in the latest third, or in the latest 20 s if it slowed
    requests only then; None if nothing shows that it was.
    """

    outlook: MemoryOutlook
    observed_s: float
    start_bytes: int
    peak_bytes: int
    growth_bytes_per_s: float
    growth_low: float
    growth_high: float
    projected_bytes: float
    lasts_s: float | None
    rose_to_full: bool = False
    shortage: MemoryShort | None = None

    @property
    def expected_bytes(self) -> float:
        """The memory to expect in the end, to predict other steps by: less than the most to expect.

        Memory that fills up approaches its level the more slowly, the longer it has done so. So it is taken
        to rise for no longer than it was observed, at its latest growth.
        """
        return min(
            self.projected_bytes, self.peak_bytes + max(0.0, self.growth_bytes_per_s) * self.observed_s
        )

    @property
    def lasts_interval_s(self) -> tuple[float, float] | None:
        """The 95 % interval of `lasts_s`, by that of the growth; None if growth is not sure."""
        if self.lasts_s is None or min(self.growth_low, self.growth_high) <= 0:
            return None
        after_s = self.lasts_s - self.observed_s
        fastest, slowest = (self.growth_bytes_per_s / each for each in (self.growth_high, self.growth_low))
        return self.observed_s + after_s * fastest, self.observed_s + after_s * slowest

    @property
    def is_known(self) -> bool:
        """True if a longer step would not show more: the limit surely lasts, or is reached already."""
        return self.outlook is MemoryOutlook.LASTS or self.rose_to_full

    @property
    def slows_requests(self) -> bool:
        """True if the memory is so short that response times show it."""
        return self.shortage is not None and self.shortage.slows_requests

    def needs_longer_step(self, steady_at_most_s: float) -> bool:
        """Return True if a step that is held for `steady_at_most_s` would show more of the memory."""
        return not self.is_known and self.observed_s < steady_at_most_s


@dataclass(frozen=True, slots=True)
class ShownMemory:
    """As much memory in another size, with these `limits`, which passed with as many users or more.

    It was watched there for `observed_s`. `lasts`: it was then known to last.
    """

    limits: Limits
    observed_s: float
    lasts: bool
