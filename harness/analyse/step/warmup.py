"""Decide whether a fresh container still gets faster: a cold target does not show its capacity.

The measure is the CPU time per request in blocks of two seconds, from the middle of the ramp on. MSER says
how much of such a series is the initial transient (K. P. White, "An effective truncation heuristic for bias
reduction in simulation output", Simulation 69, 1997): it truncates the series where the marginal standard
error of the rest is smallest. If that is half-way through the series, the series is too short to separate the
transient from the rest. The target then counts as still warming up if its early blocks cost more.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.cycle import measure_cycle_s
from harness.model import Settling, StepFacts
from harness.model.plan import SETTLE_CYCLES

_BLOCK_S = 2.0
_FEWEST_BLOCKS = 5
_FEWEST_BLOCKS_TO_BE_SURE = 7
"""A ramp of 10 s and a settling of 10 s give as many. With fewer, a slow starter seemed to be warm."""

_FALL_AT_LEAST = 0.05
"""The target still warms up if its early blocks cost more by at least this ratio (the usual precision)."""

_REQUESTS_AT_LEAST = 10
"""In a block. With fewer requests the cost of a block is chance, and never becomes steady."""


def build_rest_predicate(drain_s: float, *, is_fresh: bool = True) -> Callable[[StepFacts], bool]:
    """Return a predicate that is true once a step has settled, which may be before its settling time is over.

    Two of the users' cycles have then passed since the ramp: what its arrivals have left in queues is gone. A
    fresh container is surely warm (see `may_be_cold`). Another one (not `is_fresh`) does not get faster.
    `drain_s` is that of `measure_cycle_s`.
    """

    def is_at_rest(facts: StepFacts) -> bool:
        if facts.settle_from_s is None:
            return False
        settled_s = facts.ended_s - facts.settle_from_s
        if settled_s < SETTLE_CYCLES * measure_cycle_s(facts, drain_s):
            return False
        return is_surely_warm(facts) if is_fresh else is_warm(facts)

    return is_at_rest


def may_be_cold(users: int, passed_users: int) -> bool:
    """Return True if a container may still get faster with so many users.

    That is so until it has passed a step of half as many (`passed_users` at most so far): a light step makes
    few requests.
    """
    return 2 * passed_users < users


def is_surely_warm(facts: StepFacts) -> bool:
    """Return True if the step shows that the CPU time per request no longer falls."""
    costs = compute_request_costs_s(facts)
    return len(costs) >= _FEWEST_BLOCKS_TO_BE_SURE and not _is_falling(costs)


def is_warm(facts: StepFacts) -> bool:
    """Return True if the CPU time per request no longer falls, or if the step is too short to show it."""
    costs = compute_request_costs_s(facts)
    return len(costs) < _FEWEST_BLOCKS or not _is_falling(costs)


def _is_falling(costs: NDArray[np.float64]) -> bool:
    cut = find_truncation(costs)
    if cut < len(costs) // 2:
        return False
    return bool(costs[:cut].mean() >= costs[cut:].mean() * (1 + _FALL_AT_LEAST))


def compute_request_costs_s(facts: StepFacts) -> NDArray[np.float64]:
    """Return CPU seconds per request in successive blocks, from the middle of the ramp to the last sample.

    Empty if any block holds too few requests, or the target's counters are missing.
    """
    settle_s = facts.settle_from_s
    if settle_s is None or len(facts.target) < 2:
        return np.empty(0)
    from_s = (facts.ramp_from_s + settle_s) / 2
    count = int((facts.target[-1].at_s - from_s) // _BLOCK_S)
    edges = from_s + _BLOCK_S * np.arange(max(0, count) + 1)
    ends = np.sort(facts.requests.start_s + facts.requests.latency_s)
    requests = np.diff(np.searchsorted(ends, edges))
    if len(requests) == 0 or requests.min() < _REQUESTS_AT_LEAST:
        return np.empty(0)
    at = [sample.at_s for sample in facts.target]
    cpu_s = np.interp(edges, at, [sample.cpu_s for sample in facts.target])
    return np.asarray(np.diff(cpu_s) / requests, dtype=np.float64)


def find_truncation(series: NDArray[np.float64]) -> int:
    """Return how many leading values MSER cuts off: at most half of all values."""
    errors = [_compute_squared_error(series[cut:]) for cut in range(len(series) // 2 + 1)]
    return int(np.argmin(errors))


def _compute_squared_error(values: NDArray[np.float64]) -> float:
    """Return the square of the marginal standard error of the mean."""
    return float(np.sum((values - values.mean()) ** 2)) / len(values) ** 2


def summarize_settling(facts: StepFacts) -> Settling:
    """Return how long a step settled, and whether its target was warm then; empty without a window."""
    if facts.settle_from_s is None or facts.window_from_s is None:
        return Settling()
    before = tuple(sample for sample in facts.target if sample.at_s <= facts.window_from_s)
    return Settling(facts.window_from_s - facts.settle_from_s, is_warm(replace(facts, target=before)))
