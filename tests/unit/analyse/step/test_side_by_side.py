"""A size is disturbed if its CPU time per request, its p95 or its throttling differ beside others."""

from dataclasses import replace

import pytest

from harness.analyse.step.side_by_side import compare_windows
from harness.model import MIB, Cell, EndReason, Limits, StepFacts, TargetSample
from tests.unit.analyse.synthetic import always, make_closed_step

CELL = Cell("web-c1.00-m128", "web", Limits(1.0, 128 * MIB))
OTHERS = (CELL, CELL, CELL)


def hold(cpu_cores: float = 0.5, latency_s: float = 0.1, throttled: int = 0, users: int = 400) -> StepFacts:
    """Return a window of 20 s in which each user asks once a second; some of 10 periods are throttled."""
    step = make_closed_step(users, 1.0 - latency_s, latency=always(latency_s), cpu_cores=cpu_cores)
    samples = tuple(
        TargetSample(at, at * cpu_cores, at * 10, at * throttled, 0.0, 64 * MIB, None, 0, 0)
        for at in range(34)
    )
    return replace(step, target=samples)


def is_undisturbed(alone: StepFacts, beside: StepFacts) -> bool:
    return compare_windows(CELL, OTHERS, alone, beside, 1.0).is_undisturbed


def test_a_size_that_is_the_same_beside_others_is_undisturbed() -> None:
    check = compare_windows(CELL, OTHERS, hold(), hold(), 1.0)
    assert check.is_undisturbed
    assert (check.users, check.lanes) == (400, 4)
    assert (check.cpu.change, check.p95.change, check.throttling.change) == pytest.approx((0.0, 0.0, 0.0))


@pytest.mark.parametrize(("cpu_cores", "is_alike"), [(0.509, True), (0.515, False), (0.485, False)])
def test_two_per_cent_of_cpu_time_are_allowed(cpu_cores: float, is_alike: bool) -> None:
    """The CPU time per request is the same in all blocks, so chance allows nothing more."""
    assert is_undisturbed(hold(), hold(cpu_cores)) is is_alike


def test_a_cost_that_scatters_tells_less() -> None:
    """In 10 blocks of 2 s the target uses 0.8 and 1.2 CPU seconds in turn, 10 in all.

    The residuals are 0.2: sqrt(10 / 9 * 10 * 0.04) / 10 = 6.7 % in each window, and two standard errors of
    both together are 2 * sqrt(2) * 6.7 % = 19 %.
    """
    cpu_s = [0.0]
    for second in range(33):
        cpu_s.append(cpu_s[-1] + (0.4 if second // 2 % 2 else 0.6))
    samples = tuple(
        TargetSample(at, used, at * 10, 0, 0.0, 64 * MIB, None, 0, 0) for at, used in enumerate(cpu_s)
    )
    scattered = replace(hold(), target=samples)
    check = compare_windows(CELL, OTHERS, scattered, scattered, 1.0)
    assert check.cpu.allowed == pytest.approx(0.1886, rel=0.02)
    assert check.is_undisturbed


def test_a_slower_p95_is_a_disturbance() -> None:
    assert is_undisturbed(hold(), hold(latency_s=0.1015))
    assert not is_undisturbed(hold(), hold(latency_s=0.104))


def test_more_throttled_periods_are_a_disturbance() -> None:
    """By chance 200 periods in each window, of which 3 in 10 are throttled, differ by up to 18 %.

    That is 2 * sqrt(4 * 0.3 * 0.7 * (1 / 200 + 1 / 200)).
    """
    assert is_undisturbed(hold(throttled=3), hold(throttled=3))
    assert not is_undisturbed(hold(throttled=2), hold(throttled=4))


def test_nothing_is_told_by_a_step_that_ended_early_or_has_no_counters() -> None:
    ended = replace(hold(), end_reason=EndReason.STALLED)
    assert not compare_windows(CELL, OTHERS, hold(), ended, 1.0).is_valid
    assert not is_undisturbed(hold(), ended)
    assert not is_undisturbed(replace(hold(), target=()), hold())
    assert not is_undisturbed(hold(), replace(hold(), window_from_s=None, window_to_s=None))
