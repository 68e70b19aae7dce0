"""Estimate how many Locust processes a number of users needs, from the CPU that fewer users needed."""

import math
from collections.abc import Iterable

from harness.model import StepResult

_CORES_PER_WORKER = 0.6
"""How many cores each process may use: two thirds of the use that makes a step invalid."""

_MIN_CORES = 0.02
"""Steps whose generator used less are ignored: it was busy with its own work rather than with users."""


def count_workers(steps: Iterable[StepResult], users: int) -> int:
    """Return how many Locust processes the users need; 1 without a step.

    Each user is taken to cost as much CPU as in the step with the highest cost per user.
    """
    cores_per_user = [
        step.generator.cores / step.users
        for step in steps
        if step.generator.cores is not None and step.users and step.generator.cores > _MIN_CORES
    ]
    return max(1, math.ceil(users * max(cores_per_user, default=0.0) / _CORES_PER_WORKER))
