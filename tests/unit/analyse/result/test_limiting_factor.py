"""The limiting factor of a cell: each rule fires on its own evidence, and not without it."""

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.model import MIB, CompanionUse, Factor, Failures, Limits, TargetUse
from harness.model.evidence import (
    CompanionFull,
    CpuQuotaUsed,
    EndedStep,
    LimitingFactor,
    OutOfMemory,
    OwnConcurrency,
    RequestErrors,
)
from tests.unit.analyse.synthetic import CELL, make_step

BUSY = TargetUse(cpu_cores=1.0)
IDLE = TargetUse(cpu_cores=0.3)


def find_limit(
    rule: str = "p95",
    target: TargetUse | None = None,
    failures: Failures | None = None,
    companions: tuple[CompanionUse, ...] = (),
) -> LimitingFactor:
    """Return the limiting factor of a step that failed at 100 users."""
    step = make_step(
        100,
        "FAIL",
        rule=rule,
        target=target or TargetUse(),
        failures=failures or Failures(),
        companions=companions,
    )
    return find_limiting_factor(CELL, step)


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
def test_the_cpu_is_the_limit_if_it_is_used_up_or_throttled(
    used_cores: float | None, throttled_ratio: float | None, factor: Factor
) -> None:
    target = TargetUse(cpu_cores=used_cores, throttled_ratio=throttled_ratio)
    assert find_limit(target=target).factor is factor


def test_the_evidence_for_the_cpu_is_its_use_and_its_throttling() -> None:
    throttled = TargetUse(cpu_cores=0.97, throttled_ratio=0.634)
    assert find_limit(target=throttled).evidence == CpuQuotaUsed(0.97, 1.0, 0.634)
    assert find_limit(target=TargetUse(cpu_cores=0.97)).evidence == CpuQuotaUsed(0.97, 1.0, None)


@pytest.mark.parametrize("rule", ["died", "p95", "errors", "stalled"])
def test_memory_is_the_limit_whenever_the_engine_reports_an_oom_kill(rule: str) -> None:
    killed = TargetUse(cpu_cores=1.0, throttled_ratio=0.9, is_out_of_memory=True)
    assert find_limit(rule, killed) == LimitingFactor(Factor.MEMORY, OutOfMemory(256 * MIB, 100))


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
def test_a_full_memory_is_the_limit_only_of_a_target_that_died_or_stalled(
    rule: str, mib: int | None, factor: Factor
) -> None:
    """Ignore a full memory in a slow step, because a cache may fill it."""
    full = TargetUse(memory_peak_bytes=None if mib is None else mib * MIB)
    assert find_limit(rule, full).factor is factor


def test_errors_are_the_limit_if_their_slo_broke_first() -> None:
    failures = Failures(0.043, {"timeout": 2, "reset by peer": 15})
    evidence = RequestErrors(0.043, "reset by peer", 15, None, are_resets=False)
    assert find_limit("errors", BUSY, failures) == LimitingFactor(Factor.ERRORS, evidence)


def test_errors_are_not_the_limit_if_response_times_broke_first() -> None:
    assert find_limit("p95", BUSY, Failures(0.5, {"timeout": 2})).factor is Factor.CPU


@pytest.mark.parametrize("rule", ["errors", "errors of GET /", "died", "all-failed"])
def test_errors_are_the_limit_however_requests_failed(rule: str) -> None:
    judgement = make_step(100, "FAIL", rule=rule).judgement
    assert find_limit(rule) == LimitingFactor(Factor.ERRORS, judgement)


def test_a_slow_target_with_cpu_to_spare_is_limited_by_its_own_concurrency() -> None:
    judgement = make_step(100, "FAIL").judgement
    limit = find_limit(target=TargetUse(cpu_cores=0.2))
    assert limit == LimitingFactor(Factor.TARGET, OwnConcurrency(judgement, 0.2))


def test_the_cpu_use_is_unknown_without_counters() -> None:
    evidence = find_limit().evidence
    assert isinstance(evidence, OwnConcurrency)
    assert evidence.cpu_used_ratio is None


def test_every_failed_step_has_a_limiting_factor_with_evidence() -> None:
    for rule in ("p95", "mean", "drift", "shortfall", "errors", "died", "stalled", "all-failed"):
        for used in (None, 0.0, 1.0):
            limit = find_limit(rule, TargetUse(cpu_cores=used))
            assert isinstance(limit.factor, Factor)
            assert limit.evidence


def make_companion(
    used_cores: float | None, throttled_ratio: float | None, name: str = "database"
) -> CompanionUse:
    return CompanionUse(name, Limits(0.4, 256 * MIB), used_cores, throttled_ratio, 100 * MIB)


@pytest.mark.parametrize(
    ("companions", "factor"),
    [
        ((make_companion(0.39, 0.8),), Factor.DEPENDENCY),
        ((make_companion(0.2, 0.3),), Factor.DEPENDENCY),
        ((make_companion(0.35, None),), Factor.DEPENDENCY),
        ((make_companion(0.2, 0.1),), Factor.TARGET),
        ((make_companion(None, 0.9),), Factor.TARGET),
        ((), Factor.TARGET),
    ],
)
def test_a_companion_is_the_limit_if_its_cpu_is_used_up_and_the_targets_is_not(
    companions: tuple[CompanionUse, ...], factor: Factor
) -> None:
    assert find_limit(target=IDLE, companions=companions).factor is factor
    assert find_limit(target=BUSY, companions=companions).factor is Factor.CPU


def test_the_busiest_companion_is_named() -> None:
    both = (make_companion(0.37, 0.5, "cache"), make_companion(0.396, 0.93))
    evidence = find_limit(target=IDLE, companions=both).evidence
    assert isinstance(evidence, CompanionFull)
    assert (evidence.name, evidence.limit_cores, evidence.throttled_ratio) == ("database", 0.4, 0.93)
    assert evidence.used_ratio == pytest.approx(0.99)


def test_a_companion_that_died_is_the_limit() -> None:
    note = EndedStep("database: exit code 137")
    step = make_step(100, "FAIL", rule="dependency-died", evidence=note, target=TargetUse(cpu_cores=0.99))
    limit = find_limiting_factor(CELL, step)
    assert limit == LimitingFactor(Factor.DEPENDENCY, step.judgement)
