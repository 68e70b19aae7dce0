"""The command that tells what requests cost, and what another mix of them would sustain: costs."""

from typing import Annotated

import typer

from harness.analyse.result.deployment import find_safe_load
from harness.analyse.result.mix import find_inseparable_cost, find_name, predict_mix
from harness.analyse.result.request_costs import assess_request_costs
from harness.analyse.result.sizing import find_campaign_margin
from harness.campaign import rejudge
from harness.cli.ab import open_with_capacities
from harness.cli.console import DONE, NOT_MEASURED, CampaignArgument, app, out, say
from harness.cli.size_choice import SizeOption, choose_size, require_size
from harness.errors import UsageError
from harness.model import CampaignResult, CellResult
from harness.model.request_costs import MixPrediction, RequestCosts
from harness.plan import parse_mix, plan_from_json
from harness.report import describe_mix, render_request_costs
from harness.report.view.rare_requests import suggest_name
from harness.report.view.request_costs import (
    build_request_costs_view,
    name_requests,
    suggest_proportion,
)
from harness.report.view.text import clean_text, format_size


@app.command("costs")
def costs(
    campaign: CampaignArgument,
    size: SizeOption = None,
    mix: Annotated[
        str | None,
        typer.Option(
            help='Another mix of the requests, such as "GET /item=3, POST /cart=1": shows what it would '
            "cost, and how many users would use as much CPU.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Show how much CPU time a request of each name costs; exit code 2 if the campaign does not tell it."""
    folder = open_with_capacities(campaign)
    plan = plan_from_json(folder.read_plan())
    require_size(plan, size)
    result = rejudge(plan, folder)
    chosen = choose_size(result, size)
    assessed = assess_request_costs(result, chosen)
    if assessed is None:
        say(
            f"What a request costs at {format_size(chosen.cell.limits)} is not known: no valid step of this "
            "size was held for long enough with CPU counters, or its requests use no CPU time that shows."
        )
        return NOT_MEASURED
    weights = _read_mix(assessed, mix) if mix is not None else None
    view = build_request_costs_view(assessed)
    say(render_request_costs(view))
    if weights is not None:
        out.print()
        say(describe_mix(_predict(result, chosen, assessed, weights), assessed))
    return DONE


def _predict(
    result: CampaignResult, chosen: CellResult, assessed: RequestCosts, weights: dict[str, float]
) -> MixPrediction:
    safe_users = None
    if chosen.sustains(1):
        margin = find_campaign_margin(result, chosen)
        safe_users = find_safe_load(chosen, margin, result.headroom_ratio).users
    return predict_mix(assessed, weights, safe_users, chosen.limiting_factor)


def _read_mix(assessed: RequestCosts, text: str) -> dict[str, float]:
    """Return the weight of each request name of a mix.

    Raises:
        UsageError: the mix names an unknown request or one of them twice, or splits what has only one cost.
    """
    names = tuple(name for cost in assessed.rows for name in cost.names if name is not None)
    weights: dict[str, float] = {}
    for asked, weight in parse_mix(text, names):
        name = find_name(names, asked)
        if name is None:
            raise _refuse_name(asked, names)
        if name in weights:
            raise UsageError(f"--mix names {clean_text(name)} twice", "give each request one weight")
        weights[name] = weight
    cost = find_inseparable_cost(assessed, weights)
    if cost is not None:
        raise UsageError(
            f"--mix: what each of {name_requests(cost)} costs is not known, only what they cost together",
            suggest_proportion(cost, assessed.users),
        )
    return weights


def _refuse_name(asked: str, names: tuple[str, ...]) -> UsageError:
    same = [name for name in names if name.partition(" ")[2] == asked]
    if same:
        return UsageError(
            f"--mix: {clean_text(asked)} is more than one request",
            f"name one of them: {', '.join(map(clean_text, same))}",
        )
    known = ", ".join(sorted(map(clean_text, names)))
    return UsageError(
        f"--mix: no request is named {clean_text(asked)}{suggest_name(asked, names)}",
        f"its requests are {known}",
    )
