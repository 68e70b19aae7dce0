"""Compute means and changes that several parts of the analysis need."""

import math
from collections.abc import Iterable


def compute_geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of values that are not negative; 0 if one of them is 0.

    Raises ValueError without values.
    """
    factors = list(values)
    if not factors:
        raise ValueError("the geometric mean needs at least one value")
    product = math.prod(factors)
    return (
        math.sqrt(product) if len(factors) == 2 else product ** (1 / len(factors))
    )  # sqrt is exact, ** is not


def compute_change(before: float | None, after: float | None) -> float | None:
    """Return the relative change, such as 0.1 for 10 % more; None if a value is unknown or `before` is 0."""
    return after / before - 1 if before and after is not None else None
