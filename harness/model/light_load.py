"""Why a step has no throughput shortfall, although an SLO limits it."""

from dataclasses import dataclass
from enum import StrEnum


class NoShortfall(StrEnum):
    """Why throughputs can't be compared with light load."""

    NOT_LIGHT = "not-light"
    """No step was light enough: its own users may have waited for one another."""
    NO_PACE = "no-pace"
    """Users hardly think: they ask as fast as they are answered."""
    UNSEEN = "unseen"
    """Requests of some names are made by many users only."""


@dataclass(frozen=True, slots=True)
class ShortfallGap:
    """Why a step has no throughput shortfall.

    `users` waited for the share `wait_ratio` of their time in the lightest step. `names` are those of the
    requests that were never seen at light load.
    """

    reason: NoShortfall
    users: int
    wait_ratio: float
    names: tuple[str, ...] = ()
