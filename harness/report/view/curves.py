"""Put the curve of a size into words: what happens at its upper end, and single points of its ramp."""

from collections.abc import Iterable

from harness.model import (
    CellResult,
    Curve,
    CurvePoint,
    CurveShape,
    Factor,
    Judgement,
    Limits,
    Slo,
    Status,
    Verdict,
)
from harness.model.cell_evidence import ErrorsAtAnyLoad
from harness.model.curves import Remedy
from harness.model.evidence import MemoryGrows
from harness.report.view import text

_REMEDIES = {
    Factor.CPU: "measure sizes with more CPU",
    Factor.MEMORY: "measure sizes with more memory",
    Factor.TARGET: "a larger size alone will not help, find what its requests wait for",
    Factor.ERRORS: "find the errors before buying a larger size",
    Factor.DEPENDENCY: "give its dependency more",
    Factor.DISK: "a larger size alone will not help, let it use its disk less or give it a faster one",
    Factor.GENERATOR: "give the generator more, then measure again",
    Factor.HOST: "measure on another host",
}
"""What to do about each limiting factor, as far as no measurement tells more."""

_FAILED_FROM_RATIO = 0.05
"""If more requests fail, this is why good answers are fewer."""

_FALLEN_RATIO = 0.9
"""RPS below this share of the highest does not stay level: it falls."""

_NOISE_RATIO = 0.05
"""Fewer users more than this share may be noise: capacities are known to about as much."""


def list_rt_limits(slos: Iterable[Slo]) -> tuple[tuple[str, float], ...]:
    """Return the SLOs on the response time of all requests, each with its limit in seconds."""
    return tuple(
        (text.format_slo(slo), slo.at_most)
        for slo in slos
        if slo.request_name is None and slo.is_response_time
    )


def find_p95_limit(slos: Iterable[Slo]) -> float | None:
    """Return the strictest limit on the p95 of all requests in seconds; None without one."""
    limits_s = (slo.at_most for slo in slos if slo.request_name is None and slo.indicator == "p95")
    return text.keep_finite(min(limits_s, default=None))


def find_other_slo(slos: Iterable[Slo]) -> str:
    """Return the first indicator of a response time of all requests, or nothing if one of them is the p95."""
    names = [slo.indicator for slo in slos if slo.request_name is None and slo.is_response_time]
    return names[0] if names and "p95" not in names else ""


def describe_shape(result: CellResult) -> str:
    """Return what RPS and response time do at the curve's upper end; empty if its points don't tell it."""
    curve = result.curve
    if curve is None or curve.shape is None or curve.top is None:
        return ""
    if curve.shape is CurveShape.STABLE:
        end = _describe_break(result, curve.top)
        return f"stable up to {_name_users(curve.top.users)}: RPS follows the users{end}"
    knee = text.keep_finite(curve.knee_users)
    where = "" if knee is None else f" from about {_name_users(knee)} on"
    lag = _describe_lag(curve, curve.top)
    if curve.shape is CurveShape.SATURATED:
        return f"saturated{where}: RPS falls behind the users{f', {lag}' if lag else ''}"
    waits = f"p95 {text.format_seconds(curve.top.p95_s)} at {_format_users(curve.top.users)}"
    evidence = f"{waits}, {lag}" if lag else waits
    return f"bottleneck{where}: RPS {_describe_level(curve, curve.top)} while users wait longer ({evidence})"


def _describe_break(result: CellResult, top: CurvePoint) -> str:
    """Return where a size breaks all the same: at the top of its curve, or already with fewer users."""
    if top.verdict is not Verdict.FAIL or result.broken_users is None:
        return ""
    if isinstance(result.evidence, ErrorsAtAnyLoad):
        return ", but too many requests fail at any load"
    if result.broken_users == round(top.users):
        return ", but it breaks there"
    return f", but it breaks at {text.format_users(result.broken_users)} already"


def _describe_lag(curve: Curve, top: CurvePoint) -> str:
    """Return why there are fewer good answers than at light load: requests fail, or users wait."""
    failed, behind = text.keep_finite(top.error_ratio) or 0.0, text.keep_finite(curve.behind_ratio) or 0.0
    if failed >= _FAILED_FROM_RATIO:
        return f"{text.format_ratio(failed)} of the requests fail at {_format_users(top.users)}"
    users = _format_users(top.users)
    return f"{text.format_ratio(behind)} behind light load at {users}" if behind > 0 else ""


def _describe_level(curve: Curve, top: CurvePoint) -> str:
    """Return that RPS stays level, or that it falls again with more users."""
    windows = [text.keep_finite(point.rps) or 0.0 for point in curve.points if not point.is_on_ramp]
    most, rps = max(windows, default=0.0), text.keep_finite(top.rps) or 0.0
    if rps < _FALLEN_RATIO * most:
        return f"falls from {text.format_rate(most)} to {text.format_rate(rps)}"
    return f"stays at about {text.format_rate(rps)}"


def describe_remedies(result: CellResult) -> str:
    """Return what would help the size, measured or inferred, or else what to do about what limits it.

    An example: `256 MiB instead of 96 MiB: 90 users more (measured)`. Empty if nothing limits it.
    """
    if not result.remedies:
        return suggest_remedy(result)
    users = result.sustained_users or 0
    return "; ".join(_describe_remedy(remedy, result.cell.limits, users) for remedy in result.remedies)


def suggest_remedy(result: CellResult) -> str:
    """Return what to do about what limits a size, as far as no measurement tells more; empty if nothing does.

    If no number of users lasts because the memory grows all the time, more memory only lasts for longer.
    """
    if result.limiting_factor is None:
        return ""
    reason = result.evidence.evidence if isinstance(result.evidence, Judgement) else None
    is_leak = isinstance(reason, MemoryGrows) and not reason.trend.rose_to_full
    if is_leak and result.status is Status.NONE:
        return "find what its memory keeps, more of it only lasts longer"
    return _REMEDIES[result.limiting_factor]


def _describe_remedy(remedy: Remedy, limits: Limits, users: int) -> str:
    change = _name_change(limits, remedy.limits)
    source = "measured" if remedy.is_measured else "inferred from what a user needs"
    if remedy.more_users <= _NOISE_RATIO * users and not remedy.is_at_least:
        return f"{change} hardly helps ({source})"
    more = f"{text.format_users(remedy.more_users)} more"
    if not remedy.is_clear:
        tried = f"no clear difference up to {text.format_users(users + remedy.more_users)}"
        noise = f"{more}, which noise or the host's speed may explain"
        return f"{change}: {tried if remedy.is_at_least else noise} ({source})"
    about = "at least " if remedy.is_at_least else "" if remedy.is_measured else "about "
    return f"{change}: {about}{more} ({source})"


def _name_change(here: Limits, there: Limits) -> str:
    """Return what is larger: `256 MiB instead of 96 MiB`."""
    if here.cpu_cores == there.cpu_cores:
        sizes = [text.format_mebibytes(size.memory_bytes) for size in (there, here)]
    elif here.memory_bytes == there.memory_bytes:
        sizes = [text.format_cpu(size.cpu_cores, size.replicas) for size in (there, here)]
    else:
        sizes = [text.format_size(size) for size in (there, here)]
    return " instead of ".join(sizes)


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
    return f"About {_name_users(point.users)}, on the ramp: {', '.join(parts)}"


def _format_users(users: float) -> str:
    return text.format_count(round(users))


def _name_users(users: float) -> str:
    return text.format_users(round(users))
