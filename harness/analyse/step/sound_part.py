"""Find the part of a window in which neither the generator nor the host was disturbed.

Another program that runs for 10 s of a window of 60 s says nothing about the other 50 s. Which part is judged
depends on the counters of generator and host only, and never on the requests.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.step.cycle import measure_cycle_s
from harness.analyse.step.validity import find_disturbance
from harness.analyse.step.window import Window, cut_window
from harness.model import LONGEST_CYCLE_S, EndReason, Slo, StepFacts

_BLOCK_S = 5.0
PART_AT_LEAST_S = 20.0
"""A shorter part is not judged: a window is as long by default."""

_PART_CYCLES = 2
"""Nor is a part of fewer of the users' cycles: those who ask in it may be a single wave."""

_SAME_INSTANT_S = 1e-6


def select_sound_part(facts: StepFacts, slos: Sequence[Slo] = (), limit_s: float = 0.0) -> StepFacts:
    """Return the step with its window cut to the longest undisturbed part.

    It is the step as it is if its whole window is sound or no sound part is long enough, and if something
    ended the step. The 5 s after a disturbance are left out too, in which the target still works off what
    waited. `limit_s` is that of `cut_window`.
    """
    window = cut_window(facts, limit_s)
    if window is None or facts.end_reason is not EndReason.HELD or not _is_disturbed(facts, window, slos):
        return facts
    from_s, to_s = _find_longest_run(_find_sound_blocks(facts, window, slos))
    is_short = to_s - from_s < find_least_part_s(facts, limit_s)
    if is_short or find_disturbance(facts, from_s, to_s, slos) is not None:
        return facts
    return replace(facts, window_from_s=from_s, window_to_s=to_s)


def select_latest_part(facts: StepFacts, limit_s: float) -> StepFacts | None:
    """Return the step with its window cut to the latest part that is long enough to be judged.

    None if the whole window is no longer. `limit_s` is that of `cut_window`.
    """
    window, part_s = cut_window(facts, limit_s), find_least_part_s(facts, limit_s)
    if window is None or window.length_s <= part_s:
        return None
    return replace(facts, window_from_s=window.to_s - part_s, window_to_s=window.to_s)


def find_least_part_s(facts: StepFacts, limit_s: float) -> float:
    """Return how long a part must be to be judged: 20 s, and two cycles of the users.

    A cycle of more than 120 s counts as 120 s, and a response in it as `limit_s` at most.
    """
    cycle_s = min(measure_cycle_s(facts, limit_s), LONGEST_CYCLE_S)
    return max(PART_AT_LEAST_S, _PART_CYCLES * cycle_s)


def is_recovering(facts: StepFacts, slos: Sequence[Slo], limit_s: float) -> bool:
    """Return True if a window in progress was disturbed and is sound again, but not for long enough yet."""
    window = cut_window(facts, limit_s)
    if window is None or not _is_disturbed(facts, window, slos):
        return False
    if select_sound_part(facts, slos, limit_s) is not facts:
        return False
    return find_disturbance(facts, window.to_s - _BLOCK_S, window.to_s, slos) is None


def find_sound_from_s(facts: StepFacts, slos: Sequence[Slo], limit_s: float) -> float | None:
    """Return from when on a sound part of a window in progress begins, or can begin at the earliest.

    None if the window needs none: nothing has disturbed it, or a sound part of it is long enough already.
    """
    window = cut_window(facts, limit_s)
    if window is None or not _is_disturbed(facts, window, slos):
        return None
    if select_sound_part(facts, slos, limit_s) is not facts:
        return None
    to_s = window.from_s + window.length_s // _BLOCK_S * _BLOCK_S
    run = _find_last_run(_find_sound_blocks(facts, window, slos))
    if abs(run[1] - to_s) < _SAME_INSTANT_S:
        return run[0]
    is_over = find_disturbance(facts, to_s - _BLOCK_S, to_s, slos) is None
    return to_s if is_over else to_s + _BLOCK_S


def is_disturbed_throughout(facts: StepFacts, slos: Sequence[Slo], limit_s: float) -> bool:
    """Return True if every whole block of 5 s of a window in progress was disturbed."""
    window = cut_window(facts, limit_s)
    if window is None or window.length_s < _BLOCK_S:
        return False
    blocks = ((from_s, from_s + _BLOCK_S) for from_s in _list_blocks(window))
    return all(find_disturbance(facts, *block, slos) is not None for block in blocks)


def _is_disturbed(facts: StepFacts, window: Window, slos: Sequence[Slo]) -> bool:
    is_empty = window.length_s <= 0
    return not is_empty and find_disturbance(facts, window.from_s, window.to_s, slos) is not None


def _find_sound_blocks(facts: StepFacts, window: Window, slos: Sequence[Slo]) -> list[tuple[float, float]]:
    """Return the whole blocks of 5 s without a disturbance in them or in the block before."""
    blocks = []
    was_sound = True
    for from_s in _list_blocks(window):
        is_sound = find_disturbance(facts, from_s, from_s + _BLOCK_S, slos) is None
        if is_sound and was_sound:
            blocks.append((from_s, from_s + _BLOCK_S))
        was_sound = is_sound
    return blocks


def _list_blocks(window: Window) -> list[float]:
    """Return the instants at which the whole blocks of a window begin."""
    return [window.from_s + number * _BLOCK_S for number in range(int(window.length_s // _BLOCK_S))]


def _find_longest_run(blocks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return from where to where the longest run of adjoining blocks lasts; an empty span without blocks."""
    return max(_join_blocks(blocks), key=lambda run: run[1] - run[0], default=(0.0, 0.0))


def _find_last_run(blocks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return from where to where the last run of adjoining blocks lasts; an empty span without blocks."""
    return next(reversed(_join_blocks(blocks)), (0.0, 0.0))


def _join_blocks(blocks: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the runs of adjoining blocks, in their order."""
    runs: list[tuple[float, float]] = []
    for from_s, to_s in blocks:
        if runs and abs(runs[-1][1] - from_s) < _SAME_INSTANT_S:
            runs[-1] = (runs[-1][0], to_s)
        else:
            runs.append((from_s, to_s))
    return runs
