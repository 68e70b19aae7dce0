"""Plan a comparison of two versions: one size of a matrix, in which both run as variants of the target."""

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import UsageError
from harness.model import Cell, Limits, Plan, Variant
from harness.model.ab import Side
from harness.plan.cells import format_cell_id
from harness.plan.cli_values import parse_size
from harness.plan.content_hashes import hash_contents
from harness.plan.schema import units, validators
from harness.plan.schema.variants import UNCHANGED

_LEAST_WITHIN_S = 60.0
_MOST_NAMES = 10


def plan_ab(plan: Plan, size: str | None, base: str, head: str) -> Plan:
    """Return a plan with two cells, the base and the head, at the size that is named.

    A version is the name of one of the matrix's variants, `unchanged` for the target as it is, or an image.
    Without `size` the matrix must have only one.

    Raises:
        UsageError: there is no such size, several are meant, or a version is none.
    """
    cells = _select_size(plan.cells, size)
    limits, name = cells[0].limits.drop_variant(), cells[0].size_name
    pair = tuple(
        _build_cell(plan.target.name, limits, name, side, _find_variant(cells, version, side))
        for side, version in ((Side.BASE, base), (Side.HEAD, head))
    )
    planned = replace(plan, cells=pair, users_required=None, skipped={}, parallel=1)
    return replace(planned, hashes=hash_contents(planned))


def parse_within_s(text: str) -> float:
    """Parse how long a comparison may take, such as `10m`. Raises UsageError if it is no such length."""
    try:
        seconds = units.parse_duration_s(text.strip())
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None
    if seconds < _LEAST_WITHIN_S:
        raise UsageError(f"--for: {text!r} is too short to compare anything", "write 10m; 1m is the least")
    return seconds


def _build_cell(target: str, limits: Limits, size_name: str | None, side: Side, variant: Variant) -> Cell:
    limits = replace(limits, variant=side.value)
    return Cell(format_cell_id(target, limits, None), target, limits, size_name, variant=variant)


def _select_size(cells: Sequence[Cell], size: str | None) -> Sequence[Cell]:
    """Return the cells of the size, one for each variant of the matrix."""
    if size is None:
        chosen = list(cells)
    else:
        wanted = parse_size(size)
        chosen = [
            cell
            for cell in cells
            if size in (cell.id, cell.size_name) or cell.limits.drop_variant() == wanted
        ]
        sizes = {cell.limits.drop_variant() for cell in chosen}
        chosen = [cell for cell in cells if cell.limits.drop_variant() in sizes]  # an id names one variant
    found = dict.fromkeys(cell.limits.drop_variant() for cell in chosen)
    if len(found) == 1:
        return chosen
    problem = "the matrix has several sizes" if size is None else f"{size!r} is no size of the matrix"
    raise UsageError(problem, f"choose one with --size: {_list_sizes(cells)}")


def _list_sizes(cells: Sequence[Cell]) -> str:
    """Return the sizes as they may be typed."""
    names = {cell.limits.drop_variant(): cell.size_name or format_size_option(cell.limits) for cell in cells}
    shown = list(dict.fromkeys(names.values()))
    return ", ".join(shown[:_MOST_NAMES]) + (" …" if len(shown) > _MOST_NAMES else "")


def format_size_option(limits: Limits) -> str:
    """Return a size as `parse_size` reads it: `0.5/256MiB`, `2x0.5/256MiB`."""
    times = f"{limits.replicas}x" if limits.replicas > 1 else ""
    return f"{times}{limits.cpu_cores:g}/{units.format_mib(limits.memory_bytes)}MiB"


def _find_variant(cells: Sequence[Cell], version: str, side: Side) -> Variant:
    """Return what the version sets. Raises UsageError if it is neither a variant nor an image."""
    named = {cell.limits.variant: cell.variant for cell in cells if cell.limits.variant is not None}
    if version in named:
        return named[version] or Variant()
    if version == UNCHANGED:
        return Variant()
    try:
        return Variant(image=validators.check_image(version))
    except ValueError as error:
        variants = f"one of its variants ({', '.join(named)}), " if named else ""
        raise UsageError(
            f"--{side}: {error}", f"write {variants}an image, or unchanged for the target as it is"
        ) from None
