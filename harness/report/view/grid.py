"""Sizes laid out as CPU × memory, and where in it the users asked for begin to be sustained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import Limits
from harness.report.view import text
from harness.report.view.cells import CellView

Place = tuple[tuple[float, int], int]
"""A row, which is CPU (of one replica) and a number of replicas; and a column, which is memory."""


@dataclass(frozen=True, slots=True)
class Grid:
    """CPU × memory. A size that the matrix does not name has no entry; repetitions share one.

    `borders` is where the users asked for begin to be sustained: `left` or `top` (or both) of such a size.
    """

    cpus: tuple[tuple[tuple[float, int], str], ...]
    memories: tuple[tuple[int, str], ...]
    sizes: Mapping[Place, tuple[CellView, ...]]
    borders: Mapping[Place, tuple[str, ...]]


def grid(cells: Sequence[CellView]) -> Grid:
    sizes: dict[Place, tuple[CellView, ...]] = {}
    for cell in cells:
        key = _key(cell.result.cell.limits)
        sizes[key] = (*sizes.get(key, ()), cell)
    cpus = sorted({_key(cell.result.cell.limits)[0] for cell in cells}, key=_all_cores)
    memories = sorted({cell.result.cell.limits.memory_bytes for cell in cells})
    return Grid(
        cpus=tuple((row, f"{row[1]} × {row[0]:g} CPU" if row[1] > 1 else f"{row[0]:g} CPU") for row in cpus),
        memories=tuple((memory, text.mebibytes(memory)) for memory in memories),
        sizes=sizes,
        borders=_borders(sizes, cpus, memories),
    )


def _borders(
    sizes: Mapping[Place, tuple[CellView, ...]], cpus: Sequence[tuple[float, int]], memories: Sequence[int]
) -> dict[Place, tuple[str, ...]]:
    """The sides on which a size that sustains the users meets one that does not, or that nobody knows."""
    enough = {key for key, cells in sizes.items() if all(cell.sustains_limit for cell in cells)}
    found = {}
    for row, cpu in enumerate(cpus):
        for column, memory in enumerate(memories):
            left = (cpu, memories[column - 1]) if column else None
            above = (cpus[row - 1], memory) if row else None
            sides = (("left", left), ("top", above))
            meets = tuple(side for side, other in sides if other is not None and other not in enough)
            if (cpu, memory) in enough and meets:
                found[cpu, memory] = meets
    return found


def _key(limits: Limits) -> Place:
    return (limits.cpu_cores, limits.replicas), limits.memory_bytes


def _all_cores(row: tuple[float, int]) -> tuple[float, int]:
    return row[0] * row[1], row[1]
