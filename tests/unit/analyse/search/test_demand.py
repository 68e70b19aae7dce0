"""The search of a demand, against brute force over every monotone matrix."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

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


def make_grid(rows: int, columns: int) -> list[Cell]:
    return [
        Cell(f"t-c{row}-m{column}", "t", Limits(float(row), column * MIB))
        for row in range(1, rows + 1)
        for column in range(1, columns + 1)
    ]


def list_truths(rows: int, columns: int) -> Iterator[dict[str, bool]]:
    """Yield every matrix in which a larger size never sustains less: which sizes sustain the users."""
    for borders in itertools.combinations_with_replacement(range(columns, -1, -1), rows):
        yield {
            f"t-c{row}-m{column}": column > border
            for row, border in enumerate(borders, start=1)
            for column in range(1, columns + 1)
        }


def make_measured_result(cell: Cell, is_sustained: bool) -> CellResult:
    if is_sustained:
        return CellResult(cell, Status.CENSORED, sustained_users=USERS)
    return CellResult(cell, Status.NONE, broken_users=USERS)


def search_cells(cells: list[Cell], truth: dict[str, bool]) -> tuple[list[Cell], dict[str, CellResult]]:
    """Return the measured cells in their order, and the measured and inferred results of all cells."""
    results = {cell.id: CellResult(cell, Status.RUNNING) for cell in cells}
    chosen = []
    while (cell := choose_next_cell(cells, add_inferred_results(results, USERS), USERS)) is not None:
        assert cell not in chosen
        chosen.append(cell)
        results[cell.id] = make_measured_result(cell, truth[cell.id])
    return chosen, add_inferred_results(results, USERS)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (2, 3), (3, 3), (5, 5)])
def test_rows_plus_columns_less_one_steps_give_every_size_its_true_verdict(rows: int, columns: int) -> None:
    cells = make_grid(rows, columns)
    for truth in list_truths(rows, columns):
        chosen, results = search_cells(cells, truth)
        assert len(chosen) <= rows + columns - 1
        for cell in cells:
            is_sustained = (results[cell.id].sustained_users or 0) >= USERS
            assert is_sustained is truth[cell.id]
            assert (results[cell.id].status is Status.INFERRED) is (cell not in chosen)


def test_the_largest_size_is_measured_as_a_check_if_fewer_steps_were_enough() -> None:
    cells = make_grid(3, 3)
    chosen, _ = search_cells(cells, {cell.id: True for cell in cells})
    assert chosen[-1].limits == Limits(3.0, 3 * MIB)


def test_an_inferred_result_names_the_size_that_implies_it() -> None:
    small, large = make_grid(2, 1)
    results = {small.id: make_measured_result(small, True)}
    inferred = infer_result(large, results, USERS)
    assert inferred is not None
    assert inferred.evidence == SustainedBySmaller(400, small.limits)


def test_nothing_is_inferred_from_an_invalid_cell() -> None:
    small, large = make_grid(2, 1)
    assert infer_result(large, {small.id: CellResult(small, Status.INVALID)}, USERS) is None


def test_a_larger_size_that_sustains_less_is_a_monotonicity_violation() -> None:
    small, large = make_grid(2, 1)
    results = {small.id: make_measured_result(small, True), large.id: make_measured_result(large, False)}
    assert find_monotonicity_violations(results, USERS) == [(small, large)]


def test_each_variant_is_searched_by_itself() -> None:
    """All four sizes fail with one worker and pass with four: one measured size of each tells it."""
    cells = [
        replace(cell, id=f"{cell.id}_{name}", limits=replace(cell.limits, variant=name))
        for cell in make_grid(2, 2)
        for name in ("one", "four")
    ]
    truth = {cell.id: cell.limits.variant == "four" for cell in cells}
    chosen, results = search_cells(cells, truth)
    assert {cell_id: results[cell_id].sustained_users == USERS for cell_id in truth} == truth
    assert len(chosen) <= 2 * (2 + 2 - 1)
