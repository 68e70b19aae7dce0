"""What work waited for tells whether memory or a disk limits a size."""

from dataclasses import replace

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.step.usage import summarize_stalls
from harness.model import MIB, Cell, CompanionUse, Factor, Limits, StepResult, TargetSample, TargetUse
from harness.model.evidence import CpuQuotaUsed, LimitingFactor, OwnConcurrency
from harness.model.stalls import CompanionStalled, DiskStalled, MemoryShort, Stalls
from tests.unit.analyse.synthetic import CELL, make_step, make_target_samples

IDLE = TargetUse(cpu_cores=0.3, throttled_ratio=0.0)
LIMIT_BYTES = CELL.limits.memory_bytes


def find_limit(stalls: Stalls, target: TargetUse = IDLE, light: Stalls | None = None) -> LimitingFactor:
    """Return the limiting factor of a step that failed at 100 users; `light` is of a pass at 10 users."""
    broken = make_step(100, "FAIL", 2, target=replace(target, stalls=stalls))
    if light is None:
        return find_limiting_factor(CELL, broken, [broken])
    passed = make_step(10, "PASS", target=replace(IDLE, stalls=light))
    return find_limiting_factor(CELL, broken, [passed, broken])


# Memory


@pytest.mark.parametrize(
    ("memory_ratio", "limit_hits", "mib", "is_memory"),
    [
        (0.34, 900, 100, True),
        (0.10, 1, 100, True),
        (0.09, 900, 256, False),
        (0.34, 0, 256, False),
        (0.34, None, 231, True),
        (0.34, None, 230, False),
        (0.34, None, None, False),
        (None, 900, 256, False),
    ],
)
def test_memory_is_the_limit_if_work_waits_for_it_at_its_own_limit(
    memory_ratio: float | None, limit_hits: int | None, mib: int | None, is_memory: bool
) -> None:
    """Memory that never reached its limit waits for the host's. 90 % of 256 MiB are 230.4 MiB."""
    target = replace(IDLE, memory_peak_bytes=None if mib is None else mib * MIB)
    limit = find_limit(Stalls(memory_ratio=memory_ratio, limit_hits=limit_hits), target)
    assert (limit.factor is Factor.MEMORY) is is_memory
    if is_memory:
        assert limit.evidence == MemoryShort(memory_ratio, LIMIT_BYTES)


@pytest.mark.parametrize(
    ("reread_per_s", "mib", "replicas", "factor", "is_told"),
    [
        (4000.0, 231, 1, Factor.MEMORY, True),
        (3999.0, 231, 1, None, True),
        (7999.0, 231, 2, None, True),
        (8000.0, 231, 2, Factor.MEMORY, True),
        (10.0, 231, 1, None, True),
        (9.9, 231, 1, Factor.TARGET, False),
        (5000.0, 230, 1, Factor.TARGET, False),
        (None, 256, 1, Factor.TARGET, False),
    ],
)
def test_pages_that_are_read_again_tell_a_short_memory_where_waiting_was_not_counted(
    reread_per_s: float | None, mib: int, replicas: int, factor: Factor | None, is_told: bool
) -> None:
    """A page takes 0.025 ms at least: 4,000 take 10 % of a replica's time. 90 % of 256 MiB are 230.4 MiB."""
    cell = Cell(CELL.id, CELL.target, replace(CELL.limits, replicas=replicas))
    use = replace(IDLE, memory_peak_bytes=mib * MIB, stalls=Stalls(reread_per_s=reread_per_s))
    limit = find_limiting_factor(cell, make_step(100, "FAIL", 2, target=use))
    assert limit.factor is factor
    if is_told:
        short = MemoryShort(None, LIMIT_BYTES, reread_per_s, slows_requests=factor is Factor.MEMORY)
        assert limit.evidence == short


def test_pages_that_are_read_again_are_no_limit_where_work_hardly_waited_for_them() -> None:
    use = replace(IDLE, memory_peak_bytes=256 * MIB)
    assert find_limit(Stalls(0.0, 0.04, 0.0, 50, 5000.0), use).factor is Factor.TARGET


def test_a_target_that_keeps_a_core_busy_is_its_own_limit_whatever_it_reads_again() -> None:
    """Below 4,000 pages a second the memory is a guess, and the busy core is none."""
    cell = Cell(CELL.id, CELL.target, replace(CELL.limits, cpu_cores=2.0))
    use = TargetUse(1.0, throttled_ratio=0.0, memory_peak_bytes=256 * MIB, stalls=Stalls(reread_per_s=50.0))
    assert find_limiting_factor(cell, make_step(100, "FAIL", 2, target=use)).factor is Factor.TARGET


def test_a_cpu_that_is_used_up_stays_the_limit_beside_pages_that_are_read_now_and_then() -> None:
    use = TargetUse(1.0, throttled_ratio=0.9, memory_peak_bytes=256 * MIB)
    assert find_limit(Stalls(reread_per_s=500.0), use).factor is Factor.CPU


def test_memory_comes_before_the_cpu_and_the_disk_that_thrashing_uses() -> None:
    busy = TargetUse(cpu_cores=1.0, throttled_ratio=0.9)
    assert find_limit(Stalls(0.8, 0.4, 0.9, 50), busy).factor is Factor.MEMORY


@pytest.mark.parametrize(
    ("light_cpu_s", "used_cores", "factor"),
    [(0.010, 1.0, Factor.CPU), (0.010, 0.5, Factor.MEMORY), (0.005, 1.0, Factor.MEMORY)],
)
def test_a_cpu_that_is_used_up_by_requests_of_the_usual_cost_stays_the_limit(
    light_cpu_s: float, used_cores: float, factor: Factor
) -> None:
    """A request costs 0.012 s: 1.2 or 2.4 times what it does at light load."""
    use = TargetUse(used_cores, 0.012, 0.0, 100 * MIB, stalls=Stalls(memory_ratio=0.2, limit_hits=9))
    passed = make_step(10, "PASS", target=replace(IDLE, cpu_per_request_s=light_cpu_s))
    broken = make_step(100, "FAIL", 2, target=use)
    assert find_limiting_factor(CELL, broken, [passed, broken]).factor is factor


# The disk


@pytest.mark.parametrize(
    ("io_ratio", "light_ratio", "factor"),
    [
        (0.25, None, Factor.DISK),
        (0.24, None, Factor.TARGET),
        (None, None, Factor.TARGET),
        (0.80, 0.10, Factor.DISK),
        (0.80, 0.64, Factor.DISK),
        (0.80, 0.65, Factor.TARGET),
        (0.95, 0.95, Factor.TARGET),
    ],
)
def test_a_disk_is_the_limit_if_the_load_makes_work_wait_for_it(
    io_ratio: float | None, light_ratio: float | None, factor: Factor
) -> None:
    """A thread that writes in the background waits as long at light load: 0.8 are 1.25 times 0.64."""
    light = None if light_ratio is None else Stalls(io_ratio=light_ratio)
    limit = find_limit(Stalls(io_ratio=io_ratio), light=light)
    assert limit.factor is factor
    if factor is Factor.DISK:
        assert io_ratio is not None
        assert limit.evidence == DiskStalled(io_ratio, light_ratio, None if light is None else 10)
    else:
        assert isinstance(limit.evidence, OwnConcurrency)
        assert limit.evidence.io_ratio == io_ratio


@pytest.mark.parametrize(
    ("cpu_cores", "cpu_ratio", "factor"),
    [(0.6, 0.3, Factor.DISK), (0.6, 0.9, Factor.CPU), (0.86, 0.3, Factor.CPU), (0.6, None, Factor.DISK)],
)
def test_throttling_is_no_evidence_if_work_waits_longer_for_the_disk(
    cpu_cores: float, cpu_ratio: float | None, factor: Factor
) -> None:
    """A quota that is used up stays the limit."""
    throttled = TargetUse(cpu_cores=cpu_cores, throttled_ratio=0.4)
    assert find_limit(Stalls(cpu_ratio=cpu_ratio, io_ratio=0.7), throttled).factor is factor


def test_the_evidence_for_the_cpu_says_what_throttling_cost() -> None:
    limit = find_limit(Stalls(cpu_ratio=0.71), TargetUse(cpu_cores=0.97, throttled_ratio=0.634))
    assert limit.evidence == CpuQuotaUsed(0.97, 1.0, 0.634, 0.71)


# Companions


def make_broken_step(database: Stalls, target: TargetUse = IDLE) -> StepResult:
    use = CompanionUse("database", Limits(1.0, 128 * MIB), 0.1, 0.0, 120 * MIB, database)
    return make_step(100, "FAIL", 2, target=target, companions=(use,))


@pytest.mark.parametrize(
    ("database", "stall"),
    [
        (Stalls(io_ratio=0.8), DiskStalled(0.8)),
        (Stalls(memory_ratio=0.2, limit_hits=5), MemoryShort(0.2, 128 * MIB)),
        (Stalls(reread_per_s=5000.0), MemoryShort(None, 128 * MIB, 5000.0)),
    ],
)
def test_a_companion_that_waits_for_memory_or_a_disk_is_the_limit(
    database: Stalls, stall: MemoryShort | DiskStalled
) -> None:
    limit = find_limiting_factor(CELL, make_broken_step(database))
    assert limit == LimitingFactor(Factor.DEPENDENCY, CompanionStalled("database", stall))
    busy = make_broken_step(database, TargetUse(cpu_cores=1.0))
    assert find_limiting_factor(CELL, busy).factor is Factor.CPU


def test_a_companion_that_waits_for_its_disk_at_light_load_too_is_not_the_limit() -> None:
    broken = make_broken_step(Stalls(io_ratio=0.8))
    light = replace(make_step(10, "PASS"), companions=broken.companions)
    assert find_limiting_factor(CELL, broken, [light, broken]).factor is Factor.TARGET


# The shares of a window


def make_samples(*rows: tuple[float, float | None, int | None]) -> tuple[TargetSample, ...]:
    """Return samples at these instants, with the seconds waited for memory and the hits of its limit."""
    plain = make_target_samples([at_s for at_s, _, _ in rows])
    return tuple(
        replace(sample, memory_some_s=memory_s, limit_hits=hits)
        for sample, (_, memory_s, hits) in zip(plain, rows, strict=True)
    )


def test_a_share_is_the_time_waited_over_the_time_of_the_window() -> None:
    """From 10 to 20 s, 3.4 s were waited and the limit was reached 7 times."""
    samples = make_samples((0.0, 0.0, 0), (10.0, 1.0, 2), (15.0, 2.0, 3), (20.0, 4.4, 9), (30.0, 9.0, 50))
    stalls = summarize_stalls(samples, 10.0, 20.0)
    assert stalls.memory_ratio == pytest.approx(0.34)
    assert (stalls.limit_hits, stalls.cpu_ratio, stalls.io_ratio) == (7, None, None)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        ((10.0, 1.0, 1),),
        ((10.0, None, None), (20.0, 2.0, 2)),
        ((10.0, 1.0, 1), (20.0, None, None)),
        ((10.0, 5.0, 5), (20.0, 1.0, 1)),
    ],
    ids=["no sample", "one sample", "from a time on", "up to a time", "began anew"],
)
def test_a_share_that_was_not_counted_throughout_is_unknown(
    rows: tuple[tuple[float, float | None, int | None], ...],
) -> None:
    stalls = summarize_stalls(make_samples(*rows), 10.0, 20.0)
    assert (stalls.memory_ratio, stalls.limit_hits) == (None, None)


def test_pages_read_from_a_disk_are_counted_by_the_second() -> None:
    """From 10 to 20 s, 450 pages were read. A count that began anew tells nothing."""
    plain = make_target_samples([10.0, 20.0])
    samples = tuple(replace(sample, major_faults=50 + 450 * index) for index, sample in enumerate(plain))
    assert summarize_stalls(samples, 10.0, 20.0).reread_per_s == pytest.approx(45.0)
    restarted = (samples[0], replace(samples[1], major_faults=3))
    assert summarize_stalls(restarted, 10.0, 20.0).reread_per_s is None


def test_waiting_all_the_time_is_a_share_of_one_at_most() -> None:
    """The instant of a sample is a little off that of the count."""
    assert summarize_stalls(make_samples((10.0, 0.0, 0), (20.0, 10.1, 0)), 10.0, 20.0).memory_ratio == 1.0
