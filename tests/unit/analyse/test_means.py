"""The geometric mean: between its values, and what its definition says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.means import compute_geometric_mean

POSITIVE = st.floats(1e-3, 1e6)


@given(st.lists(POSITIVE, min_size=1, max_size=8))
def test_the_mean_is_the_exponential_of_the_mean_logarithm(values: list[float]) -> None:
    logarithm = sum(math.log(value) for value in values) / len(values)
    assert compute_geometric_mean(values) == pytest.approx(math.exp(logarithm))


@given(POSITIVE, POSITIVE)
def test_of_two_values_the_mean_is_the_root_of_their_product(one: float, other: float) -> None:
    assert compute_geometric_mean((one, other)) == math.sqrt(one * other)


def test_one_value_of_zero_makes_the_mean_zero() -> None:
    assert compute_geometric_mean((0, 400)) == 0


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        compute_geometric_mean(())
