"""What a size has to spare: measured below its capacity, predicted above the users limit."""

from dataclasses import replace
from statistics import NormalDist

import pytest

from harness.analyse.result.margin import find_margin
from harness.model import MIB, CellResult, MemoryOutlook, MemoryTrend, Status, StepResult, TargetUse
from tests.builders import make_result
from tests.unit.analyse.synthetic import make_step


def make_pass(cpu_cores: float, memory_mib: float | None = None, work_s: float | None = None) -> StepResult:
    """Make a pass of 400 users with 160 RPS: a cycle of 2.5 s, of which the mean response time is 0.1 s."""
    step = make_step(
        400,
        "PASS",
        rps=160.0,
        mean_s=0.1,
        think_s=2.4,
        requests=8000,
        work_s=work_s,
        target=TargetUse(cpu_cores=cpu_cores, cpu_per_request_s=cpu_cores / 160),
    )
    if memory_mib is None:
        return step
    peak = round(memory_mib * MIB)
    trend = MemoryTrend(MemoryOutlook.LASTS, 90.0, 20 * MIB, peak, 0.0, 0.0, 0.0, float(peak), None)
    return replace(step, memory=trend)


def make_censored(cores: float, *steps: StepResult, mib: int = 256) -> CellResult:
    result = make_result(cores, 400, None, Status.CENSORED, None, mib)
    return replace(result, steps=steps)


def test_the_capacity_above_the_limit_follows_from_the_cpu_that_was_used() -> None:
    """At 3.375 ms a request one core answers 296 RPS; cycles are 2.4 + 0.3 s at the SLO: 800 users."""
    margin = find_margin(make_censored(1.0, make_pass(0.54)), 400, 520)
    assert margin is not None
    assert margin.capacity_users == pytest.approx(800)
    assert margin.is_predicted
    assert margin.spare_cpu_ratio == pytest.approx(0.46)
    assert margin.spare_memory_ratio is None
    assert margin.probability > 0.99


def test_the_memory_bounds_the_capacity_too() -> None:
    """400 users add 200 MiB to the 20 of none: 256 MiB are full with 472."""
    margin = find_margin(make_censored(1.0, make_pass(0.54, memory_mib=220)), 400, 520)
    assert margin is not None
    assert margin.capacity_users == pytest.approx(400 * 236 / 200)
    assert margin.spare_memory_ratio == pytest.approx(36 / 256)


def test_a_size_that_is_nearly_full_is_hardly_sure_to_sustain_its_users() -> None:
    """At 3.0625 ms half a core sustains 441 users, give or take 15 %, and 3 % between container runs."""
    margin = find_margin(make_censored(0.5, make_pass(0.49)), 400, 520)
    assert margin is not None
    assert margin.capacity_users == pytest.approx(440.8, abs=0.1)
    assert margin.probability == pytest.approx(NormalDist().cdf(0.635), abs=0.01)
    assert margin.headroom_probability == pytest.approx(NormalDist().cdf(-1.08), abs=0.01)


def test_a_host_whose_speed_differs_leaves_less_sure() -> None:
    calm = find_margin(make_censored(0.5, make_pass(0.49, work_s=0.002)), 400, 520)
    moved = find_margin(
        make_censored(0.5, make_pass(0.49, work_s=0.002), make_pass(0.49, work_s=0.003)), 400, 520
    )
    assert calm is not None
    assert moved is not None
    assert moved.probability < calm.probability


def test_below_a_measured_capacity_nothing_is_predicted() -> None:
    result = replace(
        make_result(0.5, 380, 399), estimate_users=390.0, estimate_low=370.0, estimate_high=410.0
    )
    margin = find_margin(replace(result, steps=(make_pass(0.5),)), 200, 260)
    assert margin is not None
    assert not margin.is_predicted
    assert margin.capacity_users == 390
    assert margin.spare_cpu_ratio == pytest.approx(0.5), "200 users need half of what 400 used"


def test_without_any_step_nothing_is_known() -> None:
    assert find_margin(make_censored(1.0), 400, 520) is None
