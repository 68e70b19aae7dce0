"""Find the part of a window in which neither the generator nor the host was disturbed.

Another program that runs for 10 s of a window of 60 s says nothing about the other 50 s. Which part is judged
depends on the counters of generator and host only, and never on the requests.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.step.validity import find_disturbance
from harness.analyse.step.window import Window, cut_window
from harness.model import EndReason, Slo, StepFacts

_BLOCK_S = 5.0
_PART_AT_LEAST_S = 20.0
"""A shorter part is not judged: a window is as long by default."""


def select_sound_part(facts: StepFacts, slos: Sequence[Slo] = (), limit_s: float = 0.0) -> StepFacts:
    """Return the step with its window cut to the longest undisturbed part.

    It is the step as it is if its whole window is sound or no sound part is 20 s long, and if something ended
    the step. The 5 s after a disturbance are left out too, in which the target still works off what waited.
    `limit_s` is that of `cut_window`.
    """
    window = cut_window(facts, limit_s)
    if window is None or facts.end_reason is not EndReason.HELD or not _is_disturbed(facts, window, slos):
        return facts
    from_s, to_s = _find_longest_run(_find_sound_blocks(facts, window, slos))
    if to_s - from_s < _PART_AT_LEAST_S or find_disturbance(facts, from_s, to_s, slos) is not None:
        return facts
    return replace(facts, window_from_s=from_s, window_to_s=to_s)


def is_recovering(facts: StepFacts, slos: Sequence[Slo], limit_s: float) -> bool:
    """Return True if a window in progress was disturbed and is sound again, but not for long enough yet."""
    window = cut_window(facts, limit_s)
    if window is None or not _is_disturbed(facts, window, slos):
        return False
    if select_sound_part(facts, slos, limit_s) is not facts:
        return False
    return find_disturbance(facts, window.to_s - _BLOCK_S, window.to_s, slos) is None


def _is_disturbed(facts: StepFacts, window: Window, slos: Sequence[Slo]) -> bool:
    is_empty = window.length_s <= 0
    return not is_empty and find_disturbance(facts, window.from_s, window.to_s, slos) is not None


def _find_sound_blocks(facts: StepFacts, window: Window, slos: Sequence[Slo]) -> list[tuple[float, float]]:
    """Return the whole blocks of 5 s without a disturbance in them or in the block before."""
    blocks = []
    was_sound = True
    for number in range(int(window.length_s // _BLOCK_S)):
        from_s = window.from_s + number * _BLOCK_S
        is_sound = find_disturbance(facts, from_s, from_s + _BLOCK_S, slos) is None
        if is_sound and was_sound:
            blocks.append((from_s, from_s + _BLOCK_S))
        was_sound = is_sound
    return blocks


def _find_longest_run(blocks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return from where to where the longest run of adjoining blocks lasts; an empty span without blocks."""
    longest = run = (0.0, 0.0)
    for from_s, to_s in blocks:
        run = (run[0], to_s) if abs(run[1] - from_s) < 1e-6 else (from_s, to_s)
        if run[1] - run[0] > longest[1] - longest[0]:
            longest = run
    return longest
