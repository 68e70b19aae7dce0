"""Measure how long the users' cycle takes: from one request of a user to its next.

A step's phases span several cycles (`Timing.stretch`). Shorter ones see the wave of requests that the ramp
makes, or the silence after it, and no steady load.
"""

from collections.abc import Callable

import numpy as np

from harness.analyse.step.window import sum_overlap_s
from harness.model import StepFacts


def build_cycle_measure(drain_s: float) -> Callable[[StepFacts], float]:
    """Return the function that measures the cycle of a step in progress; see `measure_cycle_s`."""
    return lambda facts: measure_cycle_s(facts, drain_s)


def measure_cycle_s(facts: StepFacts, drain_s: float) -> float:
    """Return the seconds of a user's cycle, from the facts of a step so far; 0 while nothing has happened.

    A cycle is a pause and a response. Pauses are known in full when they begin. Where tasks pause within
    themselves, Little's law shows it: the time that users spent without waiting, for each request since the
    ramp. Responses count with `drain_s` at most, because slower ones break their SLO in any case.
    """
    begun = facts.thinks.start_s >= facts.ramp_from_s
    pause_s = float(facts.thinks.planned_s[begun].mean()) if begun.any() else 0.0
    latency_s = facts.requests.latency_s
    response_s = min(float(latency_s.mean()), drain_s) if len(latency_s) else 0.0
    return max(pause_s, _compute_idle_s(facts)) + response_s


def _compute_idle_s(facts: StepFacts) -> float:
    """Return the users' time without a request in flight since the ramp, for each request or pause begun.

    It is 0 before the settling, and if neither a request nor a pause has begun in the step.
    """
    from_s, to_s, requests = facts.settle_from_s, facts.ended_s, facts.requests
    started_s = np.concatenate([requests.start_s, requests.unfinished_start_s])
    if from_s is None or (len(started_s) == 0 and not (facts.thinks.start_s >= facts.ramp_from_s).any()):
        return 0.0
    users = [sample.users for sample in facts.generator if sample.at_s >= from_s]
    waited_s = to_s - requests.unfinished_start_s
    waiting_s = sum_overlap_s(requests.start_s, requests.latency_s, from_s, to_s) + sum_overlap_s(
        requests.unfinished_start_s, waited_s, from_s, to_s
    )
    begun = max(int((started_s >= from_s).sum()), int((facts.thinks.start_s >= from_s).sum()))
    mean_users = sum(users) / len(users) if users else 0.0
    return max(0.0, mean_users * (to_s - from_s) - waiting_s) / (begun + 1)


def find_last_begin_s(facts: StepFacts) -> float:
    """Return when the last user goes on who pauses and has asked for nothing since the ramp; 0 without one.

    Some scenarios let each user pause at first, so that not all begin at once. Only the first pause of a user
    counts: some users never ask for anything. 0 also if it is not known whose the requests are.
    """
    requests, thinks = facts.requests, facts.thinks
    if len(requests.owner) != len(requests.start_s) or len(thinks.owner) != len(thinks.start_s):
        return 0.0
    asked = np.concatenate([requests.owner, requests.unfinished_owner]) // 2
    begun = np.flatnonzero((thinks.start_s >= facts.ramp_from_s) & (thinks.owner >= 0))
    begun = begun[np.argsort(thinks.start_s[begun], kind="stable")]
    users, first = np.unique(thinks.owner[begun] // 2, return_index=True)
    first = begun[first[~np.isin(users, asked)]]
    return float(np.max(thinks.start_s[first] + thinks.planned_s[first], initial=0.0))


def summarize_pauses(facts: StepFacts, from_s: float, to_s: float) -> tuple[float | None, float | None]:
    """Return the mean of the pauses that begin in [from_s, to_s), and their coefficient of variation."""
    inside = (facts.thinks.start_s >= from_s) & (facts.thinks.start_s < to_s)
    planned_s = facts.thinks.planned_s[inside]
    if len(planned_s) == 0:
        return None, None
    mean_s = float(planned_s.mean())
    return mean_s, float(planned_s.std()) / mean_s if mean_s > 0 and len(planned_s) > 1 else None
