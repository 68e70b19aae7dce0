"""The contract of every `UsageProbe`."""

import threading
from dataclasses import astuple
from itertools import pairwise

import pytest

from harness.measure.protocols import Usage, Watch
from harness.model import HostSample, TargetSample
from tests.contract.backends import Backend


def collect_usage(backend: Backend, watch: Watch, seconds: float) -> Usage:
    """Take usage four times a second for some seconds; return all of it."""
    until_s, taken = backend.clock.now_s() + seconds, [watch.take()]
    while backend.clock.now_s() < until_s:
        backend.clock.sleep(0.25)
        taken.append(watch.take())
    return Usage(
        tuple(sample for usage in taken for sample in usage.target),
        tuple(sample for usage in taken for sample in usage.host),
        tuple(event for usage in taken for event in usage.events),
    )


def test_there_is_a_sample_at_once_and_then_about_one_a_second(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running, backend.probe.watch(running) as watch:
        began_s = backend.clock.now_s()
        usage = collect_usage(backend, watch, 5.0)
        for samples in (usage.target, usage.host):
            at_s = [sample.at_s - began_s for sample in samples]
            assert at_s[0] < 1.0
            assert 5 <= len(at_s) <= 7
            assert at_s == sorted(at_s)
            assert at_s[-1] <= backend.clock.now_s() - began_s


def test_counters_are_cumulative(backend: Backend) -> None:
    def is_cumulative(samples: tuple[TargetSample, ...] | tuple[HostSample, ...], fields: list[str]) -> bool:
        return all(getattr(a, name) <= getattr(b, name) for a, b in pairwise(samples) for name in fields)

    with backend.run(backend.build_target()) as running, backend.probe.watch(running) as watch:
        backend.provoke(running, "burn", 0.1)
        usage = collect_usage(backend, watch, 3.0)
    counters = [
        "at_s",
        "cpu_s",
        "periods",
        "throttled_periods",
        "throttled_s",
        "received_bytes",
        "sent_bytes",
    ]
    assert is_cumulative(usage.target, counters)
    assert is_cumulative(usage.host, ["at_s", "busy_s", "disk_read_bytes", "disk_written_bytes"])
    assert is_cumulative(usage.host, ["harness_cpu_s", "engine_cpu_s", "proxy_cpu_s"])
    assert all(sample.working_set_bytes > 0 for sample in usage.target)
    assert all(None not in astuple(sample) for sample in usage.host)


def test_work_adds_cpu_seconds_and_a_limit_adds_throttling(backend: Backend) -> None:
    """Require a number of periods only: for 1.5 s of waiting, one kernel counted 0.4 s of throttling."""
    with backend.run(backend.build_target(), cores=0.25) as running, backend.probe.watch(running) as watch:
        before = collect_usage(backend, watch, 2.0).target[-1]
        backend.provoke(running, "burn", 0.5)
        after = collect_usage(backend, watch, 2.0).target[-1]
    assert after.cpu_s - before.cpu_s == pytest.approx(0.5, abs=0.15)
    assert after.throttled_periods - before.throttled_periods >= 10
    assert after.throttled_s > before.throttled_s


def test_samples_are_returned_only_once(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running, backend.probe.watch(running) as watch:
        collect_usage(backend, watch, 2.0)
        again = watch.take()
        assert len(again.target) <= 1
        assert len(again.host) <= 1
        assert again.events == ()


def test_a_child_out_of_memory_is_an_event_while_the_target_runs_on(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running, backend.probe.watch(running) as watch:
        backend.provoke(running, "eat-in-a-child", 1)
        usage = collect_usage(backend, watch, 2.0)
        assert {event.kind for event in usage.events} == {"oom"}
        assert running.poll_end() is None


def test_the_end_of_a_target_is_an_event_and_does_not_break_the_watch(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running, backend.probe.watch(running) as watch:
        backend.provoke(running, "exit", 7)
        usage = collect_usage(backend, watch, 2.0)
        assert [(event.kind, event.detail) for event in usage.events] == [("die", "exit code 7")]
        assert collect_usage(backend, watch, 1.0).target == ()


def test_a_closed_watch_leaves_no_thread(backend: Backend) -> None:
    before = threading.active_count()
    with backend.run(backend.build_target()) as running, backend.probe.watch(running) as watch:
        collect_usage(backend, watch, 1.5)
    assert threading.active_count() == before
