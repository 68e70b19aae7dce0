"""The commands that try a size of a finished campaign: burst and soak."""

from pathlib import Path
from typing import Annotated

import typer

from harness.analyse.result.deployment import find_safe_load
from harness.analyse.result.sizing import find_campaign_margin
from harness.campaign import rejudge
from harness.campaign.resume import describe_changes
from harness.campaign.trial_spec import count_burst_users, estimate_trial_s
from harness.campaign.trials import require_complete, run_trial
from harness.cli.ab import open_with_capacities
from harness.cli.console import DONE, NOT_MEASURED, CampaignArgument, app, say, show_report_path
from harness.cli.run import load_plan_for_users
from harness.cli.size_choice import SizeOption, choose_size, refuse_size, require_size
from harness.cli.trial_progress import TrialProgress
from harness.errors import InputError, UsageError
from harness.model import CampaignResult, CellResult, Plan, Verdict
from harness.model.trials import Burst, BurstAsk, LongSoak, SoakAsk, Trial, TrialAsk
from harness.plan import parse_burst_length, parse_factor, parse_soak_length, plan_from_json
from harness.report import build_view, render_report, write_recommendation
from harness.report.view.text import format_duration, format_estimate, format_size, format_users
from harness.report.view.trials import describe_trial
from harness.store import CampaignFolder

_Users = Annotated[
    int | None,
    typer.Option(
        "--users",
        min=1,
        max=1_000_000,
        help="The users to hold; by default those of the campaign, or the safe load of a smaller size.",
        show_default=False,
    ),
]
_Matrix = Annotated[
    Path | None,
    typer.Option(
        "--matrix",
        help="The matrix that was measured; by default the file of its name here, or beside the results.",
        show_default=False,
    ),
]

_UNDO_HINT = "undo the change, or name the matrix that was measured"


@app.command("burst")
def burst(
    campaign: CampaignArgument,
    size: SizeOption = None,
    to: Annotated[str, typer.Option("--to", help="How many times the users come in the burst.")] = "3x",
    length: Annotated[str, typer.Option("--for", help="For how long they stay.")] = "60s",
    users: _Users = None,
    matrix: _Matrix = None,
) -> int:
    """Let more users come for a minute, and tell when the size is steady again.

    The outcome is stored with the campaign, and is in its page and in `harness check`. No other answer of
    the campaign changes. Exit code 2 if it can't be told.
    """
    return _try_size(campaign, size, users, matrix, BurstAsk(parse_factor(to), parse_burst_length(length)))


@app.command("soak")
def soak(
    campaign: CampaignArgument,
    size: SizeOption = None,
    length: Annotated[str, typer.Option("--for", help="For how long it is held.")] = "30m",
    users: _Users = None,
    matrix: _Matrix = None,
) -> int:
    """Hold a size for half an hour, and tell whether its memory is level and its response time steady.

    The outcome is stored with the campaign, and is in its page and in `harness check`. It counts for the
    answer where it breaks the size, or confirms one whose soak told nothing. Exit code 2 if it can't be told.
    """
    return _try_size(campaign, size, users, matrix, SoakAsk(parse_soak_length(length)))


def _try_size(campaign: Path, size: str | None, users: int | None, matrix: Path | None, ask: TrialAsk) -> int:
    """Hold a trial, write the reports again, and print what it has shown."""
    folder = open_with_capacities(campaign)
    require_complete(folder)
    stored = plan_from_json(folder.read_plan())
    require_size(stored, size)
    plan = load_measured_plan(matrix, folder, stored)
    result = rejudge(stored, folder)
    chosen = choose_size(result, size)
    base = _choose_users(result, chosen) if users is None else users
    cell = next(each for each in plan.cells if each.id == chosen.cell.id)
    say(_announce(plan, chosen, base, ask))
    answer = write_recommendation(build_view(result))
    run_trial(plan, folder, cell, base, ask, TrialProgress(say, ask))
    result = rejudge(stored, folder)
    folder.write_reports(render_report(result))
    trials = result.trials.bursts if isinstance(ask, BurstAsk) else result.trials.soaks
    say(describe_trial(trials[-1]))
    if (changed := write_recommendation(build_view(result))) != answer:
        say(changed)
    show_report_path(folder.path / "report.html")
    return DONE if _tells(trials[-1]) else NOT_MEASURED


def _tells(trial: Trial) -> bool:
    match trial:
        case Burst():
            return trial.is_told
        case LongSoak():
            return trial.step is not None and trial.step.verdict is not Verdict.INVALID


def _choose_users(result: CampaignResult, chosen: CellResult) -> int:
    """Return the campaign's users if the size sustains them, and otherwise its safe load.

    Raises:
        UsageError: the size is not known to sustain any users.
    """
    limit = result.users_limit
    if chosen.sustains(limit):
        return limit
    if not chosen.sustains(1):
        raise refuse_size(result, chosen)
    margin = find_campaign_margin(result, chosen)
    return find_safe_load(chosen, margin, result.headroom_ratio).users


def load_measured_plan(matrix: Path | None, folder: CampaignFolder, stored: Plan) -> Plan:
    """Load the plan that was measured from its matrix: the one that is named, or one with its name.

    Raises:
        UsageError: there is no such file, or it is not what was measured.
        InputError: the file that is named has mistakes.
    """
    if matrix is not None:
        plan = load_plan_for_users(matrix, stored.users_required)
        if changed := describe_changes(folder, plan):
            raise UsageError(f"{matrix}: {changed} changed since this campaign was measured", _UNDO_HINT)
        return plan
    name = stored.source.name
    found = [path for path in (Path(name), folder.path.parent.parent / name) if path.is_file()]
    changes = []
    for path in dict.fromkeys(path.resolve() for path in found):
        try:
            plan = load_plan_for_users(path, stored.users_required)
        except InputError as error:
            changes.append(f"{path}: {error.what}")
            continue
        if not (changed := describe_changes(folder, plan)):
            return plan
        changes.append(f"{path}: {changed} changed since this campaign was measured")
    hint = f"name the matrix that was measured with --matrix; its file was called {name}"
    if not changes:
        raise UsageError(f"{name}, the matrix of this campaign, is neither here nor beside its results", hint)
    raise UsageError("\n".join(changes), f"undo the change, or {hint}")


def _announce(plan: Plan, chosen: CellResult, users: int, ask: TrialAsk) -> str:
    size, total = format_size(chosen.cell.limits), format_estimate(estimate_trial_s(plan, ask))
    if isinstance(ask, BurstAsk):
        most, length = count_burst_users(users, ask.factor), format_duration(ask.for_s)
        more = f"{format_users(users)}, then {most} for {length}"
        return f"burst of {size}: {more}, then {users} until it is steady again; about {total}"
    return f"soak of {size}: {format_users(users)} for {format_duration(ask.for_s)}; about {total}"
