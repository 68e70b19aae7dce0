"""Apply the rule of a comparison to windows that are drawn instead of simulated: many of them in seconds."""

import math
from dataclasses import dataclass, replace

import numpy as np

from harness.analyse.result.ab import assess_ab
from harness.model import GeneratorUse, HostUse, Judgement, Limits, Rule, StepResult, TargetUse
from harness.model.ab import AbAnswer, AbTest, Held, Pair
from harness.model.evidence import SlosHold

_MIB = 1024 * 1024
TEST = AbTest("base", "head", Limits(0.5, 256 * _MIB), users=150)
_STEP = StepResult(1, 1, TEST.users, Judgement(Rule.SLOS_HOLD, SlosHold(())), 15.0, 24.0, 1400, rps=93.0)


@dataclass(frozen=True, slots=True)
class DrawnHost:
    """What disturbs the CPU time per request of a window on a host whose speed follows a sine.

    Deviations are standard deviations of logarithms from window to window: `window_sd` of the CPU time at one
    speed, `jump_sd` of the host's speed beside the sine, `work_sd` of how the fixed piece of work tells the
    pace, and `locust_sd` of how Locust's own CPU time does (None: it is unknown). The CPU time follows the
    pace with the `elasticity`. A share of `outlier_ratio` of the windows has five times the `window_sd`.
    """

    drift_ratio: float = 0.15
    drift_period_s: float = 1800.0
    window_sd: float = 0.021
    work_sd: float = 0.01
    locust_sd: float | None = 0.01
    jump_sd: float = 0.0
    elasticity: float = 0.85
    outlier_ratio: float = 0.0
    window_s: float = 25.0
    pilot_s: float = 40.0


REAL_HOST = DrawnHost(
    drift_ratio=0.0, window_sd=0.016, work_sd=0.05, locust_sd=0.01, jump_sd=0.1, elasticity=0.75
)
"""Fitted to two real comparisons: their pairs scatter by 10 and 12 %, and by 2.7 and 2.2 % at the pace that
Locust's own CPU time tells.
"""


def compare_drawn(host: DrawnHost, change_ratio: float, seed: int) -> AbAnswer:
    """Draw the windows of a comparison until it ends; the head needs more CPU time by the ratio."""
    random = np.random.default_rng(seed)
    phase, now_s = float(random.uniform()), host.pilot_s
    pairs: list[Pair] = []
    answer = assess_ab(TEST, pairs)
    while not answer.is_over:
        held = {}
        for side in ("base", "head") if len(pairs) % 2 == 0 else ("head", "base"):
            factor = 1 + change_ratio if side == "head" else 1.0
            held[side] = _draw_window(host, factor, phase, now_s + host.window_s / 2, random)
            now_s += host.window_s
        is_final = now_s + 2 * host.window_s > TEST.within_s
        pairs.append(Pair(len(pairs) + 1, held["base"], held["head"], now_s, is_final))
        answer = assess_ab(TEST, pairs)
    return answer


def _draw_window(
    host: DrawnHost, factor: float, phase: float, at_s: float, random: np.random.Generator
) -> Held:
    slowness = 1 + host.drift_ratio * math.sin(2 * math.pi * (at_s / host.drift_period_s + phase))
    slowness *= math.exp(host.jump_sd * random.normal())
    deviation = host.window_sd * (5 if random.uniform() < host.outlier_ratio else 1)
    cpu_s = 0.004 * factor * slowness**host.elasticity * math.exp(deviation * random.normal())
    work_s = 0.002 * slowness * math.exp(host.work_sd * random.normal())
    locust = GeneratorUse()
    if host.locust_sd is not None:
        locust_s = 0.0006 * slowness * math.exp(host.locust_sd * random.normal())
        locust = GeneratorUse(cores=locust_s * _STEP.requests / _STEP.window_s)
    target = TargetUse(cpu_per_request_s=cpu_s, bytes_per_request=(400.0, 19_000.0))
    return Held(replace(_STEP, target=target, generator=locust, host=HostUse(work_s=work_s)))
