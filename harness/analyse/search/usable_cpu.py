"""Tell how many requests a second a limit on the response time leaves usable of the CPU.

At its capacity a target is not quite saturated. Where n requests share the CPU, each takes n times as long as
alone. If their CPU times are exponential, as in an M/M/1 queue, a share p of them takes longer than
-ln(p)·D / (cores - used cores). So a limit L on that percentile leaves -ln(p) / L requests a second unused,
whatever D is. A closed workload queues less, and CPU times that differ less do too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.search.capacity_estimate import (
    compute_allowed_slow_share,
    compute_logit_slope,
    find_percentile_slo,
)
from harness.model import Cell, Slo, StepResult

_UNUSED_RATIO = 2 / 3
_OPEN_UNUSED_FACTOR = 1.5
"""What a closed workload leaves unused, relative to independent arrivals. Simulated targets that can serve
20, 40 and 80 requests a second leave 2.1, 1.8 and 1.1 unused under p95 <= 1 s; by this ratio it is 2.0. The
longer users think, the more independently they arrive: with pauses of 8 and 30 s instead of 2.5 s on average,
the first of them leaves 2.9 and 3.3 unused, and independent arrivals 3.0. So the ratio rises to 1, with the
closed workload's slope relative to that of independent arrivals (see `capacity_estimate`).
"""

_MOST_UNUSED_RATIO = 0.5
_EXPONENTIAL_P95 = 3.0
"""The p95 of an exponential distribution, relative to its mean; of constant values it is 1."""

_AT_ONCE_BELOW = 0.6
"""Users make several requests at once if less than this share of their response times costs them time."""


@dataclass(frozen=True, slots=True)
class ResponseLimit:
    """The tightest limit on a response time.

    `unused_rps` is how many requests a second each replica leaves unused at the limit, if requests arrive
    independently and CPU times are exponential; 0 unless the limit is on a percentile of all requests.
    """

    limit_s: float
    unused_rps: float = 0.0


def find_response_limit_s(slos: Sequence[Slo]) -> float:
    """Return the lowest limit on a response time in seconds; 1 if no SLO limits one."""
    return min((slo.at_most for slo in slos if slo.is_response_time), default=1.0)


def find_response_limit(slos: Sequence[Slo]) -> ResponseLimit:
    """Return the tightest limit on a response time, and what it leaves unused."""
    limit_s = find_response_limit_s(slos)
    slo = find_percentile_slo(slos)
    if slo is None or slo.at_most > limit_s or limit_s <= 0:
        return ResponseLimit(limit_s)
    return ResponseLimit(limit_s, -math.log(compute_allowed_slow_share(slo)) / limit_s)


def compute_usable_rps(
    cell: Cell, most_rps: float, cycle_s: float, limit: ResponseLimit, steps: Sequence[StepResult]
) -> float:
    """Return the requests a second, of the most that the CPU can answer, that the limit leaves usable.

    `cycle_s` is how long a user takes from one request to its next. `steps` show how much CPU times differ.
    """
    if not limit.unused_rps:
        return most_rps
    own_rps = most_rps / cell.limits.replicas
    openness = compute_logit_slope(own_rps * cycle_s) / (own_rps * limit.limit_s)
    unused_ratio = min(max(_UNUSED_RATIO, _OPEN_UNUSED_FACTOR * openness), 1.0)
    unused_rps = unused_ratio * limit.unused_rps * _measure_spread(steps) * cell.limits.replicas
    return most_rps - min(unused_rps, _MOST_UNUSED_RATIO * most_rps)


def _measure_spread(steps: Sequence[StepResult]) -> float:
    """Return how much CPU times differ, from a third (they are all alike) to 1 (they are exponential).

    The lightest valid step tells it by its p95 and its mean, less what requests wait for besides the CPU. 0
    if it is unknown.
    """
    valid = [step for step in steps if step.is_undisturbed and has_cpu_per_request(step)]
    if not valid:
        return 0.0
    lightest = min(valid, key=lambda step: step.users)
    cpu_s, p95_s = lightest.target.cpu_per_request_s, lightest.latency.p95_s
    if not cpu_s or p95_s is None:
        return 0.0
    relative_p95 = (p95_s - (lightest.latency.mean_s or 0.0) + cpu_s) / cpu_s
    return min(max(relative_p95, 1.0), _EXPONENTIAL_P95) / _EXPONENTIAL_P95


def compute_wait_share(step: StepResult) -> float:
    """Return the share of its requests' response times that costs the users time: 1, or less than 0.6.

    Users who wait for several requests at once, as for the parts of a page, wait only once.
    """
    if step.wait_ratio is None or not step.rps or not step.latency.mean_s:
        return 1.0
    wait_s = step.wait_ratio * step.users / step.rps
    share = wait_s / step.latency.mean_s
    return share if share < _AT_ONCE_BELOW else 1.0


def has_cpu_per_request(step: StepResult) -> bool:
    """Return True if the step shows its CPU time per request, its throughput and its response time."""
    return bool(step.target.cpu_per_request_s and step.rps) and step.latency.mean_s is not None
