"""Expand the matrix into cells: the product of its limits, included and named sizes, with every variant.

All of them follow once for each repetition.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.model import Cell, Limits
from harness.plan.schema.matrix import ExcludeSection, LimitsSection, MatrixFile
from harness.plan.schema.quoting import quote
from harness.plan.schema.units import format_cores, format_mib
from harness.plan.yaml.document import KeyPath

_MOST_CELLS = 10_000
CELL_SECTIONS = frozenset({"limits", "exclude", "include", "sizes", "variants", "repetitions"})
"""The keys of the matrix that decide the cells. If one of them is faulty, no cells are expanded."""

_Fault = tuple[KeyPath, str]
"""A place in the matrix, and what is wrong there with what to write instead."""


@dataclass(frozen=True, slots=True)
class _Size:
    """A size: its limits, its place in the matrix, and its name if it is one of `sizes`."""

    limits: Limits
    at: KeyPath
    name: str | None = None


def expand_cells(
    matrix: MatrixFile, target: str, preset_sizes: Sequence[Limits] = ()
) -> tuple[tuple[Cell, ...], list[_Fault]]:
    """Return the cells to measure, or no cells and the faults of the sections.

    `exclude` removes sizes from the product of `limits` only; `include` and `sizes` add sizes. The variants
    of a size follow one another, so that a host which changes its speed changes it for all of them.
    `preset_sizes` are those of the preset that `sizes` names.
    """
    variants: Sequence[str | None] = tuple(matrix.variants) or (None,)
    times = matrix.repetitions * len(variants)
    if _count_product(matrix.limits) * times > _MOST_CELLS:
        return (), [(("limits",), f"makes more than {_MOST_CELLS} cells; write fewer values")]
    product = list(_expand_axes(matrix.limits)) if matrix.limits else []
    remaining = [size for size in product if not any(_matches(rule, size.limits) for rule in matrix.exclude)]
    of_preset = [_Size(limits, ("sizes", "preset")) for limits in preset_sizes]
    sizes, faults = _drop_repeated([*remaining, *_list_extra_sizes(matrix), *of_preset])
    faults += [*_find_repeated_values(matrix.limits), *_find_rules_without_effect(matrix, product)]
    faults += _find_count_faults(len(sizes), len(product), times)
    if faults:
        return (), faults
    repetitions = range(1, matrix.repetitions + 1)
    return tuple(
        _build_cell(size, variant, target, number, matrix.repetitions)
        for number in repetitions
        for size in sizes
        for variant in variants
    ), []


def _count_product(axes: LimitsSection | None) -> int:
    return len(axes.cpus) * len(axes.memory) * len(axes.replicas) if axes else 0


def _expand_axes(axes: LimitsSection) -> Iterator[_Size]:
    """Yield every CPU with every memory and every number of replicas; memory changes fastest."""
    for replicas, cpu_cores in itertools.product(dict.fromkeys(axes.replicas), dict.fromkeys(axes.cpus)):
        for memory_bytes in dict.fromkeys(axes.memory):
            yield _Size(Limits(cpu_cores, memory_bytes, replicas), ("limits",))


def _find_repeated_values(axes: LimitsSection | None) -> Iterator[_Fault]:
    if axes is None:
        return
    texts = {
        "cpus": [format_cores(cpu_cores) for cpu_cores in axes.cpus],
        "memory": [f"{format_mib(memory_bytes)}MiB" for memory_bytes in axes.memory],
        "replicas": [str(replicas) for replicas in axes.replicas],
    }
    for key, values in texts.items():
        for index, value in enumerate(values):
            if value in values[:index]:
                yield ("limits", key, index), f"{value} is listed twice; keep one"


def _list_extra_sizes(matrix: MatrixFile) -> Iterator[_Size]:
    for index, size in enumerate(matrix.include):
        yield _Size(Limits(size.cpus, size.memory, size.replicas), ("include", index))
    for name, size in matrix.sizes.items():
        yield _Size(Limits(size.cpus, size.memory, size.replicas), ("sizes", name), name)


def _drop_repeated(sizes: list[_Size]) -> tuple[list[_Size], list[_Fault]]:
    """Return each size once, and a fault for each place that repeats one."""
    first: dict[Limits, _Size] = {}
    repeated: dict[KeyPath, str] = {}
    for size in sizes:
        known = first.setdefault(size.limits, size)
        if known is not size:
            repeated.setdefault(
                size.at,
                f"{_describe_size(size.limits)} is there already, {_describe_origin(known)}; keep one",
            )
    return list(first.values()), list(repeated.items())


def _describe_origin(size: _Size) -> str:
    return f"named {quote(size.name)}" if size.name else f"in {size.at[0]}"


def _describe_size(limits: Limits) -> str:
    times = f"{limits.replicas} times " if limits.replicas > 1 else ""
    return (
        f"the size of {times}{format_cores(limits.cpu_cores)} cores and {format_mib(limits.memory_bytes)}MiB"
    )


def _matches(rule: ExcludeSection, limits: Limits) -> bool:
    return (
        rule.cpus in (None, limits.cpu_cores)
        and rule.memory in (None, limits.memory_bytes)
        and rule.replicas in (None, limits.replicas)
    )


def _find_rules_without_effect(matrix: MatrixFile, product: list[_Size]) -> Iterator[_Fault]:
    for index, rule in enumerate(matrix.exclude):
        if not any(_matches(rule, size.limits) for size in product):
            yield (
                ("exclude", index),
                "matches no size of limits; write values that are listed there, or drop the rule",
            )


def _find_count_faults(size_count: int, product_count: int, times: int) -> list[_Fault]:
    if size_count * times > _MOST_CELLS:
        return [(("repetitions",), f"makes more than {_MOST_CELLS} cells; write fewer")]
    if size_count:
        return []
    if product_count:
        return [(("exclude",), "excludes every size; keep at least one")]
    return [((), "no size to measure; write limits: {cpus: [0.5, 1], memory: [256MiB]} or sizes:")]


def _build_cell(size: _Size, variant: str | None, target: str, repetition: int, repetitions: int) -> Cell:
    limits = replace(size.limits, variant=variant)
    cell_id = format_cell_id(target, limits, repetition if repetitions > 1 else None)
    return Cell(cell_id, target, limits, size.name, repetition)


def format_cell_id(target: str, limits: Limits, repetition: int | None) -> str:
    """Return an id such as `web-c0.50-m256`.

    `-x2` follows for two replicas, then `_four` for a variant and `-r2` for the second repetition.
    """
    size = f"c{format_cores(limits.cpu_cores)}-m{format_mib(limits.memory_bytes)}"
    times = f"-x{limits.replicas}" if limits.replicas > 1 else ""
    variant = f"_{limits.variant}" if limits.variant is not None else ""
    suffix = f"-r{repetition}" if repetition is not None else ""
    return f"{target}-{size}{times}{variant}{suffix}"
