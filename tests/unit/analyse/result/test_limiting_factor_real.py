"""The limiting factor of steps that real containers really went through (tests/facts says how)."""

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.step.judge import judge_step
from harness.model import Factor, StepResult, Verdict
from tests.facts import NAMES, recorded


def why(broken: str, light: str | None = None) -> tuple[Factor, str]:
    step, cell = judged(broken), recorded(broken).cell
    return find_limiting_factor(cell, step, [step] if light is None else [judged(light), step])


def judged(name: str) -> StepResult:
    told = recorded(name)
    return judge_step(told.facts, told.slos)


BROKEN = {
    "cpu-broken": (Factor.CPU, "its CPU quota is used up"),
    "memory-killed": (Factor.MEMORY, "ran out of its 48 MiB and was killed"),
    "slots-broken": (Factor.TARGET, "its own concurrency is the limit"),
    "errors-busy": (Factor.ERRORS, "503"),
    "errors-keep-alive": (Factor.ERRORS, "raise its keep-alive timeout"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_each_step_that_broke_has_its_own_cause(name: str) -> None:
    assert judged(name).verdict is Verdict.FAIL
    factor, evidence = why(name)
    assert factor is BROKEN[name][0]
    assert BROKEN[name][1] in evidence


@pytest.mark.parametrize("factor", [Factor.CPU, Factor.MEMORY, Factor.TARGET, Factor.ERRORS])
def test_no_rule_fires_on_what_another_cause_broke(factor: Factor) -> None:
    others = [name for name, (cause, _) in BROKEN.items() if cause is not factor]
    assert others
    assert factor not in {why(name)[0] for name in others}


@pytest.mark.parametrize("name", ["cpu-light", "slots-light"])
def test_a_light_step_shows_neither_a_full_quota_nor_a_full_memory(name: str) -> None:
    assert why(name)[0] is Factor.TARGET


def test_errors_of_a_busy_server_are_not_called_keep_alive() -> None:
    assert "keep-alive" not in why("errors-busy")[1]


def test_the_first_failure_is_dated() -> None:
    assert "the first after" in why("errors-busy")[1]


def test_slots_are_counted_by_their_throughput() -> None:
    """Four slots of a tenth of a second."""
    evidence = why("slots-broken", "slots-light")[1]
    assert "about 4." in evidence or "about 3.9" in evidence


def test_every_recorded_step_is_used_here() -> None:
    assert set(NAMES) == {*BROKEN, "cpu-light", "slots-light"}
