"""What is believed of a cell's capacity before it is found: a place to look, with a spread.

Each piece of evidence (a step's slow share, its saturated throughput, the demand per request, a neighbour's
answer) gives a number of users and a standard deviation of its logarithm; independent pieces are combined by
their inverse variances.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.analyse.search.knee import SLOPE_SPREAD, logit, slope
from harness.model import Slo, StepResult, Verdict

DEPENDENCE = 3.0
"""Requests that wait in one queue are slow together: their share spreads this much wider than independent
ones'.
"""

OF_WINDOW = 0.03
"""However many requests it has, a window is one vote: the host's speed differs by so much between two."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Users, and the standard deviation of their logarithm."""

    users: float
    spread: float


def combined(beliefs: Iterable[Belief | None]) -> Belief | None:
    """All of them as one, by inverse variances; None of none."""
    known = [belief for belief in beliefs if belief is not None]
    if not known:
        return None
    weights = [belief.spread**-2 for belief in known]
    mean = sum(w * math.log(b.users) for w, b in zip(weights, known, strict=True)) / sum(weights)
    return Belief(math.exp(mean), sum(weights) ** -0.5)


def from_share(step: StepResult, slo: Slo | None) -> Belief | None:
    """The capacity that a step's share of slow requests points at; None where that share says nothing.

    `slo` is the limit on a percentile of all response times that `slow_ratio` counts against.
    """
    if slo is None or step.slow_ratio is None or step.requests == 0:
        return None
    if step.verdict is Verdict.INVALID or (step.verdict is Verdict.FAIL and step.rule != slo.indicator):
        return None
    n = step.requests
    share = (step.slow_ratio * n + 0.5) / (n + 1)
    steepness = slope(step.users)
    distance = (logit(share) - logit(allowed_share(slo))) / steepness
    noise = DEPENDENCE / math.sqrt(n * share * (1 - share)) / steepness
    return Belief(step.users * math.exp(-distance), math.hypot(noise, SLOPE_SPREAD * distance, OF_WINDOW))


def allowed_share(slo: Slo) -> float:
    """The share of requests that a percentile leaves above its limit: 0.05 for p95."""
    return 1 - float(slo.indicator[1:]) / 100


def percentile_slo(slos: Iterable[Slo]) -> Slo | None:
    """The first limit on a percentile of all response times: what `StepResult.slow_ratio` counts against."""
    return next((slo for slo in slos if slo.indicator[0] == "p" and slo.request_name is None), None)
