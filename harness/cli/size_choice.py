"""Choose the size of a campaign that a command is about."""

from typing import Annotated

import typer

from harness.analyse.result.sizing import select_worst_repetitions
from harness.errors import UsageError
from harness.model import CampaignResult, CellResult
from harness.plan import parse_size
from harness.report.view import cell_text
from harness.report.view.text import format_size

SizeOption = Annotated[
    str | None,
    typer.Option(
        "--size",
        help="The size: its id, its name, or such as 0.5/256MiB; by default the recommended one.",
        show_default=False,
    ),
]


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
        worst, limits = select_worst_repetitions(result.cells), parse_size(size)
        named = [
            cell
            for each, cell in worst.items()
            if size == cell.cell.size_name or each.drop_variant() == limits
        ]
    if len(named) > 1:
        ids = ", ".join(cell.cell.id for cell in named[:10])
        raise UsageError(f"{size!r} is more than one size", f"name one of them: {ids}")
    if named:
        return named[0]
    raise UsageError(f"{size!r} is no size of this campaign", f"its sizes are {_list_sizes(result)}")


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
    names = list(dict.fromkeys(cell.cell.size_name or cell.cell.id for cell in cells))
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
