"""Compute Student's t distribution, at any confidence."""

import math
from functools import cache


def compute_inside_probability(t: float, degrees: int) -> float:
    """Return the probability of a value between -t and t, by its closed form for whole degrees of freedom.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, formulas 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = degrees % 2 == 1
    term = cosine if is_odd else 1.0
    total = 0.0
    for factor in range(2 if is_odd else 1, degrees, 2):
        total += term
        term *= cosine**2 * factor / (factor + 1)
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total


@cache
def find_t(confidence: float, degrees: int) -> float:
    """Return the t between whose negative and itself a value lies with this probability.

    Infinite without degrees of freedom, and for a probability of 1.
    """
    if degrees < 1 or confidence >= 1:
        return math.inf
    low, high = 0.0, 1.0
    while compute_inside_probability(high, degrees) < confidence:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if compute_inside_probability(middle, degrees) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2
