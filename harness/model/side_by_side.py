"""Whether sizes that are measured at the same time on one engine disturb each other."""

from dataclasses import dataclass

from harness.model.evidence import Judgement
from harness.model.plan import Cell

LANE_PREFIX = "cores "
"""How the name of a lane begins: of cores on which one size after the other is measured."""


def is_lane(engine: str | None) -> bool:
    """Return True if this name of an engine means cores of one that measures several sizes at once."""
    return engine is not None and engine.startswith(LANE_PREFIX)


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed when others were measured beside a size, and what may be chance; None if it is unknown."""

    change: float | None
    allowed: float

    @property
    def is_small(self) -> bool:
        """True if the change is known, and no larger than what may be chance."""
        return self.change is not None and abs(self.change) <= self.allowed


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A size held alone and then beside others, in one container and at the same `users`.

    `others` are what the other lanes held. `cpu` is the CPU time per request and `p95` the response time,
    both beside / alone - 1. `throttling` is the share of throttled periods, beside - alone. `is_valid`: both
    windows were valid, so that they can be compared; `problem` says why not, as far as it is known.
    """

    cell: Cell
    users: int
    others: tuple[Cell, ...]
    cpu: Difference
    p95: Difference
    throttling: Difference
    is_valid: bool = True
    problem: Judgement | None = None

    @property
    def lanes(self) -> int:
        """How many sizes were held at once."""
        return 1 + len(self.others)

    @property
    def is_undisturbed(self) -> bool:
        """True if nothing changed by more than may be chance."""
        return self.is_valid and self.cpu.is_small and self.p95.is_small and self.throttling.is_small
