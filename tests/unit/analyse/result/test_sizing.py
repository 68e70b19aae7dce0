"""Which size to take, what sizes cost, and whether a requirement is met."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.sizing import (
    add_sizing,
    check_requirement,
    compute_costs,
    compute_hour_price,
    find_campaign_margin,
    recommend_size,
    select_worst_repetitions,
)
from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    Cell,
    CellResult,
    Drift,
    Factor,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    Price,
    Requirement,
    Status,
    TargetUse,
    Verdict,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import CpuQuotaUsed
from tests.builders import make_result, make_variant
from tests.unit.analyse.synthetic import CELL, make_step

COLUMN = [
    make_result(0.25, 90, 95),
    make_result(0.5, 190, 199),
    make_result(1.0, 400, None, Status.CENSORED, None),
]


def test_the_smallest_size_that_sustains_the_users_is_recommended() -> None:
    sizing = recommend_size(COLUMN, 150)
    assert sizing.recommended is COLUMN[1]
    assert sizing.next_smaller is COLUMN[0]


def test_headroom_is_added_to_the_users() -> None:
    assert recommend_size(COLUMN, 150, 0.3).needed == 195
    assert recommend_size(COLUMN, 150, 0.3).recommended is COLUMN[2]
    assert recommend_size(COLUMN, 100, 0.1).needed == 110


def make_sustaining(cores: float, used_cores: float) -> CellResult:
    """Make a size that sustains all 400 users with 160 RPS, using so many of its cores."""
    use = TargetUse(cpu_cores=used_cores, cpu_per_request_s=used_cores / 160)
    step = make_step(400, "PASS", rps=160.0, mean_s=0.1, think_s=2.4, target=use)
    return replace(make_result(cores, 400, None, Status.CENSORED, None), steps=(step,))


def test_above_the_users_limit_the_headroom_is_kept_as_predicted() -> None:
    """By its CPU 0.5 CPU sustains 441 users (see test_margin), and 1 CPU 800."""
    tight, roomy = make_sustaining(0.5, 0.49), make_sustaining(1.0, 0.54)
    sizing = recommend_size([tight, roomy], 400, 0.3)
    assert sizing.recommended is sizing.smallest is roomy
    assert sizing.keeps_headroom
    assert sizing.just_enough is tight
    assert sizing.margin is not None
    assert sizing.margin.is_predicted
    assert recommend_size([tight, roomy], 400, 0.1).recommended is tight
    assert recommend_size([tight, roomy], 400).just_enough is None


@pytest.mark.parametrize(("broken", "is_named"), [(400, False), (401, True)])
def test_a_size_is_not_said_to_sustain_what_breaks_a_larger_one(broken: int, is_named: bool) -> None:
    """0.5 CPU passed with 400 users in a window, and 1 CPU broke in its soak with as many."""
    tight, roomy = make_sustaining(0.5, 0.49), make_sustaining(2.0, 0.54)
    sizing = recommend_size([tight, make_result(1.0, None, broken, Status.NONE, None), roomy], 400, 0.3)
    assert sizing.recommended is roomy
    assert (sizing.just_enough is tight) is is_named


def test_if_no_size_keeps_the_headroom_the_roomiest_is_taken() -> None:
    tight, tighter = make_sustaining(0.55, 0.5), make_sustaining(0.5, 0.5)
    sizing = recommend_size([tight, tighter], 400, 0.3)
    assert sizing.recommended is tight
    assert not sizing.keeps_headroom
    assert sizing.just_enough is tighter


def test_the_smallest_size_with_as_much_room_for_all_that_is_known_is_taken() -> None:
    """They sustain 411, 440.8 and 450 users by their CPU; 520 are needed. 440.8 is 98 % of 450, 411 91 %."""
    smallest, alike, largest = (
        make_sustaining(0.25, 0.2628),
        make_sustaining(0.5, 0.49),
        make_sustaining(1, 0.96),
    )
    sizing = recommend_size([smallest, alike, largest], 400, 0.3)
    assert (sizing.recommended, sizing.keeps_headroom) == (alike, False)
    assert sizing.just_enough is smallest
    assert recommend_size([smallest, largest], 400, 0.3).recommended is largest


def test_how_surely_the_next_smaller_size_is_too_small_is_known_if_both_its_ends_are_measured() -> None:
    """Its capacity is sqrt(390 x 410) = 399.9, which 400 users are as likely to exceed as not."""
    roomy = make_sustaining(1.0, 0.54)
    sizing = recommend_size([make_result(0.5, 390, 410), roomy], 400)
    assert sizing.next_smaller_margin is not None
    assert sizing.next_smaller_margin.probability == pytest.approx(0.5, abs=0.01)
    broken = replace(
        make_result(0.5, 390, 410), evidence=BrokeInSoak(400, 20.0, 300.0, False, CpuQuotaUsed(1.0, 0.5, 0.9))
    )
    for smaller in (make_result(0.5, None, 1, Status.NONE), make_result(0.5, None, None, Status.FAILED)):
        assert recommend_size([smaller, roomy], 400).next_smaller_margin is None
    assert recommend_size([broken, roomy], 400).next_smaller_margin is None


def test_a_size_that_was_not_measured_is_not_taken_for_a_room_that_its_memory_lacks() -> None:
    """400 users add 80 MiB to the 20 of none: 128 MiB are full with 540, and 600 are needed."""
    small = make_sustaining(0.5, 0.3)
    trend = MemoryTrend(MemoryOutlook.LASTS, 90.0, 20 * MIB, 100 * MIB, 0.0, 0.0, 0.0, float(100 * MIB), None)
    (step,) = small.steps
    cell = make_result(0.5, mib=128).cell
    small = replace(small, cell=cell, steps=(replace(step, memory=trend),))
    inferred = [make_result(4.0, 400, None, Status.INFERRED, None, mib) for mib in (128, 192)]
    assert recommend_size([small, *inferred], 400, 0.3).recommended is small
    assert recommend_size([small, *inferred], 400, 0.5).recommended is inferred[1]


def test_at_list_prices_no_size_is_interpolated_that_is_not_sold() -> None:
    own = Price("EUR", 0.04, 0.005)
    assert recommend_size(COLUMN[:2], 150, price=own).interpolation is not None
    listed = replace(own, source="list price of AWS Fargate")
    for price in (listed, replace(own, is_of_list=True), Price("EUR", by_name={"small": 0.04})):
        assert recommend_size(COLUMN[:2], 150, price=price).interpolation is None


def test_a_campaign_that_drifted_is_less_sure_of_its_size() -> None:
    tight = make_sustaining(0.5, 0.49)
    drift = Drift(tight.cell, 400, Verdict.PASS, tight.steps[0].judgement, 0.15, is_marked=True)
    steady = CampaignResult("1", "web", CampaignState.COMPLETE, "", 400, (), (tight,))
    sure = [
        (add_sizing(each).sizing.margin, find_campaign_margin(each, tight))
        for each in (steady, replace(steady, drift=drift))
    ]
    assert [one == other for one, other in sure] == [True, True]
    assert [round(margin.probability, 2) for margin, _ in sure if margin is not None] == [0.73, 0.7]


def test_a_headroom_of_which_nothing_tells_is_not_known() -> None:
    unknown = recommend_size([make_result(1.0, 400, None, Status.CENSORED, None)], 400, 0.3)
    assert (unknown.keeps_headroom, unknown.knows_headroom) == (False, False)
    tight = recommend_size([make_sustaining(0.5, 0.49)], 400, 0.3)
    assert (tight.keeps_headroom, tight.knows_headroom) == (False, True)


@pytest.mark.parametrize(
    ("other", "is_open"),
    [
        (make_variant("two", 0.5, 400, None, Status.CENSORED), True),
        (make_result(1.0, None, None, Status.INVALID, None), True),
        (make_result(0.25, None, None, Status.INVALID, None), False),
        (make_result(1.0, 390, 399), False),
    ],
)
def test_that_no_size_keeps_the_headroom_is_known_if_no_other_one_may(
    other: CellResult, is_open: bool
) -> None:
    """0.5 CPU sustains 441 users, and 520 are needed. What it covers can't keep more than it does."""
    tight = make_sustaining(0.5, 0.49)
    sizing = recommend_size([tight, other], 400, 0.3)
    assert (sizing.recommended, sizing.keeps_headroom) == (tight, False)
    assert (sizing.is_headroom_open, sizing.knows_headroom) == (is_open, not is_open)


def test_a_capacity_has_no_error_of_float_arithmetic() -> None:
    """The CPU of 1 CPU sustains 800 users, and 799.9999999999999 in floats: 400 with 100 % more."""
    sizing = recommend_size([make_sustaining(1.0, 0.54)], 400, 1.0)
    assert sizing.margin is not None
    assert sizing.margin.capacity_users == 800
    assert sizing.keeps_headroom


def test_of_few_users_the_headroom_is_rounded_up_and_stays_what_was_asked_for() -> None:
    sizing = recommend_size(COLUMN, 1, 0.3)
    assert (sizing.needed, sizing.headroom_ratio) == (2, 0.3)
    assert recommend_size(COLUMN, 3_000_000, 1 / 3).needed == 3_999_999, "a headroom counts in millionths"


def make_searched(name: str, high: int, *, used_cores: float) -> CellResult:
    """Make a repetition of 0.25 CPU that its CPU stopped between high - 10 and high users."""
    result = make_result(0.25, high - 10, high)
    use = TargetUse(cpu_cores=used_cores, cpu_per_request_s=used_cores / 40)
    step = make_step(100, "PASS", rps=40.0, mean_s=0.1, think_s=2.4, target=use)
    return replace(result, cell=replace(result.cell, id=name), steps=(step,))


def test_any_command_finds_the_margin_that_the_recommendation_has() -> None:
    """The better repetition would correct the prediction of 0.5 CPU differently."""
    cells = (
        make_searched("r1", 240, used_cores=0.12),
        make_searched("r2", 190, used_cores=0.12),
        make_sustaining(0.5, 0.4),
    )
    campaign = add_sizing(
        CampaignResult("web-1", "web", CampaignState.COMPLETE, "", 400, (), cells, headroom_ratio=0.3)
    )
    recommended = campaign.sizing.recommended
    assert recommended is cells[2]
    assert campaign.sizing.margin is not None
    assert find_campaign_margin(campaign, recommended) == campaign.sizing.margin
    assert find_campaign_margin(campaign, make_result(2.0, None, 10, Status.NONE)) is None


def test_nothing_is_interpolated_below_a_capacity_that_was_not_measured() -> None:
    assert recommend_size(COLUMN, 300).interpolation is None


def test_a_size_between_two_measured_ones_is_interpolated() -> None:
    sizing = recommend_size(COLUMN, 140)
    assert sizing.interpolation is not None
    assert sizing.interpolation.limits == Limits(0.38, 256 * MIB)
    assert (sizing.interpolation.smaller, sizing.interpolation.larger) == (COLUMN[0], COLUMN[1])


def test_nothing_is_interpolated_unless_the_cpu_is_the_limiting_factor() -> None:
    column = [make_result(0.25, 90, 95, factor=Factor.MEMORY), COLUMN[1]]
    assert recommend_size(column, 140).interpolation is None
    assert recommend_size(COLUMN, 80).interpolation is None
    assert recommend_size(COLUMN, 500).interpolation is None


def test_sizes_without_an_answer_are_undecided() -> None:
    unknown = make_result(0.25, None, None, Status.INVALID, Factor.HOST)
    sizing = recommend_size([unknown, COLUMN[1]], 150)
    assert sizing.recommended is COLUMN[1]
    assert sizing.undecided_sizes == (unknown.cell.limits,)
    assert recommend_size([unknown], 10).best is None


def test_a_size_is_as_good_as_its_worst_repetition() -> None:
    twice = [make_result(0.5, 190, 199), make_result(0.5, 170, 178)]
    assert recommend_size(twice, 180).recommended is None
    assert recommend_size(twice, 165).recommended is twice[1]


@pytest.mark.parametrize(
    ("broken_users", "is_recommended", "is_met"), [(300, False, False), (401, True, True)]
)
def test_a_repetition_without_an_answer_counts_if_it_broke_with_users_that_another_sustained(
    broken_users: int, is_recommended: bool, is_met: bool
) -> None:
    """It broke at 300 users, and fewer told nothing: 400 users are not sure, although a repetition passed."""
    passed = make_result(0.5, 400, None, Status.CENSORED)
    twice = [passed, make_result(0.5, None, broken_users, Status.INVALID)]
    sizing = recommend_size(twice, 400)
    assert sizing.recommended is (passed if is_recommended else None)
    assert (sizing.undecided_sizes == ()) is is_recommended
    assert check_requirement(twice, make_requirement(400)).is_met is is_met


@given(st.integers(1, 600), st.integers(1, 600))
def test_more_users_never_take_a_smaller_size(one: int, other: int) -> None:
    few, many = (
        recommend_size(COLUMN, min(one, other)).recommended,
        recommend_size(COLUMN, max(one, other)).recommended,
    )
    if many is not None:
        assert few is not None
        assert few.cell.limits <= many.cell.limits


# Requirements


def make_requirement(users: int, cores: float = 64, mib: int = 1 << 20) -> Requirement:
    return Requirement("", users, Limits(cores, mib * MIB))


@pytest.mark.parametrize(
    ("requirement", "met", "by"),
    [
        (make_requirement(150), True, 1),
        (make_requirement(400, cores=1), True, 2),
        (make_requirement(400, cores=0.5), False, 1),
        (make_requirement(401), None, 2),
        (make_requirement(10, cores=0.1), None, None),
    ],
)
def test_a_requirement_is_met_missed_or_inconclusive(
    requirement: Requirement, met: bool | None, by: int | None
) -> None:
    check = check_requirement(COLUMN, requirement)
    assert check.is_met is met
    assert check.decided_by is (None if by is None else COLUMN[by])


def test_an_undecided_size_makes_a_requirement_inconclusive() -> None:
    cells = [COLUMN[0], make_result(0.5, None, None, Status.INVALID)]
    assert check_requirement(cells, make_requirement(150)).is_met is None


def test_an_undecided_size_that_broke_with_as_many_users_misses_a_requirement() -> None:
    """It broke at 3 users, and 1 user told nothing: it does not sustain 6, but perhaps 2."""
    broken = make_result(0.5, None, 3, Status.INVALID)
    missed = check_requirement([broken], make_requirement(6))
    assert (missed.is_met, missed.decided_by) == (False, broken)
    assert check_requirement([broken], make_requirement(2)).is_met is None
    unknown = make_result(0.25, None, None, Status.INVALID)
    assert check_requirement([broken, unknown], make_requirement(6)).is_met is None


def make_replicated_result(replicas: int, cores: float, low: int, high: int) -> CellResult:
    single = make_result(cores, low, high, mib=128)
    limits = Limits(cores, 128 * MIB, replicas)
    return replace(single, cell=replace(single.cell, id=f"x{replicas}-{cores}", limits=limits))


def test_one_large_replica_is_preferred_to_two_small_ones() -> None:
    """Prefer less total memory among sizes with equal total CPU."""
    whole, halves = make_replicated_result(1, 1.0, 300, 310), make_replicated_result(2, 0.5, 300, 310)
    assert recommend_size([halves, whole], 250).recommended is whole
    better = make_replicated_result(2, 0.5, 420, 430)
    assert recommend_size([whole, better], 400).recommended is better
    assert recommend_size([make_replicated_result(2, 0.25, 260, 270), whole], 250).recommended is not whole


def test_only_sizes_with_equal_replicas_are_interpolated() -> None:
    sizing = recommend_size(
        [make_replicated_result(1, 0.5, 100, 110), make_replicated_result(2, 1.0, 400, 410)], 200
    )
    assert sizing.interpolation is None
    sizing = recommend_size(
        [make_replicated_result(2, 0.5, 100, 110), make_replicated_result(2, 1.0, 400, 410)], 200
    )
    assert sizing.interpolation is not None
    assert sizing.interpolation.limits.replicas == 2


def test_a_requirement_limits_the_total_of_all_replicas() -> None:
    halves = make_replicated_result(2, 0.5, 300, 310)
    requirement = Requirement("", 250, Limits(0.5, 1024 * MIB))
    assert check_requirement([halves], requirement).is_met is not True
    assert (
        check_requirement([halves], replace(requirement, max_limits=Limits(1.0, 1024 * MIB))).is_met is True
    )


def test_a_requirement_is_met_by_replicas_whose_limits_add_up_to_its_own() -> None:
    """3 · 0.1 is 0.30000000000000004 in floats."""
    thirds = make_replicated_result(3, 0.1, 100, 110)
    check = check_requirement([thirds], Requirement("", 100, Limits(0.3, 1024 * MIB)))
    assert (check.is_met, check.decided_by) == (True, thirds)


# Prices


RATES = Price("EUR", cpu_hour=0.04, gib_hour=0.02)


def make_priced_result(cores: float, mib: int, users: int | None, name: str | None = None) -> CellResult:
    """Return a size that sustains the users (None: undecided)."""
    size = replace(CELL, limits=Limits(cores, mib * MIB), size_name=name)
    if users is None:
        return CellResult(size, Status.INVALID)
    return CellResult(size, Status.BRACKETED, users, users + 1)


def test_a_size_costs_its_cores_and_its_gib() -> None:
    assert compute_hour_price(RATES, make_priced_result(0.5, 512, 1).cell) == pytest.approx(0.03)


def test_a_price_by_name_has_precedence_over_the_rates() -> None:
    price = replace(RATES, by_name={"small": 0.5})
    assert compute_hour_price(price, make_priced_result(0.5, 512, 1, "small").cell) == 0.5
    assert compute_hour_price(price, make_priced_result(0.5, 512, 1, "other").cell) == pytest.approx(0.03)
    assert compute_hour_price(Price(by_name={"small": 0.5}), make_priced_result(0.5, 512, 1).cell) is None
    assert compute_hour_price(None, make_priced_result(0.5, 512, 1).cell) is None


def test_the_cheapest_size_is_recommended_even_if_another_is_smaller() -> None:
    lean, fat = make_priced_result(0.5, 4096, 400), make_priced_result(1, 256, 400)
    sizing = recommend_size([lean, fat], 400, price=Price(cpu_hour=0.01, gib_hour=0.02))
    assert (sizing.recommended, sizing.smallest) == (fat, lean)
    assert recommend_size([lean, fat], 400).recommended is lean


def test_a_dearer_size_without_an_answer_is_not_undecided() -> None:
    sizes = [
        make_priced_result(0.5, 256, None),
        make_priced_result(1, 256, 400),
        make_priced_result(2, 256, None),
    ]
    assert recommend_size(sizes, 400, price=RATES).undecided_sizes == (Limits(0.5, 256 * MIB),)


def test_a_size_that_sustains_no_user_has_no_price_per_user() -> None:
    costs = compute_costs(
        select_worst_repetitions([make_priced_result(0.5, 512, None), make_priced_result(1, 512, 200)]), RATES
    )
    assert [(each.users, each.hour_per_100_users, each.is_on_front) for each in costs] == [
        (None, None, False),
        (200, pytest.approx(0.025), True),
    ]


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 400)), max_size=12))
def test_the_front_equals_that_of_brute_force(sizes: list[tuple[int, int, int]]) -> None:
    cells = [make_priced_result(cores / 4, 64 * size, users) for cores, size, users in sizes]
    costs = compute_costs(select_worst_repetitions(cells), RATES)
    for one in costs:
        is_beaten = any(
            other.hour <= one.hour and (other.users or 0) >= (one.users or 0) and other is not one
            for other in costs
        )
        twin = any((other.hour, other.users) == (one.hour, one.users) for other in costs if other is not one)
        assert one.is_on_front is not is_beaten or twin


@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 400)), max_size=12),
    st.integers(1, 400),
)
def test_no_size_that_is_enough_is_cheaper_than_the_one_taken(
    sizes: list[tuple[int, int, int]], users: int
) -> None:
    cells = [make_priced_result(cores / 4, 64 * size, most) for cores, size, most in sizes]
    take = recommend_size(cells, users, price=RATES).recommended
    sufficient = [each for each in select_worst_repetitions(cells).values() if each.sustains(users)]
    assert (take is None) is (not sufficient)
    if take is not None:
        assert require_price(take.cell) == min(require_price(each.cell) for each in sufficient)


def require_price(cell: Cell) -> float:
    price = compute_hour_price(RATES, cell)
    assert price is not None
    return price


def test_sizes_of_one_price_are_a_tie_whatever_floats_make_of_it() -> None:
    """3 · 0.7 is 2.0999999999999996 in floats: three replicas would seem to be cheaper than 2.1 cores."""
    parts = make_replicated_result(3, 0.7, 100, 110)
    whole = make_replicated_result(1, 2.1, 150, 160)
    whole = replace(whole, cell=replace(whole.cell, limits=Limits(2.1, 384 * MIB)))
    sizes = [parts, whole]
    assert recommend_size(sizes, 100, price=RATES).recommended is whole
    costs = compute_costs(select_worst_repetitions(sizes), RATES)
    assert costs[0].hour == costs[1].hour
    assert [(each.users, each.is_on_front) for each in costs] == [(150, True), (100, False)]


def test_sums_of_one_price_are_a_tie_whatever_floats_make_of_them() -> None:
    """3 · 0.1 + 3 · 0.1 is 0.6000000000000001 in floats, 5 · 0.1 + 1 · 0.1 is 0.6."""
    few, many = make_priced_result(3, 3072, 100), make_priced_result(5, 1024, 100)
    sizing = recommend_size([few, many], 100, price=Price("EUR", cpu_hour=0.1, gib_hour=0.1))
    assert sizing.recommended is sizing.smallest is few
