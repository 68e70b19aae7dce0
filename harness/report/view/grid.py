"""Lay out sizes by CPU and memory, and find the border around those that sustain the campaign's users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import Limits
from harness.report.view import text
from harness.report.view.cells import CellView

Row = tuple[float, int]
"""The CPU cores of one replica, and the number of replicas."""

Place = tuple[Row, int]
"""A row and a column; a column is the memory limit in bytes."""


@dataclass(frozen=True, slots=True)
class Grid:
    """All sizes by CPU and memory, with the labels of rows and columns.

    A size that is not in the matrix has no entry; repetitions of a size share one. `borders` holds the sides
    (`left`, `top`) on which a size that sustains the campaign's users has a neighbour that is not known to
    sustain them: the next size in its row or its column, over places without one.
    """

    cpus: tuple[tuple[Row, str], ...]
    memories: tuple[tuple[int, str], ...]
    sizes: Mapping[Place, tuple[CellView, ...]]
    borders: Mapping[Place, tuple[str, ...]]


def build_grid(cells: Sequence[CellView]) -> Grid:
    """Place every cell by its limits, in rows and columns from the smallest to the largest."""
    sizes: dict[Place, tuple[CellView, ...]] = {}
    for cell in cells:
        place = _place_size(cell.result.cell.limits)
        sizes[place] = (*sizes.get(place, ()), cell)
    cpus = sorted({_place_size(cell.result.cell.limits)[0] for cell in cells}, key=_rank_row)
    memories = sorted({cell.result.cell.limits.memory_bytes for cell in cells})
    return Grid(
        cpus=tuple((row, text.format_cpu(*row)) for row in cpus),
        memories=tuple((memory, text.format_mebibytes(memory)) for memory in memories),
        sizes=sizes,
        borders=_find_borders(sizes, cpus, memories),
    )


def _find_borders(
    sizes: Mapping[Place, tuple[CellView, ...]], cpus: Sequence[Row], memories: Sequence[int]
) -> dict[Place, tuple[str, ...]]:
    """Return for each size that sustains the users the sides of neighbours not known to sustain them."""
    sustaining = {place for place, cells in sizes.items() if all(cell.sustains_limit for cell in cells)}
    borders = {}
    for row, cpu in enumerate(cpus):
        for column, memory in enumerate(memories):
            left = [(cpu, smaller) for smaller in memories[:column] if (cpu, smaller) in sizes]
            above = [(smaller, memory) for smaller in cpus[:row] if (smaller, memory) in sizes]
            neighbours = (("left", left), ("top", above))
            sides = tuple(side for side, others in neighbours if others and others[-1] not in sustaining)
            if (cpu, memory) in sustaining and sides:
                borders[cpu, memory] = sides
    return borders


def _place_size(limits: Limits) -> Place:
    return (limits.cpu_cores, limits.replicas), limits.memory_bytes


def _rank_row(row: Row) -> tuple[float, int]:
    """Return the cores of all replicas, then the number of replicas."""
    cores, replicas = row
    return cores * replicas, replicas
