"""Compute the scales, axes and paths that all charts over users share.

Response times are on a logarithmic axis, users and RPS on linear ones: that RPS stays level is seen at once.
Where a size would be a speck on these, they are logarithmic too. The line of light load is straight on both.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.model import CellResult, CurvePoint
from harness.report.html.scales import Scale, Tick, build_linear_scale, build_log_scale
from harness.report.view.text import keep_finite

_SPECK_RATIO = 0.15
"""A curve that reaches less than this share of the most users is a speck on a linear axis."""

_MARGIN = 1.04
"""How far a linear axis goes on beyond its highest value."""

_LABEL_HEIGHT = 9.0

_NEAR_RATIO = 0.95
_HIGH_RATIO = 0.5

Read = Callable[[CurvePoint], float | None]


@dataclass(frozen=True, slots=True)
class Frame:
    """The places of a chart's parts in SVG units: RT above, a strip with verdicts, RPS, and shares of limits.

    Each of the three is from its bottom to its top.
    """

    width: float
    height: float
    left: float
    right: float
    rt: tuple[float, float]
    strip: float
    rps: tuple[float, float]
    shares: tuple[float, float]

    @property
    def bottom(self) -> float:
        """The place of the axis of users."""
        return max(self.rps[0], self.shares[0])

    @property
    def user_ticks(self) -> int:
        """About how many ticks a linear axis of users has room for."""
        return round((self.right - self.left) / 70)

    @property
    def rps_ticks(self) -> int:
        """About how many ticks a linear axis of RPS has room for."""
        return round((self.rps[0] - self.rps[1]) / 30)


PANEL = Frame(320.0, 290.0, 44.0, 312.0, (112.0, 10.0), 121.0, (204.0, 138.0), (264.0, 222.0))
OVERVIEW = Frame(640.0, 400.0, 48.0, 530.0, (170.0, 14.0), 180.0, (374.0, 200.0), (374.0, 374.0))


@dataclass(frozen=True, slots=True)
class Line:
    """A curve. `kind` names its style: a percentile, `rps`, or a share of a limit; `ramp` before it."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class RtLimit:
    """A limit on the response time, drawn as a line; `label` is empty where a line next to it names both."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of all charts of one frame, the limits on the response time, and the line of light load."""

    frame: Frame
    user_ticks: tuple[Tick, ...]
    rt_ticks: tuple[Tick, ...]
    rps_ticks: tuple[Tick, ...]
    rt_limits: tuple[RtLimit, ...]
    light: str


@dataclass(frozen=True, slots=True)
class Scales:
    """How users, response times, RPS and shares of limits are placed in a frame."""

    frame: Frame
    users: Scale
    rt: Scale
    rps: Scale
    shares: Scale


def build_scales(
    frame: Frame, results: Sequence[CellResult], users_limit: int, seconds: Iterable[float | None]
) -> Scales:
    """Build the scales that hold every point and every window of these sizes, and these response times.

    The users end at `users_limit` only if nothing was held: no curve goes on to users that were never there.
    """
    points = [point for result in results for point in list_points(result)]
    held = [float(step.users) for result in results for step in result.steps]
    users = [*_select_known(point.users for point in points), *held] or [float(users_limit)]
    rates = _select_known(point.rps for point in points)
    shares = build_linear_scale(1.0, *frame.shares, about_ticks=1)
    rt = build_log_scale(_select_known(seconds), *frame.rt)
    ends = (frame.left, frame.right)
    if _has_speck(results, max(users)):
        users_scale = build_log_scale(users, *ends, "", is_fine=True)
        return Scales(frame, users_scale, rt, build_log_scale(rates, *frame.rps, "", is_fine=True), shares)
    return Scales(
        frame,
        build_linear_scale(_MARGIN * max(users), *ends, frame.user_ticks),
        rt,
        build_linear_scale(_MARGIN * max(rates, default=1.0), *frame.rps, frame.rps_ticks),
        shares,
    )


def _has_speck(results: Iterable[CellResult], most_users: float) -> bool:
    """Return True if a size that sustains some users has a curve that ends at few of the most users."""
    ends = [
        max(_select_known(point.users for point in list_points(result)), default=most_users)
        for result in results
        if result.sustained_users
    ]
    return any(end < _SPECK_RATIO * most_users for end in ends)


def _select_known(values: Iterable[float | None]) -> list[float]:
    return [known for value in values if (known := keep_finite(value)) is not None]


def build_axes(scales: Scales, rt_limits: Iterable[tuple[str, float]], light: float | None) -> Axes:
    """Place the ticks, the limits, and the line of light load; `light` is the RPS of one user."""
    return Axes(
        scales.frame,
        scales.users.place_ticks(),
        scales.rt.place_ticks(),
        scales.rps.place_ticks(),
        place_rt_limits(rt_limits, scales.rt),
        _draw_light_load(light, scales),
    )


def place_rt_limits(rt_limits: Iterable[tuple[str, float]], rt: Scale) -> tuple[RtLimit, ...]:
    """Place the limits on the response time, the highest first.

    Lines so near to each other that their labels would overlap are named together, above the highest of them.
    """
    groups: list[list[tuple[float, str]]] = []
    for label, at_s in sorted(rt_limits, key=lambda limit: -limit[1]):
        if not at_s > 0:
            continue
        if groups and rt(at_s) - groups[-1][0][0] < _LABEL_HEIGHT:
            groups[-1].append((rt(at_s), label))
        else:
            groups.append([(rt(at_s), label)])
    return tuple(
        RtLimit(y, "" if number else ", ".join(label for _, label in group))
        for group in groups
        for number, (y, _) in enumerate(group)
    )


def find_light_rate(results: Iterable[CellResult]) -> float | None:
    """Return what a user gets a second at light load; None if no size shows it."""
    rates = (result.curve.light_rps_per_user for result in results if result.curve is not None)
    return next((rate for rate in rates if rate), None)


def list_points(result: CellResult) -> tuple[CurvePoint, ...]:
    """Return the points of a size's curve."""
    return result.curve.points if result.curve is not None else ()


def read_p95(point: CurvePoint) -> float | None:
    """Return the p95 of a point."""
    return point.p95_s


def read_rps(point: CurvePoint) -> float | None:
    """Return the RPS of a point."""
    return point.rps


def join_points(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Return one curve, sorted by users: the ramp up to the first window near the top, then windows.

    A window is exact, whereas the ramp lags where a queue builds.
    """
    windows = [point for point in points if not point.is_on_ramp]
    most = max((point.users for point in points), default=0.0)
    first = min((point.users for point in windows if point.users >= _HIGH_RATIO * most), default=most + 1)
    ramp = [point for point in points if point.is_on_ramp and point.users < _NEAR_RATIO * first]
    return sorted([*windows, *ramp], key=lambda point: point.users)


def list_p95s(results: Iterable[CellResult]) -> list[float | None]:
    """Return the p95s of the joined curves."""
    return [point.p95_s for result in results for point in join_points(list_points(result))]


def draw_path(points: Iterable[CurvePoint], read: Read, x: Scale, y: Scale) -> str:
    """Return an SVG path; a point without data leaves a gap, and a point between two gaps is a dot (`h0`)."""
    places = ((x(point.users), keep_finite(read(point))) for point in points)
    return join_places(
        (at, None if value is None or not fits(y, value) else y(value)) for at, value in places
    )


def fits(scale: Scale, value: float) -> bool:
    """Return False for a zero on a logarithmic scale, which has no place for it."""
    return value > 0 or not scale.is_log


def join_places(places: Iterable[tuple[float, float | None]]) -> str:
    """Return an SVG path through the places; None leaves a gap."""
    commands, pen_is_down = [], False
    for x, y in places:
        if y is not None:
            commands.append(f"L{x:g} {y:g}" if pen_is_down else f"M{x:g} {y:g}h0")
        pen_is_down = y is not None
    return "".join(commands)


def _draw_light_load(rps_per_user: float | None, scales: Scales) -> str:
    """Return the line of the RPS that the target would give if each user got as much as at light load.

    The target saturates where the measured RPS leaves this line.
    """
    if rps_per_user is None or keep_finite(rps_per_user) is None:
        return ""
    low = max(scales.users.low, scales.rps.low / rps_per_user)
    high = min(scales.users.high, scales.rps.high / rps_per_user)
    if low >= high:
        return ""
    x, y = scales.users, scales.rps
    return f"M{x(low):g} {y(low * rps_per_user):g}L{x(high):g} {y(high * rps_per_user):g}"
