"""Tell the errors that load adds from those that a light step shows as well, by request name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analyse.step.window import Window

_FEWEST_REQUESTS = 5
"""A name with fewer requests has no share of its own."""

_ERRORS_ALLOWED = 2.0
"""Standard errors by which the share at light load may be wrong."""

_Count = tuple[int, int]
"""Failed requests, and all requests."""


@dataclass(frozen=True, slots=True)
class StepErrors:
    """The failed and all requests of one step, by request name."""

    by_name: Mapping[str, _Count] = field(default_factory=dict)


def measure_step_errors(window: Window) -> StepErrors:
    """Count the window's failed requests and all requests by request name."""
    totals = np.bincount(window.name, minlength=len(window.names)).tolist()
    failed = np.bincount(window.name[window.failed], minlength=len(window.names)).tolist()
    counts = zip(window.names, failed, totals, strict=True)
    return StepErrors({name: (bad, total) for name, bad, total in counts if total})


def estimate_usual_ratio(window: Window, light: StepErrors) -> float:
    """Return the share of the window's requests that would fail at light load, with two standard errors.

    Each name has its own share at light load. Names that are rare there have that of all rare names together,
    or of all requests.
    """
    counts = measure_step_errors(window).by_name
    total = sum(n for _, n in counts.values())
    known = {name: each for name, each in light.by_name.items() if each[1] >= _FEWEST_REQUESTS}
    rest = _sum_up([each for name, each in light.by_name.items() if name not in known])
    pooled = rest if rest[1] >= _FEWEST_REQUESTS else _sum_up(list(light.by_name.values()))
    compared = [(n, known[name]) for name, (_, n) in counts.items() if name in known]
    compared.append((sum(n for name, (_, n) in counts.items() if name not in known), pooled))
    usual = sum(n * _compute_share(count) for n, count in compared)
    variance = sum(n * n * _compute_variance(count) for n, count in compared)
    return (usual + _ERRORS_ALLOWED * math.sqrt(variance)) / max(1, total)


def is_exact(window: Window, at_most: float) -> bool:
    """Return True if the share of failed requests is known to two standard errors of `at_most`."""
    counts = measure_step_errors(window).by_name.values()
    variance = sum(n * n * _compute_variance((failed, n)) for failed, n in counts)
    return _ERRORS_ALLOWED * math.sqrt(variance) <= at_most * sum(n for _, n in counts)


def _sum_up(counts: list[_Count]) -> _Count:
    return sum(failed for failed, _ in counts), sum(n for _, n in counts)


def _compute_share(count: _Count) -> float:
    return count[0] / count[1] if count[1] else 0.0


def _compute_variance(count: _Count) -> float:
    """Return the variance of a share of failed requests; 0 without requests."""
    share = _compute_share(count)
    return share * (1 - share) / count[1] if count[1] else 0.0
