"""The command run, which measures, and the command plan, which shows what run would measure."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.analyse.search.time_estimate import estimate_lanes, estimate_plan
from harness.campaign import CampaignListener, ignore_folder, run_campaign
from harness.campaign.preflight import count_lanes, fit_to_engines
from harness.cli.console import (
    DONE,
    NOT_MEASURED,
    ResultsOption,
    app,
    can_redraw,
    out,
    say,
    show_campaign,
)
from harness.cli.progress import LineProgress, LiveProgress
from harness.cli.watch import build_page_opener
from harness.errors import BackendError, UsageError
from harness.measure.locust.generator import LocustGenerator
from harness.model import CampaignResult, Plan, Status
from harness.plan import hash_contents, load_plan
from harness.report.view.text import (
    format_duration,
    format_estimate,
    format_seconds,
    format_size,
    format_users,
)
from harness.report.view.variant_text import describe_variant

MatrixArgument = Annotated[
    Path, typer.Argument(help="The matrix file: the target, its sizes, users and SLOs.", metavar="MATRIX")
]


@app.command("run")
def run(
    matrix: MatrixArgument = Path("matrix.yaml"),
    results: ResultsOption = Path("results"),
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Resume the campaign in this folder; by default the newest one, if it was interrupted.",
            metavar="CAMPAIGN",
        ),
    ] = None,
    for_users: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Find only the smallest sizes that sustain this many users, not the capacity of every size.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start a new campaign even if the newest one was interrupted.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Serve a page on 127.0.0.1 that shows the campaign while it runs.")
    ] = False,
) -> int:
    """Measure every size of a matrix, then show the table and write the report.

    Resumes the newest campaign if it was interrupted. Exit code 2 if a size could not be measured.
    """
    if resume is not None and fresh:
        raise UsageError("--resume and --fresh are mutually exclusive", "keep one of them")
    plan = load_plan_for_users(matrix, for_users)
    with contextlib.ExitStack() as pages:
        on_folder = build_page_opener(pages) if live else ignore_folder
        with open_listener() as listener:
            result, folder = run_campaign(
                plan, results, listener, resume=resume, fresh=fresh, on_folder=on_folder
            )
        show_campaign(result, folder)
    return _choose_exit_code(result)


def load_plan_for_users(matrix: Path, for_users: int | None) -> Plan:
    """Load the plan of a matrix; with `for_users`, one that only finds the sizes for that many users."""
    plan = load_plan(matrix)
    if for_users is None:
        return plan
    plan = replace(plan, users_limit=for_users, users_required=for_users)
    return replace(plan, hashes=hash_contents(plan))


@contextlib.contextmanager
def open_listener() -> Iterator[CampaignListener]:
    """Show a campaign until exit: in a terminal as a live display, otherwise as plain lines."""
    if can_redraw():
        with LiveProgress(out) as display:
            yield display
    else:
        yield LineProgress(say)


def _choose_exit_code(result: CampaignResult) -> int:
    """Return NOT_MEASURED if a size has no answer or too wide a bracket, or if every size failed.

    Otherwise a size that failed is an answer: it is too small.
    """
    cells = [cell for cell in result.cells if cell.status is not Status.SKIPPED]
    is_incomplete = any(
        cell.status in (Status.INVALID, Status.RUNNING) or cell.stop_reason is not None for cell in cells
    )
    has_only_failed = all(cell.status is Status.FAILED for cell in cells)
    return NOT_MEASURED if is_incomplete or has_only_failed else DONE


@app.command("plan")
def show_plan(matrix: MatrixArgument = Path("matrix.yaml")) -> int:
    """Show which sizes would be measured, which skipped and why, and how long it takes. Starts nothing."""
    plan = load_plan(matrix)
    pause_s = LocustGenerator().find_users(plan.scenario, plan.users_limit).pause_s or 0.0
    for note in plan.notes:
        say(f"note: {note}")
    try:
        plan, is_fitted = fit_to_engines(plan), True
    except BackendError:
        is_fitted = False
    for line in _describe_cells(plan):
        say(line)
    if not is_fitted:
        say("no engine answers, so it is not known whether these sizes fit its host")
    lanes = count_lanes(plan) if plan.parallel != 1 and is_fitted else None
    slow, note = fit_to_pause(plan, pause_s)
    say(describe_time(slow))
    say(note)
    if lanes is not None:
        say(describe_lanes(slow, *lanes))
    steady_s = plan.timing.steady_at_most_s
    if steady_s > plan.timing.window_at_least_s:
        wait = f"a window waits for up to {format_estimate(steady_s)} until the memory is known to last"
        say(f"longer where memory grows: {wait}")
    return DONE


def fit_to_pause(plan: Plan, pause_s: float) -> tuple[Plan, str]:
    """Return the plan with the longer steps that users with such pauses need, and what to note about it."""
    timing = plan.timing.stretch(pause_s)
    if timing == plan.timing:
        return plan, (
            "longer if users think for more than a few seconds: a window is five times as long as from a "
            "user's request to the next"
        )
    return replace(plan, timing=timing), (
        f"users pause for {format_seconds(pause_s)} between two tasks, so a window takes "
        f"{format_duration(timing.window_at_least_s)} at least; less if a task makes several requests"
    )


def describe_time(plan: Plan) -> str:
    """Return how long the plan takes, and what the time goes into, the longest first."""
    estimate = estimate_plan(plan)
    parts = {
        "windows": estimate.window_s,
        "waiting until memory lasts": estimate.memory_s,
        "ramps": estimate.ramp_s,
        "settling": estimate.settle_s,
        "containers": estimate.container_s,
        "the soak at the end": estimate.soak_s,
    }
    longest = sorted(parts, key=lambda name: parts[name], reverse=True)
    spent = ", ".join(f"{name} {format_estimate(parts[name])}" for name in longest if parts[name] > 0)
    total = format_estimate(estimate.total_s)
    engines = f" on {len(plan.engines)} engines" if len(plan.engines) > 1 else ""
    said = f"up to {format_users(plan.users_limit)} each, about {total} in all{engines}"
    return said + (f": {spent}" if spent else "")


def describe_lanes(plan: Plan, count: int, reason: str) -> str:
    """Return how long the plan takes with so many sizes at once, or the reason why there is only one."""
    if count == 1:
        return f"one size at a time: {reason}"
    total = format_estimate(estimate_lanes(plan, count).total_s)
    return f"about {total} if {count} sizes at once don't disturb each other, as a check at the start tells"


def _describe_cells(plan: Plan) -> Iterator[str]:
    """Return a line for each cell: its id, its size, what its variant sets, and why it is skipped.

    They are in columns.
    """
    sizes = {cell.id: format_size(cell.limits) for cell in plan.cells}
    sets = {cell.id: describe_variant(cell.variant) for cell in plan.cells if cell.variant is not None}
    id_width, size_width = max(map(len, sizes)), max(map(len, sizes.values()))
    for cell_id, size in sizes.items():
        reason = f"skipped: {plan.skipped[cell_id]}" if cell_id in plan.skipped else ""
        notes = "  ".join(note for note in (sets.get(cell_id, ""), reason) if note)
        yield f"{cell_id:<{id_width}}  {size:<{size_width}}  {notes}".rstrip()
