"""Lay sizes out as CPU × memory, and find the border of those that sustain the campaign's users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import Limits
from harness.report.view import text
from harness.report.view.cells import CellView

Place = tuple[tuple[float, int], int]
"""A row (the CPU of one replica, the number of replicas) and a column (memory in bytes)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """All sizes by CPU and memory. A size that was not asked for has no entry; repetitions share one.

    `borders` holds the sides (`left`, `top`) on which a size that sustains the campaign's users meets one
    that is not known to.
    """

    cpus: tuple[tuple[tuple[float, int], str], ...]
    memories: tuple[tuple[int, str], ...]
    sizes: Mapping[Place, tuple[CellView, ...]]
    borders: Mapping[Place, tuple[str, ...]]


def build_grid(cells: Sequence[CellView]) -> Grid:
    """Place every cell by its limits."""
    sizes: dict[Place, tuple[CellView, ...]] = {}
    for cell in cells:
        key = _place_size(cell.result.cell.limits)
        sizes[key] = (*sizes.get(key, ()), cell)
    cpus = sorted({_place_size(cell.result.cell.limits)[0] for cell in cells}, key=_count_all_cores)
    memories = sorted({cell.result.cell.limits.memory_bytes for cell in cells})
    return Grid(
        cpus=tuple((row, text.format_cpu(*row)) for row in cpus),
        memories=tuple((memory, text.format_mebibytes(memory)) for memory in memories),
        sizes=sizes,
        borders=_find_borders(sizes, cpus, memories),
    )


def _find_borders(
    sizes: Mapping[Place, tuple[CellView, ...]], cpus: Sequence[tuple[float, int]], memories: Sequence[int]
) -> dict[Place, tuple[str, ...]]:
    """Return the sides on which a size that sustains the users meets one that is not known to."""
    sustaining = {key for key, cells in sizes.items() if all(cell.sustains_limit for cell in cells)}
    borders = {}
    for row, cpu in enumerate(cpus):
        for column, memory in enumerate(memories):
            left = (cpu, memories[column - 1]) if column else None
            above = (cpus[row - 1], memory) if row else None
            neighbours = (("left", left), ("top", above))
            sides = tuple(side for side, other in neighbours if other is not None and other not in sustaining)
            if (cpu, memory) in sustaining and sides:
                borders[cpu, memory] = sides
    return borders


def _place_size(limits: Limits) -> Place:
    return (limits.cpu_cores, limits.replicas), limits.memory_bytes


def _count_all_cores(row: tuple[float, int]) -> tuple[float, int]:
    return row[0] * row[1], row[1]
