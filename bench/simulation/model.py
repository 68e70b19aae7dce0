"""The parameters of a simulation: how a target serves, what disturbs its speed, how long its users think."""

from dataclasses import dataclass
from typing import Literal

from harness.model import MIB

Law = Literal["exponential", "lognormal", "uniform", "deterministic", "bimodal"]
"""How the CPU time of a request is distributed."""

DelayLaw = Literal["constant", "exponential"]
ThinkLaw = Literal["uniform", "exponential", "pacing"]


@dataclass(frozen=True, slots=True)
class RequestKind:
    """One kind of request: its name, its weight among all kinds, and its cost relative to the service's."""

    name: str
    weight: float = 1.0
    cpu_ratio: float = 1.0
    delay_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Service:
    """How a target serves a request: CPU time under the target's quota, then a delay that costs no CPU.

    `cpu_s` is the mean CPU time, `cpu_cv` its coefficient of variation under the lognormal law. The uniform
    law ranges from half of the mean to one and a half times the mean. Under the bimodal law a share of
    `heavy_ratio` of the requests takes `heavy_factor` times as long as each of the others. `delay_s` is the
    mean delay. With `kinds`, both are multiplied by those of the request's kind.

    `slots` requests are served at once and keep their slot through the delay, while the others wait first
    come, first served (None: all are served at once). The target uses at most `parallel_cores`.

    The whole target stops now and then, as for a garbage collector: for a time between `pause_s` and
    `pause_at_most_s`, and again after a time between `pause_every_s` and `pause_every_at_most_s`. Without the
    upper bounds every pause takes `pause_s`, and the time between is exponential with mean `pause_every_s`.

    The target is ready `ready_after_s` after its start. A share of
    `error_ratio` of the requests is answered with an error, and the target exits after `dies_after_requests`
    (None: never).

    It holds `base_bytes` of memory and `user_bytes` for every user present, of which 63 % (1 - 1/e) within
    the first `user_fill_s` of the user's presence (0: all at once). It leaks `leak_request_bytes` with every
    answer, and `leak_second_bytes` in every second. Every answer leaves `garbage_request_bytes`, all of which
    are freed as soon as they reach `garbage_limit_bytes`, so that memory rises and falls like a saw-tooth.
    """

    cpu_s: float = 0.05
    law: Law = "exponential"
    cpu_cv: float = 1.0
    heavy_ratio: float = 0.05
    heavy_factor: float = 20.0
    delay_s: float = 0.0
    delay_law: DelayLaw = "constant"
    kinds: tuple[RequestKind, ...] = ()
    slots: int | None = None
    parallel_cores: int = 4
    pause_s: float = 0.0
    pause_at_most_s: float | None = None
    pause_every_s: float = 10.0
    pause_every_at_most_s: float | None = None
    base_bytes: int = 32 * MIB
    user_bytes: int = 0
    user_fill_s: float = 0.0
    leak_request_bytes: float = 0.0
    leak_second_bytes: float = 0.0
    garbage_request_bytes: int = 0
    garbage_limit_bytes: int = 0
    ready_after_s: float = 2.0
    error_ratio: float = 0.0
    dies_after_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """What changes the speed of a target between and within measurements; the default changes nothing.

    `run_speed_sd` is the standard deviation of the logarithm of the speed between container runs. The host's
    speed follows a sine with an amplitude of `drift_ratio` and a period of `drift_period_s`, and also jumps
    every `jump_every_s` by chance; `jump_sd` is the standard deviation of its logarithm then. The target's
    speed is the host's to the power of `elasticity`. Each reading of the host's fixed piece of work is wrong
    by `work_sd`, also a standard deviation of a logarithm. A cold target starts at `cold_ratio` of its speed,
    and the rest falls to 1/e with every `warm_cpu_s` of CPU time. So a small size takes longer to warm up.
    """

    run_speed_sd: float = 0.0
    drift_ratio: float = 0.0
    drift_period_s: float = 1800.0
    cold_ratio: float = 1.0
    warm_cpu_s: float = 2.0
    jump_sd: float = 0.0
    jump_every_s: float = 15.0
    elasticity: float = 1.0
    work_sd: float = 0.0


QUIET = Noise()
USUAL = Noise(run_speed_sd=0.02, drift_ratio=0.01, cold_ratio=0.5, warm_cpu_s=2.0)
NOISY = Noise(run_speed_sd=0.04, drift_ratio=0.03, cold_ratio=0.3, warm_cpu_s=5.0)


@dataclass(frozen=True, slots=True)
class ThinkTime:
    """A user's pause between two requests: uniform between two bounds, so constant if both are equal.

    The exponential law has the mean of the bounds as its mean. Under pacing a user sends a request every so
    many seconds, or as soon as the last one is answered, if that is later.
    """

    at_least_s: float = 1.0
    at_most_s: float = 4.0
    law: ThinkLaw = "uniform"

    @property
    def mean_s(self) -> float:
        """The mean of the bounds in seconds."""
        return (self.at_least_s + self.at_most_s) / 2
