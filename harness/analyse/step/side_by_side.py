"""Compare two windows of one container: alone, and while other sizes are measured beside it.

CPU time per request, p95 and throttling may differ by 2 %, or by what so few requests can't tell apart.
"""

import math
from collections.abc import Sequence

import numpy as np

from harness.analyse.means import compute_change
from harness.analyse.step.usage import summarize_cpu
from harness.analyse.step.validity import find_disturbance
from harness.analyse.step.window import Window, cut_window, find_percentile_s
from harness.model import Cell, EndReason, Judgement, Rule, StepFacts
from harness.model.evidence import EndedStep
from harness.model.side_by_side import Difference, SideBySide

_CHANGE_AT_MOST = 0.02
_BLOCK_S = 2.0
"""How much the CPU time per request scatters by chance shows in blocks of so many seconds."""

_VARIANCE_RATIO = 4.0
"""Requests that wait together are slow together, and throttled periods follow each other. So their shares
vary as those of so many times fewer. Near the capacity it is 8, but the size is held far below it.
"""

_PERIODS_PER_S = 10.0
"""The periods in which the kernel counts a CPU quota."""

_CERTAIN_SIGMAS = 2.0
_SLOW_SHARE = 0.05


def compare_windows(
    cell: Cell, others: Sequence[Cell], alone: StepFacts, beside: StepFacts, drain_s: float
) -> SideBySide:
    """Return what the two steps differ by; not valid if one of them was ended or disturbed.

    `others` were held on the other lanes in the second step. `drain_s` is that of both steps.
    """
    windows = [cut_window(facts, drain_s) for facts in (alone, beside)]
    first, second = windows
    unknown = Difference(None, math.inf)
    is_usable = first is not None and second is not None and len(first.good) > 0 and len(second.good) > 0
    problem = _find_problem(alone, first) or _find_problem(beside, second)
    if first is None or second is None or not is_usable or problem is not None:
        return SideBySide(
            cell, alone.users, tuple(others), unknown, unknown, unknown, is_valid=False, problem=problem
        )
    cpu_alone, throttled_alone = summarize_cpu(alone.target, first.from_s, first.to_s)
    cpu_beside, throttled_beside = summarize_cpu(beside.target, second.from_s, second.to_s)
    return SideBySide(
        cell,
        alone.users,
        tuple(others),
        Difference(
            compute_change(_per_request(cpu_alone, first), _per_request(cpu_beside, second)),
            _allow(math.hypot(_find_cost_error(alone, first), _find_cost_error(beside, second))),
        ),
        _compare_p95(first, second),
        _compare_throttling(throttled_alone, throttled_beside, first, second),
    )


def _find_problem(facts: StepFacts, window: Window | None) -> Judgement | None:
    """Return what ended the step early, or disturbed its window; None if nothing did."""
    if facts.end_reason is not EndReason.HELD:
        return Judgement(Rule.STALLED, EndedStep(f"{facts.end_reason}: {facts.note}"))
    return None if window is None else find_disturbance(facts, window.from_s, window.to_s)


def _per_request(cores: float | None, window: Window) -> float | None:
    return None if cores is None else cores * window.length_s / len(window.start_s)


def _find_cost_error(facts: StepFacts, window: Window) -> float:
    """Return the standard error of the CPU time per request, relative to it; infinite with too few blocks.

    It is that of a ratio of sums over blocks (W. G. Cochran, *Sampling Techniques*, ch. 6).
    """
    count = int(window.length_s // _BLOCK_S)
    if count < 2 or len(facts.target) < 2:
        return math.inf
    edges = window.from_s + _BLOCK_S * np.arange(count + 1)
    requests = np.diff(np.searchsorted(np.sort(window.start_s), edges))
    at_s, cpu_s = zip(*((sample.at_s, sample.cpu_s) for sample in facts.target), strict=True)
    used_s = np.diff(np.interp(edges, at_s, cpu_s))
    if not requests.sum() or used_s.sum() <= 0:
        return math.inf
    residual_s = used_s - requests * used_s.sum() / requests.sum()
    return math.sqrt(count / (count - 1) * float(np.sum(residual_s**2))) / float(used_s.sum())


def _allow(error: float) -> float:
    return max(_CHANGE_AT_MOST, _CERTAIN_SIGMAS * error)


def _compare_p95(first: Window, second: Window) -> Difference:
    """Compare the p95; by chance each of them lies within the order statistics around it."""
    alone_s, beside_s = find_percentile_s(first.good, 95), find_percentile_s(second.good, 95)
    if not alone_s or beside_s is None:
        return Difference(None, _CHANGE_AT_MOST)
    error = math.hypot(_find_p95_error_s(first) / alone_s, _find_p95_error_s(second) / alone_s)
    return Difference(compute_change(alone_s, beside_s), max(_CHANGE_AT_MOST, error))


def _find_p95_error_s(window: Window) -> float:
    """Return half of the distance between the order statistics that hold the true p95 in 95 % of cases."""
    times_s = np.sort(window.good)
    count = len(times_s)
    width = _CERTAIN_SIGMAS * math.sqrt(_VARIANCE_RATIO * count * _SLOW_SHARE * (1 - _SLOW_SHARE))
    middle = (1 - _SLOW_SHARE) * count
    low, high = (int(np.clip(round(middle + sign * width), 0, count - 1)) for sign in (-1, 1))
    return float(times_s[high] - times_s[low]) / 2


def _compare_throttling(
    alone: float | None, beside: float | None, first: Window, second: Window
) -> Difference:
    """Compare the shares of throttled periods; a target that is never throttled may have no periods."""
    before, after = alone or 0.0, beside or 0.0
    share = (before + after) / 2
    periods = [max(1.0, _PERIODS_PER_S * window.length_s) for window in (first, second)]
    variance = _VARIANCE_RATIO * share * (1 - share) * sum(1 / count for count in periods)
    return Difference(after - before, _allow(math.sqrt(variance)))
