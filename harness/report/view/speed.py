"""Put the host's speed into words, within a campaign and between two."""

import statistics
from collections.abc import Iterator, Sequence

from harness.model import CellResult, Difference, Factor
from harness.report.view import text

_NOTABLE_RATIO = 0.02
"""A slower host is mentioned from here on; less is within what a window knows of it."""

_UNLIKE_RATIO = 0.1
"""If the change of the host's speed differs by more between sizes, no single number says it."""


def format_reference(result: CellResult) -> str:
    """Return the capacity at the reference speed with its interval: `249 (240–258)`; empty without one."""
    found = result.at_reference
    if found is None:
        return ""
    users, low, high = (text.format_rounded(each) for each in (found.users, found.low, found.high))
    return f"{users} ({low}–{high})"


def describe_slowdown(result: CellResult) -> str:
    """Return at which speed a cell was measured, with its capacity at the reference speed.

    It is empty if the host was about as fast as at the reference, or if there is no such capacity.
    """
    found = result.at_reference
    if found is None or found.slowdown_ratio < _NOTABLE_RATIO:
        return ""
    slowdown = text.format_ratio(found.slowdown_ratio, 0)
    return (
        f"measured while requests took {slowdown} more CPU time than with the host at its best, "
        f"which would let it sustain about {format_reference(result)} users"
    )


def explain_speed(differences: Sequence[Difference]) -> Iterator[str]:
    """Yield how the host's speed differs between two campaigns, and what was not compared at one speed."""
    slowdowns = [each.slowdown_ratio for each in differences if each.slowdown_ratio is not None]
    if slowdowns:
        yield f"{_compare_speeds(slowdowns)} Sizes that the CPU stops are compared at one speed."
    if any(_is_unknown_speed(each) for each in differences):
        yield (
            "Sizes that the CPU stops and that have no change at one speed are compared as measured: the "
            "host's pace, or a capacity, is unknown. Only large differences count, because the host's speed "
            "moves them."
        )


def _compare_speeds(slowdowns: Sequence[float]) -> str:
    """Return how much slower the host was in the second campaign; from … to if that differs between sizes."""
    low, high = min(slowdowns), max(slowdowns)
    if high - low > _UNLIKE_RATIO:
        changes = " to ".join(text.format_change(ratio) for ratio in (low, high))
        return (
            "The host's speed differed from size to size: a fixed piece of work took "
            f"{changes} longer in the second campaign."
        )
    ratio = statistics.median(slowdowns)
    if abs(ratio) < _NOTABLE_RATIO:
        return "The host was as fast in the second campaign as in the first, by a fixed piece of work."
    host = f"{text.format_ratio(abs(ratio), 0)} {'slower' if ratio > 0 else 'faster'}"
    return f"The host was {host} in the second campaign, by a fixed piece of work."


def _is_unknown_speed(difference: Difference) -> bool:
    """Return True if the CPU stops the size, and it was compared as measured."""
    factors = {result.limiting_factor for result in (*difference.base, *difference.head)}
    is_compared = difference.counts_from_ratio is not None
    return is_compared and difference.slowdown_ratio is None and Factor.CPU in factors
