"""Of the variants of a size the one that is probably the best is searched first."""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.search.cell_order import choose_search_cell
from harness.model import CellResult, Status
from tests.builders import make_result, make_variant


def make_waiting(variant: str, cores: float) -> CellResult:
    return make_variant(variant, cores, None, None, Status.RUNNING)


ONE, FOUR = make_waiting("one", 1.0), make_waiting("four", 1.0)


def choose(*results: CellResult) -> str | None:
    """Return the id of the cell that is searched next, of all cells in the order of the matrix."""
    chosen = choose_search_cell([each.cell for each in results], {each.cell.id: each for each in results})
    return None if chosen is None else chosen.id


def measure_pair(cores: float, one_users: int, four_users: int) -> Sequence[CellResult]:
    users = {"one": one_users, "four": four_users}
    return [make_variant(name, cores, each, each) for name, each in users.items()]


def test_without_an_answer_variants_keep_the_order_of_the_matrix() -> None:
    assert choose(ONE, FOUR) == ONE.cell.id
    assert choose(FOUR, ONE) == FOUR.cell.id
    assert choose(make_waiting("one", 2.0), make_variant("four", 2.0, 300, 310), ONE, FOUR) == (
        make_waiting("one", 2.0).cell.id
    )


def test_the_variant_that_is_best_at_the_nearest_size_is_searched_first() -> None:
    """At 4 CPUs four workers sustain more, at 2 CPUs one does: 1 CPU is nearer to 2."""
    assert choose(ONE, FOUR, *measure_pair(2.0, 200, 300)) == FOUR.cell.id
    assert choose(ONE, FOUR, *measure_pair(2.0, 300, 300)) == ONE.cell.id
    assert choose(FOUR, ONE, *measure_pair(4.0, 200, 300), *measure_pair(2.0, 200, 190)) == ONE.cell.id


def test_a_size_counts_only_if_every_waiting_variant_has_an_answer_there() -> None:
    two = make_waiting("two", 1.0)
    pair = measure_pair(2.0, 200, 300)
    assert choose(two, ONE, FOUR, *pair) == two.cell.id
    assert choose(replace(two, status=Status.INVALID), ONE, FOUR, *pair) == FOUR.cell.id


def test_sizes_keep_their_order_and_so_do_repetitions() -> None:
    larger, again = make_result(2.0, status=Status.RUNNING), replace(FOUR.cell, id="again", repetition=2)
    assert choose(ONE, larger) == larger.cell.id
    waiting = CellResult(again, Status.RUNNING)
    assert choose(waiting, ONE, *measure_pair(2.0, 200, 300)) == ONE.cell.id


def test_nothing_is_chosen_when_all_cells_are_done() -> None:
    assert choose(*measure_pair(2.0, 200, 300)) is None
    assert choose() is None
