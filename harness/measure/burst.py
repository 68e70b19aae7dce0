"""Define a burst: for some seconds of a step's window there are more users."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.model import StepFacts

StepPredicate = Callable[[StepFacts], bool]


@dataclass(frozen=True, slots=True)
class BurstSpec:
    """More users within a step's window: `users` for `for_s` seconds, who come and leave at `spawn_rate`.

    Before that the step's own users are held for `before_s`, and afterwards until `is_steady` is true of the
    facts so far, for `watch_at_most_s` at most.
    """

    users: int
    spawn_rate: float
    before_s: float
    for_s: float
    watch_at_most_s: float
    is_steady: StepPredicate
