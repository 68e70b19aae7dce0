"""Put into words how a size's memory developed at its highest pass, and how long its limit lasts."""

import math

from harness.model import MIB, CellResult, MemoryOutlook, MemoryTrend, ShownMemory
from harness.model.evidence import MemoryGrows
from harness.report.view import text
from harness.report.view.stalls import describe_shortage

_SOON_S = 12 * 3600.0
"""Memory that surely grows is warned of if its limit is reached sooner."""

_CERTAIN_HALF_WIDTHS = 2.0
"""Growth is sure if it is more than so many half-widths of its 95 % interval."""

_LEVEL_BYTES_PER_S = 0.05 * MIB / 60
"""Slower growth is shown as none: it is less than what is printed."""


def describe_memory(result: CellResult) -> str:
    """Return the memory at the highest pass, its growth, and how long the limit lasts; empty if unknown.

    An example: "154 MiB of 256 MiB at 400 users, growing by 0.9 MiB a minute: full after 1 h 53 min".
    The growth is left out where it is unknown, as between two collections, and where another size has shown
    that it ends.
    """
    trend = find_memory_trend(result)
    if trend is None:
        return ""
    used, limit = (
        text.format_mebibytes(trend.peak_bytes),
        text.format_mebibytes(result.cell.limits.memory_bytes),
    )
    at_users = f"{used} of {limit} at {text.format_users(result.sustained_users)}"
    is_spared = result.shown_memory is not None and trend.outlook is MemoryOutlook.FILLS
    growing = "" if is_spared else _describe_growing(trend)
    return f"{at_users}{growing}{_describe_doubt(trend, result.shown_memory)}"


def _describe_growing(trend: MemoryTrend) -> str:
    if math.isinf(trend.growth_high):
        return ""
    if trend.growth_bytes_per_s < _LEVEL_BYTES_PER_S:
        return ", level"
    if trend.lasts_s is None:
        return f", growing ever more slowly to about {text.format_mebibytes(trend.projected_bytes)}"
    growth = text.format_number(60 * trend.growth_bytes_per_s / MIB, 1)
    return f", growing by {growth} MiB a minute: full after {text.format_estimate(trend.lasts_s)}"


def warn_of_memory(result: CellResult) -> str:
    """Return that it is not known how long the memory lasts; empty if it is known, or nothing was counted.

    It is known too if as much memory lasted in another size.
    """
    trend = find_memory_trend(result)
    if trend is None or is_known_to_last(result):
        return ""
    return f"not known how long its memory lasts: {describe_memory(result)}"


def warn_of_growth(result: CellResult) -> str:
    """Return that memory lasts for the horizon, but surely grows and is full within half a day, or nothing.

    An example: "its memory grows by 1.0 MiB a minute at 400 users: 130 MiB last 1 h 25 min".
    """
    trend = find_memory_trend(result)
    if trend is None or trend.outlook is not MemoryOutlook.LASTS or trend.lasts_s is None:
        return ""
    half_width = trend.growth_bytes_per_s - trend.growth_low
    if trend.lasts_s > _SOON_S or trend.growth_bytes_per_s <= _CERTAIN_HALF_WIDTHS * half_width:
        return ""
    limit_bytes, users = result.cell.limits.memory_bytes, result.sustained_users or 0
    return f"its memory {_describe_growth(trend, limit_bytes, users)}"


def find_memory_trend(result: CellResult) -> MemoryTrend | None:
    """Return the trend of the longest step at the highest pass, which may be the soak; None without one."""
    step = result.memory_step
    return None if step is None else step.memory


def is_known_to_last(result: CellResult) -> bool:
    """Return True if the memory at the highest pass lasts for the horizon, here or in another size."""
    trend, shown = find_memory_trend(result), result.shown_memory
    return (shown is not None and shown.lasts) or (trend is not None and trend.outlook is MemoryOutlook.LASTS)


def warn_of_companions(result: CellResult) -> str:
    """Return the companions whose memory would be full within the horizon at the highest pass, or nothing.

    An example: "the memory of its companion db grows by 20.0 MiB a minute at 400 users: 1024 MiB last 41
    min".
    """
    step = result.memory_step
    filling = [(use, use.filling) for use in step.companions if use.filling is not None] if step else []
    users = result.sustained_users or 0
    return "; ".join(
        f"the memory of its companion {use.name} {_describe_growth(trend, use.limits.memory_bytes, users)}"
        for use, trend in filling
    )


def _describe_doubt(trend: MemoryTrend, shown: ShownMemory | None) -> str:
    if trend.outlook is MemoryOutlook.LASTS:
        return ""
    if trend.shortage is not None:
        return f" (but full: {describe_shortage(trend.shortage)})"
    observed = text.format_duration(trend.observed_s)
    if shown is None:
        return f" (watched for {observed}, which is too short to tell)"
    size, longer = text.format_size(shown.limits), text.format_duration(shown.observed_s)
    outcome = "and it lasts there" if shown.lasts else "and passed"
    return f" (watched for {observed} only, because {size} had as much for {longer}, {outcome})"


def explain_memory_growth(evidence: MemoryGrows) -> str:
    """Return how fast the memory grew, and how long its limit lasts."""
    grows = f"its memory {_describe_growth(evidence.trend, evidence.limit_bytes, evidence.users)}"
    if evidence.trend.rose_to_full:
        return grows
    return f"{grows}, and the matrix asks for {text.format_duration(evidence.horizon_s)} (steps.horizon)"


def _describe_growth(trend: MemoryTrend, limit_bytes: int, users: int) -> str:
    """Return how fast memory grows, and how long its limit lasts: "grows by 1.2 MiB a minute at 200 …"."""
    limit, at_users = text.format_mebibytes(limit_bytes), text.format_users(users)
    growth = f"{text.format_number(60 * trend.growth_bytes_per_s / MIB, 1)} MiB a minute"
    if trend.rose_to_full:
        return f"grew by {growth} at {at_users} until its {limit} were full"
    lasts = f"{text.format_estimate(trend.lasts_s or 0)}{_format_lasting(trend)}"
    return f"grows by {growth} at {at_users}: {limit} last {lasts}"


def _format_lasting(trend: MemoryTrend) -> str:
    """Return between what the memory lasts with 95 %, in brackets; empty if that reads the same."""
    if trend.lasts_interval_s is None:
        return ""
    low, high = (text.format_estimate(each) for each in trend.lasts_interval_s)
    return f" ({low} – {high})" if low != high else ""
