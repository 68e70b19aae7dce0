"""The predicted capacity, by the CPU time per request, by failures and by neighbours."""

import math
from dataclasses import replace

import pytest

from harness.analyse.search.known_capacities import find_capacity_users
from harness.analyse.search.prediction import predict_capacity
from harness.analyse.search.usable_cpu import find_response_limit_s
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Factor,
    Latency,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    PercentileShare,
    Slo,
    Status,
    StepResult,
    TargetUse,
)
from harness.model.stalls import MemoryShort
from tests.unit.analyse.synthetic import CELL, make_step

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))


def make_cell(cpu_cores: float, mib: int = 256) -> Cell:
    return replace(CELL, id=f"web-c{cpu_cores:.2f}-m{mib}", limits=Limits(cpu_cores, mib * MIB))


def make_light_load_step(
    users: int = 10, cpu_per_request_s: float = 0.01, think_s: float = 2.5, response_s: float = 0.1
) -> StepResult:
    """Return a step at light load: Little's law gives its throughput, the utilisation law its CPU."""
    rps = users / (think_s + response_s)
    return make_step(
        users,
        "PASS",
        rps=rps,
        mean_s=response_s,
        p95_s=response_s,
        think_s=think_s,
        target=TargetUse(cpu_cores=rps * cpu_per_request_s, cpu_per_request_s=cpu_per_request_s),
    )


def make_finished_result(cell: Cell, capacity: float, *steps: StepResult) -> CellResult:
    ends = (int(capacity), int(capacity) + 1)
    return CellResult(
        cell,
        Status.BRACKETED,
        *ends,
        estimate_users=capacity,
        limiting_factor=Factor.CPU,
        steps=steps,
    )


def test_a_broken_shortfall_predicts_where_it_is_at_its_limit() -> None:
    """39 users make 51 % of what they want. As many requests are 85 % of what 39 · 0.51 / 0.85 users want."""
    slos = (Slo("p95", 5.0), Slo("shortfall", 0.15))
    steps = [
        replace(make_step(users, "FAIL", rps=70.0, mean_s=0.4, p95_s=1.0, think_s=0.2), shortfall_ratio=ratio)
        for users, ratio in ((39, 0.49), (78, 0.76))
    ]
    estimate = predict_capacity(CELL, steps, [], slos)
    assert estimate is not None
    assert estimate.users == pytest.approx(23.4)


def predict_users(cell: Cell, steps: list[StepResult], neighbours: list[CellResult]) -> float:
    estimate = predict_capacity(cell, steps, neighbours, SLOS)
    assert estimate is not None
    return estimate.users


def test_without_any_evidence_there_is_no_prediction() -> None:
    assert predict_capacity(CELL, [], [], SLOS) is None


def test_a_bracket_too_wide_to_tell_its_capacity_corrects_nothing() -> None:
    """The other size sustains 126 users of the 139 predicted; between 10 and 400 it could sustain any."""
    told = make_finished_result(make_cell(0.5), 126, make_light_load_step())
    wide = replace(told, sustained_users=10, broken_users=400, estimate_users=None)
    light = [make_light_load_step()]
    alone = predict_users(make_cell(1.0), light, [])
    assert predict_users(make_cell(1.0), light, [told]) < 0.95 * alone
    assert predict_users(make_cell(1.0), light, [wide]) == alone


def test_one_step_at_light_load_predicts_every_size_in_proportion() -> None:
    """Check X = cores / D and N = X·(Z + R): 100 rps · (2.5 s + 0.3 s) = 280 users at one core.

    The answers of the light step are all alike, so a third of 2/3 · ln(20) = 2 requests a second stays
    unused.
    """
    unused_rps = 2 / 3 * math.log(20) / 3
    for cores in (0.25, 0.5, 1.0, 4.0):
        expected = (100 * cores - unused_rps) * 2.8
        assert predict_users(make_cell(cores), [make_light_load_step()], []) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("response_s", "p95_s", "unused_rps"),
    [(0.01, 0.03, 1.997), (0.11, 0.13, 1.997), (0.01, 0.02, 1.331), (0.01, 0.01, 0.666), (0.01, 0.9, 1.997)],
    ids=["exponential", "with 0.1 s of waiting", "between", "all alike", "more than exponential"],
)
def test_the_more_cpu_times_differ_the_more_stays_unused(
    response_s: float, p95_s: float, unused_rps: float
) -> None:
    """A request takes 0.01 s of CPU. If that is exponential, its p95 is 0.03 s."""
    step = make_light_load_step(response_s=response_s)
    step = replace(step, latency=replace(step.latency, p95_s=p95_s))
    assert predict_users(CELL, [step], []) == pytest.approx((100 - unused_rps) * 2.8, abs=0.01)


def test_a_limit_that_a_request_hardly_keeps_alone_leaves_half_unused_at_most() -> None:
    step = replace(make_light_load_step(), latency=Latency(0.01, p95_s=0.03))
    estimate = predict_capacity(CELL, [step], [], (Slo("p95", 0.03),))
    assert estimate is not None
    cycle_s = 10 / (step.rps or 0)
    assert estimate.users == pytest.approx(50 * (cycle_s - 0.01 + 0.3 * 0.03))


def test_only_a_percentile_of_all_requests_leaves_something_unused() -> None:
    step = make_light_load_step()
    for slos in ((Slo("mean", 0.5), Slo("p95", 1.0)), (Slo("p95", 1.0, "/a"),), (Slo("errors", 0.01),)):
        limit_s = find_response_limit_s(slos)
        estimate = predict_capacity(CELL, [step], [], slos)
        assert estimate is not None
        assert estimate.users == pytest.approx(100 * (2.5 + 0.3 * limit_s))


def test_the_cpu_time_per_request_is_that_of_the_busiest_step() -> None:
    steps = [
        make_light_load_step(10, cpu_per_request_s=0.01),
        make_light_load_step(100, cpu_per_request_s=0.008),
    ]
    assert predict_users(CELL, steps, []) == pytest.approx((125 - 0.666) * 2.8, abs=0.01)


def test_an_invalid_step_predicts_nothing() -> None:
    assert (
        predict_capacity(
            CELL, [replace(make_light_load_step(), judgement=make_step(10, "INVALID").judgement)], [], SLOS
        )
        is None
    )


def test_a_neighbours_cpu_time_per_request_is_used() -> None:
    half = replace(make_finished_result(make_cell(0.5), 140, make_light_load_step()), status=Status.RUNNING)
    assert predict_users(make_cell(0.25), [], [half]) == pytest.approx((25 - 0.666) * 2.8, abs=0.01)


def test_the_capacity_of_a_finished_cell_corrects_the_next_prediction() -> None:
    """Check half a core, which sustained 126 users where 138.1 were predicted, and 68.1 here."""
    half = make_finished_result(make_cell(0.5), 126, make_light_load_step())
    assert predict_users(make_cell(0.25), [], [half]) == pytest.approx(62.15, abs=0.05)


def test_the_same_cpu_with_the_nearest_memory_is_the_best_neighbour() -> None:
    near, far = (
        make_finished_result(make_cell(1.0, 512), 200),
        make_finished_result(make_cell(1.0, 2048), 300),
    )
    assert predict_users(make_cell(1.0, 256), [make_light_load_step()], [far, near]) == pytest.approx(200)


def test_memory_that_limits_one_size_limits_another_with_equal_memory() -> None:
    by_cpu = make_finished_result(make_cell(1.0, 256), 300)
    by_memory = replace(make_finished_result(make_cell(2.0, 64), 80), limiting_factor=Factor.MEMORY)
    assert predict_users(make_cell(1.0, 64), [], [by_cpu, by_memory]) == pytest.approx(80)
    assert predict_users(make_cell(1.0, 128), [], [by_cpu, by_memory]) == pytest.approx(300)


def test_a_failure_for_lack_of_memory_tells_every_cpu_with_as_much_memory() -> None:
    """80 users had come when the target ran out of memory; 98 % of them are taken as sustained."""
    full = TargetUse(is_out_of_memory=True)
    died = make_step(200, "FAIL", rule="died", users_reached=80, target=full)
    searched = CellResult(make_cell(2.0, 64), Status.RUNNING, steps=(make_light_load_step(), died))
    assert predict_users(make_cell(1.0, 64), [], [searched]) == pytest.approx(78.4)
    assert predict_users(make_cell(1.0, 128), [], [searched]) == pytest.approx(278.1, abs=0.1)
    by_cpu = make_finished_result(make_cell(2.0, 64), 75, *searched.steps)
    assert predict_users(make_cell(2.0, 64), [], [by_cpu]) == pytest.approx(75)


def test_a_memory_limit_never_raises_the_prediction_by_the_cpu() -> None:
    by_cpu = make_finished_result(make_cell(0.25, 256), 40)
    by_memory = replace(make_finished_result(make_cell(2.0, 64), 80), limiting_factor=Factor.MEMORY)
    assert predict_users(make_cell(0.25, 64), [], [by_cpu, by_memory]) == pytest.approx(40)


def test_a_finished_cell_makes_a_prediction_more_certain() -> None:
    alone = predict_capacity(make_cell(0.25), [make_light_load_step()], [], SLOS)
    corrected = predict_capacity(
        make_cell(0.25),
        [make_light_load_step()],
        [make_finished_result(make_cell(0.5), 126, make_light_load_step())],
        SLOS,
    )
    assert alone is not None
    assert corrected is not None
    assert corrected.sigma < alone.sigma


def test_a_slow_share_near_the_allowed_one_moves_the_prediction_to_its_users() -> None:
    near = replace(make_light_load_step(200), latency=Latency(0.1, p95_s=0.1, slow_ratio=0.04), requests=4000)
    assert 200 < predict_users(CELL, [near], []) < 215


def test_a_failure_by_response_time_shows_the_saturated_throughput() -> None:
    """Check 25 rps with a cycle of 4 s, 2 s of them waiting; at a mean of 0.5 s the p95 is at its limit."""
    slow = make_step(100, "FAIL", rps=25.0, mean_s=2.0, p95_s=4.0, think_s=2.0)
    assert predict_users(CELL, [make_light_load_step(), slow], []) == pytest.approx(25 * (4 - 2 + 0.5))


@pytest.mark.parametrize(
    ("think_s", "users"),
    [(2.5, 51.0), (90.0, 1536.0)],
    ids=["users who wait for each other", "an open queue"],
)
def test_a_full_cpu_sustains_less_than_it_answers(think_s: float, users: float) -> None:
    """Check 20 rps, at a mean of 0.333 s, which has its p95 at the limit, and with exponential CPU times.

    Users who think for 2.5 s leave 2/3 · ln(20) = 2.0 rps unused: 18.0 · 2.833 s. Those who think for 90 s
    arrive as in an open queue, and leave 3.0: 17.0 · 90.33 s.
    """
    light = make_light_load_step(10, cpu_per_request_s=0.05, think_s=think_s, response_s=0.05)
    light = replace(light, latency=replace(light.latency, p95_s=0.15))
    asking = round(20 * (think_s + 2.5))
    full = TargetUse(cpu_cores=1.0, cpu_per_request_s=0.05)
    slow = make_step(asking, "FAIL", rps=20.0, mean_s=2.5, p95_s=7.5, think_s=think_s, target=full)
    assert predict_users(CELL, [light, slow], []) == pytest.approx(users, rel=0.001)


def test_another_size_counts_until_windows_refute_it() -> None:
    """It says 100 users, give or take 4 %: a failure below 88.7 or a pass above 112.7 refutes it.

    They are 100 / exp(0.12) and 100 · exp(0.12).

    83 users failed at 25 rps: 25 · (83 / 25 - 2 + 0.5) = 45.5.
    """
    neighbours = [make_finished_result(make_cell(1.0, 512), 100)]

    def fail(users: int) -> StepResult:
        return make_step(users, "FAIL", rps=25.0, mean_s=2.0, p95_s=4.0, think_s=1.0)

    assert predict_users(CELL, [fail(83)], neighbours) == pytest.approx(45.5)
    assert 52.5 < predict_users(CELL, [fail(90)], neighbours) < 100
    assert predict_users(CELL, [make_step(112, "PASS")], neighbours) == pytest.approx(100)
    assert predict_capacity(CELL, [make_step(113, "PASS")], neighbours, SLOS) is None


def test_a_failure_that_more_users_outvote_refutes_no_other_size() -> None:
    neighbours = [make_finished_result(make_cell(1.0, 512), 100)]
    steps = [make_step(10, "FAIL"), make_step(20, "PASS")]
    assert predict_users(CELL, steps, neighbours) == pytest.approx(100)


def test_a_failure_by_one_name_tells_by_its_slow_share_and_not_by_the_throughput() -> None:
    """200 users failed by one name, while 95 % of all requests took 0.3 s of the 1 s that are allowed.

    The light step's 10 ms of CPU predict 278 users. 20 % of 400 requests of the name were slow: the logits of
    0.20075 and 0.05 differ by 1.563, so the name allows 200 · exp(-1.563 / (1.1 · √200)) = 181.
    """
    named = Slo("p95", 1.0, "/a")
    light = make_light_load_step()
    slow = make_step(200, "FAIL", rule="p95 of /a", rps=75.0, mean_s=0.1, p95_s=0.3, think_s=2.5)
    estimate = predict_capacity(CELL, [light, slow], [], (*SLOS, named))
    assert estimate is not None
    assert estimate.users == pytest.approx(278.1, abs=0.1)
    share = PercentileShare(named, 400, Latency(slow_ratio=0.2))
    estimate = predict_capacity(CELL, [light, replace(slow, further_shares=(share,))], [], (*SLOS, named))
    assert estimate is not None
    assert estimate.users == pytest.approx(180.9, abs=0.1)


def test_a_target_that_died_while_users_arrived_sustains_fewer_than_had_arrived() -> None:
    dead = make_step(400, "FAIL", rule="died", users_reached=120)
    assert predict_users(CELL, [make_light_load_step(), dead], []) == pytest.approx(117.6)
    unknown = replace(dead, users_reached=0)
    assert predict_users(CELL, [make_light_load_step(), unknown], []) == pytest.approx(278.1, abs=0.1)


def test_after_an_oom_kill_of_a_process_fewer_users_are_expected() -> None:
    """120 users had arrived; 98 % of them are taken as sustained. The fast answers show no saturation."""
    killed = make_step(120, "FAIL", rule="oom-kill", rps=47.0, mean_s=0.05, think_s=2.5)
    assert predict_users(CELL, [make_light_load_step(), killed], []) == pytest.approx(117.6)


@pytest.mark.parametrize(
    ("slos", "limit_s"),
    [
        (SLOS, 1.0),
        ((Slo("errors", 0.01),), 1.0),
        ((Slo("p95", 2.0), Slo("p99", 5.0), Slo("mean", 0.5)), 0.5),
    ],
)
def test_the_tightest_limit_of_a_response_time_counts(slos: tuple[Slo, ...], limit_s: float) -> None:
    assert find_response_limit_s(slos) == limit_s


@pytest.mark.parametrize(
    ("status", "capacity"),
    [(Status.CENSORED, 480.0), (Status.NONE, None), (Status.INVALID, None), (Status.RUNNING, None)],
)
def test_only_a_bracketed_or_censored_cell_has_a_capacity(status: Status, capacity: float | None) -> None:
    assert find_capacity_users(CellResult(CELL, status, sustained_users=400)) == capacity


def make_variant_cell(variant: str, cpu_cores: float) -> Cell:
    cell = make_cell(cpu_cores)
    return replace(cell, id=f"{cell.id}_{variant}", limits=replace(cell.limits, variant=variant))


def test_the_first_answer_of_a_size_predicts_its_second_variant() -> None:
    first = make_finished_result(make_variant_cell("one", 1.0), 200.0, make_light_load_step())
    assert predict_users(make_variant_cell("four", 1.0), [], [first]) == pytest.approx(200.0)


def test_another_variant_stands_in_for_the_cpu_time_per_request_until_the_own_one_has_shown_it() -> None:
    """No variant is known at 2 CPUs. The prediction is that of a campaign without variants."""
    other = make_finished_result(make_variant_cell("one", 1.0), 200.0, make_light_load_step())
    alone = predict_users(make_cell(2.0), [], [replace(other, cell=make_cell(1.0))])
    assert predict_users(make_variant_cell("four", 2.0), [], [other]) == pytest.approx(alone)
    own = CellResult(make_variant_cell("four", 1.0), Status.RUNNING, steps=(make_light_load_step(),))
    alone = predict_users(make_cell(2.0), [], [replace(own, cell=make_cell(1.0))])
    assert predict_users(make_variant_cell("four", 2.0), [], [other, own]) == pytest.approx(alone)


def test_the_same_cpu_with_another_memory_counts_within_a_variant_only() -> None:
    wide = replace(make_variant_cell("one", 1.0), limits=Limits(1.0, 512 * MIB, variant="one"))
    other = make_finished_result(wide, 200.0)
    assert predict_capacity(make_variant_cell("four", 1.0), [], [other], SLOS) is None
    own = replace(other, cell=replace(wide, limits=replace(wide.limits, variant="four")))
    assert predict_users(make_variant_cell("four", 1.0), [], [other, own]) == pytest.approx(200.0)


def make_slow_step(users: int, rps: float, mean_s: float = 2.5) -> StepResult:
    """Return a step that failed by its p95, of users who think for 2.5 s."""
    return make_step(users, "FAIL", rps=rps, mean_s=mean_s, p95_s=mean_s, think_s=2.5)


def test_a_step_with_less_throughput_than_a_pass_below_it_predicts_nothing() -> None:
    """Fewer users made 70 RPS. So 30 and 62 RPS are a collapse, but 65 RPS is as much as the target can do.

    65 RPS let 65 · (2.5 s + 1 s) = 227.5 users wait for 1 s at most, and each cycle here has 300 / 65 s.
    """
    passed = make_step(180, "PASS", rps=70.0, mean_s=0.1, p95_s=0.2, think_s=2.5)
    for rps in (30.0, 62.0):
        assert predict_capacity(CELL, [make_slow_step(300, rps), passed], [], SLOS) is None
    cycle_s = 300 / 65
    saturated = replace(make_slow_step(300, 65.0), latency=Latency(mean_s=2.5, p95_s=2.5))
    assert predict_users(CELL, [saturated, passed], []) == pytest.approx(65 * (cycle_s + 1.0 - 2.5))


def make_thrashing_step(users: int) -> StepResult:
    """Return a step that made 65 RPS, because it waited for pages of its 96 MiB; it began with 32 MiB."""
    trend = MemoryTrend(
        MemoryOutlook.UNKNOWN,
        observed_s=155.0,
        start_bytes=32 * MIB,
        peak_bytes=92 * MIB,
        growth_bytes_per_s=0.0,
        growth_low=-1.0,
        growth_high=1.0,
        projected_bytes=96.0 * MIB,
        lasts_s=None,
        shortage=MemoryShort(0.3, 96 * MIB),
    )
    return replace(make_slow_step(users, 65.0, 3.0), memory=trend)


def test_a_step_that_thrashes_in_its_memory_predicts_by_the_memory_alone() -> None:
    """It made 65 RPS with 367 users, which says nothing of the CPU: the users are 85 % of 367, or 312."""
    thrashing = make_thrashing_step(367)
    assert predict_users(make_cell(1.0, 96), [thrashing], []) == pytest.approx(0.85 * 367)
    throttled = replace(thrashing, target=TargetUse(throttled_ratio=0.9))
    assert predict_users(make_cell(1.0, 96), [throttled], []) == pytest.approx(65 * (367 / 65 + 1.0 - 3.0))


def test_a_memory_that_other_sizes_have_shown_still_counts_after_a_step_that_thrashes_near_it() -> None:
    """0, 10 and 400 users need 32, 34.5 and 132 MiB: 96 MiB are full with 256, give or take 6 %.

    250 users fail near that. 180 refute it, since 1.5 deviations below are 234: then 85 % of them are next.
    """
    needs = {10: TargetUse(memory_peak_bytes=69 * MIB // 2), 400: TargetUse(memory_peak_bytes=132 * MIB)}
    steps = tuple(make_step(users, "PASS", target=use) for users, use in needs.items())
    larger = CellResult(make_cell(1.0, 512), Status.CENSORED, 400, steps=steps)
    cell = make_cell(1.0, 96)
    assert predict_users(cell, [make_thrashing_step(250)], [larger]) == pytest.approx(256)
    assert predict_users(cell, [make_thrashing_step(180)], [larger]) == pytest.approx(0.85 * 180)
