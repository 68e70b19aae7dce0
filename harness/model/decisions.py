"""Decisions from measured campaigns: the differences between two, and whether a requirement is met."""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.resources import Limits
from harness.model.results import CellResult


class Change(StrEnum):
    """How a size changed from one campaign to the other; the words of comparison.json."""

    MORE = "more"
    LESS = "less"
    SAME = "same"
    UNKNOWN = "unknown"
    """One of the campaigns has no capacity of the size."""

    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A size before (`base`) and after (`head`), each with all its repetitions.

    `ratio` is the head's capacity over the base's; None if one of them has no upper end, or sustains nobody.
    """

    limits: Limits
    base: tuple[CellResult, ...]
    head: tuple[CellResult, ...]
    change: Change
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """A demand that some measured size within `most` sustains `users`; `text` is how its author wrote it."""

    text: str
    users: int
    most: Limits


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a requirement is met; None if the measured sizes within its bounds are inconclusive.

    `by` is the size that decides: the smallest one that sustains the users, otherwise the one that sustains
    most; None if no size within the bounds has an answer.
    """

    requirement: Requirement
    is_met: bool | None
    decided_by: CellResult | None
