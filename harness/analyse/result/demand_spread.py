"""Measure by how much the CPU time per request varies while a size is held.

Where neighbours share a host's caches and memory, requests may cost 10 % more in one minute than in the next,
and a fixed piece of work that needs neither is as fast as before. Windows that differ so show no change.
"""

import math
import statistics

from harness.model import StepResult

_FEWEST_PARTS = 5
_FULL_LOAD_RATIO = 0.95


def measure_demand_spread(step: StepResult, part_s: float) -> float | None:
    """Return the standard deviation of the logarithm of the CPU time per request between parts of a step.

    Parts last `part_s` seconds at full load. The deviations are from a straight line through the parts, so
    growth is no spread. None with fewer than five parts, or if a part has no requests or no CPU time.
    """
    logs = [math.log(each) if each else None for each in _compute_demands_s(step, part_s)]
    known = [each for each in logs if each is not None]
    if len(known) < max(_FEWEST_PARTS, len(logs)):
        return None
    numbers = range(len(known))
    line = statistics.linear_regression(numbers, known)
    squares = sum(
        (log - line.intercept - line.slope * number) ** 2 for number, log in zip(numbers, known, strict=True)
    )
    return math.sqrt(squares / (len(known) - 2))


def _compute_demands_s(step: StepResult, part_s: float) -> list[float]:
    """Return the CPU time per request of each whole part; 0 if a part has none."""
    if step.slices is None:
        return []
    demands_s: list[float] = []
    length_s = cpu_s = requests = 0.0
    for slice_s, users, used_s, counts in zip(
        step.slices.length_s, step.slices.users, step.slices.cpu_s, step.slices.counts, strict=True
    ):
        if users < _FULL_LOAD_RATIO * step.users:
            continue
        length_s, cpu_s, requests = length_s + slice_s, cpu_s + used_s, requests + sum(counts)
        if length_s >= part_s:
            demands_s.append(cpu_s / requests if requests else 0.0)
            length_s = cpu_s = requests = 0.0
    return demands_s
