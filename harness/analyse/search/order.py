"""In which order the cells are measured, so that each finds a neighbour's answer to start from."""

from collections.abc import Sequence

from harness.model import Cell


def measuring_order(cells: Sequence[Cell]) -> list[Cell]:
    """Repetition by repetition, and by the number of replicas: first the CPU sizes at the largest memory,
    largest first, then memory downwards.
    """
    return sorted(cells, key=_rank)


def _rank(cell: Cell) -> tuple[float, ...]:
    limits = cell.limits
    return cell.repetition, limits.replicas, -limits.memory_bytes, -limits.cpu_cores
