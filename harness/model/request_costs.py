"""What requests of each name cost the target in CPU time, and what another mix of them would."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.results import CellResult
from harness.model.verdicts import Factor


class CostKind(StrEnum):
    """What requests a cost is of; the values are those of summary.json."""

    NAME = "name"
    """The requests of one name."""

    TOGETHER = "together"
    """Requests of several names that come in the same proportion all the time: only their mean is known."""

    RARE = "rare"
    """Requests of several names, each too rare to be told apart."""


@dataclass(frozen=True, slots=True)
class RequestCost:
    """What a request costs the target, in CPU seconds.

    `names` are the names of the requests (None: those that failed, of any name), and `name_ratios` their
    shares of all requests. `low_s` and `high_s` are the 95 % interval of `cpu_s`. `cpu_ratio` is the share of
    the CPU time that the target used. `is_resolved`: the interval is narrow enough to use the cost. If it is
    not, `needed_s` is how much load in all would probably make it so; None if no load would.
    """

    kind: CostKind
    names: tuple[str | None, ...]
    name_ratios: tuple[float, ...]
    requests: int
    cpu_s: float
    low_s: float
    high_s: float
    cpu_ratio: float
    is_resolved: bool
    needed_s: float | None = None

    @property
    def request_ratio(self) -> float:
        """The share of all requests."""
        return min(1.0, sum(self.name_ratios))


@dataclass(frozen=True, slots=True)
class RequestCosts:
    """What the requests of each name cost at one size, the largest share of the CPU time first.

    Shares are those at `users`. `mean_s` is the CPU time of an average request there, without `idle_cores`,
    which the target uses without any request; None if that can't be told from the requests. `idle_ratio` is
    its share of the CPU time. The costs follow from `slices` parts of `load_s` seconds of load.
    `covariance` is that of the rows' costs, in seconds².
    """

    result: CellResult = field(repr=False)
    users: int
    rows: tuple[RequestCost, ...]
    mean_s: float
    idle_cores: float | None
    idle_ratio: float
    load_s: float
    slices: int
    covariance: tuple[tuple[float, ...], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class MixPrediction:
    """What another mix of the same requests would cost, as predicted; intervals are of 95 %.

    `cpu_s` is the CPU time of an average request, and `ratio` that over the measured mix's. As many users as
    `ratio` says fewer would use as much CPU as `safe_users` do with the measured mix: `users`, from
    `low_users` to `high_users`. All three are None if `factor`, which is not the CPU, stops the size, if the
    mix costs nothing that can be measured, or if the size sustains no user (`safe_users` is None).
    `unresolved` are the rows of the mix whose cost is uncertain.
    """

    cpu_s: float
    low_s: float
    high_s: float
    ratio: float
    safe_users: int | None = None
    users: int | None = None
    low_users: int | None = None
    high_users: int | None = None
    factor: Factor | None = None
    unresolved: tuple[RequestCost, ...] = ()
