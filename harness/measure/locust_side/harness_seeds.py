"""Let the users of several runs choose the same tasks and pauses, so that only the target differs.

Locust picks tasks and lengths of pauses by the module `random`, whose numbers all users share. If there is
the environment variable HARNESS_SEED, Locust's own modules get numbers that belong to one user each. The
module itself stays as it is, so what the scenario draws by itself is left to chance.

Locust loads this file after `harness_user_time.py`, which numbers the users. Without the variable it does
nothing. It imports nothing of the harness, because a worker on another host gets it alone, from the master.
"""

import importlib
import os
import random
from typing import Any

import locust
from gevent import getcurrent

CHOOSING_MODULES = ("locust.user.task", "locust.user.wait_time", "locust.user.markov_taskset")
"""Locust's modules that choose tasks and the lengths of pauses."""


class UserChoices:
    """A stand-in for the module `random`: each user draws numbers of its own, which the seed decides."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.environment: Any = None
        self.generators: dict[int, random.Random] = {}

    def __getattr__(self, name: str) -> Any:
        generator = self.find_generator()
        return getattr(random, name) if generator is None else getattr(generator, name)

    def find_generator(self) -> random.Random | None:
        """Return the current user's generator; None if it is not known for which user the greenlet acts."""
        lane = getattr(getcurrent(), "harness_lane", None)
        if lane is None or lane.owner < 0:
            return None
        generator = self.generators.get(lane.owner)
        if generator is None:
            runner = getattr(self.environment, "runner", None)
            worker = getattr(runner, "worker_index", 0)
            generator = random.Random(f"{self.seed} {worker} {lane.owner}")
            self.generators[lane.owner] = generator
        return generator


def replace_choices(seed: str) -> UserChoices:
    """Make Locust's modules choose by the seed; return what they choose by."""
    choices = UserChoices(seed)
    for name in CHOOSING_MODULES:
        module: Any = importlib.import_module(name)
        module.random = choices
    return choices


def on_init(environment: Any, **_: Any) -> None:
    if choices is not None:
        choices.environment = environment


choices = replace_choices(os.environ["HARNESS_SEED"]) if os.environ.get("HARNESS_SEED") else None
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
