"""Compute the intervals that several parts of the analysis need."""

import math

NORMAL_975 = 1.96
"""The 97.5 % quantile of the normal distribution: the half-width of a 95 % interval in standard errors."""


def compute_wilson_interval(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of `n` independent requests, of which there must be some.

    `n` need not be a whole number: requests that come together are worth fewer (see `step.slo`).
    """
    z2 = NORMAL_975**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half_width = NORMAL_975 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return middle - half_width, middle + half_width
