"""Choose which cell to search next: of the variants of a size, the one that is probably the best.

What is measured after it then has to show only that it sustains less (see `result.decision`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.analyse.search.known_capacities import collect_capacities
from harness.analyse.search.search import order_cells
from harness.analyse.search.variant_ratio import measure_distance
from harness.model import Cell, CellResult, Limits, Status


def choose_search_cell(cells: Sequence[Cell], results: Mapping[str, CellResult]) -> Cell | None:
    """Choose one of these cells that is still to be searched; None if there is none.

    It is the first one in the order of `order_cells`, or another variant of its size: the one that sustains
    most at the nearest size at which each of these variants has a capacity. `results` has one result for
    every cell of the campaign, by the cell's id.
    """
    waiting = [cell for cell in order_cells(cells) if results[cell.id].status is Status.RUNNING]
    if not waiting:
        return None
    variants = [cell for cell in waiting if _find_size(cell) == _find_size(waiting[0])]
    capacities = collect_capacities(list(results.values()))
    nearest = _find_nearest_size([cell.limits for cell in variants], capacities)
    if nearest is None:
        return waiting[0]
    return max(variants, key=lambda cell: capacities[replace(nearest, variant=cell.limits.variant)])


def _find_size(cell: Cell) -> tuple[int, Limits]:
    return cell.repetition, cell.limits.drop_variant()


def _find_nearest_size(variants: Sequence[Limits], capacities: Mapping[Limits, float]) -> Limits | None:
    """Return the size nearest to that of these variants at which all of them have a capacity; or None."""
    sizes = dict.fromkeys(limits.drop_variant() for limits in capacities)
    shared = (
        size for size in sizes if all(replace(size, variant=each.variant) in capacities for each in variants)
    )
    return min(shared, key=lambda size: measure_distance(size, variants[0]), default=None)
