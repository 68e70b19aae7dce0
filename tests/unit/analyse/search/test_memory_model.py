"""How many users fit into a memory limit, from the working sets of other steps of the target."""

from dataclasses import replace

import pytest

from harness.analyse.search.capacity_estimate import LogNormalEstimate
from harness.analyse.search.memory_model import (
    compute_growth_error,
    estimate_users_in_memory,
    estimate_users_in_own_memory,
    is_memory_failure,
)
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Factor,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    Rule,
    Status,
    StepResult,
    TargetUse,
)
from harness.model.evidence import Judgement, MemoryGrows
from tests.unit.analyse.synthetic import CELL, make_step

BASE_MIB, USER_MIB = 32, 0.25


def make_memory_step(users: int, verdict: str = "PASS", mib: float | None = None) -> StepResult:
    used = BASE_MIB + USER_MIB * users if mib is None else mib
    return make_step(users, verdict, target=TargetUse(memory_peak_bytes=round(used * MIB)))


def make_cell(mib: int) -> Cell:
    return replace(CELL, limits=Limits(1.0, mib * MIB))


def predict(cell: Cell, steps: list[StepResult], neighbours: list[CellResult]) -> float:
    estimate = estimate_users_in_memory(cell, steps, neighbours)
    assert estimate is not None
    return estimate.users


def test_two_steps_of_one_size_predict_the_users_of_another() -> None:
    large = CellResult(make_cell(256), Status.CENSORED, steps=(make_memory_step(10), make_memory_step(400)))
    assert predict(make_cell(48), [], [large]) == pytest.approx(64)
    assert predict(make_cell(96), [], [large]) == pytest.approx(256)


def test_the_steps_of_the_cell_itself_count() -> None:
    assert predict(make_cell(64), [make_memory_step(10), make_memory_step(60)], []) == pytest.approx(128)


def test_a_working_set_at_its_limit_is_ignored() -> None:
    full = CellResult(make_cell(64), Status.BRACKETED, steps=(make_memory_step(200, mib=64),))
    assert predict(make_cell(128), [make_memory_step(10), make_memory_step(100)], [full]) == pytest.approx(
        384
    )


def test_the_capacity_of_a_size_that_its_memory_stopped_is_a_point_of_the_line() -> None:
    """64 MiB were full with 128 users, and 10 users needed 34.5 MiB: 0.25 MiB each, above 32."""
    full = CellResult(make_cell(64), Status.BRACKETED, 127, 129, limiting_factor=Factor.MEMORY)
    estimate = estimate_users_in_memory(make_cell(48), [make_memory_step(10)], [full])
    assert estimate is not None
    assert estimate.users == pytest.approx(64, rel=0.001)
    assert estimate.sigma == 0.2, "two points don't tell how straight the line is"
    by_cpu = replace(full, limiting_factor=Factor.CPU)
    assert estimate_users_in_memory(make_cell(48), [make_memory_step(10)], [by_cpu]) is None


def test_the_straighter_the_line_the_surer_the_prediction() -> None:
    straight = [make_memory_step(users) for users in (10, 100, 200)]
    bent = [make_memory_step(10), make_memory_step(100, mib=62), make_memory_step(200)]
    sigmas = [
        found.sigma
        for steps in (straight, bent)
        if (found := estimate_users_in_memory(make_cell(96), steps, [])) is not None
    ]
    assert sigmas[0] == 0.06
    assert sigmas[0] < sigmas[1] < 0.2


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [make_memory_step(10)],
        [make_memory_step(100), make_memory_step(120)],
        [make_memory_step(10, mib=40), make_memory_step(100, mib=41)],
        [make_memory_step(10, mib=60), make_memory_step(100, mib=40)],
        [make_memory_step(10), make_memory_step(100, "FAIL")],
        [replace(make_memory_step(10), target=TargetUse()), make_memory_step(100)],
    ],
)
def test_without_a_clear_rise_nothing_is_predicted(steps: list[StepResult]) -> None:
    assert estimate_users_in_memory(make_cell(256), steps, []) is None


def test_a_size_with_less_memory_than_the_base_is_predicted_one_user() -> None:
    large = CellResult(make_cell(256), Status.CENSORED, steps=(make_memory_step(10), make_memory_step(100)))
    assert predict(make_cell(16), [], [large]) == 1.0


def make_watched_step(
    users: int,
    projected_mib: float,
    rule: str = "slos",
    observed_s: float = 300.0,
    reached: int | None = None,
) -> StepResult:
    """Make a step whose users come to need `projected_mib`; the target needs 32 MiB without users."""
    outlook = MemoryOutlook.LASTS if rule == "slos" else MemoryOutlook.FILLS
    projected = round(projected_mib * MIB)
    trend = MemoryTrend(outlook, observed_s, 32 * MIB, projected, 1.0, 0.9, 1.1, projected, 10.0)
    step = make_step(
        users,
        "PASS" if rule == "slos" else "FAIL",
        rule=rule,
        users_reached=reached,
        target=TargetUse(memory_peak_bytes=80 * MIB, is_out_of_memory=rule == "died"),
    )
    return replace(step, memory=trend)


def test_a_failure_by_memory_leads_to_the_users_whose_memory_fits() -> None:
    """200 users come to need 100 MiB above the 32 of none, and 96 MiB leave 64 for users."""
    failed = make_watched_step(200, 132.0, "memory-grows")
    assert estimate_users_in_own_memory(make_cell(96), [failed]) == pytest.approx(128)
    close = make_watched_step(210, 140.0, "memory-grows")
    assert estimate_users_in_own_memory(make_cell(96), [close, failed]) == pytest.approx(128)


def test_a_pass_shows_more_than_a_death() -> None:
    """150 users come to need 45 MiB above the 32 of none; 98 % of 96 MiB leave 62.08, enough for 206."""
    steps = [make_watched_step(300, 96.0, "died", observed_s=14.0), make_watched_step(150, 77.0)]
    assert estimate_users_in_own_memory(make_cell(96), steps) == pytest.approx(150 * 62.08 / 45)


def test_after_a_death_that_shows_nothing_half_of_the_users_are_tried() -> None:
    died = make_watched_step(300, 96.0, "died", observed_s=14.0)
    assert estimate_users_in_own_memory(make_cell(96), [died]) == 150.0


def test_a_step_that_filled_the_memory_late_shows_what_fewer_users_need() -> None:
    """300 users come to need 80 MiB above the 32 of none; 62.08 MiB are enough for 232. 85 % are 255."""
    died = make_watched_step(300, 112.0, "died", observed_s=75.0)
    assert estimate_users_in_own_memory(make_cell(96), [died]) == pytest.approx(300 * 62.08 / 80)
    nearly = make_watched_step(300, 96.0, "died", observed_s=75.0)
    assert estimate_users_in_own_memory(make_cell(96), [nearly]) == pytest.approx(255)


@pytest.mark.parametrize(
    ("others_users", "users"),
    [(None, 150.0), (300.0, None), (348.0, None), (350.0, 150.0), (500.0, 150.0)],
)
def test_what_other_sizes_say_stands_after_a_death_that_shows_nothing_else(
    others_users: float | None, users: float | None
) -> None:
    """A death with 300 users refutes more than 300 * exp(1.5 * 0.1) = 348.6 of the others'."""
    died = make_watched_step(300, 96.0, "died", observed_s=14.0)
    expected = None if others_users is None else LogNormalEstimate(others_users, 0.1)
    assert estimate_users_in_own_memory(make_cell(96), [died], expected) == users
    late = make_watched_step(300, 96.0, "died", observed_s=75.0)
    by_itself = None if users is None else pytest.approx(255)
    assert estimate_users_in_own_memory(make_cell(96), [late], expected) == by_itself


def test_growth_and_passes_of_the_size_itself_say_more_than_other_sizes() -> None:
    expected = LogNormalEstimate(200.0, 0.1)
    grown = make_watched_step(200, 132.0, "memory-grows")
    assert estimate_users_in_own_memory(make_cell(96), [grown], expected) == pytest.approx(128)
    steps = [make_watched_step(300, 96.0, "died", observed_s=14.0), make_watched_step(150, 77.0)]
    assert estimate_users_in_own_memory(make_cell(96), steps, expected) == pytest.approx(150 * 62.08 / 45)


def test_a_leak_that_does_not_depend_on_the_users_leads_to_one_user() -> None:
    steps = [make_watched_step(300, 101.0, "memory-grows"), make_watched_step(130, 100.0, "memory-grows")]
    assert estimate_users_in_own_memory(make_cell(96), steps) == 1.0


def test_a_target_that_died_while_users_arrived_shows_no_memory_of_its_users() -> None:
    died = make_watched_step(300, 96.0, "died", reached=120)
    assert estimate_users_in_own_memory(make_cell(96), [died]) is None
    assert estimate_users_in_own_memory(make_cell(96), [make_watched_step(100, 60.0)]) is None


def test_the_projected_memory_of_a_step_counts_for_other_sizes() -> None:
    """10 users come to need 34.5 MiB and 400 users 132: a quarter of a MiB each, above 32."""
    steps = (make_watched_step(10, 34.5), make_watched_step(400, 132.0))
    large = CellResult(make_cell(256), Status.CENSORED, steps=steps)
    assert predict(make_cell(96), [], [large]) == pytest.approx(256)


def test_memory_is_expected_to_rise_for_as_long_as_it_was_observed() -> None:
    """It rose to 60 MiB, and at last by 0.1 MiB/s: in another 100 s by 10 MiB, in an hour by 360."""
    trend = MemoryTrend(
        MemoryOutlook.LASTS, 100.0, 32 * MIB, 60 * MIB, 0.1 * MIB, 0.0, 0.2 * MIB, 420.0 * MIB, 0.0
    )
    assert trend.expected_bytes == pytest.approx(70 * MIB)
    assert replace(trend, growth_bytes_per_s=-1.0).expected_bytes == 60 * MIB
    assert replace(trend, projected_bytes=65.0 * MIB).expected_bytes == 65 * MIB


def test_a_short_look_at_memory_that_still_rises_does_not_predict_an_hour_of_it() -> None:
    """400 users have 110 MiB after 100 s and are expected to have 132: a quarter of a MiB each, above 32."""
    rising = make_watched_step(400, 110.0, observed_s=100.0)
    assert rising.memory is not None
    trend = replace(rising.memory, growth_bytes_per_s=0.22 * MIB, projected_bytes=902.0 * MIB)
    steps = (make_watched_step(10, 34.5), replace(rising, memory=trend))
    large = CellResult(make_cell(1024), Status.CENSORED, steps=steps)
    assert predict(make_cell(96), [], [large]) == pytest.approx(256)


def make_growing_step(growth_mib_a_minute: float, low_mib_a_minute: float) -> StepResult:
    """Make a step that failed after 5 minutes: of 32 MiB it would come to need 87 in an hour."""
    growth, low = (each * MIB / 60 for each in (growth_mib_a_minute, low_mib_a_minute))
    trend = MemoryTrend(
        MemoryOutlook.FILLS, 300.0, 32 * MIB, 40 * MIB, growth, low, 2 * growth - low, 87.0 * MIB, 10.0
    )
    evidence = MemoryGrows(trend, 80 * MIB, 100, 3600.0)
    step = make_step(100, "FAIL", rule="memory-grows")
    return replace(step, memory=trend, judgement=Judgement(Rule.MEMORY_GROWS, evidence))


def test_an_uncertain_growth_is_an_uncertain_number_of_users() -> None:
    """0.2 MiB a minute are two standard errors, 11 MiB in the 55 minutes left; 100 users hold 55 MiB."""
    assert compute_growth_error(make_growing_step(1.0, 0.8)) == pytest.approx(0.1)
    assert compute_growth_error(make_growing_step(1.0, 1.0)) == 0.0
    assert compute_growth_error(make_step(100, "FAIL", rule="p95")) == 0.0
    full = make_growing_step(1.0, 0.8)
    assert isinstance(full.judgement.evidence, MemoryGrows)
    trend = replace(full.judgement.evidence.trend, rose_to_full=True)
    evidence = replace(full.judgement.evidence, trend=trend)
    assert compute_growth_error(replace(full, judgement=replace(full.judgement, evidence=evidence))) == 0.0


def test_a_death_without_any_sample_of_the_memory_is_one_that_shows_nothing() -> None:
    died = make_step(300, "FAIL", rule="died", target=TargetUse(is_out_of_memory=True))
    assert estimate_users_in_own_memory(make_cell(96), [died]) == 150.0


def test_a_process_that_was_killed_is_a_failure_for_lack_of_memory_though_errors_broke_their_slo() -> None:
    """The requests of the killed process failed, which are more than 1 % of a short window."""
    failed = make_step(200, "FAIL", rule="errors", target=TargetUse(is_out_of_memory=True))
    assert is_memory_failure(failed)
    assert not is_memory_failure(replace(failed, target=TargetUse()))
    assert not is_memory_failure(replace(failed, users_reached=199))
