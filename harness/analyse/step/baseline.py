"""The baseline of a cell: what the target does at light load, by which its loaded steps are judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analyse.step.validity import judge_validity, compute_unexplained_ratio
from harness.analyse.step.window import cut_window, find_percentile_s
from harness.model import StepFacts


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a step of few users shows: the mean response time, and the usual share of unexplained time.

    Throughput shortfall and Little's law are measured against it.
    """

    users: int
    mean_s: float
    unexplained_ratio: float


def build_baseline(facts: StepFacts) -> Baseline | None:
    """Return the step as a baseline for others; None if it holds no answers, or is invalid.

    An invalid step is none because half a generator would make a whole one look wrong.
    """
    window = cut_window(facts)
    if window is None or len(window.good) == 0 or judge_validity(facts, window, None):
        return None
    return Baseline(facts.users, float(window.good.mean()), compute_unexplained_ratio(window))


def find_baseline(steps: Sequence[StepFacts]) -> Baseline | None:
    """Return the baseline from the step with the fewest users; None if no step holds answers."""
    for facts in sorted(steps, key=lambda facts: (facts.users, facts.index)):
        baseline = build_baseline(facts)
        if baseline is not None:
            return baseline
    return None


def choose_lighter_baseline(one: Baseline | None, other: Baseline | None) -> Baseline | None:
    """Return the baseline of fewer users; the first one if both have as many."""
    if one is None or other is None:
        return one or other
    return other if other.users < one.users else one


def choose_baseline(steps: Sequence[StepFacts], borrowed: Baseline | None) -> Baseline | None:
    """Return the cell's own baseline, or a lighter one that is `borrowed` from another size.

    A smaller size answers slower, so a borrowed response time is raised to that of the fastest tenth here:
    the baseline may be too lenient (then the response times decide), never too strict.
    """
    own = find_baseline(steps)
    if own is None or borrowed is None or own.users <= borrowed.users:
        return own or borrowed
    tenths_s = [find_fastest_tenth_s(facts) for facts in steps if facts.users == own.users]
    fastest_s = min(tenth_s for tenth_s in tenths_s if tenth_s is not None)
    return replace(borrowed, mean_s=max(borrowed.mean_s, fastest_s))


def find_fastest_tenth_s(facts: StepFacts) -> float | None:
    """Return the response time that a tenth of a step's answers kept; None if it holds no answers.

    It is close to the response time at light load, whatever queue the other answers met.
    """
    window = cut_window(facts)
    return find_percentile_s(window.good, 10) if window else None
