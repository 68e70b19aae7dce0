"""Curves for the page: a step over time, and a size over its users. No verdict uses them."""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.resources import Limits
from harness.model.verdicts import Verdict

Column = tuple[float | None, ...]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A step over time: a value for each `bucket_s` seconds since its ramp began, None without data.

    `window` holds the begin and the end of the judged part, in seconds since the ramp began. Rates are
    answers and errors per second, CPU is in cores, memory is the working set.
    """

    bucket_s: float
    window: tuple[float, float] | None
    users: Column
    rps: Column
    errors_ps: Column
    p95_s: Column
    cpu_cores: Column
    throttled_ratio: Column
    memory_mib: Column
    host_cores: Column
    generator_cores: Column


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a size did at one number of users; None without data.

    `is_on_ramp`: more users were arriving meanwhile, and `users` is their mean number. Otherwise the point is
    a judged window, with its `verdict` and the 95 % intervals of RPS and p95. `rps` counts good answers, and
    response times are theirs. `memory_bytes` is the largest working set.
    """

    users: float
    requests: int
    rps: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    error_ratio: float | None = None
    cpu_cores: float | None = None
    throttled_ratio: float | None = None
    memory_bytes: float | None = None
    is_on_ramp: bool = False
    verdict: Verdict | None = None
    rps_interval: Interval | None = None
    p95_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class StepCurves:
    """What a step adds to the curves of its size.

    `ramp` are the points of its ramp, which took `ramp_s` seconds. The rest is of its window: the 95 %
    intervals of RPS and p95, and the response times at some percentages, as (percent, seconds).
    """

    ramp: tuple[CurvePoint, ...] = ()
    ramp_s: float = 0.0
    rps_interval: Interval | None = None
    p95_interval: Interval | None = None
    percentiles: tuple[tuple[float, float], ...] = ()


class CurveShape(StrEnum):
    """What a curve does at its upper end; the values are those of summary.json."""

    STABLE = "stable"
    """RPS follows the users."""
    SATURATED = "saturated"
    """RPS falls behind the users."""
    BOTTLENECK = "bottleneck"
    """RPS stays level while the response time rises."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A size over its users: the points of its ramp, then its windows, each sorted by users.

    `light_rps_per_user` is what a user gets at light load, in any size of the campaign. `shape` tells what
    happens from `low` to `top`, the highest window; None if the points don't tell it. `behind_ratio` is by
    how much RPS is behind that of light load at the top. `knee_users` are the users for whom the highest RPS
    would suffice at light load: from there on RPS does not follow. None while it does.
    """

    points: tuple[CurvePoint, ...]
    light_rps_per_user: float | None = None
    shape: CurveShape | None = None
    low: CurvePoint | None = None
    top: CurvePoint | None = None
    behind_ratio: float | None = None
    knee_users: float | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A larger size that would help, and how many more users it sustains; negative if it sustains fewer.

    `is_measured`: both sizes were. Otherwise the users are inferred. `is_at_least`: the larger size sustained
    all users of the campaign. `is_clear`: the difference is more than chance and the host's speed explain.
    """

    limits: Limits
    more_users: int
    is_measured: bool
    is_at_least: bool = False
    is_clear: bool = True
