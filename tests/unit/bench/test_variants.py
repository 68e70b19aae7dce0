"""Two simulated variants of one target are measured one after the other at each size."""

from dataclasses import replace

import pytest

from bench.search.ground_truth import GroundTruth
from bench.search.variants import FIRST, SECOND, judge_tuning, list_rows, measure_campaign
from bench.simulation.model import Service
from harness.model import MIB, Limits, Tuning
from tests.builders import make_result


def test_the_second_variant_of_a_size_is_measured_after_the_first() -> None:
    """A variant that needs half of the CPU time sustains about twice as many users."""
    campaign = measure_campaign(1, Service(cpu_s=0.01), cpus=(0.5,))
    assert [result.cell.limits.variant for result in campaign] == [FIRST, SECOND]
    first, second = (result.estimate_users or 0.0 for result in campaign)
    assert 1.7 < second / first < 2.5


def test_the_table_has_a_row_for_each_size_and_one_of_all() -> None:
    campaign = measure_campaign(1, Service(cpu_s=0.02), cpus=(0.5,))
    rows = list_rows("the same", [campaign])
    assert [row[1] for row in rows] == ["0.5 CPU", "all"]
    ratio = campaign[1].load_s / campaign[0].load_s
    assert [row[4] for row in rows] == [f"{ratio:.2f}"] * 2


@pytest.mark.parametrize(
    ("second_users", "differs", "best", "outcome"),
    [
        (120.0, True, SECOND, "named"),
        (120.0, True, FIRST, "wrong"),
        (120.0, False, SECOND, "open"),
        (104.0, False, SECOND, "named"),
        (104.0, True, SECOND, "wrong"),
    ],
)
def test_the_best_variant_is_judged_by_the_true_capacities(
    second_users: float, differs: bool, best: str, outcome: str
) -> None:
    """The first variant sustains 100 users; from 105 on the second is the better one."""
    size = Limits(1.0, 256 * MIB)
    truths = {
        replace(size, variant=FIRST): GroundTruth(100, 100.0),
        replace(size, variant=SECOND): GroundTruth(int(second_users), second_users),
    }
    result = make_result(1.0, 100, 104)
    result = replace(result, cell=replace(result.cell, limits=replace(size, variant=best)))
    assert judge_tuning(Tuning(size, result, result, differs), truths) == outcome
