"""Whether a fresh container still gets faster: the first seconds of a cold target are not its capacity.

Watched is the CPU time per request in blocks of two seconds, from half-way up the ramp on. How much of such a
series is the initial transient is told by MSER (K. P. White, "An effective truncation heuristic for bias
reduction in simulation output", Simulation 69, 1997): the truncation that leaves the smallest marginal
standard error of the rest. Where it falls into the second half, the series is too short to tell the transient
from the rest, and the target counts as still warming up, if its early blocks did cost more.
"""

import numpy as np
from numpy.typing import NDArray

from harness.model import StepFacts

BLOCK_S = 2.0
FEWEST_BLOCKS = 5
FALL_AT_LEAST = 0.05
"""By how much the early blocks must have cost more for it to matter: as much as the usual precision."""

REQUESTS_AT_LEAST = 10
"""In a block; with fewer its cost is chance, and waiting for it to become steady would never end."""


def is_warm(facts: StepFacts) -> bool:
    """Whether the CPU time per request no longer falls, as far as a step's first seconds can tell."""
    costs = costs_per_request_s(facts)
    if len(costs) < FEWEST_BLOCKS:
        return True
    cut = truncation(costs)
    if cut < len(costs) // 2:
        return True
    return bool(costs[:cut].mean() < costs[cut:].mean() * (1 + FALL_AT_LEAST))


def costs_per_request_s(facts: StepFacts) -> NDArray[np.float64]:
    """CPU seconds per request in successive blocks, from half-way up the ramp to the last whole block.

    Empty where any block holds too few requests to tell, or the target's counters are missing.
    """
    settle_s = facts.settle_from_s
    if settle_s is None or len(facts.target) < 2:
        return np.empty(0)
    from_s = (facts.ramp_from_s + settle_s) / 2
    count = int((facts.target[-1].at_s - from_s) // BLOCK_S)
    edges = from_s + BLOCK_S * np.arange(max(0, count) + 1)
    ends = np.sort(facts.requests.start_s + facts.requests.latency_s)
    requests = np.diff(np.searchsorted(ends, edges))
    if len(requests) == 0 or requests.min() < REQUESTS_AT_LEAST:
        return np.empty(0)
    at = [sample.at_s for sample in facts.target]
    spent = np.interp(edges, at, [sample.cpu_s for sample in facts.target])
    return np.asarray(np.diff(spent) / requests, dtype=np.float64)


def truncation(series: NDArray[np.float64]) -> int:
    """How many leading values MSER cuts off: at most half of them, as it is usually applied."""
    most = len(series) // 2
    errors = [float(np.sum((rest - rest.mean()) ** 2)) / len(rest) ** 2 for rest in _rests(series, most)]
    return int(np.argmin(errors))


def _rests(series: NDArray[np.float64], most: int) -> list[NDArray[np.float64]]:
    return [series[cut:] for cut in range(most + 1)]
