"""Measure what a request and a user cost the target, from its counters alone and without any verdict.

The target's parameters only say what it does on purpose; the interpreter, the kernel and the connections cost
CPU time and memory too.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from harness.model import StepFacts, TargetSample

_MIN_SATURATED_RATIO = 0.95
"""A step that uses at least this share of its CPU limit counts as saturated."""


def measure_cpu_per_request_s(steps: Iterable[StepFacts], cpu_cores: float) -> float | None:
    """Return the CPU seconds per request over all saturated windows (utilisation law); None without one."""
    windows = [(facts, samples) for facts in steps if len(samples := _select_window(facts)) > 1]
    saturated = [
        (_compute_used_s(samples), _count_completed(facts, samples[0].at_s, samples[-1].at_s))
        for facts, samples in windows
        if _compute_used_s(samples) >= _MIN_SATURATED_RATIO * cpu_cores * (samples[-1].at_s - samples[0].at_s)
    ]
    requests = sum(count for _, count in saturated)
    return sum(cpu_s for cpu_s, _ in saturated) / requests if requests else None


def _compute_used_s(samples: Sequence[TargetSample]) -> float:
    return samples[-1].cpu_s - samples[0].cpu_s


def _count_completed(facts: StepFacts, from_s: float, to_s: float) -> int:
    ended_s = facts.requests.start_s + facts.requests.latency_s
    return int(np.sum((ended_s >= from_s) & (ended_s < to_s)))


def measure_foreign_cores(steps: Iterable[StepFacts]) -> float | None:
    """Return how many cores other programs than target and generator used; None without a window.

    Of several windows, the one in which they used most counts.
    """
    foreign_cores = [_measure_step_foreign_cores(facts) for facts in steps]
    return max((cores for cores in foreign_cores if cores is not None), default=None)


def _measure_step_foreign_cores(facts: StepFacts) -> float | None:
    target = _select_window(facts)
    host = [sample for sample in facts.host if _is_in_window(facts, sample.at_s)]
    generator = [sample for sample in facts.generator if _is_in_window(facts, sample.at_s)]
    if min(len(target), len(host), len(generator)) < 2:
        return None
    busy_cores = (sum(host[-1].busy_s) - sum(host[0].busy_s)) / (host[-1].at_s - host[0].at_s)
    generator_cores = (generator[-1].cpu_s - generator[0].cpu_s) / (generator[-1].at_s - generator[0].at_s)
    return busy_cores - generator_cores - _compute_used_s(target) / (target[-1].at_s - target[0].at_s)


def _select_window(facts: StepFacts) -> list[TargetSample]:
    return [sample for sample in facts.target if _is_in_window(facts, sample.at_s)]


def _is_in_window(facts: StepFacts, at_s: float) -> bool:
    to_s = facts.ended_s if facts.window_to_s is None else facts.window_to_s
    return facts.window_from_s is not None and facts.window_from_s <= at_s <= to_s


def measure_base_bytes(steps: Iterable[StepFacts], held_bytes: int) -> float | None:
    """Return the target's memory without any user, from the step with the fewest users.

    It is the median working set, less `held_bytes` for each user. None without a window.
    """
    windows = [(facts.users, samples) for facts in steps if (samples := _select_window(facts))]
    if not windows:
        return None
    users, samples = min(windows, key=lambda window: window[0])
    return float(np.median([sample.working_set_bytes for sample in samples])) - users * held_bytes
