"""Find the baseline of a cell: what its target does at light load, with which other steps are compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.analyse.search.reference import is_light_load
from harness.analyse.step.scenario_errors import check_scenario_errors
from harness.analyse.step.sound_part import select_sound_part
from harness.analyse.step.validity import (
    UnexplainedTime,
    compute_wait_ratio,
    judge_validity,
    measure_unexplained_time,
)
from harness.analyse.step.window import Window, cut_window, find_percentile_s
from harness.model import StepFacts

_PACE_WAIT_AT_MOST = 0.90
"""Users who wait for more of their time, also at light load, have no pace of their own."""


@dataclass(frozen=True, slots=True)
class PauseTime:
    """The mean length of the pauses for each request as the scenario planned it, and its standard error."""

    per_request_s: float
    error_s: float


def measure_pause_time(window: Window) -> PauseTime | None:
    """Return the planned pauses of a window; None without pauses or requests."""
    requests, pauses = len(window.start_s), len(window.pauses_s)
    if requests == 0 or pauses == 0:
        return None
    total_s = float(window.pauses_s.sum())
    return PauseTime(total_s / requests, float(np.std(window.pauses_s)) * math.sqrt(pauses) / requests)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The mean response time at light load, and the time for each request that is unexplained there.

    Throughput shortfall and Little's law are judged in comparison with it. `wait_ratio` is the share of the
    users' time that they waited for answers, `pause` what they planned to pause.
    """

    users: int
    mean_s: float
    unexplained: UnexplainedTime = field(default_factory=UnexplainedTime)
    wait_ratio: float = 0.0
    pause: PauseTime | None = None

    @property
    def is_light(self) -> bool:
        """True if no queue can have raised the response time so much that it matters for the throughput."""
        return is_light_load(self.users, self.wait_ratio)

    @property
    def gives_shortfall(self) -> bool:
        """True if a throughput can be compared with it: it is light, and users have a pace of their own.

        Users who do not think ask as fast as they are answered, so their throughput only repeats the response
        time.
        """
        return self.is_light and self.wait_ratio <= _PACE_WAIT_AT_MOST


def build_baseline(facts: StepFacts) -> Baseline | None:
    """Return the baseline that this step gives; None if the step holds no answers or is invalid.

    An invalid step gives none: after a generator that left users idle, a healthy one would look wrong.
    """
    facts = select_sound_part(facts)
    window = cut_window(facts)
    if window is None or len(window.good) == 0 or judge_validity(facts, window, None):
        return None
    if check_scenario_errors(facts, window):
        return None
    unexplained = measure_unexplained_time(window) or UnexplainedTime()
    return Baseline(
        facts.users,
        float(window.good.mean()),
        unexplained,
        compute_wait_ratio(window),
        measure_pause_time(window),
    )


def find_baseline(steps: Sequence[StepFacts]) -> Baseline | None:
    """Return the baseline of the step with the fewest users that gives one; None if no step does."""
    step = find_baseline_step(steps)
    return None if step is None else build_baseline(step)


def find_baseline_step(steps: Sequence[StepFacts]) -> StepFacts | None:
    """Return the step with the fewest users that gives a baseline, the first of several; None without one."""
    by_users = sorted(steps, key=lambda facts: (facts.users, facts.index))
    return next((facts for facts in by_users if build_baseline(facts) is not None), None)


def choose_lighter_baseline(one: Baseline | None, other: Baseline | None) -> Baseline | None:
    """Return the baseline of fewer users; `one` if both have as many, None if both are None."""
    if one is None or other is None:
        return one or other
    return other if other.users < one.users else one


def choose_baseline(steps: Sequence[StepFacts], borrowed: Baseline | None) -> Baseline | None:
    """Return the cell's own baseline, or a lighter one that is `borrowed` from another size.

    The other size may be larger and answer faster. So the borrowed response time is raised to that of the
    cell's own fastest tenth of answers. The baseline may then be too lenient (the SLOs on response times
    still decide), but never too strict.
    """
    own = find_baseline(steps)
    if own is None or borrowed is None or own.users <= borrowed.users:
        return own or borrowed
    tenths_s = [find_fastest_tenth_s(facts) for facts in steps if facts.users == own.users]
    fastest_s = min(tenth_s for tenth_s in tenths_s if tenth_s is not None)
    return replace(borrowed, mean_s=max(borrowed.mean_s, fastest_s))


def find_fastest_tenth_s(facts: StepFacts) -> float | None:
    """Return the 10th percentile of a step's response times; None if the step holds no answers.

    It is close to the response time at light load, even if most requests waited in a queue.
    """
    window = cut_window(facts)
    return find_percentile_s(window.good, 10) if window else None
