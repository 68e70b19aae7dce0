"""How many Locust processes a number of users needs, from what the lighter steps cost."""

import math
from collections.abc import Iterable

from harness.model import StepResult

FULL_RATIO = 0.6
"""Of a core, for each process: two thirds of what makes a step invalid."""

TELLING_CORES = 0.02
"""A generator that used less than this was mostly busy with itself, not with users."""


def workers_needed(steps: Iterable[StepResult], users: int) -> int:
    """Locust processes for so many users, by the dearest step so far (CPU time per user); 1 before any."""
    costs = [
        step.generator_cores / step.users
        for step in steps
        if step.generator_cores is not None and step.users and step.generator_cores > TELLING_CORES
    ]
    return max(1, math.ceil(users * max(costs, default=0.0) / FULL_RATIO))
