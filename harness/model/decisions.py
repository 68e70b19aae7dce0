"""What is decided from campaigns: differences of two, whether a requirement is met."""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.resources import Limits
from harness.model.results import CellResult


class Change(StrEnum):
    """What became of a size from one campaign to the other; the words of comparison.json."""

    MORE = "more"
    LESS = "less"
    SAME = "same"
    UNKNOWN = "unknown"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One size before and after, with all its repetitions. `ratio` is head over base, None where open."""

    limits: Limits
    base: tuple[CellResult, ...]
    head: tuple[CellResult, ...]
    change: Change
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """Some measured size within `most` sustains `users`."""

    text: str
    users: int
    most: Limits


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a requirement is met: None where no measured size within its bounds says so or the opposite.

    `by` is the size that decides: the smallest that sustains the users, or the one that sustains most.
    """

    requirement: Requirement
    is_met: bool | None
    by: CellResult | None
