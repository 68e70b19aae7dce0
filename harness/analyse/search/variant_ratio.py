"""Estimate a size with one variant from the same size with another, as a place to start its search.

Variants of one target sustain similar numbers of users, or differ by a ratio that sizes next to each other
share: four workers sustain more than one, the more so the more cores there are.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from harness.analyse.search.capacity_estimate import LogNormalEstimate
from harness.model import Factor, Limits

_UNKNOWN_RATIO_SIGMA = 0.25
"""The standard deviation of ln of the ratio of two variants, before both were measured at any size."""

_KNOWN_RATIO_SIGMA = 0.08
_SIGMA_PER_E_FOLD = 0.15
"""The same for the ratio at another size, and how much it grows for each factor e between the two sizes."""


def estimate_from_variants(
    limits: Limits, capacities: Mapping[Limits, float], factors: Mapping[Limits, Factor | None] | None = None
) -> LogNormalEstimate | None:
    """Estimate the users of a size from those of other variants; None if none has a capacity at the size.

    `capacities` are those of all sizes and variants so far, and `factors` what limits them. Of several
    variants the one counts whose ratio to this one was measured at the nearest size. A ratio holds at other
    sizes only if the same factor limits both: what a variant's own number of workers allows does not grow
    with the CPU.
    """
    size = limits.drop_variant()
    others = [each for each in capacities if each != limits and each.drop_variant() == size]
    if limits.variant is None or not others:
        return None
    estimates = (_estimate_from(limits, other, capacities, factors or {}) for other in others)
    return min(estimates, key=lambda each: each.sigma)


def _estimate_from(
    limits: Limits,
    other: Limits,
    capacities: Mapping[Limits, float],
    factors: Mapping[Limits, Factor | None],
) -> LogNormalEstimate:
    own_sizes = (each for each in capacities if each.variant == limits.variant)
    shared = [each for each in own_sizes if replace(each, variant=other.variant) in capacities]
    nearest = min(shared, key=lambda each: measure_distance(each, limits), default=None)
    if nearest is None:
        return LogNormalEstimate(capacities[other], _UNKNOWN_RATIO_SIGMA)
    own_factor, other_factor = factors.get(nearest), factors.get(replace(nearest, variant=other.variant))
    if None not in (own_factor, other_factor) and own_factor is not other_factor:
        most_users = math.inf if own_factor is Factor.CPU else capacities[nearest]
        return LogNormalEstimate(min(capacities[other], most_users), _UNKNOWN_RATIO_SIGMA)
    ratio = capacities[nearest] / capacities[replace(nearest, variant=other.variant)]
    sigma = _KNOWN_RATIO_SIGMA + _SIGMA_PER_E_FOLD * measure_distance(nearest, limits)
    return LogNormalEstimate(capacities[other] * ratio, sigma)


def measure_distance(one: Limits, other: Limits) -> float:
    """Return how far apart two sizes are: the sum of the factors between their limits, as logarithms."""
    pairs = (
        (one.cpu_cores, other.cpu_cores),
        (one.memory_bytes, other.memory_bytes),
        (one.replicas, other.replicas),
    )
    return sum(abs(math.log(here / there)) for here, there in pairs)
