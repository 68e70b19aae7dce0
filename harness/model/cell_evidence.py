"""The evidence for a cell's answer: what stopped it, why it has none, or that it broke when held longer."""

from dataclasses import dataclass

from harness.model.evidence import (
    BrokenByLarger,
    FactorEvidence,
    NeverBroke,
    NothingMeasured,
    NotReady,
    Skipped,
    SustainedBySmaller,
)
from harness.model.failures import RequestFailure
from harness.model.plan import Slo


@dataclass(frozen=True, slots=True)
class BrokeInSoak:
    """A size that had passed at `users` in its search broke there when it was held longer, by `cause`.

    `passed_s` is the length of the search's window; None if it only followed from a smaller size. `held_s` is
    the length of the long window, or the load until the target or a companion ended it (`has_ended`).
    `passed_users` are the users of that pass if they are more than `users`.
    """

    users: int
    passed_s: float | None
    held_s: float
    has_ended: bool
    cause: FactorEvidence
    passed_users: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorsAtAnyLoad:
    """Errors that load does not cause, and that alone break an SLO on errors.

    `failure` is the most frequent of them, in the step with the fewest users. `shares` are the numbers of
    users that were compared, the fewest first, and the share of failed requests with each.
    """

    slo: Slo
    failure: RequestFailure
    shares: tuple[tuple[int, float], ...]


CellEvidence = (
    FactorEvidence
    | NeverBroke
    | NothingMeasured
    | Skipped
    | NotReady
    | SustainedBySmaller
    | BrokenByLarger
    | BrokeInSoak
    | ErrorsAtAnyLoad
)
