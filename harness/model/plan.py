"""The plan of a campaign: a resolved and validated matrix (cells, SLOs, target, scenario, search). No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from harness.model.build import BuildSource
from harness.model.container import ContainerOptions, Ulimit
from harness.model.readiness import CompletedProbe, HttpProbe, ReadinessProbe
from harness.model.resources import DEFAULT_ENGINE, SINGLE_PROCESS, Balancer, Engine, Limits, Load
from harness.model.scenario import Scenario
from harness.model.variants import Variant


@dataclass(frozen=True, slots=True)
class Cell:
    """One configuration to measure once: a target under limits. `repetition` counts from 1.

    `variant` is what the variant named in the limits sets at this size; None without variants.
    """

    id: str
    target: str
    limits: Limits
    size_name: str | None = None
    repetition: int = 1
    variant: Variant | None = field(default=None, hash=False)

    def adapt_target(self, target: "Target") -> "Target":
        """Return the target with what this cell's variant sets."""
        variant = self.variant
        if variant is None:
            return target
        return replace(
            target,
            environment={**target.environment, **variant.environment},
            command=target.command if variant.command is None else variant.command,
            entrypoint=target.entrypoint if variant.entrypoint is None else variant.entrypoint,
            source=target.source if variant.image is None else ImageSource(variant.image),
        )


class IndicatorKind(StrEnum):
    """A kind of measured number that an SLO limits."""

    PERCENTILE = "percentile"
    MEAN = "mean"
    ERRORS = "errors"
    ADDED_ERRORS = "added_errors"
    SHORTFALL = "shortfall"
    DRIFT = "drift"


RATIO_INDICATORS = (
    IndicatorKind.ERRORS,
    IndicatorKind.ADDED_ERRORS,
    IndicatorKind.SHORTFALL,
    IndicatorKind.DRIFT,
)
"""The indicators that are ratios. All others are response times."""

WHOLE_SCENARIO_INDICATORS = (IndicatorKind.SHORTFALL, IndicatorKind.DRIFT)
"""The indicators that describe the whole scenario, so that an SLO on them can't name a request."""

_PERCENTILE = re.compile(r"p[0-9]+(\.[0-9]+)?")
_NAMED_INDICATORS = tuple(kind for kind in IndicatorKind if kind is not IndicatorKind.PERCENTILE)


@dataclass(frozen=True, slots=True)
class Slo:
    """A condition on a measured number, always of the form "at most".

    `indicator` is `p50` … `p99.9` or `mean` (of the response time, in seconds), `errors`,
    `added_errors` (more than at light load), `shortfall` (of the throughput, compared with light load) or
    `drift` (rise of the response time within the window). The last four are ratios. `request_name` restricts
    the SLO to one of the scenario's request names.
    `harness/plan/slos.py` says how an SLO is written, `harness/analyse/step/slo.py` how it is judged.
    """

    indicator: str
    at_most: float
    request_name: str | None = None

    @property
    def kind(self) -> IndicatorKind:
        """The kind of the indicator. Raises ValueError for an unknown one."""
        if _PERCENTILE.fullmatch(self.indicator) and 0 < float(self.indicator[1:]) < 100:
            return IndicatorKind.PERCENTILE
        if self.indicator in _NAMED_INDICATORS:
            return IndicatorKind(self.indicator)
        known = ", ".join(_NAMED_INDICATORS)
        raise ValueError(
            f"unknown indicator {self.indicator!r}; known are {known}, and percentiles such as p95"
        )

    @property
    def percent(self) -> float:
        """The percentage of a percentile, such as 95. Raises ValueError for any other indicator."""
        if self.kind is not IndicatorKind.PERCENTILE:
            raise ValueError(f"{self.indicator} is no percentile")
        return float(self.indicator[1:])

    @property
    def is_response_time(self) -> bool:
        """True if the limit is a response time in seconds, False if it is a ratio."""
        return self.kind not in RATIO_INDICATORS


@dataclass(frozen=True, slots=True)
class Price:
    """What sizes cost an hour: a size named in `by_name` has that price, others pay by core and by GiB.

    `by_name` holds prices of one replica. If one of the two rates is None, it counts as zero. If both are,
    only sizes in `by_name` have a price. `source` says whose list prices these are, and of which day; it is
    empty for prices that the user wrote. `is_of_list`: they are for the sizes of a list of prices.
    """

    currency: str = ""
    cpu_hour: float | None = None
    gib_hour: float | None = None
    by_name: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    is_of_list: bool = False

    @property
    def has_fixed_sizes(self) -> bool:
        """True if the sizes are those of a list, so that none between two of them is on sale."""
        return self.is_of_list or bool(self.source or self.by_name)


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A target's image by its name. An engine that lacks it pulls it."""

    reference: str


@dataclass(frozen=True, slots=True)
class Target:
    """The service that is measured (system under test).

    `port` is 0 if no port is published, as for a companion. `files` maps paths in the container to the user's
    files or folders, which are mounted read-only. `tmpfs` are folders in memory, each with Docker's options
    behind a colon if it has any. A number in `ulimits` is both limits. `user` is a name or "uid:gid". With
    `host_network` the target uses the host's network directly, and can't have companions. `balancer` is set
    if some size has several replicas.
    """

    name: str
    port: int
    source: ImageSource | BuildSource
    readiness: ReadinessProbe = field(default_factory=HttpProbe)
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    host_port: int | None = None
    host_network: bool = False
    user: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    tmpfs: tuple[str, ...] = ()
    ulimits: Mapping[str, int | Ulimit] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    options: ContainerOptions = field(default_factory=ContainerOptions)
    companions: tuple["Companion", ...] = ()
    balancer: Balancer | None = None


@dataclass(frozen=True, slots=True)
class Companion:
    """A service that the target needs, such as its database. The target reaches it by its name.

    Like the target, it starts afresh from its image in every container run. `seed` is a command that runs in
    its container once the companion is ready. A job runs to its end before what comes after it starts.
    """

    service: Target
    limits: Limits
    seed: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def is_job(self) -> bool:
        return isinstance(self.service.readiness, CompletedProbe)


SETTLE_CYCLES = 2
WINDOW_CYCLES = 5
"""Settling and window last for at least so many of the users' cycles."""

LONGEST_CYCLE_S = 120.0
"""A longer cycle would make a step of 15 minutes or more; its phases then span fewer cycles."""

_ORDINARY_CYCLE_S = 4.0
"""A window of 20 s, the default, spans five such cycles."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the parts of a step last.

    A step settles for `settle_s`, and longer while the target still gets faster, but no longer than
    `warm_up_s`. After the window the load goes on for `drain_s`, in which requests of the window may still be
    answered. A window that would pass goes on, up to `steady_at_most_s`, until it shows that the target's
    memory lasts for `horizon_s`; 0 for `steady_at_most_s` means that memory is not judged by its growth.
    """

    settle_s: float = 10.0
    window_at_least_s: float = 20.0
    window_at_most_s: float = 90.0
    drain_s: float = 1.0
    warm_up_s: float = 60.0
    steady_at_most_s: float = 300.0
    horizon_s: float = 3600.0

    def stretch(self, cycle_s: float) -> "Timing":
        """Return the timing in which settling and window span several of the users' cycles.

        A cycle is the time from one request of a user to its next. Up to 4 s the timing is as it is. A
        cycle of more than 120 s counts as 120 s.
        """
        if cycle_s <= _ORDINARY_CYCLE_S:
            return self
        cycle_s = min(cycle_s, LONGEST_CYCLE_S)
        window_s = WINDOW_CYCLES * cycle_s
        return replace(
            self,
            settle_s=max(self.settle_s, SETTLE_CYCLES * cycle_s),
            window_at_least_s=max(self.window_at_least_s, window_s),
            window_at_most_s=max(self.window_at_most_s, window_s),
        )


class Purpose(StrEnum):
    """Why a step is held: for a search, a check at its end, two versions to compare, or a later trial."""

    SEARCH = "search"
    CONFIRM = "confirm"
    """The drift check."""
    SOAK = "soak"
    """The size to take, held for minutes at the end."""
    AB = "ab"
    """A comparison of two versions."""
    BURST = "burst"
    LONG_SOAK = "long-soak"
    """A size of a finished campaign, held by the command `soak`."""

    @property
    def is_trial(self) -> bool:
        """True if a command of its own holds the step, and no answer of the campaign depends on it."""
        return self in (Purpose.BURST, Purpose.LONG_SOAK)


@dataclass(frozen=True, slots=True)
class Step:
    """A number of users to hold, with the timing and the purpose.

    `cycle_s` is the time from one request of a user to its next, as far as earlier steps have shown it; 0 if
    none has. The ramp takes `ramp_s` at least. `precision_ratio` is how precise the answer of its cell is to
    become; None for the plan's precision. With `is_quick` the ramp takes one cycle instead of ten seconds.
    The window does not wait for memory up to `shown_bytes`, which another cell has shown to last. With
    `draws_curve` a size's first ramp may be slow enough to be measured as a curve.
    """

    users: int
    timing: Timing = Timing()
    purpose: Purpose = Purpose.SEARCH
    cycle_s: float = 0.0
    ramp_s: float = 0.0
    precision_ratio: float | None = None
    is_quick: bool = False
    shown_bytes: int = 0
    draws_curve: bool = True

    def choose_precision(self, search: "Search") -> float:
        """Return the precision of the step's cell, or else that of the search."""
        return search.precision_ratio if self.precision_ratio is None else self.precision_ratio


FEWEST_CELLS_TO_CHECK_DRIFT = 3
"""A campaign that measures fewer cells is over before its host has time to drift."""


_WORSE_VARIANT_FACTOR = 2.0


class SearchStrategy(StrEnum):
    """How a search chooses the next number of users; the values are those of matrix.yaml and plan.json."""

    PREDICT = "predict"
    BISECT = "bisect"
    LADDER = "ladder"


@dataclass(frozen=True, slots=True)
class Search:
    """How the steps of a cell are chosen, and how narrow a bracket must become.

    `precision_ratio` is the largest accepted broken/sustained - 1 of the sizes around the decision, and
    `elsewhere_ratio` that of all others, where it is coarser. `first_users` is the number of users of the
    first, light step. `ladder_users` is the height of a ladder's rung. `confirm`: a drift check holds the
    reference size once more at the end of the campaign. `soak_s`: the recommended size is held for so long at
    the end, at the campaign's users limit; 0 for no soak.
    """

    strategy: SearchStrategy = SearchStrategy.PREDICT
    precision_ratio: float = 0.05
    first_users: int = 10
    ladder_users: int = 25
    confirm: bool = True
    soak_s: float = 300.0
    elsewhere_ratio: float = 0.10

    @property
    def coarse_ratio(self) -> float:
        """How narrow the bracket of a size away from the decision must be."""
        return max(self.precision_ratio, self.elsewhere_ratio)

    @property
    def is_equally_precise(self) -> bool:
        """True if sizes away from the decision must be known as precisely as those next to it."""
        return self.coarse_ratio == self.precision_ratio

    @property
    def worse_variant_ratio(self) -> float:
        """The same for a variant that sustains fewer users than another one of its size.

        It is twice `coarse_ratio`, unless all sizes are to be equally precise.
        """
        return self.coarse_ratio * (1 if self.is_equally_precise else _WORSE_VARIANT_FACTOR)


@dataclass(frozen=True, slots=True)
class Plan:
    """A resolved matrix file: all that a campaign must know before it starts anything.

    `cells` are in the order of the matrix. `skipped` maps the id of each cell that is too large for the host
    to the reason. `hashes` are SHA-256 digests of the parts that must be unchanged when a campaign is
    resumed: `matrix`, `scenario`, `target`. With `users_required` the campaign searches only the smallest
    sizes that sustain that many users, and `users_limit` is the same number. `headroom_ratio` is the share of
    users that the recommended size is to sustain beyond the limit. `notes` are remarks for the
    user, such as which keys of a compose file are not honoured. `engines` maps names to the targets' engines;
    the name is None if there is only one. `parallel` is how many sizes may be measured at once on one engine;
    None for as many as its cores allow.
    """

    source: Path
    target: Target
    scenario: Scenario
    cells: tuple[Cell, ...]
    slos: tuple[Slo, ...]
    users_limit: int = 400
    users_required: int | None = None
    headroom_ratio: float = 0.0
    spawn_rate: float = 40.0
    timing: Timing = Timing()
    search: Search = Search()
    skipped: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None
    notes: tuple[str, ...] = ()
    load: Load = SINGLE_PROCESS
    engines: Mapping[str | None, Engine] = field(default_factory=lambda: {None: DEFAULT_ENGINE})
    parallel: int | None = 1


def is_same_request(request_name: str, name: str) -> bool:
    """Return True if an SLO's request name means this name of Locust's, with its method or without."""
    return request_name in (name, name.partition(" ")[2])
