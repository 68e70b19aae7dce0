"""Simulated sizes are certified only for users whose memory they carry on."""

from dataclasses import replace

import pytest

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_cell
from bench.simulation.model import QUIET, Service
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.steady import build_steady_predicate
from harness.model import (
    MIB,
    CellResult,
    EventKind,
    Factor,
    Limits,
    Rule,
    Status,
    Step,
    StepFacts,
    TargetEvent,
)
from tests.builders import make_plan
from tests.unit.analyse.synthetic import make_closed_step

FAST = Service(cpu_s=0.005, base_bytes=32 * MIB)


def measure(service: Service, memory_mib: int, users_limit: int = 400) -> CellResult:
    """Measure a size; where the number of users is no matter, a low limit is quicker to simulate."""
    (cell,) = build_grid([1.0], [memory_mib])
    scenario = SimulatedScenario(service, QUIET, users_limit=users_limit)
    return measure_cell(Strategy("ours"), scenario, cell, seed=1)


def test_sessions_that_fill_up_are_waited_for() -> None:
    """Users come to hold 0.3 MiB each. 96 MiB less 32 MiB hold 213 of them, and 98 % of 96 MiB 206."""
    result = measure(replace(FAST, user_bytes=round(0.3 * MIB), user_fill_s=25.0), 96)
    assert result.limiting_factor is Factor.MEMORY
    assert result.sustained_users is not None
    assert result.broken_users is not None
    assert 195 <= result.sustained_users <= 213
    assert result.broken_users >= 206


def test_a_leak_that_fills_the_memory_within_the_hour_sustains_nobody() -> None:
    """A MiB a minute fills the 32 MiB above the base within 32 minutes, however many users there are."""
    result = measure(replace(FAST, leak_second_bytes=MIB / 60), 64, users_limit=40)
    assert (result.status, result.limiting_factor) == (Status.NONE, Factor.MEMORY)
    assert len(result.steps) <= 5


def test_a_leak_that_the_memory_outlasts_breaks_nothing() -> None:
    result = measure(replace(FAST, leak_second_bytes=MIB / 60), 256, users_limit=40)
    assert result.status is Status.CENSORED


@pytest.mark.parametrize("garbage_bytes", [2560 * 1024, 160 * 1024, 50 * 1024])
def test_a_garbage_collector_breaks_nothing(garbage_bytes: int) -> None:
    """40 users make 16 requests a second: 40 MiB of garbage are collected after 1 s, 16 s and 51 s."""
    service = replace(FAST, garbage_request_bytes=garbage_bytes, garbage_limit_bytes=40 * MIB)
    result = measure(service, 96, users_limit=40)
    assert result.status is Status.CENSORED
    assert all(step.rule is not Rule.MEMORY_GROWS for step in result.steps)


def test_memory_that_is_level_at_once_costs_no_time() -> None:
    result = measure(replace(FAST, user_bytes=MIB // 8), 256)
    assert result.status is Status.CENSORED
    assert max(step.window_s for step in result.steps) < 21.0


def make_growing_step() -> StepFacts:
    """Return a step in which memory rises by 0.5 MiB a second to 50 of 64 MiB: full within half a minute."""
    facts = make_closed_step(users=20, window_s=20.0)
    target = tuple(
        replace(sample, working_set_bytes=round(50 * MIB - 0.5 * MIB * (32.0 - sample.at_s)))
        for sample in facts.target
    )
    return replace(facts, target=target)


@pytest.mark.parametrize(("shown_mib", "is_over"), [(0, False), (49, False), (50, True)])
def test_memory_that_another_size_has_shown_to_last_is_not_waited_for(
    shown_mib: int, *, is_over: bool
) -> None:
    step = Step(20, shown_bytes=shown_mib * MIB)
    is_steady = build_steady_predicate(make_plan(), step, Baseline(10, 0.1), Limits(1.0, 64 * MIB))
    assert is_steady(make_growing_step()) is is_over


def test_memory_is_not_waited_for_once_the_kernel_has_killed_a_process() -> None:
    killed = replace(make_growing_step(), events=(TargetEvent(15.0, EventKind.OOM),))
    is_steady = build_steady_predicate(make_plan(), Step(20), Baseline(10, 0.1), Limits(1.0, 64 * MIB))
    assert is_steady(killed)
