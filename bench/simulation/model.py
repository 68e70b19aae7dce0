"""What is simulated: how a target serves requests, what disturbs its speed, how long its users think."""

from dataclasses import dataclass
from typing import Literal

from harness.model import MIB

Law = Literal["exponential", "lognormal", "uniform", "deterministic"]
"""How the CPU time of a request is distributed."""


@dataclass(frozen=True, slots=True)
class Service:
    """How a target serves a request: CPU time under the target's quota, then a delay that costs no CPU.

    `cpu_s` is the mean CPU time, `cpu_cv` its coefficient of variation under the lognormal law; the uniform
    law ranges from half of the mean to one and a half. `slots` requests are served at once and keep their
    slot through the delay, while the others wait first come, first served (None: all share the CPU). The
    target uses at most `parallel_cores` at a time. The whole target stops for `pause_s` every `pause_every_s`
    on average, as for a garbage collector. Memory is `base_bytes`, and `user_bytes` for every user present.
    A share of `error_ratio` of the requests is answered with an error, and the target exits after
    `dies_after_requests` (None: never).
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
    error_ratio: float = 0.0
    dies_after_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """What changes the speed of a target between and within measurements; the default changes nothing.

    `run_speed_sd` is the spread of the speed between container runs (standard deviation of its logarithm).
    The host's speed follows a slow wave with an amplitude of `drift_ratio` and a period of `drift_period_s`.
    A cold target starts at `cold_ratio` of its speed, and its slowness falls to 1/e with every `warm_cpu_s`
    of CPU time: a small size takes longer to warm up.
    """

    run_speed_sd: float = 0.0
    drift_ratio: float = 0.0
    drift_period_s: float = 1800.0
    cold_ratio: float = 1.0
    warm_cpu_s: float = 2.0


QUIET = Noise()
USUAL = Noise(run_speed_sd=0.02, drift_ratio=0.01, cold_ratio=0.5, warm_cpu_s=2.0)
NOISY = Noise(run_speed_sd=0.04, drift_ratio=0.03, cold_ratio=0.3, warm_cpu_s=5.0)


@dataclass(frozen=True, slots=True)
class ThinkTime:
    """A user's pause between two requests: uniform between two bounds."""

    at_least_s: float = 1.0
    at_most_s: float = 4.0
