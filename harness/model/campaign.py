"""A campaign's whole answer: its cells, its checks on itself, which size to take and what that costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.model.plan import Cell, Price, Slo
from harness.model.resources import Limits
from harness.model.results import CellResult, Verdict


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A size that was not measured, between two that were."""

    limits: Limits
    smaller: CellResult
    larger: CellResult


@dataclass(frozen=True, slots=True)
class Sizing:
    """Which measured size to take for `needed` users (those asked for, with headroom), or None.

    `take` is the cheapest where there are prices, else the smallest; `smallest` is always the latter. `below`
    is the next smaller size with an answer, `best` what sustains most. `open_sizes` have no answer and would
    be a better one if they sustained the users. A repeated size is as good as its worst repetition.
    """

    users: int
    needed: int
    take: CellResult | None = None
    smallest: CellResult | None = None
    below: CellResult | None = None
    best: CellResult | None = None
    interpolated: Interpolated | None = None
    open_sizes: tuple[Limits, ...] = ()
    all_sustain: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a size costs: `hour`, and that for a hundred of the `users` it sustains (None: it sustains none).

    `is_at_most`: it may sustain more than was asked for, and cost less a user. `on_front`: no size that
    costs as little or less sustains as many.
    """

    limits: Limits
    hour: float
    users: int | None
    hour_per_100_users: float | None
    is_at_most: bool
    on_front: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """The reference cell at the end of a campaign against what it was, at the same users.

    Ratios are end over start, less 1; None without data. `verdict` (for `reason`) is of the step at the end.
    `allowed_ratio` is the change of CPU per request that still passes for chance. `is_marked`: the host or
    the target was no longer what it had been. Where there are several engines it was held on `engine`; what
    it is compared with ran on `against`, and ratios are of the one over the other.
    """

    cell: Cell
    users: int
    verdict: Verdict
    reason: str
    cpu_per_request_ratio: float | None = None
    rps_ratio: float | None = None
    p95_ratio: float | None = None
    allowed_ratio: float | None = None
    is_marked: bool = False
    load_s: float = 0.0
    engine: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The repetitions of one size side by side.

    `spread_ratio` is the coefficient of variation of their capacities; None unless all are bracketed.
    """

    limits: Limits
    cells: tuple[CellResult, ...]
    spread_ratio: float | None


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """A campaign's whole answer: what every report is drawn from.

    `state` is `complete`, `running` or `interrupted`. `environment` is the machine's fingerprint as stored.
    `others` is the reference cell on all `engines` but the one that it was measured on.
    `costs` (without a price: none) and `sizing` for `users_limit` follow from the cells.
    """

    campaign: str
    target: str
    state: str
    started_at: str
    users_limit: int
    slos: tuple[Slo, ...]
    cells: tuple[CellResult, ...]
    scenario: str = ""
    think_s: float | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    drift: Drift | None = None
    engines: tuple[str, ...] = ()
    others: tuple[Drift, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    price: Price | None = None
    costs: tuple[Cost, ...] = ()
    sizing: Sizing = Sizing(0, 0)
