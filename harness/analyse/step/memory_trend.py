"""Assess how a target's memory develops while all users are there, and how long its limit lasts.

A window of some seconds shows how much memory a target uses, and not whether it will need more. So the growth
is judged: if the latest growth went on, would the memory be full within the horizon? The horizon counts from
the instant at which all users were there. Memory that rises ever more slowly, as sessions or caches fill,
stays below such a line. Where the line is too strict, a curve that approaches a level decides
(`memory_curve`).

Judged are the floors of the working set without the pages of files, which the kernel can drop (see
`memory_floors`).

A target whose memory is short may keep its level by reading the pages of its own program from the disk again
and again (`memory_shortage`). It answers for minutes, and then hardly any more: so its memory is not known to
last.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.memory_curve import extend_curve
from harness.analyse.step.memory_floors import (
    FEWEST_FLOORS,
    find_stairs,
    fit_growth,
    is_mere_halt,
    pick_floors,
    pick_lowest,
    select_judged_part,
)
from harness.analyse.step.memory_shortage import find_memory_shortage
from harness.analyse.step.sound_part import PART_AT_LEAST_S
from harness.analyse.step.usage import find_most_bytes, select_full_load, summarize_stalls
from harness.model import (
    MIB,
    NEARLY_FULL_RATIO,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    StepFacts,
    TargetSample,
    Timing,
)
from harness.model.stalls import MemoryShort

_FEWEST_SAMPLES = 6
_LATE_SHARE, _HALF = 1 / 3, 1 / 2
"""The shares of the time, up to its end, by which the growth is judged. The limit is reached too soon only if
memory surely grows in both.
"""

_CURVE_BLOCKS = 24
_STILL_BYTES = 0.1 * MIB
"""Before memory is said to last, its floors are taken to scatter by at least this. Allocators take memory in
pieces, and use again what was freed: a shop's memory stood still for ten seconds while its sessions filled.
"""

_FEWEST_COLLECTED_FLOORS = 4
"""Floors after collections needed to be sure that memory grows: three lie on a line too often by chance."""

_FAR_RATIO = 0.5
"""Up to this share of its limit memory is far from it: floors of the whole time may show that it lasts."""

_FULL_SAMPLES = 8
"""Memory is full once as many samples in a row are close to the limit: a saw-tooth touches it for less."""

_CERTAIN_HALF_WIDTHS = 2.0
"""Memory grows if its growth is more than this many half-widths of its interval. One would raise a false
alarm in every fortieth level series.
"""

_Series = NDArray[np.float64]


def assess_memory(
    facts: StepFacts, limit_bytes: int, horizon_s: float, replicas: int = 1
) -> MemoryTrend | None:
    """Return the trend of the target's memory from the end of the ramp to the end of the window.

    `limit_bytes` is the limit of one of so many replicas. None without at least six samples, and if pages of
    files can't be told apart.
    """
    return _assess_container(facts, facts.target, Limits(1.0, limit_bytes, replicas), horizon_s)


def is_surely_filling(trend: MemoryTrend | None, timing: Timing) -> bool:
    """Return True if memory grows so that its limit is reached within the horizon.

    The step must have been held long enough to tell growth from the begin of a level.
    """
    if trend is None or timing.steady_at_most_s == 0 or trend.needs_longer_step(timing.steady_at_most_s):
        return False
    return trend.outlook is MemoryOutlook.FILLS


def find_filling_companions(facts: StepFacts, timing: Timing) -> dict[str, MemoryTrend]:
    """Return the trend of each companion's memory that is surely filling, by the companion's name."""
    trends = {
        name: _assess_container(facts, companion.samples, companion.limits, timing.horizon_s)
        for name, companion in facts.companions.items()
    }
    return {name: trend for name, trend in trends.items() if trend and is_surely_filling(trend, timing)}


def _assess_container(
    facts: StepFacts, samples: Sequence[TargetSample], limits: Limits, horizon_s: float
) -> MemoryTrend | None:
    inside = select_full_load(facts, samples)
    if len(inside) < _FEWEST_SAMPLES or find_most_bytes(inside) is None:
        return None
    at_s = np.array([sample.at_s for sample in inside])
    used = np.array([sample.own_bytes for sample in inside], dtype=np.float64)
    trend = _assess_series(at_s, used, float(samples[0].own_bytes), limits.memory_bytes, horizon_s)
    return _doubt_short_memory(trend, inside, limits.memory_bytes, limits.replicas)


def _doubt_short_memory(
    trend: MemoryTrend, samples: Sequence[TargetSample], limit_bytes: int, replicas: int
) -> MemoryTrend:
    """Return the trend, which is unknown instead of lasting if memory is short.

    It is if it was so in the latest third, or if it slowed requests in the latest seconds.
    """
    third_s = _LATE_SHARE * trend.observed_s
    shortages = [
        _find_late_shortage(samples, late_s, limit_bytes, replicas)
        for late_s in (third_s, min(third_s, PART_AT_LEAST_S))
    ]
    shortage = next((each for each in shortages if each is not None and each.slows_requests), shortages[0])
    is_doubtful = shortage is not None and trend.outlook is MemoryOutlook.LASTS
    outlook = MemoryOutlook.UNKNOWN if is_doubtful else trend.outlook
    return replace(trend, outlook=outlook, shortage=shortage)


def _find_late_shortage(
    samples: Sequence[TargetSample], late_s: float, limit_bytes: int, replicas: int
) -> MemoryShort | None:
    """Return how short the memory was in the latest seconds; None if it was not."""
    late = [each for each in samples if each.at_s >= samples[-1].at_s - late_s]
    stalls = summarize_stalls(late, late[0].at_s, late[-1].at_s)
    return find_memory_shortage(stalls, limit_bytes, find_most_bytes(late), replicas)


def _assess_series(
    at_s: _Series, used: _Series, start_bytes: float, limit_bytes: int, horizon_s: float
) -> MemoryTrend:
    """Assess memory in bytes by instants: see the module's docstring."""
    from_s = float(at_s[0])
    at_s, used, lows, is_doubtful = select_judged_part(at_s, used)
    below_full = _count_below_full(used, NEARLY_FULL_RATIO * limit_bytes)
    rose_to_full = not lows and FEWEST_FLOORS <= below_full < len(used)
    if rose_to_full:
        at_s, used = at_s[:below_full], used[:below_full]
    observed_s = float(at_s[-1] - from_s)
    floors = find_stairs(at_s, used, lows) or lows
    growth = _measure_growth(at_s, used, floors, limit_bytes, max(0.0, horizon_s - observed_s))
    outlook = MemoryOutlook.UNKNOWN
    if rose_to_full or (growth.fills and not growth.lasts and not is_doubtful):
        outlook = MemoryOutlook.FILLS
    elif growth.lasts:
        outlook = MemoryOutlook.LASTS
    slows = outlook is MemoryOutlook.LASTS and growth.is_too_fast
    return MemoryTrend(
        outlook=outlook,
        observed_s=observed_s,
        start_bytes=int(start_bytes),
        peak_bytes=int(growth.peak_bytes),
        growth_bytes_per_s=growth.slope,
        growth_low=growth.low,
        growth_high=growth.high,
        projected_bytes=growth.projected_bytes,
        lasts_s=observed_s + growth.room_bytes / growth.slope if growth.slope > 0 and not slows else None,
        rose_to_full=rose_to_full,
    )


@dataclass(frozen=True, slots=True)
class _Growth:
    """The growth of the floors with its interval, and what follows from it until the horizon.

    `is_too_fast`: the limit is reached if memory goes on to grow like that. `lasts` and `fills` are sure.
    """

    slope: float
    low: float
    high: float
    peak_bytes: float
    room_bytes: float
    projected_bytes: float
    is_too_fast: bool
    lasts: bool
    fills: bool


def _measure_growth(
    at_s: _Series, used: _Series, lows: Sequence[int], limit_bytes: int, left_s: float
) -> _Growth:
    floor_s, floors = pick_floors(at_s, used, lows, _LATE_SHARE)
    growth, low, high = fit_growth(floor_s, floors)
    peak_bytes = float(used[at_s >= at_s[-1] - _LATE_SHARE * (at_s[-1] - at_s[0])].max())
    is_full = peak_bytes >= NEARLY_FULL_RATIO * limit_bytes
    room_bytes = limit_bytes - (float(floors[-1]) if is_full and lows else peak_bytes)
    straight_bytes = peak_bytes + max(0.0, growth * left_s)
    bound = fit_growth(floor_s, floors, _STILL_BYTES)[2]
    is_too_fast = growth * left_s > room_bytes
    if not lows and not is_too_fast and peak_bytes <= _FAR_RATIO * limit_bytes:
        bound = min(bound, _bound_whole_growth(at_s, used))
    expected, most = straight_bytes, math.inf
    if growth > 0 or bound * left_s > room_bytes:  # otherwise no curve changes what follows
        expected, most = _extend_floors(at_s, used, lows, left_s) or (expected, most)
    can_last = bound * left_s <= room_bytes or most <= limit_bytes
    is_halt = not lows and is_mere_halt(at_s, used, left_s, room_bytes)
    return _Growth(
        growth,
        low,
        high,
        peak_bytes,
        room_bytes,
        max(peak_bytes, min(expected, straight_bytes)),
        is_too_fast,
        lasts=can_last and not is_halt and (bool(lows) or not is_full),
        fills=is_too_fast and expected > limit_bytes and _surely_grows(at_s, used, lows),
    )


def _bound_whole_growth(at_s: _Series, used: _Series) -> float:
    """Return the upper end of the growth's interval by the floors of the whole time, in bytes a second."""
    return fit_growth(*pick_floors(at_s, used, (), 1.0), _STILL_BYTES)[2]


def _extend_floors(
    at_s: _Series, used: _Series, lows: Sequence[int], left_s: float
) -> tuple[float, float] | None:
    """Return the bytes to expect after `left_s` more, and the most that is likely.

    None if nothing slows, and with collections: a curve would follow the saw-tooth.
    """
    if lows:
        return None
    return extend_curve(*pick_lowest(at_s, used, np.arange(len(at_s)), _CURVE_BLOCKS), left_s)


def _count_below_full(used: _Series, full_bytes: float) -> int:
    """Return how many samples came before the memory was full and stayed so; all of them if it did not."""
    is_full = used >= full_bytes
    if len(used) < _FULL_SAMPLES or not is_full[-_FULL_SAMPLES:].all():
        return len(used)
    return int(np.argmax(is_full))


def _surely_grows(at_s: _Series, used: _Series, lows: Sequence[int]) -> bool:
    """Return True if the floors of the latest third and of the latest half surely rise."""
    for late_share in (_LATE_SHARE, _HALF):
        floor_s, floors = pick_floors(at_s, used, lows, late_share)
        growth, low, _ = fit_growth(floor_s, floors)
        fewest = _FEWEST_COLLECTED_FLOORS if lows else FEWEST_FLOORS
        if len(floors) < fewest or growth <= _CERTAIN_HALF_WIDTHS * (growth - low):
            return False
    return True
