"""The command that writes a measured size as a file of the system that runs it: export."""

from typing import Annotated

import typer

from harness.analyse.result.deployment import plan_deployment
from harness.analyse.result.margin import find_margin
from harness.campaign import rejudge
from harness.cli.ab import open_with_capacities
from harness.cli.console import DONE, CampaignArgument, app, out
from harness.cli.size_choice import SizeOption, choose_size, refuse_size
from harness.model.deployment import Deployment, build_service
from harness.plan import plan_from_json
from harness.report import System, render_export


@app.command("export")
def export(
    campaign: CampaignArgument,
    system: Annotated[System, typer.Option("--as", help="The system that the file is for.")],
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
) -> int:
    """Print a file that runs a measured size on a system; each figure says where it comes from."""
    folder = open_with_capacities(campaign)
    plan = plan_from_json(folder.read_plan())
    result = rejudge(plan, folder)
    chosen = choose_size(result, size)
    limit, service = result.users_limit, build_service(plan.target, chosen.cell)
    margin = find_margin(chosen, limit, limit, result.cells, plan.slos) if chosen.sustains(1) else None
    deployment = plan_deployment(result, chosen, margin, service, users or limit)
    if deployment is None:
        raise refuse_size(result, chosen)
    _print_file(deployment, system, result.campaign)
    return DONE


def _print_file(deployment: Deployment, system: System, campaign: str) -> None:
    """Print the file as it is, without its last line break, which printing adds."""
    text = render_export(deployment, system, campaign).removesuffix("\n")
    out.print(text, markup=False, emoji=False, soft_wrap=True)
