"""A campaign's checks on itself, rule by rule."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.consistency import (
    Recheck,
    assess_drift,
    assess_repeatability,
    choose_drift_check,
    choose_second_attempt,
    find_monotonicity_violations,
    flag_monotonicity_violations,
)
from harness.model import (
    MIB,
    Cell,
    CellResult,
    ContainerRun,
    Judgement,
    Limits,
    Plan,
    Purpose,
    Rule,
    Slo,
    Status,
    StepResult,
    TargetUse,
    Verdict,
)
from harness.model.evidence import SloBroken, SloEvaluation
from harness.model.request_slices import RequestSlices
from tests.builders import make_plan
from tests.unit.analyse.synthetic import make_step

SIZES = ((0.5, 128), (0.5, 256), (1.0, 128), (1.0, 256))
COARSE_PLAN = make_plan(*SIZES)
"""Sizes away from the decision are searched to 10 %."""

PLAN = replace(COARSE_PLAN, search=replace(COARSE_PLAN.search, elsewhere_ratio=0.05))
IDS = [cell.id for cell in PLAN.cells]


def make_result(cell: Cell, low: int | None, high: int | None) -> CellResult:
    """Return a measured cell with its bracket: censored without an upper end, none without a lower one."""
    status = Status.CENSORED if high is None else Status.NONE if low is None else Status.BRACKETED
    steps = (make_step(low or high or 1, "PASS" if low else "FAIL"),)
    return CellResult(cell, status, sustained_users=low, broken_users=high, steps=steps)


def make_results(*brackets: tuple[int | None, int | None], plan: Plan = PLAN) -> dict[str, CellResult]:
    return {cell.id: make_result(cell, *ends) for cell, ends in zip(plan.cells, brackets, strict=True)}


def find_violations(results: dict[str, CellResult], plan: Plan = PLAN) -> set[tuple[str, str]]:
    return {(small.id, large.id) for small, large in find_monotonicity_violations(plan, results)}


@pytest.mark.parametrize(
    ("large", "is_one"),
    [((171, 180), False), ((115, 120), False), ((108, 114), True), ((None, 10), True), ((400, None), False)],
)
def test_a_larger_cell_violates_monotonicity_only_below_a_smaller_one_by_more_than_the_precision(
    large: tuple[int | None, int | None], is_one: bool
) -> None:
    results = make_results((120, 126), (120, 126), (120, 126), large)
    assert ((IDS[0], IDS[3]) in find_violations(results)) is is_one


@pytest.mark.parametrize(("large", "is_one"), [((108, 114), False), ((103, 108), True)])
def test_the_coarser_precision_of_two_cells_counts(large: tuple[int, int], is_one: bool) -> None:
    """The smaller cell was searched to 10 %, because larger cells don't sustain the 400 users either."""
    results = make_results((120, 126), (120, 126), (120, 126), large)
    assert ((IDS[0], IDS[3]) in find_violations(results, COARSE_PLAN)) is is_one


def test_sizes_that_are_each_larger_in_one_resource_are_never_compared() -> None:
    assert find_violations(make_results((1, 2), (300, 310), (10, 11), (300, 310))) == set()


def test_a_larger_cell_that_never_came_up_violates_monotonicity_and_an_undecided_one_does_not() -> None:
    results = make_results((120, 126), (120, 126), (120, 126), (120, 126))
    for status, expected in (
        (Status.FAILED, 3),
        (Status.INVALID, 0),
        (Status.SKIPPED, 0),
        (Status.RUNNING, 0),
    ):
        changed = results | {IDS[3]: CellResult(PLAN.cells[3], status)}
        assert len(find_violations(changed)) == expected


def test_repetitions_are_not_compared_with_each_other() -> None:
    again = replace(PLAN.cells[3], id="again", repetition=2)
    results = {IDS[0]: make_result(PLAN.cells[0], 120, 126), "again": make_result(again, 50, 52)}
    assert find_monotonicity_violations(PLAN, results) == []


ENDS = st.sampled_from([(None, 10), (100, 105), (103, 109), (120, 126), (200, 210), (400, None)])


@given(st.lists(ENDS, min_size=4, max_size=4))
def test_no_cell_is_measured_a_third_time_and_remaining_violations_are_flagged(
    brackets: list[tuple[int | None, int | None]],
) -> None:
    results, chosen_ids = make_results(*brackets), []
    while (cell := choose_second_attempt(PLAN, results)) is not None:
        chosen_ids.append(cell.id)
        results[cell.id] = replace(results[cell.id], first=results[cell.id])
    assert len(set(chosen_ids)) == len(chosen_ids)
    flagged = {
        cell_id
        for cell_id, result in flag_monotonicity_violations(PLAN, results).items()
        if result.monotonicity_violation
    }
    assert flagged == set(chosen_ids) == {large for _, large in find_violations(results)}


@given(st.lists(ENDS, min_size=4, max_size=4))
def test_monotonicity_violations_equal_those_of_brute_force(
    brackets: list[tuple[int | None, int | None]],
) -> None:
    expected = set()
    for (small, small_ends), (large, large_ends) in itertools.permutations(
        zip(PLAN.cells, brackets, strict=True), 2
    ):
        more = (
            large.limits.cpu_cores >= small.limits.cpu_cores
            and large.limits.memory_bytes >= small.limits.memory_bytes
        )
        if more and large_ends[1] is not None and large_ends[1] * 1.05 < (small_ends[0] or 0):
            expected.add((small.id, large.id))
    assert find_violations(make_results(*brackets)) == expected


def test_a_flag_names_the_smaller_cell_that_sustains_most() -> None:
    results = flag_monotonicity_violations(PLAN, make_results((120, 126), (150, 158), (140, 147), (100, 105)))
    assert results[IDS[3]].monotonicity_violation == PLAN.cells[1]


REFERENCE = make_result(PLAN.cells[3], 400, None)
STARTED = ContainerRun(IDS[3], 3, "2026-01-01T00:00:00+00:00", 0.8, purpose=Purpose.CONFIRM)


def make_check(
    before: StepResult, *after: StepResult, runs: tuple[ContainerRun, ...] = (STARTED,)
) -> Recheck:
    return Recheck(replace(REFERENCE, steps=(make_step(10, "PASS"), before)), runs, after)


def make_confirming_step(
    verdict: str = "PASS", cpu_per_request_s: float | None = 0.005, requests: int = 3200, rule: str = "p95"
) -> StepResult:
    target = TargetUse(cpu_per_request_s=cpu_per_request_s)
    broken_by = rule if verdict == "FAIL" else None
    return make_step(400, verdict, rule=broken_by, requests=requests, rps=160.0, p95_s=0.2, target=target)


@pytest.mark.parametrize(
    ("after", "requests", "marked"),
    [
        (make_confirming_step(), 3200, False),
        (make_confirming_step(cpu_per_request_s=0.0052), 3200, False),
        (make_confirming_step(cpu_per_request_s=0.0053), 3200, True),
        (make_confirming_step(cpu_per_request_s=0.0047), 3200, True),
        (make_confirming_step(cpu_per_request_s=0.0053, requests=100), 100, False),
        (make_confirming_step(cpu_per_request_s=0.0060, requests=100), 100, True),
        (make_confirming_step(cpu_per_request_s=None), 3200, False),
        (make_confirming_step("FAIL"), 3200, False),
        (make_confirming_step("FAIL", rule="died"), 3200, True),
        (make_confirming_step("FAIL", rule="dependency-died"), 3200, True),
        (make_confirming_step("FAIL", rule="memory-grows"), 3200, True),
        (make_confirming_step("FAIL", cpu_per_request_s=None), 3200, True),
        (make_confirming_step("INVALID", cpu_per_request_s=0.02), 3200, False),
    ],
)
def test_a_campaign_is_marked_by_a_hard_failure_or_by_more_than_chance_and_five_percent(
    after: StepResult, requests: int, marked: bool
) -> None:
    drift = assess_drift(make_check(make_confirming_step(requests=requests), after))
    assert drift is not None
    assert drift.is_marked is marked


@pytest.mark.parametrize(
    ("p95_s", "is_settled", "marked"),
    [(1.5, True, False), (1.51, True, True), (1.51, False, False)],
)
def test_an_slo_that_is_broken_clearly_and_by_more_than_half_of_its_limit_is_no_chance(
    p95_s: float, is_settled: bool, marked: bool
) -> None:
    """The limit is 1 s, and the CPU time per request is as before: a companion may have become slower."""
    broken = SloBroken(SloEvaluation(Slo("p95", 1.0), p95_s, holds=False, is_settled=is_settled))
    after = replace(make_confirming_step("FAIL"), judgement=Judgement(Rule.SLO_BROKEN, broken))
    drift = assess_drift(make_check(make_confirming_step(), after))
    assert drift is not None
    assert drift.is_marked is marked


def make_long_step(cpu_per_request_s: float, *, logs: Sequence[float]) -> StepResult:
    """Make a soak: a slice of the ramp, then parts of 20 s whose requests cost exp(log) times as much."""
    demands_s = [cpu_per_request_s * math.exp(log) for log in logs]
    slices = RequestSlices(
        ("GET /",),
        length_s=(10.0, *[10.0] * (2 * len(logs))),
        users=(200.0, *[400.0] * (2 * len(logs))),
        cpu_s=(99.0, *(1600 * demand_s for demand_s in demands_s for _ in range(2))),
        counts=((800.0,), *[(1600.0,)] * (2 * len(logs))),
        starts=((800.0,), *[(1600.0,)] * (2 * len(logs))),
    )
    step = make_confirming_step(cpu_per_request_s=cpu_per_request_s, requests=3200 * len(logs))
    return replace(step, window_s=20.0 * len(logs), slices=slices)


UP_AND_DOWN = (0.1, -0.1, 0.1, -0.1, 0.1, -0.1)


def test_a_soak_shows_how_much_the_cpu_time_of_a_request_varies_by_itself() -> None:
    """Around a line of slope -0.3 / 17.5 the squares sum to 0.06 - 0.09 / 17.5 = 0.05486, with 4 degrees of
    freedom: a standard deviation of 0.1171. A window against six as long: exp(2 · 0.1171 · √(7/6)) = 1.2879.
    """
    before = make_confirming_step(cpu_per_request_s=0.005)  # its window lasts 20 s
    drift = assess_drift(make_check(before, make_long_step(0.0064, logs=UP_AND_DOWN)))
    assert drift is not None
    assert drift.allowed_ratio == pytest.approx(0.2879, abs=1e-4)
    assert not drift.is_marked  # +28 %
    drift = assess_drift(make_check(before, make_long_step(0.0065, logs=UP_AND_DOWN)))
    assert drift is not None
    assert drift.is_marked  # +30 %


@pytest.mark.parametrize(
    "logs",
    [
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),  # the target becomes slower: growth is no spread
        (0.1, -0.1, 0.1, -0.1),  # too few parts to tell
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_growth_is_no_noise_and_four_parts_show_none(logs: Sequence[float]) -> None:
    drift = assess_drift(make_check(make_confirming_step(), make_long_step(0.0054, logs=logs)))
    assert drift is not None
    assert drift.allowed_ratio == pytest.approx(0.05)
    assert drift.is_marked  # +8 %


def test_a_step_that_also_failed_in_the_search_is_no_drift() -> None:
    drift = assess_drift(make_check(make_confirming_step("FAIL"), make_confirming_step("FAIL")))
    assert drift is not None
    assert not drift.is_marked


def test_there_is_no_drift_without_two_steps_at_the_same_users() -> None:
    assert assess_drift(make_check(make_step(380, "PASS"), make_confirming_step())) is None
    assert assess_drift(make_check(make_confirming_step())) is None
    assert assess_drift(None) is None


def test_a_drift_check_is_held_until_it_is_valid_and_twice_at_most() -> None:
    measured = [make_result(cell, 400, None) for cell in reversed(PLAN.cells)]
    first = choose_drift_check(PLAN, measured, None)
    assert first is not None
    assert (first[0], first[1].users, first[1].purpose) == (PLAN.cells[3], 400, Purpose.CONFIRM)
    invalid, dead = make_confirming_step("INVALID"), replace(STARTED, ready_after_s=None, failure="gone")
    for steps, runs, ended in (
        ((), (STARTED,), False),
        ((invalid,), (STARTED,), False),
        ((invalid, invalid), (STARTED, STARTED), True),
        ((invalid, make_confirming_step()), (STARTED, STARTED), True),
        ((make_confirming_step("FAIL"),), (STARTED,), True),
        ((), (dead,), True),
    ):
        again = choose_drift_check(PLAN, measured, make_check(make_confirming_step(), *steps, runs=runs))
        assert again == (None if ended else first)


def test_the_reference_is_the_first_cell_that_was_measured_only_once() -> None:
    cells = [make_result(cell, 100, 105) for cell in reversed(PLAN.cells)]
    none, twice = make_result(PLAN.cells[3], None, 10), replace(cells[1], first=cells[1])
    chosen = choose_drift_check(PLAN, [none, twice, *cells[2:]], None)
    assert chosen is not None
    assert chosen[0] == cells[2].cell
    assert choose_drift_check(PLAN, cells[:2], None) is None
    assert choose_drift_check(PLAN, [none, none, none], None) is None


def make_repetitions(*brackets: tuple[int | None, int | None]) -> list[CellResult]:
    cells = [
        Cell(f"web-r{number}", "web", Limits(1.0, 256 * MIB), None, number)
        for number in range(1, len(brackets) + 1)
    ]
    return [make_result(cell, *ends) for cell, ends in zip(cells, brackets, strict=True)]


def test_the_spread_of_repetitions_is_their_coefficient_of_variation() -> None:
    cells = [
        replace(cell, estimate_users=users)
        for cell, users in zip(
            make_repetitions((95, 99), (99, 103), (103, 107)), (96.0, 100.0, 104.0), strict=True
        )
    ]
    (repeatability,) = assess_repeatability(cells)
    assert repeatability.cells == tuple(cells)
    assert repeatability.spread_ratio == pytest.approx(0.04)


@pytest.mark.parametrize("other", [(400, None), (None, 10), (100, 399)])
def test_there_is_no_spread_unless_every_repetition_has_a_capacity(
    other: tuple[int | None, int | None],
) -> None:
    (repeatability,) = assess_repeatability(make_repetitions((380, 399), other))
    assert repeatability.spread_ratio is None


def test_a_size_that_was_measured_once_has_no_repeatability() -> None:
    assert assess_repeatability(make_results(*[(100, 105)] * 4).values()) == ()


def test_the_last_step_of_a_drift_check_counts() -> None:
    drift = assess_drift(
        make_check(make_confirming_step(), make_confirming_step("INVALID"), make_confirming_step())
    )
    assert drift is not None
    assert drift.verdict is Verdict.PASS
