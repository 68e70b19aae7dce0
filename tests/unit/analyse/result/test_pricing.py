"""What sizes cost, the cheapest one for so many users, and the front on which nobody pays too much."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.sizing import compute_costs, compute_hour_price, recommend_size, select_worst_repetitions
from harness.model import MIB, Cell, CellResult, Limits, Price, Status
from tests.unit.analyse.synthetic import CELL

RATES = Price("EUR", cpu_hour=0.04, gib_hour=0.02)


def cell(cores: float, mib: int, users: int | None, name: str | None = None) -> CellResult:
    found = replace(CELL, limits=Limits(cores, mib * MIB), size_name=name)
    if users is None:
        return CellResult(found, Status.INVALID)
    return CellResult(found, Status.BRACKETED, users, users + 1)


def test_a_size_costs_its_cores_and_its_gib() -> None:
    assert compute_hour_price(RATES, cell(0.5, 512, 1).cell) == pytest.approx(0.03)


def test_a_named_price_stands_before_the_rates() -> None:
    price = replace(RATES, by_name={"small": 0.5})
    assert compute_hour_price(price, cell(0.5, 512, 1, "small").cell) == 0.5
    assert compute_hour_price(price, cell(0.5, 512, 1, "other").cell) == pytest.approx(0.03)
    assert compute_hour_price(Price(by_name={"small": 0.5}), cell(0.5, 512, 1).cell) is None
    assert compute_hour_price(None, cell(0.5, 512, 1).cell) is None


def test_the_cheapest_is_taken_though_it_is_not_the_smallest() -> None:
    lean, fat = cell(0.5, 4096, 400), cell(1, 256, 400)
    found = recommend_size([lean, fat], 400, price=Price(cpu_hour=0.01, gib_hour=0.02))
    assert (found.take, found.smallest) == (fat, lean)
    assert recommend_size([lean, fat], 400).take is lean


def test_a_dearer_size_without_an_answer_is_no_better_one() -> None:
    sizes = [cell(0.5, 256, None), cell(1, 256, 400), cell(2, 256, None)]
    assert recommend_size(sizes, 400, price=RATES).open_sizes == (Limits(0.5, 256 * MIB),)


def test_what_sustains_nothing_has_a_price_and_no_share() -> None:
    found = compute_costs(select_worst_repetitions([cell(0.5, 512, None), cell(1, 512, 200)]), RATES)
    assert [(each.users, each.hour_per_100_users, each.on_front) for each in found] == [
        (None, None, False),
        (200, pytest.approx(0.025), True),
    ]


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 400)), max_size=12))
def test_the_front_is_what_brute_force_finds(made: list[tuple[int, int, int]]) -> None:
    cells = [cell(cores / 4, 64 * size, users) for cores, size, users in made]
    found = compute_costs(select_worst_repetitions(cells), RATES)
    for one in found:
        beaten = any(
            other.hour <= one.hour and (other.users or 0) >= (one.users or 0) and other is not one
            for other in found
        )
        twin = any((other.hour, other.users) == (one.hour, one.users) for other in found if other is not one)
        assert one.on_front is not beaten or twin


@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 400)), max_size=12),
    st.integers(1, 400),
)
def test_no_size_that_is_enough_is_cheaper_than_the_one_taken(
    made: list[tuple[int, int, int]], users: int
) -> None:
    cells = [cell(cores / 4, 64 * size, most) for cores, size, most in made]
    take = recommend_size(cells, users, price=RATES).take
    enough = [each for each in select_worst_repetitions(cells).values() if each.sustains(users)]
    assert (take is None) is (not enough)
    if take is not None:
        assert price_of(take.cell) == min(price_of(each.cell) for each in enough)


def price_of(cell: Cell) -> float:
    found = compute_hour_price(RATES, cell)
    assert found is not None
    return found
