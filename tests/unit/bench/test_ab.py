"""The benchmark of comparisons runs the harness's own windows and decisions."""

import pytest

from bench.ab.__main__ import main
from bench.ab.rule import DrawnHost, compare_drawn
from bench.ab.trial import AbTrial, compare_simulated
from bench.simulation.model import Noise
from harness.model.ab import AbOutcome

CALM = DrawnHost(drift_ratio=0.0, window_sd=0.001, work_sd=0.0, locust_sd=0.0)


def test_a_change_is_found_on_a_calm_host_and_none_where_there_is_none() -> None:
    assert compare_drawn(CALM, 0.05, seed=1).outcome is AbOutcome.MORE
    assert compare_drawn(CALM, 0.0, seed=1).outcome is AbOutcome.SAME


def test_drawn_comparisons_of_one_seed_are_the_same_and_end_within_their_time() -> None:
    host = DrawnHost()
    answers = [compare_drawn(host, 0.0, seed=3) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].spent_s <= answers[0].test.within_s


def test_equal_versions_are_seldom_told_apart_however_the_host_drifts() -> None:
    """Of 200 comparisons at most 2 % may claim a change, give or take two standard errors: 8."""
    host = DrawnHost(drift_period_s=300.0)
    outcomes = [compare_drawn(host, 0.0, seed).outcome for seed in range(200)]
    assert sum(outcome in (AbOutcome.MORE, AbOutcome.LESS) for outcome in outcomes) <= 8


def test_a_simulated_head_that_needs_half_more_is_found_early() -> None:
    answer = compare_simulated(AbTrial(Noise(drift_ratio=0.15, drift_period_s=600.0), 0.5, seed=1))
    assert answer.outcome is AbOutcome.MORE
    assert answer.spent_s < 400


def test_the_command_prints_a_row_for_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--trials", "0", "--drawn", "2"]) == 0
    assert capsys.readouterr().out.count("\n| drawn") == 10
