"""Apply the rule of a comparison to windows that are drawn instead of simulated: many of them in seconds."""

import math
from dataclasses import dataclass, replace

import numpy as np

from harness.analyse.result.ab import assess_ab
from harness.model import HostUse, Judgement, Limits, Rule, StepResult, TargetUse
from harness.model.ab import AbAnswer, AbTest, Held, Pair
from harness.model.evidence import SlosHold

_MIB = 1024 * 1024
TEST = AbTest("base", "head", Limits(0.5, 256 * _MIB), users=150)
_STEP = StepResult(1, 1, TEST.users, Judgement(Rule.SLOS_HOLD, SlosHold(())), 15.0, 24.0, 1400)


@dataclass(frozen=True, slots=True)
class DrawnHost:
    """What disturbs the CPU time per request of a window on a host whose speed follows a sine.

    `window_sd` is the standard deviation of its logarithm from window to window, `pace_sd` that of the
    harness's own reading of the host's pace. The CPU time follows the pace with the `elasticity`. A share of
    `outlier_ratio` of the windows has five times the deviation.
    """

    drift_ratio: float = 0.15
    drift_period_s: float = 1800.0
    window_sd: float = 0.021
    pace_sd: float = 0.01
    elasticity: float = 0.85
    outlier_ratio: float = 0.0
    window_s: float = 25.0
    pilot_s: float = 40.0


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
    deviation = host.window_sd * (5 if random.uniform() < host.outlier_ratio else 1)
    cpu_s = 0.004 * factor * slowness**host.elasticity * math.exp(deviation * random.normal())
    work_s = 0.002 * slowness * math.exp(host.pace_sd * random.normal())
    return Held(replace(_STEP, target=TargetUse(cpu_per_request_s=cpu_s), host=HostUse(work_s=work_s)))
