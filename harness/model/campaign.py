"""The answer of a campaign, which follows from the answers of its cells: sizing, costs, checks of itself."""

from dataclasses import dataclass, field

from harness.model.deployment import Deployment
from harness.model.evidence import DriftEvidence
from harness.model.fingerprint import Fingerprint
from harness.model.growth import Growth
from harness.model.host import HostSpeed
from harness.model.plan import Cell, Price, Slo
from harness.model.request_costs import RequestCosts
from harness.model.resources import Limits
from harness.model.results import CellResult
from harness.model.trials import Trials
from harness.model.verdicts import CampaignState, Verdict

ALIKE_RATIO = 0.95
"""A size with this share of another one's capacity may sustain as much: runs of one target differ by 3 %."""


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The limits of a size that was not measured, between two sizes that were."""

    limits: Limits
    smaller: CellResult
    larger: CellResult


@dataclass(frozen=True, slots=True)
class Margin:
    """What a size has to spare at a number of users, and how sure it is that it sustains them.

    `capacity_users` is what the size is expected to sustain; `is_predicted` if these are more users than were
    measured, so that they follow from what the size used. The spare ratios are the shares of its CPU and of
    its memory that it does not use at those users; None if they are unknown. `probability` is that of
    sustaining them, and `headroom_probability` that of sustaining them with the headroom. `companion` names
    the one whose CPU would be used up first; None if the size itself would be full before.
    """

    capacity_users: float
    is_predicted: bool
    spare_cpu_ratio: float | None
    spare_memory_ratio: float | None
    probability: float
    headroom_probability: float
    companion: str | None = None

    def is_alike(self, other: "Margin | None") -> bool:
        """Return True if another size sustains as many users for all that is known."""
        return other is not None and other.capacity_users >= ALIKE_RATIO * self.capacity_users


@dataclass(frozen=True, slots=True)
class Sizing:
    """The size that is recommended for `users`, with a headroom up to `needed` users.

    `smallest` is the smallest measured size that sustains `users` and keeps the headroom. `recommended` is
    the cheapest one if there are prices, otherwise the smallest. If no size keeps the headroom,
    `keeps_headroom` is False, and it is the one that keeps most, or the cheapest that may keep as much. It is
    None if no measured size sustains `users`. `margin` is what the recommended size has to spare.
    `just_enough` is a smaller or cheaper size that sustains the users and does not keep the headroom, with
    `just_enough_margin`.

    `next_smaller` is the next smaller size with an answer, with `next_smaller_margin`, `best` the size that
    sustains most users.
    `undecided_sizes` would be recommended instead if they sustained the users. `all_sustain`: every measured
    size sustains them and keeps the headroom. Of a repeated size, the worst repetition counts.
    `headroom_ratio` is the headroom that was asked for: of few users `needed` is a larger share. With
    `is_headroom_open` no size is known to keep it, but one may whose capacity or margin is unknown.
    """

    users: int
    needed: int
    recommended: CellResult | None = None
    smallest: CellResult | None = None
    next_smaller: CellResult | None = None
    best: CellResult | None = None
    interpolation: Interpolation | None = None
    undecided_sizes: tuple[Limits, ...] = ()
    all_sustain: bool = False
    keeps_headroom: bool = True
    margin: Margin | None = None
    just_enough: CellResult | None = None
    just_enough_margin: Margin | None = None
    headroom_ratio: float = 0.0
    next_smaller_margin: Margin | None = None
    is_headroom_open: bool = False

    @property
    def knows_headroom(self) -> bool:
        """False if no size is known to keep the headroom, and some size may do so for all that is known."""
        return self.keeps_headroom or (self.margin is not None and not self.is_headroom_open)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What the choice of a variant is worth at one size, whose `limits` name no variant.

    `best` and `worst` are the variants with an answer that sustain the most and the fewest users there; they
    are one if no other has an answer. `differs`: what was measured tells the two apart. If it does, `instead`
    is the smallest larger size at which the worst variant sustains as many users as the best does here; None
    if no measured size does.
    """

    limits: Limits
    best: CellResult
    worst: CellResult
    differs: bool = False
    instead: CellResult | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a size costs an hour, in all and for each hundred of the `users` that it sustains.

    The latter two are None if it sustains no user. `is_at_most`: the size may sustain more users than were
    measured, and cost less per user. `is_on_front`: no other size of the same or a lower price sustains as
    many users.
    """

    limits: Limits
    hour: float
    users: int | None
    hour_per_100_users: float | None
    is_at_most: bool
    is_on_front: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """A drift check: the reference size, held again at the end of a campaign with users of its search.

    Ratios are end / start - 1; None without data. `verdict` and `evidence` are of the step at the end.
    `allowed_ratio` is the change of CPU time per request that may be noise. `is_marked`: the host or the
    target has changed; `pace_ratio`, of the host's pace, tells which. With several engines the size was
    searched on `against` and held again on `engine`; ratios compare the second with the first. `is_soak`: the
    soak took the place of the drift check. `foreign_cores` are the cores that other programs used at the
    start and at the end; None if one is unknown.
    """

    cell: Cell
    users: int
    verdict: Verdict
    evidence: DriftEvidence
    cpu_per_request_ratio: float | None = None
    rps_ratio: float | None = None
    p95_ratio: float | None = None
    allowed_ratio: float | None = None
    is_marked: bool = False
    load_s: float = 0.0
    engine: str | None = None
    against: str | None = None
    is_soak: bool = False
    pace_ratio: float | None = None
    foreign_cores: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Repeatability:
    """The repetitions of one size, and how far they agree.

    `spread_ratio` is the coefficient of variation of their capacities; None unless all are bracketed.
    """

    limits: Limits
    cells: tuple[CellResult, ...]
    spread_ratio: float | None


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """The whole answer of a campaign: every report is made from it.

    `engine_comparisons` compare the reference size on each of the `engines` with the engine that searched it.
    `costs` (empty without prices) and `sizing` (for `users_limit`) follow from the cells. `precision_ratio`
    is the precision asked for (`search.precision`); None in older results. `soak_s` is how long the size to
    take is held at the end; 0 if it is not. `headroom_ratio` is the share of users to spare. `tunings` has
    the sizes at which several variants were to be measured.
    `deployment` is that of the recommended size; None without one. `growth` is what to take as the users
    grow; None if it was not assessed. `request_costs` are those of the recommended size; None without one.
    `trials` were held after the campaign, and change none of its answers.
    """

    campaign: str
    target: str
    state: CampaignState
    started_at: str
    users_limit: int
    slos: tuple[Slo, ...]
    cells: tuple[CellResult, ...]
    scenario: str = ""
    think_s: float | None = None
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    drift: Drift | None = None
    engines: tuple[str, ...] = ()
    engine_comparisons: tuple[Drift, ...] = ()
    repeatability: tuple[Repeatability, ...] = ()
    price: Price | None = None
    costs: tuple[Cost, ...] = ()
    sizing: Sizing = Sizing(0, 0)
    host_speed: HostSpeed | None = None
    precision_ratio: float | None = None
    soak_s: float = 0.0
    headroom_ratio: float = 0.0
    deployment: Deployment | None = None
    tunings: tuple[Tuning, ...] = ()
    growth: Growth | None = field(default=None, repr=False)
    trials: Trials = field(default_factory=Trials)
    request_costs: RequestCosts | None = field(default=None, repr=False)
