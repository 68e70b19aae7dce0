"""What a running campaign shows of itself: the step in progress, and how far each size's search has come.

All of it is for display and never for a verdict. It is dropped when the campaign ends.
"""

from dataclasses import dataclass

from harness.model.plan import Purpose
from harness.model.resources import Limits
from harness.model.verdicts import Status, Verdict


@dataclass(frozen=True, slots=True)
class LivePoint:
    """What is known at one moment of a step; None where there are no data.

    `at_s` counts from the begin of the ramp. RPS (good answers), errors and response times are those of the
    last ten seconds, the cores those of the last five.
    """

    at_s: float
    phase: str
    users: int
    in_flight: int
    rps: float | None = None
    errors_ps: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    cpu_cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LiveHead:
    """What a cell is doing: it holds `users`, or starts a fresh container if that is None.

    `started_at` is ISO 8601 with fractions of a second: no two steps of a cell have the same.
    """

    started_at: str
    users: int | None = None
    purpose: Purpose = Purpose.SEARCH


@dataclass(frozen=True, slots=True)
class LiveStep:
    """A step in progress with its points so far, of a long step only every second, fourth … one.

    `last` is the newest point, and `written_at_s` when it was written: seconds since the epoch.
    """

    head: LiveHead
    points: tuple[LivePoint, ...] = ()
    last: LivePoint | None = None
    written_at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LiveSize:
    """A size and the state of its search, in numbers and in words (`outcome`).

    `steps` are the users and verdicts of its search so far.
    """

    id: str
    limits: Limits
    status: Status
    sustained_users: int | None = None
    broken_users: int | None = None
    outcome: str = ""
    steps: tuple[tuple[int, Verdict], ...] = ()


@dataclass(frozen=True, slots=True)
class LiveVerdict:
    """A step that was judged, or a cell that is done if the `verdict` is None, in words."""

    cell: str
    text: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class LivePair:
    """A pair of windows in words: CPU time per request of both versions, its change, whether it counts."""

    number: int
    base: str
    head: str
    change: str
    meaning: str


@dataclass(frozen=True, slots=True)
class LiveComparison:
    """Two versions that are being compared: what is compared, the answer so far, and its pairs."""

    title: str
    answer: str
    pairs: tuple[LivePair, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveCampaign:
    """A running campaign. `p95_limit_s` is the limit of its SLO on the p95 of all requests; None without.

    If two versions are compared, `sizes` are these two, and nothing is searched for them.
    """

    campaign: str
    target: str
    started_at: str
    users_limit: int
    p95_limit_s: float | None = None
    sizes: tuple[LiveSize, ...] = ()
    verdicts: tuple[LiveVerdict, ...] = ()
    comparison: LiveComparison | None = None
