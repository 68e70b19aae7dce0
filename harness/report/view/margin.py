"""Put into words what the size to take has to spare, and which size would just do."""

from harness.model import Margin, Sizing
from harness.report.view import text

_TOSS_UP_AT_LEAST, _TOSS_UP_AT_MOST = 0.2, 0.8
"""Probabilities between these are a toss-up: the data does not tell the answer."""

_SURE = 0.95


def describe_certainty(margin: Margin) -> str:
    """Return how sure it is that another run sustains the users: `over 99 % sure`, `only 74 % sure`."""
    only = "only " if margin.probability <= _TOSS_UP_AT_MOST else ""
    return f"{only}{format_probability(margin.probability)} sure"


def format_probability(ratio: float) -> str:
    """Return a probability; nothing that was measured is wholly sure."""
    return "over 99 %" if ratio > 0.99 else text.format_ratio(ratio)


def format_headroom(sizing: Sizing) -> str:
    """Return the headroom as it was asked for, `30 %`: of few users those needed are a larger share."""
    return text.format_limit(sizing.headroom_ratio or sizing.needed / sizing.users - 1)


def format_capacity(margin: Margin) -> str:
    """Return the users that a size is expected to sustain.

    Predicted ones are rounded down, as for the rule which size to take.
    """
    users = text.keep_finite(margin.capacity_users)
    if users is None:
        return text.NO_DATA
    return text.format_count(int(users) if margin.is_predicted else round(users))


def describe_margin(sizing: Sizing) -> str:
    """Return sentences on the headroom of the size to take, each after a space; empty without a headroom."""
    if sizing.recommended is None or sizing.needed == sizing.users:
        return ""
    return "".join(f" {sentence}" for sentence in (*_describe_own(sizing), *_describe_just_enough(sizing)))


def _describe_own(sizing: Sizing) -> list[str]:
    margin = sizing.margin
    headroom = f"{format_headroom(sizing)} more users"
    if margin is None:
        return [f"Whether it keeps room for {headroom} is not known."]
    spare = list_spare(margin)
    left = f"{spare} {_agree(margin)} spare at {text.format_users(sizing.users)}" if spare else ""
    held = sizing.recommended is not None and sizing.recommended.sustains(sizing.needed)
    source = "predicted" if margin.is_predicted and not held else "measured"
    if not sizing.keeps_headroom:
        keeps = "no size is known to keep" if sizing.is_headroom_open else "no size keeps"
        none = f"{left}: {keeps}" if left else f"{keeps[0].upper()}{keeps[1:]}"
        return [
            f"{none} room for {headroom}, this one sustains about {format_capacity(margin)} ({source}).",
            _advise(margin),
        ]
    doubt = "" if margin.headroom_probability > _TOSS_UP_AT_MOST else ", a toss-up"
    room = f"room for {headroom} ({source}{doubt})"
    return [f"{left}, {room}." if left else f"It keeps {room}."]


def _advise(margin: Margin) -> str:
    """Return what to do if no size keeps the headroom."""
    if margin.companion is None:
        return "Measure larger sizes too."
    return f"With them its companion {text.clean_text(margin.companion)} uses all of its CPU: give it more."


def _describe_just_enough(sizing: Sizing) -> list[str]:
    """Return a sentence on the size that sustains the users without the headroom; empty without one."""
    result, margin = sizing.just_enough, sizing.just_enough_margin
    if result is None:
        return []
    name = f"{text.format_size(result.cell.limits)} also sustains {text.format_count(sizing.users)}"
    if margin is None:
        return [f"{name}, and what it has to spare is not known."]
    if margin.headroom_probability >= _TOSS_UP_AT_LEAST:
        sure = text.format_ratio(margin.headroom_probability)
        return [f"{name}; whether it keeps that room is a toss-up ({sure} sure)."]
    spare = f", with {list_spare(margin)} spare" if list_spare(margin) else ""
    sure = "" if margin.probability >= _SURE else f" ({text.format_ratio(margin.probability)} sure)"
    return [f"{name}{sure}{spare}: growth or a slower host breaks it."]


def describe_toss_up(sizing: Sizing) -> str:
    """Return that the next smaller size may do as well, after the sentence on it; empty if it surely doesn't.

    It is one that did not sustain the users, but whose interval does not exclude them, nor the headroom that
    the size to take keeps.
    """
    smaller, margin = sizing.next_smaller, sizing.next_smaller_margin
    if smaller is None or margin is None or smaller.sustains(sizing.users):
        return ""
    is_kept = sizing.keeps_headroom and sizing.needed > sizing.users
    probability = margin.headroom_probability if is_kept else margin.probability
    if probability < _TOSS_UP_AT_LEAST:
        return ""
    sure = text.format_ratio(probability)
    what = "keeps that room" if is_kept else f"sustains {text.format_users(sizing.users)}"
    return f"; whether it {what} in another run is a toss-up ({sure} sure)"


def list_spare(margin: Margin) -> str:
    """Return the shares of CPU and memory that are spare: `30 % of its CPU and 81 % of its memory`."""
    parts = [
        f"{text.format_ratio(ratio)} of its {name}"
        for ratio, name in ((margin.spare_cpu_ratio, "CPU"), (margin.spare_memory_ratio, "memory"))
        if ratio is not None
    ]
    return " and ".join(parts)


def _agree(margin: Margin) -> str:
    return "is" if None in (margin.spare_cpu_ratio, margin.spare_memory_ratio) else "are"
