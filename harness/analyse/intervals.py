"""Compute the intervals that several parts of the analysis need."""

import math

NORMAL_975 = 1.96
"""The 97.5 % quantile of the normal distribution: the half-width of a 95 % interval in standard errors."""


def compute_wilson_interval(share: float, n: float, quantile: float = NORMAL_975) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of `n` independent requests, of which there must be some.

    `n` need not be a whole number: requests that come together are worth fewer (see `step.slo`). Another
    `quantile` of the normal distribution gives another interval than that of 95 %.
    """
    z2 = quantile**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half_width = quantile / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return middle - half_width, middle + half_width
