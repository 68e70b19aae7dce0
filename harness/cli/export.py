"""The command that writes a measured size as a file of the system that runs it: export."""

from typing import Annotated

import typer

from harness.analyse.result.deployment import plan_deployment
from harness.analyse.result.margin import find_margin
from harness.analyse.result.sizing import select_worst_repetitions
from harness.campaign import rejudge
from harness.cli.ab import refuse_comparison
from harness.cli.console import DONE, CampaignArgument, app, out
from harness.errors import UsageError
from harness.model import CampaignResult, CellResult, Limits
from harness.model.deployment import Deployment, build_service
from harness.plan import parse_size, plan_from_json
from harness.report import System, render_export
from harness.report.view import cell_text
from harness.report.view.text import format_size
from harness.store import CampaignFolder


@app.command("export")
def export(
    campaign: CampaignArgument,
    system: Annotated[System, typer.Option("--as", help="The system that the file is for.")],
    size: Annotated[
        str | None,
        typer.Option(
            help="The size: its id, its name, or such as 0.5/256MiB; by default the recommended one.",
            show_default=False,
        ),
    ] = None,
    users: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000_000,
            help="The users to carry; by default those of the campaign.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Print a file that runs a measured size on a system; each figure says where it comes from."""
    folder = CampaignFolder.open(campaign)
    refuse_comparison(folder)
    plan = plan_from_json(folder.read_plan())
    result = rejudge(plan, folder)
    chosen = _choose_size(result, size)
    limit, service = result.users_limit, build_service(plan.target, chosen.cell)
    margin = find_margin(chosen, limit, limit, result.cells, plan.slos) if chosen.sustains(1) else None
    deployment = plan_deployment(result, chosen, margin, service, users or limit)
    if deployment is None:
        raise _refuse_size(result, chosen)
    _print_file(deployment, system, result.campaign)
    return DONE


def _print_file(deployment: Deployment, system: System, campaign: str) -> None:
    """Print the file as it is, without its last line break, which printing adds."""
    text = render_export(deployment, system, campaign).removesuffix("\n")
    out.print(text, markup=False, emoji=False, soft_wrap=True)


def _choose_size(result: CampaignResult, size: str | None) -> CellResult:
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
    named = [cell for cell in result.cells if size in (cell.cell.id, cell.cell.size_name)]
    named += _find_by_limits(result, parse_size(size))
    if len(named) > 1 and len({cell.cell.limits for cell in named}) > 1:
        ids = ", ".join(cell.cell.id for cell in named[:10])
        raise UsageError(f"{size!r} is more than one size", f"name one of them: {ids}")
    if named:
        return named[0]
    raise UsageError(f"{size!r} is no size of this campaign", f"its sizes are {_list_sizes(result)}")


def _find_by_limits(result: CampaignResult, limits: Limits | None) -> list[CellResult]:
    """Return the sizes with these limits, each by its worst repetition."""
    if limits is None:
        return []
    return [
        cell for size, cell in select_worst_repetitions(result.cells).items() if size.drop_variant() == limits
    ]


def _refuse_size(result: CampaignResult, chosen: CellResult) -> UsageError:
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
