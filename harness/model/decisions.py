"""Decisions from measured campaigns: how two campaigns differ, and whether a requirement is met.

`harness/report/view/explanations.py` puts doubts into words.
"""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.resources import Limits
from harness.model.results import CellResult


class Change(StrEnum):
    """How a size changed from one campaign to another; the values are those of comparison.json."""

    MORE = "more"
    LESS = "less"
    SAME = "same"
    UNKNOWN = "unknown"
    """In one of the campaigns the capacity of the size is unknown, or only to be above too few users."""

    ADDED = "added"
    REMOVED = "removed"


class ChangeVerdict(StrEnum):
    """What a change of the target does, from the worst to the best."""

    NOT_MET = "not met"
    """The changed target does not meet a requirement."""

    LESS = "less"
    """A size sustains fewer users than before, or in pairs of windows the change is surely worse."""

    INCONCLUSIVE = "inconclusive"
    """Something that was asked has no answer."""

    NEW = "new"
    """There is no target before the change, and all requirements are met."""

    SAME = "same"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Difference:
    """A size in two campaigns, the earlier `base` and the later `head`, with all its repetitions in each.

    `ratio` is the capacity in `head` over that in `base`, as measured; None if either is unknown, 0, or has
    no upper end. `reference_ratio` is the same at one speed of the host, and `slowdown_ratio` by how much
    slower the host was in `head` than in `base` (its pace; negative if it was faster). Both are None unless
    the CPU stops the size in both campaigns and the pace is known; `change` is then judged at one speed. If
    the CPU stops it in one of them alone, and it sustained all users of the other, `change` is judged so as
    well, and only `reference_ratio` is None.
    `counts_from_ratio` is the smallest change that counts: smaller ones happen without a cause. It is None if
    either capacity is unknown.
    """

    limits: Limits
    base: tuple[CellResult, ...]
    head: tuple[CellResult, ...]
    change: Change
    ratio: float | None = None
    reference_ratio: float | None = None
    slowdown_ratio: float | None = None
    counts_from_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class ScenarioChanged:
    """The scenarios of two campaigns differ."""


@dataclass(frozen=True, slots=True)
class SlosChanged:
    """The SLOs of two campaigns differ."""


@dataclass(frozen=True, slots=True)
class NoCommonSize:
    """No size is in both campaigns."""


@dataclass(frozen=True, slots=True)
class MachineDifference:
    """A fact in which two fingerprints differ: its path, such as `machine.cores`, and its value in each.

    None is an unknown value.
    """

    fact: str
    before: str | int | None
    after: str | int | None


Doubt = ScenarioChanged | SlosChanged | NoCommonSize | MachineDifference
"""Why two campaigns are not comparable size by size: each of these moves a capacity by itself."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement that some measured size within `max_limits` sustains `users`.

    `text` is the requirement as the user wrote it.
    """

    text: str
    users: int
    max_limits: Limits


@dataclass(frozen=True, slots=True)
class Check:
    """The check of a requirement: `is_met` is None if the measured sizes within its limits are inconclusive.

    `decided_by` is the smallest size that sustains the users. If there is none, it is the size that sustains
    most users; None if every size within the limits is undecided.
    """

    requirement: Requirement
    is_met: bool | None
    decided_by: CellResult | None
