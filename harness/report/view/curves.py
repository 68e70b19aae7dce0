"""Put the curve of a size into words: what happens at its upper end, and single points of its ramp."""

from harness.model import CellResult, CurvePoint, CurveShape, Limits, Verdict
from harness.model.curves import Remedy
from harness.report.view import text

_NOISE_RATIO = 0.05
"""Fewer users more than this share may be noise: capacities are known to about as much."""


def describe_shape(result: CellResult) -> str:
    """Return what RPS and response time do at the curve's upper end; empty if its points don't tell it."""
    curve = result.curve
    if curve is None or curve.shape is None or curve.top is None:
        return ""
    users = _format_users(curve.top.users)
    breaks = curve.top.verdict is Verdict.FAIL and result.broken_users is not None
    if curve.shape is CurveShape.STABLE and breaks:
        return f"stable up to {users} users: RPS follows the users, {_describe_break(result, users)}"
    if curve.shape is CurveShape.STABLE:
        return f"stable up to {users} users: RPS follows the users"
    knee = text.keep_finite(curve.knee_users)
    where = "" if knee is None else f" from about {_format_users(knee)} users on"
    behind = text.keep_finite(curve.behind_ratio)
    lag = (
        "" if behind is None or behind <= 0 else f", {text.format_ratio(behind)} behind light load at {users}"
    )
    if curve.shape is CurveShape.SATURATED:
        return f"saturated{where}: RPS falls behind the users{lag}"
    rps, p95 = text.format_rate(curve.top.rps), text.format_seconds(curve.top.p95_s)
    return f"bottleneck{where}: RPS stays at about {rps} while users wait longer (p95 {p95} at {users}{lag})"


def _describe_break(result: CellResult, top: str) -> str:
    """Return where a size breaks whose curve ends with `top` users: there, or already with fewer."""
    broken = text.format_count(result.broken_users)
    return "but it breaks there" if broken == top else f"but it breaks at {broken} users already"


def describe_remedies(result: CellResult) -> str:
    """Return what would help the size, measured or inferred; empty if nothing is known to help.

    An example: `256 MiB instead of 96 MiB: 90 users more (measured)`.
    """
    users = result.sustained_users or 0
    return "; ".join(_describe_remedy(remedy, result.cell.limits, users) for remedy in result.remedies)


def _describe_remedy(remedy: Remedy, limits: Limits, users: int) -> str:
    if remedy.limits.memory_bytes != limits.memory_bytes:
        here, there = (text.format_mebibytes(size.memory_bytes) for size in (limits, remedy.limits))
    else:
        here, there = (text.format_cpu(size.cpu_cores, size.replicas) for size in (limits, remedy.limits))
    change = f"{there} instead of {here}"
    if remedy.more_users <= _NOISE_RATIO * users:
        return f"{change} hardly helps (measured)"
    more = f"{text.format_count(remedy.more_users)} users more"
    if not remedy.is_measured:
        return f"{change}: about {more} (inferred from the memory of a user, as far as its CPU allows)"
    return f"{change}: {'at least ' if remedy.is_at_least else ''}{more} (measured)"


def describe_point(point: CurvePoint, limits: Limits) -> str:
    """Return a point of the ramp as a line of text, for hovering and for screen readers."""
    cpu = text.compute_share(point.cpu_cores, limits.total_cores)
    parts = (
        f"{text.format_rate(point.rps)} RPS",
        f"p50 {text.format_seconds(point.p50_s)}",
        f"p95 {text.format_seconds(point.p95_s)}",
        f"errors {text.format_ratio(point.error_ratio)}",
        f"CPU {text.format_ratio(cpu)}",
        f"throttled {text.format_ratio(point.throttled_ratio)}",
        f"memory {text.format_mebibytes(point.memory_bytes)}",
    )
    return f"About {_format_users(point.users)} users, on the ramp: {', '.join(parts)}"


def _format_users(users: float) -> str:
    return text.format_count(round(users))
