"""Decide whether a window in progress is spoiled: held to its end, it would still be INVALID.

A disturbance may end at any moment, so it is waited for as long as starting again would take. Then no more
than twice the time is lost that somebody would lose who knew when it ends (the *ski rental* problem: A. R.
Karlin and others, "Competitive snoopy caching", Algorithmica 3, 1988).
"""

from collections.abc import Callable, Sequence

from harness.analyse.step.scenario_errors import summarize_user_ends
from harness.analyse.step.sound_part import (
    PART_AT_LEAST_S,
    find_least_part_s,
    find_sound_from_s,
    is_disturbed_throughout,
)
from harness.analyse.step.window import cut_window
from harness.model import Slo, StepFacts

_MISSING_FOR_S = 5.0
"""Users that are missing for so long do not come back: Locust replaces none."""


def build_spoiled_predicate(
    slos: Sequence[Slo], drain_s: float, *, is_last_try: bool
) -> Callable[[StepFacts, float], bool]:
    """Return a predicate on a step's facts so far and the instant at which its window ends at the latest.

    The predicate is `is_spoiled`.
    """
    return lambda facts, ends_by_s: is_spoiled(facts, slos, drain_s, ends_by_s, is_last_try=is_last_try)


def is_spoiled(
    facts: StepFacts, slos: Sequence[Slo], drain_s: float, ends_by_s: float, *, is_last_try: bool = False
) -> bool:
    """Return True if the window in progress is to be given up.

    That is so if users are missing that do not come back, or if no sound part of it can be long enough any
    more. It is also so if the disturbance has lasted from the begin of the window on for as long as a fresh
    container needs to get there, unless this step is the last try.
    """
    window = cut_window(facts, drain_s)
    if window is None or window.length_s < PART_AT_LEAST_S:
        return False
    if _are_users_missing(facts):
        return True
    sound_from_s = find_sound_from_s(facts, slos, drain_s)
    if sound_from_s is None:
        return False
    if ends_by_s - sound_from_s < find_least_part_s(facts, drain_s):
        return True
    has_waited = window.length_s >= window.from_s - facts.ramp_from_s
    return not is_last_try and has_waited and is_disturbed_throughout(facts, slos, drain_s)


def _are_users_missing(facts: StepFacts) -> bool:
    """Return True if users have been missing for a while, and not because of requests that failed.

    Users whom failed requests have ended may become the target's failure, which takes a whole window to tell.
    """
    if facts.window_from_s is None:
        return False
    late = [sample.users for sample in facts.generator if sample.at_s >= facts.ended_s - _MISSING_FOR_S]
    if not late or max(late) >= facts.users:
        return False
    ends = summarize_user_ends(facts)
    return ends is None or 2 * ends.after_failure <= ends.count
