"""A fresh container counts as warm unless its CPU time per request still falls."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_cell
from bench.simulation.model import NOISY, Noise, Service
from harness.analyse.step.warmup import (
    build_rest_predicate,
    compute_request_costs_s,
    find_truncation,
    is_surely_warm,
    is_warm,
    may_be_cold,
)
from harness.model import MIB, StepFacts, StepResult, TargetSample, Timing
from tests.unit.analyse.synthetic import make_closed_step

SERIES = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=40).map(np.array)


def make_step_of_cost(cost_s: "dict[float, float] | float", users: int = 40, seconds: int = 18) -> StepFacts:
    """Return a step in which each user makes a request a second, for `cost_s` CPU seconds each.

    A dict maps seconds of the step to costs; other seconds have the lowest of them.
    """
    spent, samples = 0.0, []
    for second in range(seconds + 1):
        samples.append(TargetSample(float(second), spent, 0, 0, 0.0, 64 * MIB, None, 0, 0))
        now = cost_s if isinstance(cost_s, float) else cost_s.get(second, min(cost_s.values()))
        spent += users * now
    return replace(make_closed_step(users), target=tuple(samples), window_from_s=None, window_to_s=None)


def test_a_steady_target_is_warm() -> None:
    assert is_warm(make_step_of_cost(0.01))


def test_a_target_that_still_gets_faster_is_not_warm() -> None:
    assert not is_warm(
        make_step_of_cost({second: 0.01 * (1 + math.exp(-second / 8)) for second in range(40)})
    )


def test_a_target_that_was_cold_only_on_the_ramp_is_warm() -> None:
    assert is_warm(make_step_of_cost({second: 0.02 if second < 3 else 0.01 for second in range(40)}))


def test_a_target_that_gets_slower_is_warm() -> None:
    """Leave a growing heap or a rising queue to the window, which is to show them."""
    assert is_warm(make_step_of_cost({second: 0.01 * (1 + second / 20) for second in range(40)}))


def test_a_target_that_gets_faster_by_less_than_the_precision_is_warm() -> None:
    assert is_warm(make_step_of_cost({second: 0.0103 if second < 12 else 0.01 for second in range(40)}))


def test_a_target_with_too_few_requests_counts_as_warm() -> None:
    facts = make_step_of_cost({second: 0.01 * (1 + math.exp(-second / 8)) for second in range(40)}, users=4)
    assert len(compute_request_costs_s(facts)) == 0
    assert is_warm(facts)


@pytest.mark.parametrize(("seconds", "is_sure"), [(14, False), (15, True)])
def test_a_target_is_surely_warm_only_after_seven_blocks(seconds: int, is_sure: bool) -> None:
    """The ramp takes 2 s. From its middle, at 1 s, seven blocks of 2 s last until 15 s."""
    assert is_warm(make_step_of_cost(0.01, seconds=seconds))
    assert is_surely_warm(make_step_of_cost(0.01, seconds=seconds)) is is_sure


def test_a_target_that_still_gets_faster_or_can_not_be_told_is_not_surely_warm() -> None:
    costs: dict[float, float] = {second: 0.01 * (1 + math.exp(-second / 8)) for second in range(40)}
    assert not is_surely_warm(make_step_of_cost(costs))
    assert not is_surely_warm(make_step_of_cost(0.01, users=4))


@pytest.mark.parametrize(("settled_s", "is_at_rest"), [(1.9, False), (2.1, True)])
def test_a_step_is_at_rest_after_two_cycles_of_its_users(settled_s: float, is_at_rest: bool) -> None:
    """Users think for 0.9 s and wait for 0.1 s."""
    facts = make_step_of_cost(0.01)
    assert facts.settle_from_s is not None
    now = replace(facts, ended_s=facts.settle_from_s + settled_s)
    assert build_rest_predicate(1.0)(now) is is_at_rest


@pytest.mark.parametrize("is_fresh", [True, False])
def test_a_cold_target_is_not_at_rest(is_fresh: bool) -> None:
    costs: dict[float, float] = {second: 0.01 * (1 + math.exp(-second / 8)) for second in range(40)}
    assert not build_rest_predicate(1.0, is_fresh=is_fresh)(make_step_of_cost(costs))


def test_a_container_that_passed_a_step_before_is_at_rest_without_many_blocks() -> None:
    facts = make_step_of_cost(0.01, seconds=8)
    assert build_rest_predicate(1.0, is_fresh=False)(facts)
    assert not build_rest_predicate(1.0)(facts)


@pytest.mark.parametrize("missing", [{"target": ()}, {"settle_from_s": None}])
def test_a_target_without_counters_or_a_ramp_counts_as_warm(missing: dict[str, Any]) -> None:
    assert is_warm(replace(make_step_of_cost(0.01), **missing))


@given(SERIES)
def test_at_most_half_of_a_series_is_cut_off(series: np.ndarray) -> None:
    assert 0 <= find_truncation(series) <= len(series) // 2


@given(st.integers(1, 1000), st.integers(2, 40))
def test_nothing_of_a_constant_series_is_cut_off(value: int, length: int) -> None:
    assert find_truncation(np.full(length, float(value))) == 0


def find_first_busy_step(noise: Noise) -> StepResult:
    """Return a size's first step of many users. Its ramp takes 10 s, which does not make a target warm."""
    strategy = Strategy("ours", timing=Timing(window_at_least_s=10.0))
    scenario = SimulatedScenario(Service(cpu_s=0.02), noise)
    cell = build_grid((1.0,))[0]
    return next(step for step in measure_cell(strategy, scenario, cell, 3).steps if step.users > 20)


def test_the_first_window_of_a_slow_starter_begins_when_it_is_warm() -> None:
    slow = find_first_busy_step(Noise(cold_ratio=0.3, warm_cpu_s=12.0))
    assert slow.settling.length_s is not None
    assert slow.settling.length_s > 11
    assert slow.target.cpu_per_request_s == pytest.approx(0.02, rel=0.1)


def test_a_light_step_warms_no_target_for_many_users() -> None:
    """A container that has passed a step of 10 users may be cold at 21, and one that passed 11 is not."""
    assert may_be_cold(10, 0)
    assert may_be_cold(21, 10)
    assert not may_be_cold(21, 11)


def test_a_warm_target_settles_no_longer_than_planned() -> None:
    steps = [find_first_busy_step(Noise()), find_first_busy_step(replace(NOISY, cold_ratio=1.0))]
    assert [step.settling.length_s for step in steps] == [pytest.approx(10, abs=0.6)] * 2
