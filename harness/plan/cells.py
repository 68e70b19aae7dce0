"""The matrix's sections expanded into cells: product, include, named sizes; then all again per repetition."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from harness.model import Cell, Limits
from harness.plan.schema.matrix import ExcludeSection, LimitsSection, MatrixFile
from harness.plan.schema.units import cores_text, mib_text
from harness.plan.yaml.document import KeyPath

MOST_CELLS = 10_000
SECTIONS = frozenset({"limits", "exclude", "include", "sizes", "repetitions"})
"""Expanding makes sense only when none of these is faulty."""

Fault = tuple[KeyPath, str]


@dataclass(frozen=True, slots=True)
class Size:
    """Limits, the name they may have, and where the matrix gives them."""

    limits: Limits
    at: KeyPath
    name: str | None = None


def expand(matrix: MatrixFile, target: str) -> tuple[tuple[Cell, ...], list[Fault]]:
    """The cells to measure, and what is wrong with the sections: (where, what to write instead).

    `exclude` takes cells out of the product of `limits` only; `include` and `sizes` add to what is left.
    """
    if axes_product(matrix.limits) * matrix.repetitions > MOST_CELLS:
        return (), [(("limits",), f"makes more than {MOST_CELLS} cells; write fewer values")]
    product = list(product_sizes(matrix.limits)) if matrix.limits else []
    kept = [size for size in product if not any(matches(rule, size.limits) for rule in matrix.exclude)]
    sizes, faults = distinct([*kept, *extra_sizes(matrix)])
    faults += [*repeated_values(matrix.limits), *excluding_nothing(matrix, product)]
    faults += count_faults(len(sizes), len(product), matrix.repetitions)
    if faults:
        return (), faults
    repetitions = range(1, matrix.repetitions + 1)
    return tuple(
        cell(size, target, number, matrix.repetitions) for number in repetitions for size in sizes
    ), []


def axes_product(axes: LimitsSection | None) -> int:
    return len(axes.cpus) * len(axes.memory) * len(axes.replicas) if axes else 0


def product_sizes(axes: LimitsSection) -> Iterator[Size]:
    """Every number of replicas of every CPU with every memory, memory running fastest."""
    for replicas, cpu_cores in itertools.product(dict.fromkeys(axes.replicas), dict.fromkeys(axes.cpus)):
        for memory_bytes in dict.fromkeys(axes.memory):
            yield Size(Limits(cpu_cores, memory_bytes, replicas), ("limits",))


def repeated_values(axes: LimitsSection | None) -> Iterator[Fault]:
    if axes is None:
        return
    for index, cpu_cores in enumerate(axes.cpus):
        if cpu_cores in axes.cpus[:index]:
            yield ("limits", "cpus", index), f"{cores_text(cpu_cores)} is there already; keep one"
    for index, memory_bytes in enumerate(axes.memory):
        if memory_bytes in axes.memory[:index]:
            yield ("limits", "memory", index), f"{mib_text(memory_bytes)}MiB is there already; keep one"
    for index, replicas in enumerate(axes.replicas):
        if replicas in axes.replicas[:index]:
            yield ("limits", "replicas", index), f"{replicas} is there already; keep one"


def extra_sizes(matrix: MatrixFile) -> Iterator[Size]:
    for index, size in enumerate(matrix.include):
        yield Size(Limits(size.cpus, size.memory, size.replicas), ("include", index))
    for name, size in matrix.sizes.items():
        yield Size(Limits(size.cpus, size.memory, size.replicas), ("sizes", name), name)


def distinct(sizes: list[Size]) -> tuple[list[Size], list[Fault]]:
    """The sizes, and a fault for each place that repeats one."""
    first: dict[Limits, Size] = {}
    repeated: dict[KeyPath, str] = {}
    for size in sizes:
        known = first.setdefault(size.limits, size)
        if known is not size:
            repeated.setdefault(
                size.at, f"{in_words(size.limits)} is there already, {origin(known)}; keep one"
            )
    return list(first.values()), list(repeated.items())


def origin(size: Size) -> str:
    return f"as {size.name}" if size.name else f"from {size.at[0]}"


def in_words(limits: Limits) -> str:
    times = f"{limits.replicas} times " if limits.replicas > 1 else ""
    return f"the size of {times}{cores_text(limits.cpu_cores)} cores and {mib_text(limits.memory_bytes)}MiB"


def matches(rule: ExcludeSection, limits: Limits) -> bool:
    return (
        rule.cpus in (None, limits.cpu_cores)
        and rule.memory in (None, limits.memory_bytes)
        and rule.replicas in (None, limits.replicas)
    )


def excluding_nothing(matrix: MatrixFile, product: list[Size]) -> Iterator[Fault]:
    for index, rule in enumerate(matrix.exclude):
        if not any(matches(rule, size.limits) for size in product):
            yield (
                ("exclude", index),
                "matches no cell of limits; write values that are listed there, or drop it",
            )


def count_faults(sizes: int, product: int, repetitions: int) -> list[Fault]:
    if sizes * repetitions > MOST_CELLS:
        return [(("repetitions",), f"makes more than {MOST_CELLS} cells; write fewer")]
    if sizes:
        return []
    if product:
        return [(("exclude",), "excludes every cell; keep at least one")]
    return [((), "no size to measure; write limits: {cpus: [0.5, 1], memory: [256MiB]} or sizes:")]


def cell(size: Size, target: str, repetition: int, repetitions: int) -> Cell:
    name = cell_id(target, size.limits, repetition if repetitions > 1 else None)
    return Cell(name, target, size.limits, size.name, repetition)


def cell_id(target: str, limits: Limits, repetition: int | None) -> str:
    """`web-c0.50-m256`, with `-x2` for two replicas, and `-r2` where cells are repeated."""
    times = f"-x{limits.replicas}" if limits.replicas > 1 else ""
    suffix = f"-r{repetition}" if repetition is not None else ""
    return f"{target}-c{cores_text(limits.cpu_cores)}-m{mib_text(limits.memory_bytes)}{times}{suffix}"
