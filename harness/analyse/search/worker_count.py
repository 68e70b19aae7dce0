"""Estimate how many Locust processes a number of users needs, from what the lighter steps cost."""

import math
from collections.abc import Iterable

from harness.model import StepResult

_CORES_PER_WORKER = 0.6
"""How much of a core each process may use: two thirds of what makes a step invalid."""

_MIN_CORES = 0.02
"""A generator that used less than this was busy with its own work rather than with users."""


def count_workers(steps: Iterable[StepResult], users: int) -> int:
    """Return the Locust processes that the users need, by the costliest step per user; 1 without a step."""
    costs = [
        step.generator.cores / step.users
        for step in steps
        if step.generator.cores is not None and step.users and step.generator.cores > _MIN_CORES
    ]
    return max(1, math.ceil(users * max(costs, default=0.0) / _CORES_PER_WORKER))
