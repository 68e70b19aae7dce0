"""Choose the size of a campaign that a command is about."""

from collections.abc import Iterable
from typing import Annotated

import typer

from harness.analyse.result.sizing import select_worst_repetitions
from harness.errors import UsageError
from harness.model import CampaignResult, Cell, CellResult, Plan
from harness.plan import parse_size
from harness.report.view import cell_text
from harness.report.view.text import format_size

SizeOption = Annotated[
    str | None,
    typer.Option(
        "--size",
        help="The size: its id, its name, or its limits as in 0.5/256MiB; by default the recommended one.",
        show_default=False,
    ),
]


def require_size(plan: Plan, size: str | None) -> None:
    """Raise UsageError if a size is named that no cell of the plan has; this needs no judged campaign."""
    if size is not None and not any(_is_named(cell, size) for cell in plan.cells):
        raise _refuse_unknown(size, (cell for cell in plan.cells if cell.id not in plan.skipped))


def _is_named(cell: Cell, size: str) -> bool:
    return size in (cell.id, cell.size_name) or cell.limits.drop_variant() == parse_size(size)


def _refuse_unknown(size: str, cells: Iterable[Cell]) -> UsageError:
    return UsageError(f"{size!r} is no size of this campaign", f"its sizes are {_list_names(cells)}")


def choose_size(result: CampaignResult, size: str | None) -> CellResult:
    """Return the size that is named, or the recommended one; of a repeated size the worst repetition.

    Raises:
        UsageError: no size is named so, or none is recommended.
    """
    if size is None:
        if result.sizing.recommended is None:
            raise UsageError(
                f"no measured size is known to sustain {result.users_limit} users",
                f"choose one with --size: {_list_sizes(result)}",
            )
        return result.sizing.recommended
    named = [cell for cell in result.cells if size == cell.cell.id]
    if not named:
        worst = select_worst_repetitions(result.cells).values()
        named = [cell for cell in worst if _is_named(cell.cell, size)]
    if len(named) > 1:
        ids = ", ".join(cell.cell.id for cell in named[:10])
        raise UsageError(f"{size!r} is more than one size", f"name one of them: {ids}")
    if named:
        return named[0]
    raise _refuse_unknown(size, (cell.cell for cell in result.cells))


def refuse_size(result: CampaignResult, chosen: CellResult) -> UsageError:
    """Return the error that a size is not known to sustain any users, with those that are."""
    name, outcome = format_size(chosen.cell.limits), cell_text.format_bracket(chosen)
    return UsageError(
        f"{name} is not known to sustain any users ({outcome})",
        f"choose another one with --size: {_list_sizes(result)}",
    )


def _list_sizes(result: CampaignResult) -> str:
    """Return the sizes that sustain some users as they may be typed; all of them if none does."""
    cells = [cell for cell in result.cells if cell.sustains(1)] or result.cells
    return _list_names(cell.cell for cell in cells)


def _list_names(cells: Iterable[Cell]) -> str:
    names = list(dict.fromkeys(cell.size_name or cell.id for cell in cells))
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
