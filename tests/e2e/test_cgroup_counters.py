"""The contract of a container's counters on a real engine; each test fails where its counter is missing.

They are functional: none depends on how fast the machine is. `make test-v2` runs them on cgroup v2.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.measure.docker.client import connect
from harness.measure.docker.container import DockerTarget
from harness.measure.docker.stats import target_sample_from_json
from harness.measure.protocols import Watch
from harness.model import MIB, HttpProbe, Target, TargetSample
from tests.contract.backends import Backend, open_real_backend

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side, pytest.mark.xdist_group("images")]

WITHIN_S = 60.0
CORES = 0.25


@pytest.fixture
def backend() -> Iterator[Backend]:
    with open_real_backend() as opened:
        yield opened
        assert opened.list_containers() == []


def build_target(backend: Backend) -> Target:
    return backend.build_target(readiness=HttpProbe(within_s=WITHIN_S))


def provoke(backend: Backend, action: str, amount: float) -> tuple[TargetSample, TargetSample]:
    """Return a sample before the target does an action, and the first one that was taken after it."""
    target = build_target(backend)
    with backend.run(target, CORES) as running, backend.probe.watch(running) as watch:
        before = take_sample(watch, lambda _: True)
        backend.provoke(running, action, amount)
        ended_s = backend.clock.now_s()
        return before, take_sample(watch, lambda sample: sample.at_s > ended_s)


def take_sample(watch: Watch, is_wanted: Callable[[TargetSample], bool]) -> TargetSample:
    until_s = time.monotonic() + WITHIN_S
    while time.monotonic() < until_s:
        wanted = [sample for sample in watch.take().target if is_wanted(sample)]
        if wanted:
            return wanted[-1]
        time.sleep(0.2)
    raise AssertionError(f"no such sample within {WITHIN_S:g} s")


def count(before: int | None, after: int | None) -> int:
    """Return by how much a counter rose. Fails if it is missing."""
    assert before is not None
    assert after is not None
    return after - before


def has_hit_limit(before: TargetSample, after: TargetSample) -> bool:
    """Return True if the limit was hit, or if this is not counted, as by cgroup v1 on Linux 6.18."""
    if after.limit_hits is None and Path("/sys/fs/cgroup/memory").exists():
        return True
    return count(before.limit_hits, after.limit_hits) > 0


def wait(before_s: float | None, after_s: float | None) -> float:
    """Return for how long was waited. Fails if it is unknown."""
    assert before_s is not None
    assert after_s is not None
    return after_s - before_s


def test_the_peak_of_the_memory_remembers_a_spike_between_two_samples(backend: Backend) -> None:
    _, after = provoke(backend, "spike", 40)
    assert after.memory_peak_bytes is not None
    assert not after.is_peak_sampled
    assert after.memory_peak_bytes >= after.working_set_bytes + 30 * MIB


def test_a_killed_child_is_counted_and_so_is_reaching_the_limit(backend: Backend) -> None:
    target = build_target(backend)
    with backend.run(target, CORES) as running, backend.probe.watch(running) as watch:
        before = take_sample(watch, lambda _: True)
        assert before.oom_kills == 0
        backend.provoke(running, "eat-in-a-child", 1)
        after = take_sample(watch, lambda sample: bool(sample.oom_kills))
    assert after.oom_kills == 1
    assert has_hit_limit(before, after)


def test_throttling_is_counted_and_is_time_that_work_waited_for_a_core(backend: Backend) -> None:
    """A second of CPU time at a quarter of a core takes four, and waits in about 40 periods."""
    before, after = provoke(backend, "burn", 1.0)
    assert count(before.periods, after.periods) >= 20
    assert count(before.throttled_periods, after.throttled_periods) >= 20
    assert wait(before.throttled_s, after.throttled_s) > 0
    assert wait(before.cpu_some_s, after.cpu_some_s) >= 0.5
    assert wait(before.cpu_full_s, after.cpu_full_s) > 0


def test_work_at_the_limit_of_the_memory_waits_for_memory(backend: Backend) -> None:
    """The limit is 64 MiB."""
    before, after = provoke(backend, "reread", 100)
    assert wait(before.memory_some_s, after.memory_some_s) > 0
    assert wait(before.memory_full_s, after.memory_full_s) >= 0
    assert has_hit_limit(before, after)


def test_work_that_writes_through_to_the_disk_waits_for_it(backend: Backend) -> None:
    before, after = provoke(backend, "sync", 50)
    assert wait(before.io_some_s, after.io_some_s) > 0
    assert wait(before.io_full_s, after.io_full_s) > 0


def test_an_idle_target_waits_for_nothing_much(backend: Backend) -> None:
    """Otherwise the other tests would prove nothing."""
    target = build_target(backend)
    with backend.run(target, CORES) as running, backend.probe.watch(running) as watch:
        before = take_sample(watch, lambda _: True)
        after = take_sample(watch, lambda sample: sample.at_s > before.at_s + 2)
    assert wait(before.memory_some_s, after.memory_some_s) < 0.1
    assert wait(before.io_some_s, after.io_some_s) < 0.5
    assert count(before.limit_hits, after.limit_hits) == 0
    assert count(before.oom_kills, after.oom_kills) == 0


def test_the_cpu_time_is_read_several_times_a_second(backend: Backend) -> None:
    """Ten times a second, less what was held up: 0.5 s of CPU time take 2 s at a quarter of a core."""
    target = build_target(backend)
    with backend.run(target, CORES) as running, backend.probe.watch(running) as watch:
        backend.provoke(running, "burn", 0.5)
        take_sample(watch, lambda _: True)
        began_s = backend.clock.now_s()
        backend.provoke(running, "burn", 0.5)
        lasted_s = backend.clock.now_s() - began_s
        time.sleep(0.3)
        read = watch.take().cpu
    assert len(read) >= 3 * lasted_s
    assert [reading.at_s for reading in read] == sorted(reading.at_s for reading in read)
    assert read[-1].cpu_s - read[0].cpu_s == pytest.approx(0.5, abs=0.15)


def test_the_files_agree_with_what_the_engine_reports(backend: Backend) -> None:
    """The engine's counters are read last, so they may only be ahead.

    Podman's have no throttling, and do not tell which of the memory are pages of files.
    """
    target = build_target(backend)
    with backend.run(target, CORES) as running, backend.probe.watch(running) as watch:
        backend.provoke(running, "burn", 0.5)
        ended_s = backend.clock.now_s()
        ours = take_sample(watch, lambda sample: sample.at_s > ended_s)
        assert isinstance(running, DockerTarget)
        engine = connect()
        try:
            message = engine.stats(running.container_id, stream=False, one_shot=True)
        finally:
            engine.close()
    engines = target_sample_from_json(message, 0.0)
    assert engines is not None
    assert 0 <= engines.cpu_s - ours.cpu_s < 0.5
    if message["memory_stats"].get("stats"):
        assert abs(engines.working_set_bytes - ours.working_set_bytes) < 4 * MIB
        assert abs(engines.file_bytes - ours.file_bytes) < 4 * MIB
        assert 0 <= engines.major_faults - ours.major_faults < 1000
    if engines.periods:
        assert 0 <= engines.throttled_periods - ours.throttled_periods <= 10
        assert 0 <= engines.throttled_s - ours.throttled_s < 0.5
    if engines.memory_peak_bytes is not None:
        assert ours.memory_peak_bytes is not None
        assert 0 <= engines.memory_peak_bytes - ours.memory_peak_bytes < 8 * MIB
