"""The staircase of a demand, against brute force over every monotone matrix."""

import itertools
from collections.abc import Iterator

import pytest

from harness.analyse.search.demand import (
    add_inferred_results,
    choose_next_cell,
    find_monotonicity_violations,
    infer_result,
)
from harness.model import MIB, Cell, CellResult, Limits, Status
from harness.model.evidence import SustainedBySmaller

USERS = 400


def grid(rows: int, columns: int) -> list[Cell]:
    return [
        Cell(f"t-c{row}-m{column}", "t", Limits(float(row), column * MIB))
        for row in range(1, rows + 1)
        for column in range(1, columns + 1)
    ]


def list_truths(rows: int, columns: int) -> Iterator[dict[str, bool]]:
    """Every matrix in which more never sustains less: for each CPU, how much memory is too little."""
    for steps in itertools.combinations_with_replacement(range(columns, -1, -1), rows):
        yield {
            f"t-c{row}-m{column}": column > least
            for row, least in enumerate(steps, start=1)
            for column in range(1, columns + 1)
        }


def measured(cell: Cell, holds: bool) -> CellResult:
    if holds:
        return CellResult(cell, Status.CENSORED, sustained_users=USERS)
    return CellResult(cell, Status.NONE, broken_users=USERS)


def walk(cells: list[Cell], truth: dict[str, bool]) -> tuple[list[Cell], dict[str, CellResult]]:
    results = {cell.id: CellResult(cell, Status.RUNNING) for cell in cells}
    chosen = []
    while (cell := choose_next_cell(cells, add_inferred_results(results, USERS), USERS)) is not None:
        assert cell not in chosen
        chosen.append(cell)
        results[cell.id] = measured(cell, truth[cell.id])
    return chosen, add_inferred_results(results, USERS)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (2, 3), (3, 3), (5, 5)])
def test_every_size_gets_its_true_verdict_from_at_most_rows_plus_columns_less_one(
    rows: int, columns: int
) -> None:
    cells = grid(rows, columns)
    for truth in list_truths(rows, columns):
        chosen, results = walk(cells, truth)
        assert len(chosen) <= rows + columns - 1
        for cell in cells:
            held = (results[cell.id].sustained_users or 0) >= USERS
            assert held is truth[cell.id]
            assert (results[cell.id].status is Status.INFERRED) is (cell not in chosen)


def test_the_largest_size_is_measured_as_a_check_where_steps_are_left() -> None:
    cells = grid(3, 3)
    chosen, _ = walk(cells, {cell.id: True for cell in cells})
    assert chosen[-1].limits == Limits(3.0, 3 * MIB)


def test_what_is_inferred_names_the_size_it_follows_from() -> None:
    small, large = grid(2, 1)
    results = {small.id: measured(small, True)}
    inferred = infer_result(large, results, USERS)
    assert inferred is not None
    assert inferred.evidence == SustainedBySmaller(400, small.limits)


def test_an_invalid_cell_says_nothing_of_others() -> None:
    small, large = grid(2, 1)
    assert infer_result(large, {small.id: CellResult(small, Status.INVALID)}, USERS) is None


def test_a_larger_size_that_sustains_less_is_a_monotonicity_violation() -> None:
    small, large = grid(2, 1)
    results = {small.id: measured(small, True), large.id: measured(large, False)}
    assert find_monotonicity_violations(results, USERS) == [(small, large)]
