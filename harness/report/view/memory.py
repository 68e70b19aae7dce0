"""Put into words how a size's memory developed at its highest pass, and how long its limit lasts."""

from harness.model import MIB, CellResult, MemoryOutlook, MemoryTrend, Verdict
from harness.report.view import text
from harness.report.view.stalls import describe_shortage

_LEVEL_BYTES_PER_S = 0.05 * MIB / 60
"""Slower growth is shown as none: it is less than what is printed."""


def describe_memory(result: CellResult) -> str:
    """Return the memory at the highest pass, its growth, and how long the limit lasts; empty if unknown.

    An example: "154 MiB of 256 MiB at 400 users, growing by 0.9 MiB a minute, which lasts 1 h 53 min".
    """
    trend = find_memory_trend(result)
    if trend is None:
        return ""
    used, limit = (
        text.format_mebibytes(trend.peak_bytes),
        text.format_mebibytes(result.cell.limits.memory_bytes),
    )
    at_users = f"{used} of {limit} at {result.sustained_users} users"
    if trend.growth_bytes_per_s < _LEVEL_BYTES_PER_S:
        return f"{at_users}, level{_describe_doubt(trend)}"
    growth = text.format_number(60 * trend.growth_bytes_per_s / MIB, 1)
    lasts = text.format_estimate(trend.lasts_s or 0.0)
    return f"{at_users}, growing by {growth} MiB a minute, which lasts {lasts}{_describe_doubt(trend)}"


def warn_of_memory(result: CellResult) -> str:
    """Return that it is not known how long the memory lasts; empty if it is known, or nothing was counted."""
    trend = find_memory_trend(result)
    if trend is None or trend.outlook is MemoryOutlook.LASTS:
        return ""
    return f"not known how long its memory lasts: {describe_memory(result)}"


def find_memory_trend(result: CellResult) -> MemoryTrend | None:
    """Return the trend of the longest step at the highest pass, which may be the soak; None without one."""
    soaks = [result.soak.step] if result.soak is not None and result.soak.step is not None else []
    trends = [
        step.memory
        for step in (*result.steps, *soaks)
        if step.users == result.sustained_users and step.verdict is Verdict.PASS and step.memory is not None
    ]
    return max(trends, key=lambda trend: trend.observed_s, default=None)


def _describe_doubt(trend: MemoryTrend) -> str:
    if trend.outlook is MemoryOutlook.LASTS:
        return ""
    if trend.shortage is not None:
        return f" (but full: {describe_shortage(trend.shortage)})"
    return f" (watched for {text.format_duration(trend.observed_s)}, which is too short to tell)"
