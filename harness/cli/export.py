"""The command that writes a measured size for another system, or all requests as a table: export."""

from pathlib import Path
from typing import Annotated

import typer

from harness.analyse.result.deployment import plan_deployment
from harness.analyse.result.sizing import find_campaign_margin
from harness.campaign import rejudge
from harness.cli.ab import open_with_capacities
from harness.cli.console import DONE, CampaignArgument, app, out, say
from harness.cli.size_choice import SizeOption, choose_size, refuse_size, require_size
from harness.errors import UsageError
from harness.model.deployment import build_service
from harness.plan import plan_from_json
from harness.report import System, render_export
from harness.store import CampaignFolder, write_requests, write_text

_PARQUET = "parquet"
_FORMATS = (*(system.value for system in System), _PARQUET)
_HELP = "The system that the file is for; parquet has all requests."


def _check_format(name: str) -> str:
    """Return what `--as` names: a system, or the table of all requests. Raises BadParameter for another."""
    if name not in _FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(_FORMATS)}")
    return name


@app.command("export")
def export(
    campaign: CampaignArgument,
    written_as: Annotated[
        str, typer.Option("--as", parser=_check_format, metavar="|".join(_FORMATS), help=_HELP)
    ],
    size: SizeOption = None,
    users: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000_000,
            help="The users to carry; by default those of the campaign.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The file to write instead of printing; for parquet CAMPAIGN.parquet by default.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Print a file that runs a measured size on a system, or write all requests of a campaign as a table."""
    if written_as == _PARQUET:
        if size is not None or users is not None:
            raise UsageError("--as parquet has the requests of all sizes", "leave out --size and --users")
        return _write_table(campaign, output)
    text = _render_size(campaign, System(written_as), size, users)
    if output is not None:
        write_text(output, text)
    else:
        out.print(text.removesuffix("\n"), markup=False, emoji=False, soft_wrap=True)
    return DONE


def _render_size(campaign: Path, system: System, size: str | None, users: int | None) -> str:
    folder = open_with_capacities(campaign)
    plan = plan_from_json(folder.read_plan())
    require_size(plan, size)
    result = rejudge(plan, folder)
    chosen = choose_size(result, size)
    margin, service = find_campaign_margin(result, chosen), build_service(plan.target, chosen.cell)
    deployment = plan_deployment(result, chosen, margin, service, users or result.users_limit)
    if deployment is None:
        raise refuse_size(result, chosen)
    return render_export(deployment, system, result.campaign)


def _write_table(campaign: Path, output: Path | None) -> int:
    folder = CampaignFolder.open(campaign)
    path = output or Path(f"{folder.name}.parquet")
    requests, steps = write_requests(folder, plan_from_json(folder.read_plan()).cells, path)
    say(f"{path}: {requests} requests of {steps} steps")
    return DONE
