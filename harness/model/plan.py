"""Define what a matrix asks for, resolved and validated: cells, SLOs, target, scenario, search. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harness.model.resources import DEFAULT_ENGINE, SINGLE_PROCESS, Balancer, Engine, Limits, Load


@dataclass(frozen=True, slots=True)
class Cell:
    """One configuration to measure once: a target under limits. `repetition` counts from 1."""

    id: str
    target: str
    limits: Limits
    size_name: str | None = None
    repetition: int = 1


class IndicatorKind(StrEnum):
    """What an SLO limits."""

    PERCENTILE = "percentile"
    MEAN = "mean"
    ERRORS = "errors"
    SHORTFALL = "shortfall"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Slo:
    """A condition on a measured number, always of the form "at most".

    `indicator` is `p50` … `p99.9` or `mean` (of the response time, in seconds), `errors`, `shortfall` (of the
    throughput that N users would make at light load) or `drift` (rise of the response time within the
    window), the last three as ratios. `request_name` restricts it to one of the scenario's request names.
    """

    indicator: str
    at_most: float
    request_name: str | None = None

    @property
    def kind(self) -> IndicatorKind:
        """What the SLO limits; a ValueError for an unknown indicator."""
        is_percentile = self.indicator.startswith("p")
        return IndicatorKind.PERCENTILE if is_percentile else IndicatorKind(self.indicator)

    @property
    def percent(self) -> float:
        """The percentage of a percentile, such as 95; a ValueError for any other indicator."""
        if self.kind is not IndicatorKind.PERCENTILE:
            raise ValueError(f"{self.indicator} is no percentile")
        return float(self.indicator[1:])

    @property
    def is_response_time(self) -> bool:
        """True if the limit is a response time in seconds, False if it is a ratio."""
        return self.kind in (IndicatorKind.PERCENTILE, IndicatorKind.MEAN)


@dataclass(frozen=True, slots=True)
class Price:
    """What a size costs an hour: the price of its name, or else its cores and GiB at these rates.

    A rate that is None counts as zero if the other one is given. With neither, only sizes in `by_name` have a
    price.
    """

    currency: str = ""
    cpu_hour: float | None = None
    gib_hour: float | None = None
    by_name: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A target's image by its name. An engine that lacks it pulls it."""

    reference: str


@dataclass(frozen=True, slots=True)
class BuildSource:
    """A target's image to build: a context folder, the Dockerfile in it, and build arguments."""

    context: Path
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready once a GET of `path` is answered with `status`."""

    path: str = "/"
    status: int = 200
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """Ready once the published port accepts a connection."""

    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class PortProbe:
    """Ready once something listens on `port` inside the container."""

    port: int
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class LogProbe:
    """Ready once a line of the container's log matches `pattern`, a regular expression."""

    pattern: str
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class CommandProbe:
    """Ready once `command`, run inside the container, ends with exit code 0."""

    command: tuple[str, ...]
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class HealthcheckProbe:
    """Ready once the image's own HEALTHCHECK reports healthy."""

    within_s: float = 60.0


NetworkProbe = HttpProbe | TcpProbe
"""A probe of the published port, from outside."""

ContainerProbe = PortProbe | LogProbe | CommandProbe | HealthcheckProbe
"""A probe that asks the engine, or runs inside the container."""

ReadinessProbe = NetworkProbe | ContainerProbe
"""When a started container counts as ready. It has failed after `within_s` without success."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service that is measured (system under test).

    `port` is 0 if no port is published, as for a companion. `files` maps paths in the container to the user's
    files or folders, which are mounted read-only. `tmpfs` are folders in memory. `user` is a name or
    "uid:gid". With `host_network` the target uses the host's network directly, and can't have companions.
    `balancer` is set if some size has several replicas.
    """

    name: str
    port: int
    source: ImageSource | BuildSource
    readiness: ReadinessProbe = HttpProbe()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    host_port: int | None = None
    host_network: bool = False
    user: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    tmpfs: tuple[str, ...] = ()
    ulimits: Mapping[str, int] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    companions: tuple["Companion", ...] = ()
    balancer: Balancer | None = None


@dataclass(frozen=True, slots=True)
class Companion:
    """A service that the target needs, such as its database: with its own limits, and reached by its name.

    It starts afresh from its image in every container run, like the target. `seed` is a command that is run
    in its container once it is ready.
    """

    service: Target
    limits: Limits
    seed: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return self.service.name


@dataclass(frozen=True, slots=True)
class Scenario:
    """The user's own locustfiles, and what of them runs.

    Without `user_classes` all of them run; `tags` and `exclude_tags` select tasks. `arguments` are further
    options of Locust's command line, `requirements` is pip's file of the packages that the locustfiles need.
    """

    locustfiles: tuple[Path, ...]
    user_classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    requirements: Path | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the parts of a step last.

    A step settles for `settle_s`, and on while the target still gets faster, up to `warm_up_s`. After the
    window the load stays on for `drain_s`, until the answers to the window's requests are known.
    """

    settle_s: float = 10.0
    window_at_least_s: float = 20.0
    window_at_most_s: float = 90.0
    drain_s: float = 1.0
    warm_up_s: float = 60.0


class Purpose(StrEnum):
    """Why a step is held: to search a cell's capacity, or for the drift check at the end."""

    SEARCH = "search"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Step:
    """A number of users to hold, with the timing and the purpose."""

    users: int
    timing: Timing = Timing()
    purpose: Purpose = Purpose.SEARCH


FEWEST_CELLS_TO_CHECK_DRIFT = 3
"""With fewer cells measured a campaign is over before a host has time to drift."""


class SearchStrategy(StrEnum):
    """How a search chooses the next number of users; the words of matrix.yaml and plan.json."""

    PREDICT = "predict"
    BISECT = "bisect"
    LADDER = "ladder"


@dataclass(frozen=True, slots=True)
class Search:
    """How the steps of a cell are chosen, and how narrow a bracket must become.

    `precision_ratio` is the largest broken/sustained - 1. `first_users` is the light first step,
    `ladder_users` the height of a ladder's rung. `confirm`: a drift check holds the reference size once more
    at the end of the campaign.
    """

    strategy: SearchStrategy = SearchStrategy.PREDICT
    precision_ratio: float = 0.05
    first_users: int = 10
    ladder_users: int = 25
    confirm: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A resolved matrix file: all that a campaign must know before it starts anything.

    `cells` are in the order of the matrix. `skipped` maps the ids of cells that the host is too small for to
    the reason. `hashes` are SHA-256 digests of what a resumed campaign must find unchanged: `matrix`,
    `scenario`, `target`. With `users_required` the campaign searches only the smallest sizes that sustain so
    many users; it equals `users_limit` then. `notes` are for the user, such as what is not honoured.
    `engines` maps the names of the targets' engines to how they are reached; None names a single one.
    """

    source: Path
    target: Target
    scenario: Scenario
    cells: tuple[Cell, ...]
    slos: tuple[Slo, ...]
    users_limit: int = 400
    users_required: int | None = None
    spawn_rate: float = 40.0
    timing: Timing = Timing()
    search: Search = Search()
    skipped: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None
    notes: tuple[str, ...] = ()
    load: Load = SINGLE_PROCESS
    engines: Mapping[str | None, Engine] = field(default_factory=lambda: {None: DEFAULT_ENGINE})


_ONE_BY_ONE_RATE = 1.9
"""Users per second: below two, Locust spawns one by one, else in bursts of a whole second's worth."""


def compute_ramp_rate(users: int, spawn_rate: float) -> float:
    """Return the users per second towards a step: no burst is larger than a tenth of the step."""
    return min(spawn_rate, max(_ONE_BY_ONE_RATE, users / 10))
