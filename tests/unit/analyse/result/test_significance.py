"""How large one of several differences must be to count."""

import pytest

from harness.analyse.result.significance import SURE, find_least_deviation

# Two standard deviations leave 2.275 % of the normal distribution on either side. From tables: a quarter of
# that lies beyond 2.531 deviations, a third beyond 2.429, and half beyond 2.278.


@pytest.mark.parametrize(
    ("deviations", "least"),
    [
        ([], SURE),
        ([2.1], SURE),
        ([0.1], SURE),
        ([2.1, 0.3, 0.2, 0.1], 2.531),  # one of four is as large by chance in every fifth comparison or so
        ([2.6, 0.3, 0.2, 0.1], 2.531),
        ([2.1, 2.05, 2.02, 2.01], SURE),  # all of them: no chance
        ([2.3, 2.35, 2.1, 1.9], 2.531),  # 1.9 < 2, 2.1 < 2.278, 2.3 < 2.429, 2.35 < 2.531
        ([2.5, 2.45, 0.2, 0.1], 2.429),  # 2.45 is the larger two's smaller one
        ([3.0, 2.1, 0.1], 2.429),
    ],
)
def test_one_difference_of_many_must_be_larger_and_all_of_them_need_not(
    deviations: list[float], least: float
) -> None:
    assert find_least_deviation(deviations) == pytest.approx(least, abs=1e-3)
