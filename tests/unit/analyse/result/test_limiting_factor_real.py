"""The limiting factor of steps that were recorded with real containers (tests/facts says how)."""

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.step.judge import judge_step
from harness.model import MIB, Factor, StepResult, Verdict
from harness.model.evidence import (
    CpuQuotaUsed,
    FactorEvidence,
    LimitingFactor,
    OutOfMemory,
    OwnConcurrency,
    RequestErrors,
)
from tests.facts import NAMES, load_recorded


def find_limit(broken: str, light: str | None = None) -> LimitingFactor:
    step, cell = judge_recorded(broken), load_recorded(broken).cell
    return find_limiting_factor(cell, step, [step] if light is None else [judge_recorded(light), step])


def judge_recorded(name: str) -> StepResult:
    step = load_recorded(name)
    return judge_step(step.facts, step.slos)


BROKEN: dict[str, tuple[Factor, type[FactorEvidence]]] = {
    "cpu-broken": (Factor.CPU, CpuQuotaUsed),
    "memory-killed": (Factor.MEMORY, OutOfMemory),
    "slots-broken": (Factor.TARGET, OwnConcurrency),
    "errors-busy": (Factor.ERRORS, RequestErrors),
    "errors-keep-alive": (Factor.ERRORS, RequestErrors),
}


def find_errors(name: str) -> RequestErrors:
    evidence = find_limit(name).evidence
    assert isinstance(evidence, RequestErrors)
    return evidence


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_each_broken_step_has_its_own_limiting_factor(name: str) -> None:
    assert judge_recorded(name).verdict is Verdict.FAIL
    limit = find_limit(name)
    assert (limit.factor, type(limit.evidence)) == BROKEN[name]


def test_the_memory_that_ran_out_is_named() -> None:
    evidence = find_limit("memory-killed").evidence
    assert isinstance(evidence, OutOfMemory)
    assert evidence.limit_bytes == 48 * MIB


@pytest.mark.parametrize("factor", [Factor.CPU, Factor.MEMORY, Factor.TARGET, Factor.ERRORS])
def test_no_factor_is_found_for_a_step_that_another_one_broke(factor: Factor) -> None:
    others = [name for name, (cause, _) in BROKEN.items() if cause is not factor]
    assert others
    assert factor not in {find_limit(name).factor for name in others}


@pytest.mark.parametrize("name", ["cpu-light", "slots-light"])
def test_a_light_step_shows_neither_a_full_quota_nor_a_full_memory(name: str) -> None:
    assert find_limit(name).factor is Factor.TARGET


def test_errors_of_a_busy_server_are_named_and_not_taken_for_closed_connections() -> None:
    assert "503" in find_errors("errors-busy").error
    assert not find_errors("errors-busy").are_resets


def test_connections_that_the_server_closed_while_idle_are_recognised() -> None:
    assert find_errors("errors-keep-alive").are_resets


def test_the_time_of_the_first_failure_is_known() -> None:
    assert find_errors("errors-busy").first_after_s is not None


def test_the_concurrency_of_a_target_is_found_from_its_throughput() -> None:
    """Expect four requests at once: the target has four slots of a tenth of a second."""
    evidence = find_limit("slots-broken", "slots-light").evidence
    assert isinstance(evidence, OwnConcurrency)
    assert evidence.requests_at_once is not None
    assert 3.85 <= evidence.requests_at_once < 4.95


def test_every_recorded_step_is_used_here() -> None:
    assert set(NAMES) == {*BROKEN, "cpu-light", "slots-light"}
