"""Student's t has the values of printed tables."""

import math

import pytest

from harness.analyse.student import compute_inside_probability, find_t


@pytest.mark.parametrize(
    ("confidence", "degrees", "t"),
    [
        *((0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 3, 3.182), (0.95, 30, 2.042), (0.95, 120, 1.980)),
        *((0.99, 4, 4.604), (0.98, 10, 2.764)),
    ],
)
def test_t_is_that_of_the_tables(confidence: float, degrees: int, t: float) -> None:
    assert find_t(confidence, degrees) == pytest.approx(t, abs=5e-4)


def test_t_falls_towards_that_of_the_normal_distribution() -> None:
    table = [find_t(0.95, degrees) for degrees in range(1, 400)]
    assert table == sorted(table, reverse=True)
    assert table[-1] == pytest.approx(1.966, abs=5e-4)


def test_half_of_the_values_with_one_degree_lie_between_minus_one_and_one() -> None:
    assert compute_inside_probability(1.0, 1) == pytest.approx(0.5)


def test_nothing_is_known_without_degrees_of_freedom_or_for_sure() -> None:
    assert find_t(0.95, 0) == math.inf
    assert find_t(1.0, 5) == math.inf
