"""Put together the curve of a size over its users, from its ramp and its windows, and tell its shape.

The words follow the definition of a bottleneck: RPS that stays level while the response time rises, although
more users ask. See docs/method.md.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean, median

from harness.analyse.search.reference import is_light_load
from harness.model import (
    CampaignResult,
    CellResult,
    Curve,
    CurvePoint,
    CurveShape,
    StepResult,
)

_LEVEL_BELOW = 0.25
_FOLLOWS_FROM = 0.5
"""RPS is level if it grows by less than the first power of the users, and follows them from the second on."""

_FOLLOWING_BEHIND_RATIO = 0.10
_LEVEL_BEHIND_RATIO = 0.20
"""RPS follows the users while it is behind that of light load by less than the first, and the users wait for
more than the second share of their time, by Little's law, once it is behind by as much.
"""

_RISES_FROM_RATIO = 1.2
_LOW_USERS_RATIO = (0.5, 0.85)
"""The top of a curve is compared with the points at these shares of its users."""

_NEW_USERS_RATIO = 0.25
_LIGHT_WAIT_MARGIN = 0.01


def add_curves(result: CampaignResult) -> CampaignResult:
    """Return the result with the curve of every cell that has a valid step."""
    light = find_light_rate(result.cells)
    return replace(
        result, cells=tuple(replace(cell, curve=build_curve(cell, light)) for cell in result.cells)
    )


def find_light_rate(cells: Iterable[CellResult]) -> float | None:
    """Return what a user gets a second at light load, by the windows whose users waited least.

    None if no window is light, as if users do not think: any number of them may then fill the target.
    """
    steps = [step for cell in cells for step in cell.usable_steps]
    light = [
        step
        for step in steps
        if _is_positive(step.rps)
        and step.wait_ratio is not None
        and is_light_load(step.users, step.wait_ratio)
    ]
    if not light:
        return None
    least = min(step.wait_ratio or 0.0 for step in light)
    chosen = [step for step in light if (step.wait_ratio or 0.0) <= least + _LIGHT_WAIT_MARGIN]
    answers = sum((step.rps or 0.0) * step.window_s for step in chosen)
    users_s = sum(step.users * step.window_s for step in chosen)
    return answers / users_s if users_s > 0 else None


def build_curve(cell: CellResult, light_rps_per_user: float | None) -> Curve | None:
    """Return the cell's curve; None without any point."""
    steps = cell.usable_steps
    windows = _list_windows(steps)
    points = (*_list_ramp_points(steps), *windows)
    if not points:
        return None
    curve = Curve(points, light_rps_per_user)
    top = _find_top(points, windows)
    low = None if top is None else _find_low(points, top)
    if top is None or low is None:
        return curve
    behind_ratio = _compute_behind_ratio(top, light_rps_per_user)
    shape = _classify_shape(low, top, behind_ratio)
    knee_users = None
    if shape is not CurveShape.STABLE and light_rps_per_user:
        most_rps = max(point.rps or 0.0 for point in (windows or points))
        knee_users = min(most_rps / light_rps_per_user, top.users)
    return replace(curve, shape=shape, low=low, top=top, behind_ratio=behind_ratio, knee_users=knee_users)


def _list_windows(steps: Iterable[StepResult]) -> tuple[CurvePoint, ...]:
    """Return a point for each number of users with a window, by the last step that held it."""
    last = {step.users: step for step in steps if _is_positive(step.rps)}
    return tuple(_build_window_point(last[users]) for users in sorted(last))


def _build_window_point(step: StepResult) -> CurvePoint:
    curves = step.curves
    return CurvePoint(
        users=float(step.users),
        requests=step.requests,
        rps=step.rps,
        p50_s=step.latency.p50_s,
        p95_s=step.latency.p95_s,
        error_ratio=step.failures.ratio,
        cpu_cores=step.target.cpu_cores,
        throttled_ratio=_keep_share(step.target.throttled_ratio),
        memory_bytes=step.target.memory_peak_bytes,
        verdict=step.verdict,
        rps_interval=curves.rps_interval if curves else None,
        p95_interval=curves.p95_interval if curves else None,
    )


def _keep_share(ratio: float | None) -> float | None:
    """Return the ratio, at most 1: the engine may count a throttled period before the period itself."""
    return None if ratio is None else min(ratio, 1.0)


def _list_ramp_points(steps: Sequence[StepResult]) -> list[CurvePoint]:
    """Return the points of the slowest ramp, and of others where they go on to many more users."""
    ramps = [step.curves for step in steps if step.curves is not None and step.curves.ramp]
    ramps.sort(key=lambda curves: (-round(curves.ramp_s), -curves.ramp[-1].users))
    most_users = max((step.users for step in steps), default=0)
    points: list[CurvePoint] = []
    for curves in ramps:
        highest = max((point.users for point in points), default=0.0)
        fresh = [point for point in curves.ramp if point.users > highest]
        if not points or (fresh and fresh[-1].users - highest > _NEW_USERS_RATIO * most_users):
            points += fresh
    return sorted(points, key=lambda point: point.users)


def _is_positive(value: float | None) -> bool:
    return value is not None and 0 < value < math.inf


def _is_known(point: CurvePoint) -> bool:
    return _is_positive(point.users) and _is_positive(point.rps) and _is_positive(point.p95_s)


def _find_top(points: Sequence[CurvePoint], windows: Sequence[CurvePoint]) -> CurvePoint | None:
    """Return the window with the most users, or without a window the last point of the ramp."""
    known = [point for point in (windows or points) if _is_known(point)]
    return max(known, key=lambda point: point.users, default=None)


def _find_low(points: Sequence[CurvePoint], top: CurvePoint) -> CurvePoint | None:
    """Return the mean of the points well below the top, or else the nearest one below; None without any."""
    lowest, highest = (ratio * top.users for ratio in _LOW_USERS_RATIO)
    below = [point for point in points if _is_known(point) and point.users <= highest]
    chosen = [point for point in below if point.users >= lowest]
    if not chosen:
        return max(below, key=lambda point: point.users, default=None)
    return CurvePoint(
        users=fmean(point.users for point in chosen),
        requests=sum(point.requests for point in chosen),
        rps=fmean(point.rps or 0.0 for point in chosen),
        p95_s=median(point.p95_s or 0.0 for point in chosen),
    )


def _compute_behind_ratio(top: CurvePoint, light_rps_per_user: float | None) -> float | None:
    """Return by how much fewer requests a user makes than at light load, answered or not."""
    if not light_rps_per_user or not top.rps:
        return None
    answered = 1 - (top.error_ratio or 0.0)
    return 1 - top.rps / max(answered, 1e-9) / (light_rps_per_user * top.users)


def _classify_shape(low: CurvePoint, top: CurvePoint, behind_ratio: float | None) -> CurveShape:
    """Tell the shape by the power of the users with which RPS grows from `low` to `top`."""
    log_growth = math.log(top.rps or 1.0) - math.log(low.rps or 1.0)  # a quotient may underflow
    growth = log_growth / math.log(top.users / low.users)
    behind = behind_ratio or 0.0
    is_level = growth < _LEVEL_BELOW and (top.p95_s or 0.0) >= _RISES_FROM_RATIO * (low.p95_s or 0.0)
    if is_level or behind > _LEVEL_BEHIND_RATIO:
        return CurveShape.BOTTLENECK
    follows = growth >= _FOLLOWS_FROM and behind <= _FOLLOWING_BEHIND_RATIO
    return CurveShape.STABLE if follows else CurveShape.SATURATED
