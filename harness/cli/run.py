"""The commands that touch the world: run, plan, doctor, clean."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.analyse.search.time_estimate import estimate_plan_s
from harness.campaign.preflight import (
    Worlds,
    build_fingerprint,
    check_plan,
    clean_engines,
    connect_backends,
    create_campaign,
    find_unfinished,
    fitted_to,
    reopen_campaign,
    separate_cores,
)
from harness.campaign.scheduler import CampaignListener, Scheduler
from harness.cli.console import DONE, NOT_MEASURED, Results, app, out, say, show
from harness.cli.progress import LineProgress, LiveProgress, in_words_s, safe
from harness.errors import WorldError
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.local_workers import build_worker_command
from harness.model import CampaignResult, EngineWorkers, ExternalWorkers, Plan, Status
from harness.plan import hash_contents, load_plan
from harness.store import CampaignFolder, build_campaign_name

Matrix = Annotated[Path, typer.Argument(help="What is measured.", metavar="[MATRIX]")]


@app.command()
def run(
    matrix: Matrix = Path("matrix.yaml"),
    results: Results = Path("results"),
    resume: Annotated[Path | None, typer.Option(help="Go on with this campaign.", metavar="CAMPAIGN")] = None,
    for_users: Annotated[
        int | None, typer.Option(min=1, help="Only find the smallest sizes that sustain so many users.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew, even where one was interrupted.")
    ] = False,
) -> int:
    """Measure; the table and the report at the end. Goes on where the newest campaign was interrupted."""
    plan = _asked(matrix, for_users)
    if resume is None and not fresh:
        resume = find_unfinished(results, plan, say)
    name = resume.resolve().name if resume else build_campaign_name(plan.target.name)
    worlds = connect_backends(name, plan)
    plan = check_plan(plan, worlds)
    worlds, placement = separate_cores(worlds, plan)
    with clean_engines(worlds, results, say):
        environment = build_fingerprint(worlds, placement)
        folder = (
            reopen_campaign(resume, plan, environment)
            if resume
            else create_campaign(results, name, plan, environment)
        )
        _announce(plan)
        result = _campaign(plan, folder, worlds)
    show(result, folder)
    return _exit_code(result)


def _asked(matrix: Path, for_users: int | None) -> Plan:
    plan = load_plan(matrix)
    if for_users is None:
        return plan
    plan = replace(plan, users_limit=for_users, users_required=for_users)
    return replace(plan, hashes=hash_contents(plan))


def _announce(plan: Plan) -> None:
    for note in plan.notes:
        say(f"note: {note}")
    if isinstance(plan.load, ExternalWorkers):
        say(f"{plan.load.workers} workers are waited for; start each on its host with:")
        say(f"  {build_worker_command(plan.scenario, plan.load)}")
    if isinstance(plan.load, EngineWorkers):
        many = "as many as are needed" if plan.load.workers is None else plan.load.workers
        say(f"Locust's workers ({many}) run in containers on the engines that the load names")
    for cell_id, reason in plan.skipped.items():
        out.print(f"{cell_id}: skipped: {safe(reason)}")
    count = len(plan.cells) - len(plan.skipped)
    out.print(
        f"{count} {'size' if count == 1 else 'sizes'} of {plan.target.name}, up to {plan.users_limit} users, "
        f"about {in_words_s(estimate_plan_s(plan))} of load"
    )


def _campaign(plan: Plan, folder: CampaignFolder, worlds: Worlds) -> CampaignResult:
    done = len({cell_id for (cell_id, _), told in folder.read_log().attempts.items() if told.is_done})
    with _narrator(plan, done) as narrator:
        return Scheduler(plan, folder, worlds, narrator).run()


@contextlib.contextmanager
def _narrator(plan: Plan, done: int) -> Iterator[CampaignListener]:
    if out.is_terminal:
        with LiveProgress(out, plan, done) as display:
            yield display
    else:
        yield LineProgress(lambda line: out.print(safe(line), soft_wrap=True), plan, done)


def _exit_code(result: CampaignResult) -> int:
    """`failed` is an answer about a size; `invalid` and a bracket wider than asked for are none, nor is a
    matrix in which no size came up at all.
    """
    measured = [cell for cell in result.cells if cell.status is not Status.SKIPPED]
    spoiled = any(cell.status in (Status.INVALID, Status.RUNNING) or cell.stop_reason for cell in measured)
    hopeless = all(cell.status is Status.FAILED for cell in measured)
    return NOT_MEASURED if spoiled or hopeless else DONE


@app.command("plan")
def plan_(matrix: Matrix = Path("matrix.yaml")) -> int:
    """The cells, what will be skipped and why, how long. Starts nothing."""
    plan = load_plan(matrix)
    LocustGenerator().find_user_classes(plan.scenario)
    for note in plan.notes:
        say(f"note: {note}")
    plan, known = _fitted_if_possible(plan)
    for cell in plan.cells:
        limits = cell.limits
        skipped = f"  skipped: {plan.skipped[cell.id]}" if cell.id in plan.skipped else ""
        size = f"{limits.times}{limits.cpu_cores:g} CPU, {limits.memory_bytes / 2**20:g} MiB"
        out.print(f"{cell.id}  {size}{safe(skipped)}", soft_wrap=True)
    if not known:
        out.print("no engine answers: whether these sizes fit its host is not known yet (make engine)")
    out.print(
        f"up to {plan.users_limit} users each, about {in_words_s(estimate_plan_s(plan))} of load in all"
    )
    return DONE


def _fitted_if_possible(plan: Plan) -> tuple[Plan, bool]:
    try:
        engines = [world.host.read_fingerprint().engine for world in connect_backends("plan", plan).values()]
    except WorldError:
        return plan, False
    return fitted_to(engines, plan), True
