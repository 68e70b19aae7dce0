"""Campaigns on a host that drifts agree at one speed of the host, and a comparison sees no difference."""

import itertools

import pytest

from bench.search.drift import Agreement, Campaign, compute_agreement, find_changes, main, measure_campaigns
from bench.simulation.model import Noise
from harness.model import Change


@pytest.fixture(scope="module")
def campaigns() -> list[Campaign]:
    """Measure six campaigns of one target; each starts somewhere in a drift of 15 % over an hour."""
    return measure_campaigns(6, Noise(drift_ratio=0.15, drift_period_s=3600.0), cpu_s=0.04, cpus=(1.0, 2.0))


def test_campaigns_on_a_host_that_drifts_by_15_percent_agree_at_one_speed(campaigns: list[Campaign]) -> None:
    agreements = compute_agreement(campaigns)
    assert [each.cpu_cores for each in agreements] == [2.0, 1.0]
    for each in agreements:
        assert isinstance(each, Agreement)
        assert each.spread > 0.08
        assert each.spread_at_one_speed < 0.05
        assert each.spread_in_pairs < 0.04


def test_campaigns_of_one_image_on_a_host_that_drifts_do_not_differ(campaigns: list[Campaign]) -> None:
    changes = find_changes(itertools.combinations(campaigns, 2), is_same_image=True)
    assert changes.count(Change.SAME) >= 0.95 * len(changes)


def test_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--campaigns", "2", "--drift", "0", "--cpus", "0.5", "1"]) == 0
    assert "| the same image | at one speed | 100% | 0% | 0% |" in capsys.readouterr().out
