"""What a size has to spare: measured below its capacity, predicted above the users limit."""

from dataclasses import replace
from statistics import NormalDist

import pytest

from harness.analyse.result.margin import find_margin, find_margins
from harness.model import (
    MIB,
    CellResult,
    CompanionUse,
    Drift,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    Status,
    StepResult,
    TargetUse,
    Verdict,
)
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


def test_sizes_with_the_same_cpu_sustain_the_same_unless_they_differ_by_more_than_chance() -> None:
    """By their CPUs 441, 450 and 540 users. Chance explains 2 x sqrt(2) x 3 % = 8.5 %, not ln(540/441)."""
    small, large = make_censored(0.5, make_pass(0.49)), make_censored(0.5, make_pass(0.48), mib=512)
    other = make_censored(0.5, make_pass(0.40), mib=1024)
    for result in (small, large):
        margin = find_margin(result, 400, 520, [small, large, other])
        assert margin is not None
        assert margin.capacity_users == pytest.approx((440.8 * 450) ** 0.5, abs=0.1)
    margin = find_margin(other, 400, 520, [small, large, other])
    assert margin is not None
    assert margin.capacity_users == pytest.approx(540)


def test_a_size_that_is_nearly_full_is_hardly_sure_to_sustain_its_users() -> None:
    """At 3.0625 ms half a core sustains 441 users, give or take 15 %, and 3 and 4 % for two container runs.

    Together they are 15.8 %: ln(440.8 / 400) is 0.614 of it, and ln(440.8 / 520) is -1.045.
    """
    margin = find_margin(make_censored(0.5, make_pass(0.49)), 400, 520)
    assert margin is not None
    assert margin.capacity_users == pytest.approx(440.8, abs=0.1)
    assert margin.probability == pytest.approx(NormalDist().cdf(0.614), abs=0.002)
    assert margin.headroom_probability == pytest.approx(NormalDist().cdf(-1.045), abs=0.002)


def test_a_host_whose_speed_differs_leaves_less_sure() -> None:
    calm = find_margin(make_censored(0.5, make_pass(0.49, work_s=0.002)), 400, 520)
    moved = find_margin(
        make_censored(0.5, make_pass(0.49, work_s=0.002), make_pass(0.49, work_s=0.003)), 400, 520
    )
    assert calm is not None
    assert moved is not None
    assert moved.probability < calm.probability


def test_a_campaign_that_drifted_leaves_less_sure() -> None:
    """Two speeds 15 % apart deviate by ln(1.15) / sqrt(2) = 9.9 %; with 15, 3 and 4 %, 18.6 %."""
    result = make_censored(0.5, make_pass(0.49))
    drift = Drift(result.cell, 400, Verdict.PASS, result.steps[0].judgement, 0.15, is_marked=True)
    for each, sigma in ((drift, 0.1864), (replace(drift, is_marked=False), 0.1581)):
        margin = find_margin(result, 400, 520, drift=each)
        assert margin is not None
        assert margin.probability == pytest.approx(NormalDist().cdf(0.0971 / sigma), abs=0.002)
        assert find_margins([result], 400, 520, (), each) == [margin]
    lost = replace(drift, cpu_per_request_ratio=None)
    assert find_margin(result, 400, 520, drift=lost) == find_margin(result, 400, 520)


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


def use_companion(name: str, limit: float, used: float | None) -> CompanionUse:
    return CompanionUse(name, Limits(limit, 256 * MIB), used, None, None)


def test_a_companion_that_is_nearly_full_bounds_the_capacity_and_is_named() -> None:
    """The target sustains 800 users. The database uses 0.95 of its core at 400, all of it at 421."""
    used = {"db": 0.95, "cache": 0.1, "uncounted": None}
    companions = tuple(use_companion(name, 1.0, cores) for name, cores in used.items())
    margin = find_margin(make_censored(1.0, replace(make_pass(0.54), companions=companions)), 400, 520)
    assert margin is not None
    assert margin.capacity_users == pytest.approx(400 / 0.95)
    assert (margin.companion, margin.is_predicted) == ("db", True)
    assert margin.spare_cpu_ratio == pytest.approx(0.46)
    assert margin.headroom_probability < 0.1
    idle = (use_companion("db", 1.0, 0.1), use_companion("y", 1.0, 0.0))
    roomy = find_margin(make_censored(1.0, replace(make_pass(0.54), companions=idle)), 400, 520)
    assert roomy is not None
    assert roomy.companion is None
    assert roomy.capacity_users == pytest.approx(800)


def test_a_companion_bounds_a_size_that_was_not_measured_too() -> None:
    step = replace(make_pass(0.3), companions=(use_companion("db", 1.0, 0.8),))
    inferred = make_result(2.0, 400, None, Status.INFERRED, None)
    margin = find_margin(inferred, 400, 520, [make_censored(1.0, step)])
    assert margin is not None
    assert margin.companion == "db"
    assert margin.capacity_users == pytest.approx(500)


def test_a_size_that_was_not_measured_needs_the_memory_of_the_one_it_follows_from() -> None:
    """400 users add 80 MiB to the 20 of none: 128 MiB are full with 540, and 256 MiB with 1,180."""
    small = make_censored(0.5, make_pass(0.3, memory_mib=100), mib=128)
    other = make_censored(0.25, make_pass(0.24, memory_mib=250), mib=512)
    margins = [
        find_margin(make_result(4.0, 400, None, Status.INFERRED, None, mib), 400, 520, [other, small])
        for mib in (128, 256)
    ]
    assert [margin and margin.capacity_users for margin in margins] == pytest.approx([540, 1180])
    assert [margin and margin.spare_memory_ratio for margin in margins] == pytest.approx(
        [28 / 128, 156 / 256]
    )


def test_replicas_share_the_memory_that_users_need() -> None:
    """400 users add 40 MiB to the 20 of one replica, so 20 to each of two: 64 MiB are full with 880."""
    single = make_censored(0.5, make_pass(0.3, memory_mib=60), mib=64)
    pair = make_result(4.0, 400, None, Status.INFERRED, None, 64)
    pair = replace(pair, cell=replace(pair.cell, limits=Limits(4.0, 64 * MIB, 2)))
    margin = find_margin(pair, 400, 520, [single])
    assert margin is not None
    assert margin.capacity_users == pytest.approx(880)
    assert margin.spare_memory_ratio == pytest.approx(24 / 64)


def test_a_load_balancer_bounds_only_sizes_that_have_one() -> None:
    pair = make_censored(0.5, replace(make_pass(0.3), companions=(use_companion("balancer", 1.0, 0.9),)))
    pair = replace(pair, cell=replace(pair.cell, limits=Limits(0.5, 256 * MIB, 2)))
    single = make_censored(1.0, make_pass(0.3))
    inferred = make_result(2.0, 400, None, Status.INFERRED, None)
    assert [
        margin and margin.companion for margin in find_margins([pair, single, inferred], 400, 520, ())
    ] == [
        "balancer",
        None,
        None,
    ]


def test_memory_alone_says_nothing_of_a_size_whose_cpu_was_not_counted() -> None:
    uncounted = replace(make_pass(0.5, memory_mib=21), target=TargetUse())
    assert find_margin(make_censored(1.0, uncounted), 400, 520) is None


def name_variant(result: CellResult, name: str) -> CellResult:
    return replace(result, cell=replace(result.cell, limits=replace(result.cell.limits, variant=name)))


def test_a_variant_is_predicted_by_its_own_requests() -> None:
    """At 3.375 ms a request a core sustains 800 users. At the 7.5 ms of the other variant it would be 360."""
    own = name_variant(make_censored(1.0, make_pass(0.54)), "two")
    other = name_variant(make_censored(2.0, make_pass(1.2)), "four")
    inferred = name_variant(make_result(1.0, 400, None, Status.INFERRED, None, 512), "two")
    for margin in (
        find_margin(inferred, 400, 520, [other, own]),
        find_margins([other, own, inferred], 400, 520, ())[2],
    ):
        assert margin is not None
        assert margin.capacity_users == pytest.approx(800)
        assert margin.spare_cpu_ratio == pytest.approx(0.46)
