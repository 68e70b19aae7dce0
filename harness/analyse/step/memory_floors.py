"""Find the floors of a memory, and fit a line to them: what is left after each collection.

A garbage collector makes memory rise and fall like a saw-tooth, and a straight line through a healthy
saw-tooth may point anywhere. So only the floors count. Between collections memory rises by design.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.analyse.student import find_t
from harness.model import MIB

FEWEST_FLOORS = 3
"""A line through two points fits always, so its error is unknown."""

_BLOCKS = 6
_HALT_BLOCKS = 24

_COLLECTED_AT_LEAST_BYTES = MIB
_COLLECTED_AT_LEAST_RATIO = 0.2
"""Memory that falls by at least these bytes, and by this share of its whole range, has been collected. If it
rises by as much at once, it was taken in one piece.
"""

_LATE_COLLECTION_RATIO = 2
"""A collection is overdue after this many times the longest time between two collections."""

_REST_SAMPLES = 6
"""Memory that was collected rises again as before. It is at rest if it has not for as long as it rose before
it fell, and for so many samples.
"""

_HALT_RATIO = 2
"""Memory stands still for good only if it does so for this many times its longest halt before a rise."""

_STAIR_BLOCKS = 48
_STAIR_AT_LEAST_RATIO = 0.1
_FEWEST_STAIRS = 4
_REGULAR_RATIO = 1.5
"""Stairs are found in so many blocks of the time. Each is at least this share of the whole rise; see
`find_stairs`.
"""

_Series = NDArray[np.float64]


def find_collections(used: _Series) -> list[int]:
    """Return the indices of the floors after collections; empty without one.

    Collections that do not explain how memory has risen since are not returned: one or two of them if it has
    risen above all earlier peaks, more of them once the next one is overdue.
    """
    lows, highs, _ = _scan_collections(used)
    if not lows or used[-1] < max(used[highs]) + _find_threshold(used):
        return lows
    since_last = len(used) - 1 - lows[-1]
    is_overdue = len(lows) < FEWEST_FLOORS or since_last > _LATE_COLLECTION_RATIO * max(np.diff(lows))
    return [] if is_overdue else lows


def _find_threshold(used: _Series) -> float:
    return max(_COLLECTED_AT_LEAST_BYTES, _COLLECTED_AT_LEAST_RATIO * float(np.ptp(used)))


def _scan_collections(used: _Series) -> tuple[list[int], list[int], int | None]:
    """Return the indices of all floors and of the peaks before them, and where the last fall was seen.

    The last is None if memory has risen again since.
    """
    threshold = _find_threshold(used)
    lows: list[int] = []
    highs: list[int] = []
    peak = lowest = 0
    fell: int | None = None
    for index, value in enumerate(used):
        if fell is not None:
            if value <= used[lowest]:
                lowest = lows[-1] = index
            elif value >= used[lowest] + threshold:
                fell, peak = None, index
        elif value > used[peak]:
            peak = index
        elif value <= used[peak] - threshold:
            fell = lowest = index
            lows.append(index)
            highs.append(peak)
    return lows, highs, fell


def select_judged_part(at_s: _Series, used: _Series) -> tuple[_Series, _Series, list[int], bool]:
    """Return the instants and bytes by which memory is judged, and the indices of their floors.

    Once memory is at rest after a fall, only what follows is judged. One or two collections in it are noise.
    The last value is True if what rises then may fall once more: it has not risen above what it was before.
    """
    rest = _find_rest(used)
    lows = find_collections(used[rest:])
    may_fall = rest > 0 and bool(used[rest:].max() <= used[:rest].max())
    at_s, used = at_s[rest:], used[rest:]
    if rest and len(lows) < FEWEST_FLOORS:
        return at_s, used, [], may_fall
    return at_s, used, lows, may_fall or _were_floors_as_high(at_s, used, lows)


def _were_floors_as_high(at_s: _Series, used: _Series, lows: Sequence[int]) -> bool:
    """Return True if floors have been as high as they are after half of the time, and fell since.

    A generational collector often frees what is young, and seldom all: its floors are a saw-tooth too. The
    newest floor does not count, because it may be the last one before they fall again.
    """
    floors, half = used[lows], int(np.searchsorted(at_s[lows], (at_s[0] + at_s[-1]) / 2))
    if not 0 < half < len(floors) - 1:
        return False
    lowest = half + int(np.argmin(floors[half:]))
    return bool(floors[:lowest].max() >= floors[lowest:-1].max(initial=-math.inf))


def _find_rest(used: _Series) -> int:
    """Return the index from which on memory is at rest after it fell; 0 if it did not fall.

    What arriving users needed is given back, or a heap shrinks: memory falls once or twice, and does not rise
    again as it did before. That is no saw-tooth, and what follows is judged for itself.
    """
    lows, highs, fell = _scan_collections(used)
    if fell is None or len(lows) >= FEWEST_FLOORS:
        return 0
    rose_for = highs[-1] - (lows[-2] if len(lows) > 1 else 0)
    rested_for = len(used) - 1 - fell
    return fell if rested_for >= max(_REST_SAMPLES, rose_for) else 0


def is_mere_halt(at_s: _Series, used: _Series, left_s: float, room_bytes: float) -> bool:
    """Return True if memory that stands still did so before, for about as long, and rose then.

    Memory that is taken in large pieces rises in stairs. It is no halt if stairs like these would not use up
    the room in the time that is left.
    """
    block_s, floors = pick_lowest(at_s, used, np.arange(len(at_s)), _HALT_BLOCKS)
    observed_s = float(block_s[-1] - block_s[0])
    stairs = np.flatnonzero(np.diff(floors) >= _find_threshold(floors))
    if len(stairs) == 0 or (floors[-1] - floors[0]) * left_s <= room_bytes * observed_s:
        return False
    begins_s = block_s[[0, *(stairs + 1)]]
    longest_s = float(np.max(block_s[stairs] - begins_s[:-1]))
    return float(at_s[-1] - begins_s[-1]) < _HALT_RATIO * longest_s


def find_stairs(at_s: _Series, used: _Series, lows: Sequence[int]) -> list[int]:
    """Return the indices at which memory stands still after each rise, if it rises in regular stairs.

    Work that is done every minute may keep memory each time. Stairs are regular if there are four at least,
    and no halt is 1.5 times as long as another one, nor the one that goes on. Empty for any other memory.
    With collections, only what is left after these counts.
    """
    indices = np.array(lows, dtype=np.intp) if lows else np.arange(len(used))
    blocks = np.array_split(indices, min(_STAIR_BLOCKS, len(indices)))
    chosen = np.array([block[np.argmin(used[block])] for block in blocks])
    changes = np.diff(used[chosen])
    threshold = max(_COLLECTED_AT_LEAST_BYTES, _STAIR_AT_LEAST_RATIO * float(np.ptp(used[chosen])))
    rises = np.flatnonzero(changes >= threshold) + 1
    begins = chosen[rises[np.diff(rises, append=len(chosen) + 1) > 1]]
    if len(begins) < _FEWEST_STAIRS or changes.min() <= -threshold:
        return []
    halts_s = np.diff(at_s[begins])
    longest_s = max(float(halts_s.max()), float(at_s[-1] - at_s[begins[-1]]))
    return begins.tolist() if longest_s <= _REGULAR_RATIO * halts_s.min() else []


def pick_floors(
    at_s: _Series, used: _Series, lows: Sequence[int], late_share: float
) -> tuple[_Series, _Series]:
    """Return the instants and bytes of the floors by which growth is judged.

    They are the lowest values of six blocks of the latest `late_share` of the time. With collections, the
    blocks hold only the values after collections, and all of these if the latest share has fewer than six.
    With one or two collections, the first sample stands for a further floor.
    """
    indices = np.array(lows, dtype=np.intp) if lows else np.arange(len(at_s))
    fewest = _BLOCKS if lows else FEWEST_FLOORS
    late = indices[at_s[indices] >= at_s[-1] - late_share * (at_s[-1] - at_s[0])]
    if len(late) < fewest:
        late = indices if lows else indices[-fewest:]
    if 0 < len(lows) < FEWEST_FLOORS:
        late = np.array([0, *lows], dtype=np.intp)
    return pick_lowest(at_s, used, late, _BLOCKS)


def pick_lowest(
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
    if len(at_s) < FEWEST_FLOORS:
        return slope, -math.inf, math.inf
    residual = floors - floors.mean() - slope * centred_s
    degrees = len(at_s) - 2
    noise = max(math.sqrt(float(np.sum(residual**2)) / degrees), noise_at_least)
    error = noise / math.sqrt(spread)
    half_width = find_t(0.95, degrees) * error
    return slope, slope - half_width, slope + half_width
