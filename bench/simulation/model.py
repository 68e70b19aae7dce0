"""What is simulated: a target's appetite, its host's moods, its users' patience."""

from dataclasses import dataclass
from typing import Literal

from harness.model import MIB

Law = Literal["exponential", "lognormal", "deterministic"]


@dataclass(frozen=True, slots=True)
class Service:
    """How a target serves one request: CPU under its quota, then a delay that costs no CPU.

    `slots` requests are served at once, the others wait first come, first served (None: all share the CPU).
    A served request keeps its slot through the delay. No more than `parallel_cores` are used at a time.
    `pause_s` are stops of the whole target (a collector's), `pause_every_s` apart on average. Memory is
    `base_bytes` and `user_bytes` for every user that has come.
    """

    cpu_s: float = 0.05
    law: Law = "exponential"
    cpu_cv: float = 1.0
    delay_s: float = 0.0
    slots: int | None = None
    parallel_cores: int = 4
    pause_s: float = 0.0
    pause_every_s: float = 10.0
    base_bytes: int = 32 * MIB
    user_bytes: int = 0
    ready_after_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Noise:
    """What moves the speed of a target without anybody asking for it.

    `life_sd` is the spread of the speed from one container life to the next, `drift_ratio` the height of a
    slow wave of `drift_period_s`. A cold target starts at `cold_ratio` of its speed and loses the rest of
    its slowness with every `warm_cpu_s` of CPU spent (to 1/e): a small size warms more slowly.
    """

    run_speed_sd: float = 0.0
    drift_ratio: float = 0.0
    drift_period_s: float = 1800.0
    cold_ratio: float = 1.0
    warm_cpu_s: float = 2.0


QUIET = Noise()
USUAL = Noise(run_speed_sd=0.02, drift_ratio=0.01, cold_ratio=0.5, warm_cpu_s=2.0)


@dataclass(frozen=True, slots=True)
class ThinkTime:
    """A user's pause between two requests: uniform."""

    at_least_s: float = 1.0
    at_most_s: float = 4.0

    @property
    def mean_s(self) -> float:
        return (self.at_least_s + self.at_most_s) / 2
