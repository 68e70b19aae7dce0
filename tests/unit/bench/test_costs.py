"""The benchmark of request costs simulates a campaign, and tells how wrong its costs are."""

import pytest

from bench.costs.__main__ import main
from bench.costs.trial import CostTrial, find_cost_errors


def test_both_names_of_a_simulated_campaign_have_a_cost_with_an_interval() -> None:
    cheap, dear = find_cost_errors(CostTrial("exponential", seed=1))
    assert (cheap.name, dear.name) == ("GET /a", "POST /b")
    assert cheap.half_ratio > 0
    assert dear.half_ratio > 0
    assert abs(dear.error_ratio) < 0.5


def test_the_command_prints_a_row_for_each_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--trials", "1", "--laws", "uniform"]) == 0
    assert capsys.readouterr().out.count("\n| uniform (1) | ") == 2
