"""Tell whether memory grew over a long hold, by its floors: what is left after each collection.

The first third of the hold is left out, in which caches and sessions fill. Growth is sure if it is more than
twice the half-width of its interval, both in the latest two thirds and in the latest half. Where it surely
falls from the middle third to the last, memory fills up and does not leak.
"""

import math

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.memory_floors import fit_growth, select_judged_part
from harness.analyse.step.usage import find_most_bytes, select_full_load
from harness.model import NEARLY_FULL_RATIO, StepFacts
from harness.model.trials import MemoryGrowth, SoakMemory

_SHARES = (2 / 3, 1 / 2)
_CERTAIN_HALF_WIDTHS = 2.0
_BLOCKS = 12
_ENOUGH_COLLECTIONS = 8
_FEWEST_FLOORS = 5
_STILL_BYTES = 0.1 * 2**20
"""The floors are taken to scatter by at least this: allocators take memory in pieces."""

_SLIGHT_BYTES_PER_S = 0.05 * 2**20 / 60
"""Slower growth counts as none if there is room for it: reports show it as none too."""

_LEVEL_BYTES_PER_S = 0.5 * 2**20 / 60
_LEVEL_FOR_HOLDS = 10
"""Memory is level if even the most growth that is likely is less than this, and leaves room for ten holds."""

_SLOWS_RATIO = 0.7
"""Growth slows if in the last third it is surely less than this share of that in the middle third."""

_FEWEST_SAMPLES = 30
_FULL_SAMPLES = 8

_Series = NDArray[np.float64]


def assess_soak_memory(facts: StepFacts, limit_bytes: int) -> SoakMemory | None:
    """Return how memory developed from the end of the ramp to the end of the window.

    `limit_bytes` is the limit of one replica. None with fewer than 30 samples, and if pages of files can't be
    told apart.
    """
    inside = select_full_load(facts, facts.target)
    if len(inside) < _FEWEST_SAMPLES or find_most_bytes(inside) is None:
        return None
    at_s = np.array([sample.at_s for sample in inside])
    used = np.array([float(sample.own_bytes) for sample in inside])
    return assess_growth(at_s, used, limit_bytes)


def assess_growth(at_s: _Series, used: _Series, limit_bytes: int) -> SoakMemory:
    """Return how memory in bytes developed by instants in seconds, of which there are some."""
    start_bytes, peak_bytes, observed_s = used[0], used.max(), float(at_s[-1] - at_s[0])
    at_s, used, lows, is_doubtful = select_judged_part(at_s, used)
    growth, low, high = _fit(at_s, used, lows, _SHARES[0])
    is_full = not lows and bool((used[-_FULL_SAMPLES:] >= NEARLY_FULL_RATIO * limit_bytes).all())
    room = _find_room(at_s, used, lows, limit_bytes)
    kind = _judge(at_s, used, lows, lasts=high * _LEVEL_FOR_HOLDS * observed_s <= room)
    if is_doubtful and kind is MemoryGrowth.GROWS:
        kind = MemoryGrowth.UNTOLD
    if is_full and float(used[0]) < NEARLY_FULL_RATIO * limit_bytes:
        kind = MemoryGrowth.GROWS
    return SoakMemory(
        growth=kind,
        observed_s=observed_s,
        start_bytes=int(start_bytes),
        end_bytes=int(used[-1]),
        peak_bytes=int(peak_bytes),
        growth_bytes_per_s=growth,
        growth_interval=(low, high),
        lasts_s=room / growth if kind is MemoryGrowth.GROWS and growth > 0 else None,
        lasts_at_least_s=room / high if 0 < high < math.inf else None,
        is_full=is_full,
    )


def _find_room(at_s: _Series, used: _Series, lows: list[int], limit_bytes: int) -> float:
    """Return the bytes left above the latest peaks, which reach the limit before the floors do.

    A collector that waits until the limit is reached has the room above its last floor.
    """
    late_peak = float(used[at_s >= at_s[-1] - (at_s[-1] - at_s[0]) / 3].max())
    is_used_up = bool(lows) and late_peak >= NEARLY_FULL_RATIO * limit_bytes
    return max(0.0, limit_bytes - (float(used[lows[-1]]) if is_used_up else late_peak))


def _judge(at_s: _Series, used: _Series, lows: list[int], *, lasts: bool) -> MemoryGrowth:
    growth, low, high = _fit(at_s, used, lows, _SHARES[0])
    is_slight = growth < _SLIGHT_BYTES_PER_S and lasts
    if not is_slight and all(_surely_grows(at_s, used, lows, share) for share in _SHARES):
        return MemoryGrowth.SLOWS if _slows(at_s, used, lows) else MemoryGrowth.GROWS
    is_level = (is_slight or low <= 0) and high <= _LEVEL_BYTES_PER_S and lasts
    return MemoryGrowth.LEVEL if is_level else MemoryGrowth.UNTOLD


def _fit(at_s: _Series, used: _Series, lows: list[int], share: float) -> tuple[float, float, float]:
    """Return the growth of the floors in the latest share of the time, with its interval."""
    chosen = _pick_floors(at_s, used, lows, share)
    return fit_growth(at_s[chosen], used[chosen], _STILL_BYTES)


def _pick_floors(at_s: _Series, used: _Series, lows: list[int], share: float) -> list[int]:
    """Return the indices of the floors of the latest share of the time, at most twelve.

    They are the lowest of equal numbers of samples, or of values after collections if there are some. If
    collections are rare, the latest eight count, however early the first of them came.
    """
    indices = np.array(lows, dtype=np.intp) if lows else np.arange(len(at_s))
    late = indices[at_s[indices] >= at_s[-1] - share * (at_s[-1] - at_s[0])]
    if lows and len(late) < _ENOUGH_COLLECTIONS:
        late = indices[-_ENOUGH_COLLECTIONS:]
    blocks = np.array_split(late, min(_BLOCKS, len(late))) if len(late) else []
    return [int(block[np.argmin(used[block])]) for block in blocks]


def _surely_grows(at_s: _Series, used: _Series, lows: list[int], share: float) -> bool:
    growth, low, _ = _fit(at_s, used, lows, share)
    has_floors = len(_pick_floors(at_s, used, lows, share)) >= _FEWEST_FLOORS
    return has_floors and growth > _CERTAIN_HALF_WIDTHS * (growth - low)


def _slows(at_s: _Series, used: _Series, lows: list[int]) -> bool:
    """Return True if memory surely grew less in the last third than in the middle third."""
    length_s = float(at_s[-1] - at_s[0])
    is_before = at_s <= at_s[0] + 2 / 3 * length_s
    early_lows = [index for index in lows if is_before[index]]
    if lows and not early_lows:
        return False
    _, early_low, _ = _fit(at_s[is_before], used[is_before], early_lows, 1 / 2)
    _, _, late_high = _fit(at_s, used, lows, 1 / 3)
    return late_high < _SLOWS_RATIO * early_low
