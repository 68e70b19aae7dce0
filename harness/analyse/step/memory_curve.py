"""Extend a memory that fills up: sessions and caches approach a level, and a leak goes on beside them.

The curve is a + c·t - b·exp(-t/τ): a level that is approached with the time constant τ, and a constant growth
c that is not negative. For each of many τ it is a linear model, which is fitted by least squares. Every τ
counts that fits about as well as the best one (profile likelihood: Bates and Watts, Nonlinear Regression
Analysis, 1988, ch. 6).

A cache whose keys become ever rarer may grow for ever, but slow for ever too: a + k·ln(1 + t/s). A level with
a leak beside it looks alike in places. So such a logarithm only tells what to expect, where it fits best of
all: it never shows that memory lasts.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analyse.student import find_t
from harness.model import MIB

_NOISE_AT_LEAST_BYTES = 0.25 * MIB
"""The standard deviation of a floor is taken as at least this: memory is taken in pieces."""

_FEWEST_POINTS = 8
_TIME_CONSTANTS = 100
_LEAST_TAU_SHARE, _MOST_TAU_SHARE = 1 / 20, 1 / 2
"""The time constants that are tried, as shares of the observed time.

A slower approach to a level can't be told from a leak.
"""

_LOGARITHMS = 50
_LEAST_SCALE_SHARE = 1 / 100
"""The scales s of the logarithms that are tried, as shares of the observed time: up to `_MOST_TAU_SHARE`."""

_PARAMETERS = 4
_ROUNDING_RATIO = 1e-9
"""What is smaller than this share of the memory is a rounding error: a level memory does not bend up."""

_Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Fits:
    """Curves, one for each time constant: their squared residuals, and the memory at the horizon.

    `scale` is the standard error of that memory for residuals of one byte.
    """

    squares: _Series
    at_end_bytes: _Series
    scale: _Series

    def select(self, mask: NDArray[np.bool_]) -> "_Fits":
        return _Fits(self.squares[mask], self.at_end_bytes[mask], self.scale[mask])


def extend_curve(at_s: _Series, floors: _Series, horizon_s: float) -> tuple[float, float] | None:
    """Return the memory in bytes to expect after the horizon, and the most that is likely (97.5 %).

    The former is that of the curve or the logarithm that fits best, the latter that of all curves that fit.

    `horizon_s` counts from the last instant. None with too few points, and if no curve bends down: the memory
    does not slow then.
    """
    if len(at_s) < _FEWEST_POINTS:
        return None
    t = at_s - at_s[0]
    end_s = float(t[-1]) + horizon_s
    taus = float(t[-1]) * np.geomspace(_LEAST_TAU_SHARE, _MOST_TAU_SHARE, _TIME_CONSTANTS)
    fits = _fit_curves(t, floors, taus, end_s)
    if len(fits.squares) == 0:
        return None
    degrees = len(t) - _PARAMETERS
    best = int(np.argmin(fits.squares))
    least = float(fits.squares[best])
    noise, quantile = math.sqrt(max(least / degrees, _NOISE_AT_LEAST_BYTES**2)), find_t(0.95, degrees)
    good = fits.select(fits.squares <= least + (quantile * noise) ** 2)
    most = float(np.max(good.at_end_bytes + quantile * noise * good.scale))
    log_squares, log_bytes = _fit_logarithm(t, floors, end_s)
    return log_bytes if log_squares < least else float(fits.at_end_bytes[best]), most


def _fit_curves(t: _Series, floors: _Series, taus: _Series, end_s: float) -> _Fits:
    """Fit the curve of every time constant; those that bend up are left out."""
    decay = -np.exp(-t / taus[:, None])
    design = np.stack([np.ones_like(decay), decay, np.broadcast_to(t, decay.shape)], axis=2)
    at_end = np.stack([np.ones_like(taus), -np.exp(-end_s / taus), np.full_like(taus, end_s)], axis=1)
    leaking, scale = _fit_linear(design, floors, at_end)
    level, _ = _fit_linear(design[..., :2], floors, at_end[:, :2])
    has_leak = leaking[:, 2] >= 0
    coefficients = np.where(has_leak[:, None], leaking, np.pad(level, ((0, 0), (0, 1))))
    residuals = floors - np.einsum("ijk,ik->ij", design, coefficients)
    at_end_bytes = np.einsum("ik,ik->i", at_end, coefficients)
    bends_up = coefficients[:, 1] < -_ROUNDING_RATIO * np.abs(floors).max()
    return _Fits(np.sum(residuals**2, axis=1), at_end_bytes, scale).select(~bends_up)


def _fit_logarithm(t: _Series, floors: _Series, end_s: float) -> tuple[float, float]:
    """Return the squared residuals of the logarithm that fits best, and its memory in bytes at `end_s`."""
    scales = float(t[-1]) * np.geomspace(_LEAST_SCALE_SHARE, _MOST_TAU_SHARE, _LOGARITHMS)
    design = np.stack([np.ones((len(scales), len(t))), np.log1p(t / scales[:, None])], axis=2)
    at_end = np.stack([np.ones_like(scales), np.log1p(end_s / scales)], axis=1)
    coefficients, _ = _fit_linear(design, floors, at_end)
    squares = np.sum((floors - np.einsum("ijk,ik->ij", design, coefficients)) ** 2, axis=1)
    best = int(np.argmin(squares))
    return float(squares[best]), float(at_end[best] @ coefficients[best])


def _fit_linear(design: _Series, floors: _Series, at_end: _Series) -> tuple[_Series, _Series]:
    """Fit a stack of linear models by least squares: return each one's coefficients, and its scale.

    The scale is the standard error of the model's value at the row `at_end`, for residuals of one.
    """
    q, r = np.linalg.qr(design)
    projected = np.swapaxes(q, 1, 2) @ floors
    coefficients = np.linalg.solve(r, projected[..., None])[..., 0]
    spread = np.linalg.solve(np.swapaxes(r, 1, 2), at_end[..., None])[..., 0]
    return coefficients, np.linalg.norm(spread, axis=1)
