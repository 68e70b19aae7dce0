"""Choose the cheapest measured size for any users, and replicas beyond them, marked as reasoned."""

from dataclasses import replace

import pytest

from harness.analyse.result.growth import assess_growth, choose_size, count_months
from harness.model import (
    MIB,
    Barrier,
    CampaignResult,
    CampaignState,
    CellResult,
    Choice,
    CompanionUse,
    Factor,
    Ground,
    Growth,
    Limits,
    Price,
    SharedPart,
    Status,
)
from tests.builders import SLOS, make_result
from tests.unit.analyse.synthetic import make_step

SMALL, MIDDLE = make_result(0.25, 100, 105), make_result(0.5, 210, 220)
LARGE = make_result(1.0, 400, None, Status.CENSORED, None)


def make_growth(
    *cells: CellResult, users: int = 400, headroom: float = 0.0, price: Price | None = None, rate: float = 0.0
) -> Growth:
    result = CampaignResult(
        "web-1", "web", CampaignState.COMPLETE, "2026-01-01T12:00:00+00:00", 400, SLOS, cells, price=price
    )
    return assess_growth(result, users, headroom, rate or None)


def describe(choice: Choice | None) -> tuple[str, int, float, int] | None:
    """Return the ground, the replicas with the CPU of each, and the users that they hold."""
    if choice is None:
        return None
    cpu = choice.option.result.cell.limits.cpu_cores
    return choice.ground.value, choice.replicas, cpu, choice.until_users


def choose(growth: Growth, users: int, headroom: float = 0.0) -> tuple[str, int, float, int] | None:
    return describe(choose_size(growth, users, headroom))


def repeat(result: CellResult, replicas: int) -> CellResult:
    """Return the size with so many replicas."""
    limits = replace(result.cell.limits, replicas=replicas)
    return replace(result, cell=replace(result.cell, id=f"{result.cell.id}-x{replicas}", limits=limits))


def test_the_smallest_measured_size_that_holds_the_users_is_chosen() -> None:
    growth = make_growth(SMALL, MIDDLE, LARGE)
    assert choose(growth, 100) == ("measured", 1, 0.25, 100)
    assert choose(growth, 101) == ("measured", 1, 0.5, 210)
    assert choose(growth, 400) == ("measured", 1, 1.0, 400)


def test_beyond_the_measurements_the_fewest_cores_in_replicas_are_reasoned() -> None:
    """For 401 users: 5 × 0.25 CPU, 2 × 0.5 CPU with 210 each, or 2 × 1 CPU."""
    assert choose(make_growth(SMALL, MIDDLE, LARGE), 401) == ("reasoned", 2, 0.5, 420)


def test_a_bracket_too_wide_to_tell_the_capacity_holds_what_passed() -> None:
    growth = make_growth(make_result(0.25, 10, 400), LARGE)
    assert choose(growth, 10) == ("measured", 1, 0.25, 10)
    assert choose(growth, 11) == ("measured", 1, 1.0, 400)


def test_headroom_shrinks_what_each_size_holds() -> None:
    """With 30 % more, 100, 210 and 400 users are 76, 161 and 307."""
    growth = make_growth(SMALL, MIDDLE, LARGE)
    assert choose(growth, 76, 0.3) == ("measured", 1, 0.25, 76)
    assert choose(growth, 77, 0.3) == ("measured", 1, 0.5, 161)
    assert choose(growth, 307, 0.3) == ("measured", 1, 1.0, 307)


def test_a_size_without_the_headroom_is_tight_and_replicas_would_keep_it() -> None:
    """For 400 users and 30 %: 3 × 0.5 CPU hold 483; so many cores in 6 × 0.25 CPU need more memory."""
    choice = choose_size(make_growth(SMALL, MIDDLE, LARGE), 400, 0.3)
    assert describe(choice) == ("tight", 1, 1.0, 400)
    assert choice is not None
    assert describe(choice.instead) == ("reasoned", 3, 0.5, 483)


def test_without_the_headroom_the_cheapest_that_may_sustain_as_much_is_chosen() -> None:
    """95 % of 420 users are 399."""
    growth = make_growth(LARGE, make_result(2.0, 400, None, Status.CENSORED, None))
    for users, cpu in ((399.0, 1.0), (398.0, 2.0)):
        small, large = growth.options
        options = (replace(small, capacity_users=users), replace(large, capacity_users=420.0))
        assert choose(replace(growth, options=options), 390, 0.3) == ("tight", 1, cpu, 400)


def test_a_predicted_room_is_called_predicted() -> None:
    growth = make_growth(LARGE)
    (option,) = growth.options
    roomy = replace(growth, options=(replace(option, capacity_users=600.5, is_predicted=True),))
    assert choose(roomy, 400, 0.3) == ("predicted", 1, 1.0, 400)
    assert choose(roomy, 300, 0.3) == ("measured", 1, 1.0, 400)
    assert choose(roomy, 400, 0.6) == ("tight", 1, 1.0, 400)
    assert choose(roomy, 401, 0.0) == ("reasoned", 2, 1.0, 800)


def test_with_prices_the_cheapest_is_chosen() -> None:
    """A core costs 1, a GiB 100: 1 CPU with 64 MiB is cheaper than half a core with 256 MiB."""
    lean = make_result(1.0, 210, 220, mib=64)
    growth = make_growth(MIDDLE, lean, price=Price("EUR", 1.0, 100.0))
    assert choose(growth, 200) == ("measured", 1, 1.0, 210)
    assert choose(growth, 420) == ("reasoned", 2, 1.0, 420)


def test_a_size_without_a_price_counts_as_dearer_than_all() -> None:
    named = replace(MIDDLE, cell=replace(MIDDLE.cell, size_name="medium"))
    growth = make_growth(SMALL, named, price=Price("EUR", by_name={"medium": 9.0}))
    assert choose(growth, 50) == ("measured", 1, 0.5, 210)
    assert choose(growth, 400) == ("reasoned", 2, 0.5, 420)


def test_measured_replicas_tell_how_many_users_more_of_them_hold() -> None:
    """Two replicas sustain 380, so each 190: three hold 570, although a single one sustains 210."""
    growth = make_growth(MIDDLE, repeat(make_result(0.5, 380, 390), 2))
    assert choose(growth, 380) == ("measured", 2, 0.5, 380)
    assert choose(growth, 381) == ("reasoned", 3, 0.5, 570)


def test_replicas_that_hold_each_other_up_are_not_multiplied() -> None:
    """Two replicas sustain 280: 140 each, which is less than 0.8 · 210."""
    growth = make_growth(MIDDLE, repeat(make_result(0.5, 280, 290), 2))
    assert [option.barrier for option in growth.options] == [Barrier.MEASURED_MORE, Barrier.SCALING]
    assert choose(growth, 281) is None


def test_a_size_that_a_dependency_stops_is_not_multiplied() -> None:
    growth = make_growth(make_result(0.5, 210, 220, factor=Factor.DEPENDENCY))
    assert choose(growth, 210) == ("measured", 1, 0.5, 210)
    assert choose(growth, 211) is None


def test_replicas_end_where_a_shared_companion_is_full() -> None:
    """At 400 users the database uses 0.5 of its core: it is full at 800, or 615 with 30 % more."""
    database = CompanionUse("db", Limits(1.0, 256 * MIB), 0.5, 0.0, None)
    busy = replace(LARGE, steps=(make_step(400, "PASS", companions=(database,)),))
    growth = make_growth(SMALL, MIDDLE, busy)
    assert growth.shared == SharedPart("db", 800)
    assert choose(growth, 790) == ("reasoned", 2, 1.0, 800)
    assert choose(growth, 801) is None
    assert choose(growth, 615, 0.3) == ("reasoned", 4, 0.5, 615)
    assert choose(growth, 616, 0.3) is None
    assert growth.rows[-1].until_users == 800


def test_undecided_and_failed_sizes_are_no_options() -> None:
    growth = make_growth(
        make_result(0.25, None, 10, Status.NONE),
        make_result(0.5, 100, None, Status.INVALID),
        make_result(1.0, None, None, Status.SKIPPED),
    )
    assert (growth.options, growth.rows) == ((), ())
    assert choose(growth, 1) is None


def test_the_worst_repetition_of_a_size_counts() -> None:
    again = make_result(0.5, 190, 200)
    again = replace(again, cell=replace(again.cell, id="again", repetition=2))
    assert choose(make_growth(MIDDLE, again), 1) == ("measured", 1, 0.5, 190)


def list_rows(growth: Growth) -> list[tuple[int, int, str, int, float]]:
    return [
        (
            row.from_users,
            row.until_users,
            row.choice.ground.value,
            row.choice.replicas,
            row.choice.option.result.cell.limits.cpu_cores,
        )
        for row in growth.rows
    ]


def test_rows_follow_one_another_without_a_gap_and_hold_what_they_say() -> None:
    growth = make_growth(SMALL, MIDDLE, LARGE, headroom=0.3)
    assert list_rows(growth)[:4] == [
        (1, 76, "measured", 1, 0.25),
        (77, 161, "measured", 1, 0.5),
        (162, 307, "measured", 1, 1.0),
        (308, 400, "tight", 1, 1.0),
    ]
    for rows in (growth.rows, growth.steps):
        ends = [row.until_users for row in rows]
        assert [row.from_users for row in rows] == [1, *(end + 1 for end in ends[:-1])]
        assert ends[-1] >= growth.most_users == 1600
    for row in growth.rows[4:]:
        assert row.choice.ground is Ground.REASONED
        assert choose_size(growth, row.until_users, 0.3) == row.choice
    assert len(growth.rows) <= 4 + 11


def test_tiny_sizes_make_no_endless_table() -> None:
    growth = make_growth(make_result(0.1, 1, 2), users=100_000)
    assert len(growth.rows) <= 11
    assert len(growth.steps) < 200


@pytest.mark.parametrize(("users", "months"), [(1, 0), (400, 0), (432, 1), (433, 2), (466, 2), (800, 10)])
def test_months_count_until_there_are_so_many_users(users: int, months: int) -> None:
    """400 users growing by 8 % a month are 432 after one, 466.6 after two, 800 between nine and ten."""
    assert count_months(make_growth(LARGE, rate=0.08), users) == months


def test_without_a_growth_there_are_no_months() -> None:
    growth = make_growth(LARGE)
    assert count_months(growth, 500) is None
    assert all(row.from_month is None for row in growth.rows)


def test_a_fast_growth_looks_two_years_ahead_and_not_for_ever() -> None:
    """20 % a month are 79.5 times as many users in two years; 100 % would be 16 million times."""
    assert make_growth(LARGE, rate=0.2).most_users == pytest.approx(400 * 79.5, rel=0.01)
    assert make_growth(LARGE, rate=1.0).most_users == 100 * 400


def test_a_table_from_beyond_the_measurements_begins_there() -> None:
    growth = make_growth(SMALL, MIDDLE, LARGE, users=1000)
    assert growth.rows[0].from_users == 1000
    assert growth.most_users == 4000
