"""Which size for so many users, and whether a requirement is met: measured, interpolated, or not known."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.sizing import check_requirement, recommend_size
from harness.model import MIB, CellResult, Factor, Limits, Requirement, Status
from tests.unit.analyse.synthetic import CELL


def cell(
    cores: float,
    low: int | None,
    high: int | None = None,
    status: Status = Status.BRACKETED,
    factor: Factor | None = Factor.CPU,
    mib: int = 256,
) -> CellResult:
    limits = Limits(cores, mib * MIB)
    return CellResult(replace(CELL, limits=limits), status, low, high, limiting_factor=factor)


COLUMN = [cell(0.25, 90, 95), cell(0.5, 190, 199), cell(1.0, 400, None, Status.CENSORED, None)]


def test_the_smallest_size_that_sustains_the_users_is_taken() -> None:
    found = recommend_size(COLUMN, 150)
    assert found.take is COLUMN[1]
    assert found.below is COLUMN[0]


def test_headroom_is_added_to_the_users() -> None:
    assert recommend_size(COLUMN, 150, 0.3).needed == 195
    assert recommend_size(COLUMN, 150, 0.3).take is COLUMN[2]
    assert recommend_size(COLUMN, 100, 0.1).needed == 110


def test_between_two_sizes_it_is_an_interpolation() -> None:
    found = recommend_size(COLUMN, 140)
    assert found.interpolated is not None
    assert found.interpolated.limits == Limits(0.38, 256 * MIB)
    assert (found.interpolated.smaller, found.interpolated.larger) == (COLUMN[0], COLUMN[1])


def test_nothing_is_interpolated_where_not_the_cpu_stops_it() -> None:
    column = [cell(0.25, 90, 95, factor=Factor.MEMORY), COLUMN[1]]
    assert recommend_size(column, 140).interpolated is None
    assert recommend_size(COLUMN, 80).interpolated is None
    assert recommend_size(COLUMN, 500).interpolated is None


def test_what_nobody_knows_is_said() -> None:
    unknown = cell(0.25, None, None, Status.INVALID, Factor.HOST)
    found = recommend_size([unknown, COLUMN[1]], 150)
    assert found.take is COLUMN[1]
    assert found.open_sizes == (unknown.cell.limits,)
    assert recommend_size([unknown], 10).best is None


def test_the_worst_repetition_speaks_for_its_size() -> None:
    twice = [cell(0.5, 190, 199), cell(0.5, 170, 178)]
    assert recommend_size(twice, 180).take is None
    assert recommend_size(twice, 165).take is twice[1]


@given(st.integers(1, 600), st.integers(1, 600))
def test_more_users_never_take_a_smaller_size(one: int, other: int) -> None:
    few, many = recommend_size(COLUMN, min(one, other)).take, recommend_size(COLUMN, max(one, other)).take
    if many is not None:
        assert few is not None
        assert few.cell.limits <= many.cell.limits


# Requirements


def require(users: int, cores: float = 64, mib: int = 1 << 20) -> Requirement:
    return Requirement("", users, Limits(cores, mib * MIB))


@pytest.mark.parametrize(
    ("requirement", "met", "by"),
    [
        (require(150), True, 1),
        (require(400, cores=1), True, 2),
        (require(400, cores=0.5), False, 1),
        (require(401), None, 2),
        (require(10, cores=0.1), None, None),
    ],
)
def test_a_requirement_is_met_missed_or_open(
    requirement: Requirement, met: bool | None, by: int | None
) -> None:
    found = check_requirement(COLUMN, requirement)
    assert found.is_met is met
    assert found.by is (None if by is None else COLUMN[by])


def test_a_size_without_an_answer_leaves_a_requirement_open() -> None:
    cells = [COLUMN[0], cell(0.5, None, None, Status.INVALID)]
    assert check_requirement(cells, require(150)).is_met is None


def replicated(replicas: int, cores: float, low: int, high: int) -> CellResult:
    single = cell(cores, low, high, mib=128)
    limits = Limits(cores, 128 * MIB, replicas)
    return replace(single, cell=replace(single.cell, id=f"x{replicas}-{cores}", limits=limits))


def test_two_halves_or_one_whole() -> None:
    """Of sizes with as much CPU in all the one with less memory in all is the smaller."""
    whole, halves = replicated(1, 1.0, 300, 310), replicated(2, 0.5, 300, 310)
    assert recommend_size([halves, whole], 250).take is whole
    better = replicated(2, 0.5, 420, 430)
    assert recommend_size([whole, better], 400).take is better
    assert recommend_size([replicated(2, 0.25, 260, 270), whole], 250).take is not whole


def test_only_neighbours_of_as_many_replicas_are_interpolated_between() -> None:
    found = recommend_size([replicated(1, 0.5, 100, 110), replicated(2, 1.0, 400, 410)], 200)
    assert found.interpolated is None
    found = recommend_size([replicated(2, 0.5, 100, 110), replicated(2, 1.0, 400, 410)], 200)
    assert found.interpolated is not None
    assert found.interpolated.limits.replicas == 2


def test_a_requirement_counts_what_all_replicas_are_given() -> None:
    halves = replicated(2, 0.5, 300, 310)
    requirement = Requirement("", 250, Limits(0.5, 1024 * MIB))
    assert check_requirement([halves], requirement).is_met is not True
    assert check_requirement([halves], replace(requirement, most=Limits(1.0, 1024 * MIB))).is_met is True
