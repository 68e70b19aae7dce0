"""Tell how large one of several differences must be, so that chance is an unlikely reason for any of them."""

from collections.abc import Sequence
from statistics import NormalDist

SURE = 2.0
"""A difference alone counts from this many of its standard deviations on; chance gives 5 % of them."""

MIN_CHANGE_RATIO = 0.05
"""Capacities that differ by less are alike, however sure the difference is."""

_NORMAL = NormalDist()


def find_least_deviation(deviations: Sequence[float]) -> float:
    """Return from how many of its standard deviations on a difference counts, among all that are compared.

    `deviations` are all differences, each in its standard deviations, without a sign. By Hochberg's
    procedure (Biometrika 75, 1988) any of them counts by chance in at most 5 % of comparisons: a single one
    of many must be larger, and if all are as large as `SURE`, all count. An empty sequence returns `SURE`.
    """
    chance = 1 - _NORMAL.cdf(SURE)
    least = SURE
    for smaller, deviation in enumerate(sorted(deviations)):
        least = -_NORMAL.inv_cdf(chance / (smaller + 1))
        if deviation >= least:
            break
    return least
