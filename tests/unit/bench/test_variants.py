"""Two simulated variants of one target are measured one after the other at each size."""

from bench.search.variants import FIRST, SECOND, list_rows, measure_campaign


def test_the_second_variant_of_a_size_is_measured_after_the_first() -> None:
    """A variant that needs half of the CPU time sustains about twice as many users."""
    campaign = measure_campaign(1, 0.5, cpus=(0.5,))
    assert [result.cell.limits.variant for result in campaign] == [FIRST, SECOND]
    first, second = (result.estimate_users or 0.0 for result in campaign)
    assert 1.7 < second / first < 2.5


def test_the_table_has_a_row_for_each_size_and_one_of_all() -> None:
    campaign = measure_campaign(1, 1.0, cpus=(0.5,))
    rows = list_rows(1.0, [campaign])
    assert [row[1] for row in rows] == ["0.5 CPU", "all"]
    ratio = campaign[1].load_s / campaign[0].load_s
    assert [row[4] for row in rows] == [f"{ratio:.2f}"] * 2
