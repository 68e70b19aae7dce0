"""What every `UsageProbe` promises."""

import threading
from dataclasses import astuple
from itertools import pairwise

import pytest

from harness.measure.protocols import Usage, Watch
from harness.model import HostSample, TargetSample
from tests.contract.conftest import Ground


def watched_for(ground: Ground, watch: Watch, seconds: float) -> Usage:
    """All that is taken in this time, asked for four times a second."""
    until_s, taken = ground.clock.now_s() + seconds, [watch.take()]
    while ground.clock.now_s() < until_s:
        ground.clock.sleep(0.25)
        taken.append(watch.take())
    return Usage(
        tuple(sample for usage in taken for sample in usage.target),
        tuple(sample for usage in taken for sample in usage.host),
        tuple(event for usage in taken for event in usage.events),
    )


def test_there_is_a_sample_at_once_and_then_about_one_a_second(ground: Ground) -> None:
    with ground.run(ground.target()) as running, ground.probe.watch(running) as watch:
        began_s = ground.clock.now_s()
        usage = watched_for(ground, watch, 5.0)
        for samples in (usage.target, usage.host):
            at_s = [sample.at_s - began_s for sample in samples]
            assert at_s[0] < 1.0
            assert 5 <= len(at_s) <= 7
            assert at_s == sorted(at_s)
            assert at_s[-1] <= ground.clock.now_s() - began_s


def test_counters_are_cumulative(ground: Ground) -> None:
    def never_falls(samples: tuple[TargetSample, ...] | tuple[HostSample, ...], fields: list[str]) -> bool:
        return all(getattr(a, of) <= getattr(b, of) for a, b in pairwise(samples) for of in fields)

    with ground.run(ground.target()) as running, ground.probe.watch(running) as watch:
        ground.make(running, "burn", 0.1)
        usage = watched_for(ground, watch, 3.0)
    counters = [
        "at_s",
        "cpu_s",
        "periods",
        "throttled_periods",
        "throttled_s",
        "received_bytes",
        "sent_bytes",
    ]
    assert never_falls(usage.target, counters)
    assert never_falls(usage.host, ["at_s", "busy_s", "disk_read_bytes", "disk_written_bytes"])
    assert never_falls(usage.host, ["harness_cpu_s", "engine_cpu_s", "proxy_cpu_s"])
    assert all(sample.working_set_bytes > 0 for sample in usage.target)
    assert all(None not in astuple(sample) for sample in usage.host)


def test_work_shows_in_cpu_seconds_and_its_limit_in_throttling(ground: Ground) -> None:
    """Only periods are counted alike by all kernels: one told 0.4 s where 1.5 s were spent waiting."""
    with ground.run(ground.target(), cores=0.25) as running, ground.probe.watch(running) as watch:
        before = watched_for(ground, watch, 2.0).target[-1]
        ground.make(running, "burn", 0.5)
        after = watched_for(ground, watch, 2.0).target[-1]
    assert after.cpu_s - before.cpu_s == pytest.approx(0.5, abs=0.15)
    assert after.throttled_periods - before.throttled_periods >= 10
    assert after.throttled_s > before.throttled_s


def test_what_was_taken_is_not_given_again(ground: Ground) -> None:
    with ground.run(ground.target()) as running, ground.probe.watch(running) as watch:
        watched_for(ground, watch, 2.0)
        again = watch.take()
        assert len(again.target) <= 1
        assert len(again.host) <= 1
        assert again.events == ()


def test_a_child_out_of_memory_is_told_though_the_target_lives_on(ground: Ground) -> None:
    with ground.run(ground.target()) as running, ground.probe.watch(running) as watch:
        ground.make(running, "eat-in-a-child", 1)
        usage = watched_for(ground, watch, 2.0)
        assert {event.kind for event in usage.events} == {"oom"}
        assert running.poll_end() is None


def test_the_end_of_a_target_is_an_event_and_no_trouble_for_the_watch(ground: Ground) -> None:
    with ground.run(ground.target()) as running, ground.probe.watch(running) as watch:
        ground.make(running, "exit", 7)
        usage = watched_for(ground, watch, 2.0)
        assert [(event.kind, event.detail) for event in usage.events] == [("die", "exit code 7")]
        assert watched_for(ground, watch, 1.0).target == ()


def test_a_closed_watch_leaves_no_thread(ground: Ground) -> None:
    before = threading.active_count()
    with ground.run(ground.target()) as running, ground.probe.watch(running) as watch:
        watched_for(ground, watch, 1.5)
    assert threading.active_count() == before
