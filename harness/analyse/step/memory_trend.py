"""Assess how a target's memory develops while all users are there, and how long its limit lasts.

A window of some seconds shows how much memory a target uses, and not whether it will need more. So the growth
is judged: if the latest growth went on, would the memory be full within the horizon? The horizon counts from
the instant at which all users were there. Memory that rises ever more slowly, as sessions or caches fill,
stays below such a line. Where the line is too strict, a curve that approaches a level decides
(`memory_curve`).

Judged is the working set without the pages of files, which the kernel can drop. A garbage collector makes it
rise and fall like a saw-tooth, and a straight line through a healthy saw-tooth may point anywhere. So only
the floors count: what is left after each collection. Between collections memory rises by design.

A target whose memory is short may keep its level by reading the pages of its own program from the disk again
and again (`memory_shortage`). It answers for minutes, and then hardly any more: so its memory is not known to
last.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.memory_curve import extend_curve
from harness.analyse.step.memory_shortage import find_memory_shortage
from harness.analyse.step.usage import find_most_bytes, summarize_stalls
from harness.analyse.student import find_t
from harness.model import MIB, NEARLY_FULL_RATIO, MemoryOutlook, MemoryTrend, StepFacts, TargetSample

_FEWEST_SAMPLES = 6
_LATE_SHARE, _HALF = 1 / 3, 1 / 2
"""The shares of the time, up to its end, by which the growth is judged. The limit is reached too soon only if
memory surely grows in both.
"""

_BLOCKS = 6
_CURVE_BLOCKS = 24
_FEWEST_FLOORS = 3
"""A line through two points fits always, so its error is unknown."""

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

_COLLECTED_AT_LEAST_BYTES = MIB
_COLLECTED_AT_LEAST_RATIO = 0.2
"""Memory that falls by at least these bytes, and by this share of its whole range, has been collected."""

_Series = NDArray[np.float64]


def assess_memory(facts: StepFacts, limit_bytes: int, horizon_s: float) -> MemoryTrend | None:
    """Return the trend of the target's memory from the end of the ramp to the end of the window.

    `limit_bytes` is the limit of one replica. None without at least six samples, and if pages of files can't
    be told apart.
    """
    if facts.settle_from_s is None:
        return None
    to_s = facts.ended_s if facts.window_to_s is None else facts.window_to_s
    inside = [sample for sample in facts.target if facts.settle_from_s <= sample.at_s <= to_s]
    if len(inside) < _FEWEST_SAMPLES or find_most_bytes(inside) is None:
        return None
    at_s = np.array([sample.at_s for sample in inside])
    used = np.array([_read_bytes(sample) for sample in inside], dtype=np.float64)
    trend = _assess_series(at_s, used, float(_read_bytes(facts.target[0])), limit_bytes, horizon_s)
    return _doubt_short_memory(trend, inside, limit_bytes)


def _doubt_short_memory(trend: MemoryTrend, samples: Sequence[TargetSample], limit_bytes: int) -> MemoryTrend:
    """Return the trend, which is unknown instead of lasting if memory is short in the latest third."""
    late = [each for each in samples if each.at_s >= samples[-1].at_s - _LATE_SHARE * trend.observed_s]
    stalls = summarize_stalls(late, late[0].at_s, late[-1].at_s)
    shortage = find_memory_shortage(stalls, limit_bytes, find_most_bytes(late))
    is_doubtful = shortage is not None and trend.outlook is MemoryOutlook.LASTS
    outlook = MemoryOutlook.UNKNOWN if is_doubtful else trend.outlook
    return replace(trend, outlook=outlook, shortage=shortage)


def _read_bytes(sample: TargetSample) -> int:
    return max(0, sample.working_set_bytes - sample.file_bytes)


def _assess_series(
    at_s: _Series, used: _Series, start_bytes: float, limit_bytes: int, horizon_s: float
) -> MemoryTrend:
    """Assess memory in bytes by instants: see the module's docstring."""
    full_bytes = NEARLY_FULL_RATIO * limit_bytes
    lows = find_collections(used)
    below_full = _count_below_full(used, full_bytes)
    rose_to_full = not lows and _FEWEST_FLOORS <= below_full < len(used)
    if rose_to_full:
        at_s, used = at_s[:below_full], used[:below_full]
    observed_s = float(at_s[-1] - at_s[0])
    left_s = max(0.0, horizon_s - observed_s)
    floor_s, floors = pick_floors(at_s, used, lows, _LATE_SHARE)
    growth, low, _ = fit_growth(floor_s, floors)
    peak_bytes = float(used[at_s >= at_s[-1] - _LATE_SHARE * observed_s].max())
    is_full = peak_bytes >= full_bytes
    room_bytes = limit_bytes - (float(floors[-1]) if is_full and lows else peak_bytes)
    straight_bytes = peak_bytes + max(0.0, growth * left_s)
    expected, most = _extend_floors(at_s, used, lows, left_s) or (straight_bytes, math.inf)
    high = fit_growth(floor_s, floors, _STILL_BYTES)[2]
    if not lows and growth * left_s <= room_bytes and peak_bytes <= _FAR_RATIO * limit_bytes:
        high = min(high, _bound_whole_growth(at_s, used))
    can_last = high * left_s <= room_bytes or most <= limit_bytes
    outlook = MemoryOutlook.UNKNOWN
    if can_last and (lows or not is_full):
        outlook = MemoryOutlook.LASTS
    elif growth * left_s > room_bytes and expected > limit_bytes and _surely_grows(at_s, used, lows):
        outlook = MemoryOutlook.FILLS
    return MemoryTrend(
        outlook=MemoryOutlook.FILLS if rose_to_full else outlook,
        observed_s=observed_s,
        start_bytes=int(start_bytes),
        peak_bytes=int(peak_bytes),
        growth_bytes_per_s=growth,
        growth_low=low,
        growth_high=high,
        projected_bytes=max(peak_bytes, min(expected, straight_bytes)),
        lasts_s=observed_s + room_bytes / growth if growth > 0 else None,
        rose_to_full=rose_to_full,
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
    return extend_curve(*_pick_lowest(at_s, used, np.arange(len(at_s)), _CURVE_BLOCKS), left_s)


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
        fewest = _FEWEST_COLLECTED_FLOORS if lows else _FEWEST_FLOORS
        if len(floors) < fewest or growth <= _CERTAIN_HALF_WIDTHS * (growth - low):
            return False
    return True


def find_collections(used: _Series) -> list[int]:
    """Return the indices of the floors after collections; empty without one.

    If memory has risen above all earlier peaks since the last of one or two collections, they do not explain
    the rise and are not returned.
    """
    threshold = max(_COLLECTED_AT_LEAST_BYTES, _COLLECTED_AT_LEAST_RATIO * float(np.ptp(used)))
    lows: list[int] = []
    highs: list[int] = []
    peak = lowest = 0
    is_falling = False
    for index, value in enumerate(used):
        if is_falling:
            if value <= used[lowest]:
                lowest = lows[-1] = index
            elif value >= used[lowest] + threshold:
                is_falling, peak = False, index
        elif value > used[peak]:
            peak = index
        elif value <= used[peak] - threshold:
            is_falling, lowest = True, index
            lows.append(index)
            highs.append(peak)
    if 0 < len(lows) < _FEWEST_FLOORS and used[-1] >= max(used[highs]) + threshold:
        return []
    return lows


def pick_floors(
    at_s: _Series, used: _Series, lows: Sequence[int], late_share: float
) -> tuple[_Series, _Series]:
    """Return the instants and bytes of the floors by which growth is judged.

    They are the lowest values of six blocks of the latest `late_share` of the time. With collections, the
    blocks hold only the values after collections, and all of these if the latest share has fewer than six.
    With one or two collections, the first sample stands for a further floor.
    """
    indices = np.array(lows, dtype=np.intp) if lows else np.arange(len(at_s))
    fewest = _BLOCKS if lows else _FEWEST_FLOORS
    late = indices[at_s[indices] >= at_s[-1] - late_share * (at_s[-1] - at_s[0])]
    if len(late) < fewest:
        late = indices if lows else indices[-fewest:]
    if 0 < len(lows) < _FEWEST_FLOORS:
        late = np.array([0, *lows], dtype=np.intp)
    return _pick_lowest(at_s, used, late, _BLOCKS)


def _pick_lowest(
    at_s: _Series, used: _Series, indices: NDArray[np.intp], block_count: int
) -> tuple[_Series, _Series]:
    """Return the instants and bytes of the lowest of these samples in each of so many blocks of them."""
    blocks = np.array_split(indices, min(block_count, len(indices)))
    chosen = [int(block[np.argmin(used[block])]) for block in blocks]
    return at_s[chosen], used[chosen]


def fit_growth(at_s: _Series, floors: _Series, noise_at_least: float = 0.0) -> tuple[float, float, float]:
    """Return the slope of the line of least squares in bytes a second, and its 95 % interval.

    The floors are taken to scatter by `noise_at_least` bytes, even if they happen to lie on a line.
    The interval is infinite with fewer than three points. The slope is 0 with fewer than two.
    """
    if len(at_s) < 2:
        return 0.0, -math.inf, math.inf
    centred_s = at_s - at_s.mean()
    spread = float(np.sum(centred_s**2))
    slope = float(np.sum(centred_s * floors)) / spread
    if len(at_s) < _FEWEST_FLOORS:
        return slope, -math.inf, math.inf
    residual = floors - floors.mean() - slope * centred_s
    degrees = len(at_s) - 2
    noise = max(math.sqrt(float(np.sum(residual**2)) / degrees), noise_at_least)
    error = noise / math.sqrt(spread)
    half_width = find_t(0.95, degrees) * error
    return slope, slope - half_width, slope + half_width
