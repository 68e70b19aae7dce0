"""In which order the cells are measured, so that each finds a neighbour's answer to start from."""

from collections.abc import Sequence

from harness.model import Cell


def measuring_order(cells: Sequence[Cell]) -> list[Cell]:
    """Repetition by repetition: first the CPU sizes at the largest memory, largest first, then memory
    downwards.
    """
    return sorted(
        cells, key=lambda cell: (cell.repetition, -cell.limits.memory_bytes, -cell.limits.cpu_cores)
    )
