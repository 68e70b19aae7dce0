"""Whether a fresh container still gets faster: the first seconds of a cold target are not its capacity.

The measure is the CPU time per request in blocks of two seconds, from half-way up the ramp on. MSER says how
much of such a series is the initial transient (K. P. White, "An effective truncation heuristic for bias
reduction in simulation output", Simulation 69, 1997): the truncation that leaves the smallest marginal
standard error of the rest. A truncation in the second half means that the series is too short to tell the
transient from the rest. The target then counts as still warming up, if its early blocks did cost more.
"""

import numpy as np
from numpy.typing import NDArray

from harness.model import StepFacts

_BLOCK_S = 2.0
_FEWEST_BLOCKS = 5
_FALL_AT_LEAST = 0.05
"""By how much the early blocks must have cost more for it to matter: as much as the usual precision."""

_REQUESTS_AT_LEAST = 10
"""In a block. With fewer requests its cost is chance, and waiting for a steady one would never end."""


def is_warm(facts: StepFacts) -> bool:
    """Return True if the CPU time per request no longer falls, as far as a step's first seconds can tell."""
    costs = compute_request_costs_s(facts)
    if len(costs) < _FEWEST_BLOCKS:
        return True
    cut = find_truncation(costs)
    if cut < len(costs) // 2:
        return True
    return bool(costs[:cut].mean() < costs[cut:].mean() * (1 + _FALL_AT_LEAST))


def compute_request_costs_s(facts: StepFacts) -> NDArray[np.float64]:
    """Return CPU seconds per request in successive blocks, from half-way up the ramp to the last whole block.

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
    """Return how many leading values MSER cuts off: at most half of them, as is usual."""
    errors = [_compute_squared_error(series[cut:]) for cut in range(len(series) // 2 + 1)]
    return int(np.argmin(errors))


def _compute_squared_error(values: NDArray[np.float64]) -> float:
    """Return the square of the marginal standard error of the mean."""
    return float(np.sum((values - values.mean()) ** 2)) / len(values) ** 2
