"""The limiting factor of a cell: each rule fires on its own evidence, and not without it."""

from dataclasses import replace

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.model import (
    MIB,
    CompanionUse,
    Factor,
    Failures,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    TargetUse,
)
from harness.model.evidence import (
    CompanionFull,
    CompanionMemoryFull,
    CpuQuotaUsed,
    EndedStep,
    LimitingFactor,
    OutOfMemory,
    OwnConcurrency,
    RequestErrors,
)
from harness.model.stalls import MemoryShort, Stalls
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
        (0.42, None, Factor.TARGET),
        (0.43, None, None),
        (0.84, None, None),
        (None, 0.9, None),
        (None, None, None),
    ],
)
def test_the_cpu_is_the_limit_if_it_is_used_up_or_throttled(
    used_cores: float | None, throttled_ratio: float | None, factor: Factor | None
) -> None:
    """No factor is named where the use of the CPU was not counted, or where throttling would decide."""
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
    full = TargetUse(cpu_cores=0.2, memory_peak_bytes=None if mib is None else mib * MIB)
    assert find_limit(rule, full).factor is factor


@pytest.mark.parametrize(
    ("own_mib", "reread_per_s", "factor"),
    [(128, 0.0, Factor.MEMORY), (127, 0.0, Factor.ERRORS), (127, 12.0, Factor.MEMORY)],
)
def test_a_memory_full_of_files_is_no_limit_unless_it_is_short(
    own_mib: int, reread_per_s: float, factor: Factor
) -> None:
    """Half of 256 MiB are 128. From 10 pages a second on that are read again memory is short."""
    full = TargetUse(
        cpu_cores=0.2,
        memory_peak_bytes=256 * MIB,
        own_memory_peak_bytes=own_mib * MIB,
        stalls=Stalls(reread_per_s=reread_per_s),
    )
    assert find_limit("died", full).factor is factor


def test_memory_that_became_short_in_the_latest_third_of_a_step_is_the_limit() -> None:
    """Work waited for it 30 % of that time, and 9 % of the whole window."""
    stalls = Stalls(memory_ratio=0.09, limit_hits=9)
    target = TargetUse(cpu_cores=0.3, memory_peak_bytes=256 * MIB, stalls=stalls)
    late = MemoryShort(0.3, 256 * MIB, None)
    trend = MemoryTrend(
        MemoryOutlook.UNKNOWN, 60.0, 0, 250 * MIB, 0.0, 0.0, 0.0, 250.0 * MIB, None, shortage=late
    )
    step = make_step(100, "FAIL", rule="p95", target=target)
    assert find_limiting_factor(CELL, step).factor is Factor.TARGET
    assert find_limiting_factor(CELL, replace(step, memory=trend)) == LimitingFactor(Factor.MEMORY, late)


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
    assert limit == LimitingFactor(Factor.TARGET, OwnConcurrency(judgement, 0.2, limit_cores=1.0))


def test_the_cpu_use_is_unknown_without_counters() -> None:
    evidence = find_limit().evidence
    assert isinstance(evidence, OwnConcurrency)
    assert evidence.cpu_used_ratio is None


def test_every_failed_step_has_a_limiting_factor_with_evidence() -> None:
    for rule in ("p95", "mean", "drift", "shortfall", "errors", "died", "stalled", "all-failed"):
        for used in (None, 0.0, 1.0):
            limit = find_limit(rule, TargetUse(cpu_cores=used))
            is_open = isinstance(limit.evidence, OwnConcurrency) and limit.evidence.cpu_used_ratio is None
            assert isinstance(limit.factor, Factor) or is_open
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


def test_a_companion_whose_throttling_is_unknown_leaves_the_factor_open() -> None:
    """It uses 0.2 of its 0.4 cores: if it was throttled, it is the limit."""
    limit = find_limit(target=IDLE, companions=(make_companion(0.2, None),))
    assert limit.factor is None
    assert isinstance(limit.evidence, OwnConcurrency)
    assert limit.evidence.is_throttling_unknown


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


# Throttling of a target whose workers wait


THROTTLED = TargetUse(cpu_cores=0.56, throttled_ratio=0.47)


@pytest.mark.parametrize(
    ("overloaded_cores", "shortfall_ratio", "factor"),
    [(0.60, 0.43, Factor.TARGET), (0.60, 0.14, Factor.CPU), (0.97, 0.43, Factor.CPU)],
)
def test_throttling_is_no_evidence_if_an_overload_does_not_use_up_the_quota(
    overloaded_cores: float, shortfall_ratio: float, factor: Factor
) -> None:
    """At 14 users 56 % of one core is used, at 24 users 60 %: a single worker waits in between."""
    broken = make_step(14, "FAIL", 1, target=THROTTLED, shortfall_ratio=0.09)
    overloaded = make_step(
        24,
        "FAIL",
        2,
        target=TargetUse(cpu_cores=overloaded_cores, throttled_ratio=0.5),
        shortfall_ratio=shortfall_ratio,
    )
    limit = find_limiting_factor(CELL, broken, [overloaded, broken])
    assert limit.factor is factor
    if isinstance(limit.evidence, OwnConcurrency):
        assert limit.evidence.throttled_ratio == 0.47


@pytest.mark.parametrize(
    ("users", "rps", "factor"), [(10, 4.7, Factor.TARGET), (10, 4.6, Factor.CPU), (11, 4.7, Factor.CPU)]
)
def test_users_without_think_time_show_an_overload_by_a_throughput_that_does_not_rise(
    users: int, rps: float, factor: Factor
) -> None:
    """15 users, who ask again at once, get 4.9 requests a second: 1.043 times 4.7, and 1.065 times 4.6."""
    lighter = make_step(users, "PASS", 1, target=THROTTLED, rps=rps)
    broken = make_step(15, "FAIL", 2, target=THROTTLED, rps=4.9)
    assert find_limiting_factor(CELL, broken, [lighter, broken]).factor is factor


@pytest.mark.parametrize(("mean_s", "factor"), [(0.8, Factor.CPU), (0.9, Factor.TARGET)])
def test_a_single_request_that_its_quota_stretches_waits_for_the_cpu(mean_s: float, factor: Factor) -> None:
    """A request needs 0.1 s of CPU, which a quota of 0.25 cores gives within 0.4 s: half of 0.8 s."""
    cell = replace(CELL, limits=Limits(0.25, 256 * MIB))
    use = TargetUse(cpu_cores=0.04, cpu_per_request_s=0.1, throttled_ratio=0.7)
    step = make_step(1, "FAIL", target=use, mean_s=mean_s)
    assert find_limiting_factor(cell, step).factor is factor
    rarely = replace(step, target=replace(use, throttled_ratio=0.2))
    assert find_limiting_factor(cell, rarely).factor is Factor.TARGET


# Threads that are always busy


@pytest.mark.parametrize(
    ("limit_cores", "replicas", "used_cores", "shortfall_ratio", "busy_cores"),
    [
        (2.0, 1, 1.00, None, 1),
        (2.0, 1, 0.93, None, 1),
        (2.0, 1, 0.91, None, None),
        (2.0, 1, 1.05, None, None),
        (4.0, 1, 2.00, None, None),
        (4.0, 1, 2.00, 0.2, 2),
        (2.0, 3, 3.00, None, 1),
    ],
)
def test_a_target_that_uses_whole_cores_has_as_many_busy_threads(
    limit_cores: float, replicas: int, used_cores: float, shortfall_ratio: float | None, busy_cores: int
) -> None:
    """A target of one thread uses one core of each replica, whatever its quota. More may be chance."""
    cell = replace(CELL, limits=Limits(limit_cores, 256 * MIB, replicas))
    use = TargetUse(cpu_cores=used_cores, throttled_ratio=0.0)
    step = make_step(100, "FAIL", target=use, shortfall_ratio=shortfall_ratio)
    limit = find_limiting_factor(cell, step)
    assert limit.factor is Factor.TARGET
    assert isinstance(limit.evidence, OwnConcurrency)
    assert (limit.evidence.busy_cores, limit.evidence.limit_cores) == (busy_cores, limit_cores)


# A companion without memory


def make_database(mib: int, used_cores: float | None = 0.1) -> CompanionUse:
    return CompanionUse("database", Limits(1.0, 256 * MIB), used_cores, 0.0, mib * MIB)


@pytest.mark.parametrize(("mib", "is_full"), [(256, True), (231, True), (230, False)])
def test_a_companion_that_filled_its_memory_is_the_limit(mib: int, is_full: bool) -> None:
    """90 % of 256 MiB are 230.4 MiB."""
    limit = find_limit(target=IDLE, companions=(make_database(mib),))
    assert (limit.factor is Factor.DEPENDENCY) is is_full
    if is_full:
        assert limit.evidence == CompanionMemoryFull("database", 256 * MIB, mib / 256)
    assert find_limit(target=BUSY, companions=(make_database(mib),)).factor is Factor.CPU


@pytest.mark.parametrize(("own_mib", "factor"), [(128, Factor.DEPENDENCY), (127, Factor.TARGET)])
def test_a_companion_that_keeps_files_in_its_memory_is_no_limit(own_mib: int, factor: Factor) -> None:
    """A database reads its tables through the pages of files, which fill any memory in time."""
    database = replace(make_database(256), own_memory_peak_bytes=own_mib * MIB)
    assert find_limit(target=IDLE, companions=(database,)).factor is factor


@pytest.mark.parametrize(
    ("light_mib", "light_cores", "factor"),
    [
        (100, 0.04, Factor.DEPENDENCY),
        (256, 0.04, Factor.TARGET),
        (256, 0.02, Factor.DEPENDENCY),
        (256, None, Factor.TARGET),
    ],
)
def test_a_companion_whose_memory_was_full_before_keeps_a_cache(
    light_mib: int, light_cores: float | None, factor: Factor
) -> None:
    """It uses 0.1 cores at 10 RPS, 10 ms a request; before, 0.04 at 4 RPS, as much, or 0.02, half as much."""
    light = make_step(10, "PASS", 1, rps=4.0, companions=(make_database(light_mib, light_cores),))
    broken = make_step(100, "FAIL", 2, rps=10.0, target=IDLE, companions=(make_database(256),))
    assert find_limiting_factor(CELL, broken, [light, broken]).factor is factor


def test_a_companion_that_ended_the_step_is_the_limit_though_the_targets_memory_is_short_too() -> None:
    """Its requests wait for the companion, and hold their memory meanwhile."""
    short = TargetUse(0.2, memory_peak_bytes=250 * MIB, stalls=Stalls(memory_ratio=0.3, limit_hits=9))
    assert find_limit("p95", short).factor is Factor.MEMORY
    assert find_limit("dependency-died", short).factor is Factor.DEPENDENCY


@pytest.mark.parametrize("rule", ["errors", "p95", "stalled"])
def test_a_companion_that_lost_a_process_to_its_memory_is_the_limit_however_it_failed(rule: str) -> None:
    killed = replace(make_database(248), is_out_of_memory=True)
    failures = Failures(ratio=0.2, counts={"500": 20})
    limit = find_limit(rule, target=BUSY, failures=failures, companions=(make_database(10), killed))
    assert limit == LimitingFactor(Factor.DEPENDENCY, CompanionMemoryFull("database", 256 * MIB, 248 / 256))
