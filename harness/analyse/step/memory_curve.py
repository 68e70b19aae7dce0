"""Extend a memory that fills up: sessions and caches approach a level, and a leak goes on beside them.

The curve is a + c·t - b·exp(-t/τ): a level that is approached with the time constant τ, and a constant growth
c that is not negative. For each of many τ it is a linear model, which is fitted by least squares. Every τ
counts that fits about as well as the best one (profile likelihood: Bates and Watts, Nonlinear Regression
Analysis, 1988, ch. 6).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analyse.step.slo import find_student_t
from harness.model import MIB

_NOISE_AT_LEAST_BYTES = 0.25 * MIB
"""The standard deviation of a floor is taken as at least this: memory is taken in pieces."""

_FEWEST_POINTS = 8
_TIME_CONSTANTS = 100
_LEAST_TAU_SHARE, _MOST_TAU_SHARE = 1 / 20, 1 / 2
"""The time constants that are tried, as shares of the observed time.

A slower approach to a level can't be told from a leak.
"""

_PARAMETERS = 4
_Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Fit:
    """The curve of one time constant: its squared residuals, and the memory at the horizon.

    `scale` is the standard error of that memory for residuals of one byte.
    """

    squares: float
    at_end_bytes: float
    scale: float


def extend_curve(at_s: _Series, floors: _Series, horizon_s: float) -> tuple[float, float] | None:
    """Return the memory in bytes to expect after the horizon, and the most that is likely (97.5 %).

    `horizon_s` counts from the last instant. None with too few points, and if no curve bends down: the memory
    does not slow then.
    """
    if len(at_s) < _FEWEST_POINTS:
        return None
    t = at_s - at_s[0]
    end_s = float(t[-1]) + horizon_s
    taus = float(t[-1]) * np.geomspace(_LEAST_TAU_SHARE, _MOST_TAU_SHARE, _TIME_CONSTANTS)
    fits = [fit for tau in taus if (fit := _fit(t, floors, float(tau), end_s)) is not None]
    if not fits:
        return None
    degrees = len(t) - _PARAMETERS
    best = min(fit.squares for fit in fits)
    noise, quantile = math.sqrt(max(best / degrees, _NOISE_AT_LEAST_BYTES**2)), find_student_t(degrees)
    good = [fit for fit in fits if fit.squares <= best + (quantile * noise) ** 2]
    expected = min(fits, key=lambda fit: fit.squares).at_end_bytes
    return expected, max(fit.at_end_bytes + quantile * noise * fit.scale for fit in good)


def _fit(t: _Series, floors: _Series, tau_s: float, end_s: float) -> _Fit | None:
    """Fit the curve of one time constant; None if it bends up."""
    design = np.column_stack([np.ones_like(t), -np.exp(-t / tau_s), t])
    at_end = np.array([1.0, -math.exp(-end_s / tau_s), end_s])
    scale = math.sqrt(float(at_end @ np.linalg.pinv(design.T @ design) @ at_end))
    coefficients = np.linalg.lstsq(design, floors, rcond=None)[0]
    if coefficients[2] < 0:
        design, at_end = design[:, :2], at_end[:2]
        coefficients = np.linalg.lstsq(design, floors, rcond=None)[0]
    if coefficients[1] <= 0:
        return None
    residual = floors - design @ coefficients
    return _Fit(float(residual @ residual), float(at_end @ coefficients), scale)
