"""What stopped a cell: each rule fires on its evidence, and not without it."""

from typing import Any

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.model import MIB, CompanionUse, Factor, Limits, StepResult
from tests.unit.analyse.synthetic import CELL, judged


def why(**evidence: Any) -> tuple[Factor, str]:
    return find_limiting_factor(CELL, judged(100, "FAIL", **evidence))


@pytest.mark.parametrize(
    ("used_cores", "throttled_ratio", "factor"),
    [
        (0.95, 0.0, Factor.CPU),
        (0.85, None, Factor.CPU),
        (0.84, 0.24, Factor.TARGET),
        (0.6, 0.63, Factor.CPU),
        (0.43, 0.25, Factor.CPU),
        (0.3, 0.9, Factor.TARGET),
        (None, 0.9, Factor.TARGET),
        (None, None, Factor.TARGET),
    ],
)
def test_cpu_is_the_limit_when_used_up_or_throttled(
    used_cores: float | None, throttled_ratio: float | None, factor: Factor
) -> None:
    assert why(cpu_used_cores=used_cores, throttled_ratio=throttled_ratio)[0] is factor


def test_the_evidence_for_cpu_says_how_much_and_how_often() -> None:
    assert why(cpu_used_cores=0.97, throttled_ratio=0.634)[1] == (
        "its CPU quota is used up (97% used, throttled in 63% of periods)"
    )
    assert why(cpu_used_cores=0.97)[1] == "its CPU quota is used up (97% of 1 CPU used)"


@pytest.mark.parametrize("rule", ["died", "p95", "errors", "stalled"])
def test_an_engine_that_reports_out_of_memory_settles_it(rule: str) -> None:
    factor, evidence = why(oom=True, rule=rule, cpu_used_cores=1.0, throttled_ratio=0.9)
    assert factor is Factor.MEMORY
    assert evidence == "it ran out of its 256 MiB and was killed at 100 users"


@pytest.mark.parametrize(
    ("rule", "mib", "factor"),
    [
        ("died", 240, Factor.MEMORY),
        ("stalled", 240, Factor.MEMORY),
        ("died", 200, Factor.ERRORS),
        ("died", None, Factor.ERRORS),
        ("p95", 256, Factor.TARGET),
    ],
)
def test_a_full_memory_is_the_limit_only_of_a_target_that_gave_up(
    rule: str, mib: int | None, factor: Factor
) -> None:
    """A full cache at a slow step says nothing."""
    assert why(rule=rule, memory_peak_bytes=None if mib is None else mib * MIB)[0] is factor


def test_errors_are_the_limit_where_they_broke_first_and_the_commonest_is_named() -> None:
    factor, evidence = why(
        rule="errors", error_ratio=0.043, errors={"timeout": 2, "reset by peer": 15}, cpu_used_cores=1.0
    )
    assert factor is Factor.ERRORS
    assert evidence == "4.3% of the requests failed, most often with reset by peer (15 times)"


def test_errors_are_not_the_limit_where_response_times_broke_first() -> None:
    assert why(rule="p95", errors={"timeout": 2}, error_ratio=0.5, cpu_used_cores=1.0)[0] is Factor.CPU


@pytest.mark.parametrize("rule", ["errors", "errors of GET /", "died", "all-failed"])
def test_every_way_of_answering_wrongly_is_errors(rule: str) -> None:
    assert why(rule=rule) == (Factor.ERRORS, "p95 1.204 s > 1 s")


def test_a_slow_target_with_cpu_to_spare_is_limited_by_its_own_concurrency() -> None:
    factor, evidence = why(cpu_used_cores=0.2)
    assert factor is Factor.TARGET
    assert evidence.startswith("p95 1.204 s > 1 s while its CPU is 20% used")


def test_without_counters_nothing_is_claimed_of_the_cpu() -> None:
    assert why()[1] == "p95 1.204 s > 1 s; how much of its CPU it used is not known"


def test_every_failed_step_has_a_limit_and_a_sentence() -> None:
    for rule in ("p95", "mean", "drift", "shortfall", "errors", "died", "stalled", "all-failed"):
        for used in (None, 0.0, 1.0):
            step: StepResult = judged(1, "FAIL", rule=rule, cpu_used_cores=used)
            factor, evidence = find_limiting_factor(CELL, step)
            assert isinstance(factor, Factor)
            assert evidence


def beside(used_cores: float | None, throttled_ratio: float | None, name: str = "database") -> CompanionUse:
    return CompanionUse(name, Limits(0.4, 256 * MIB), used_cores, throttled_ratio, 100 * MIB)


@pytest.mark.parametrize(
    ("companions", "factor"),
    [
        ((beside(0.39, 0.8),), Factor.DEPENDENCY),
        ((beside(0.2, 0.3),), Factor.DEPENDENCY),
        ((beside(0.35, None),), Factor.DEPENDENCY),
        ((beside(0.2, 0.1),), Factor.TARGET),
        ((beside(None, 0.9),), Factor.TARGET),
        ((), Factor.TARGET),
    ],
)
def test_a_dependency_is_the_limit_when_its_cpu_is_used_up_and_the_targets_is_not(
    companions: tuple[CompanionUse, ...], factor: Factor
) -> None:
    assert why(cpu_used_cores=0.3, companions=companions)[0] is factor
    assert why(cpu_used_cores=0.97, companions=companions)[0] is Factor.CPU


def test_the_fullest_dependency_is_named() -> None:
    both = (beside(0.37, 0.5, "cache"), beside(0.396, 0.93))
    assert why(cpu_used_cores=0.3, companions=both)[1] == (
        "its companion database has used up its 0.4 CPU (99% used, throttled in 93% of periods)"
    )


def test_a_dependency_that_died_is_the_limit() -> None:
    factor, evidence = why(rule="dependency-died", reason="database: exit code 137", cpu_used_cores=0.99)
    assert (factor, evidence) == (Factor.DEPENDENCY, "database: exit code 137")
