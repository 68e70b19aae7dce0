"""Arguments in, exit code out: the only print, the only exit."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, cast

import typer
from rich.console import Console

from harness.analyse.duration import plan_s
from harness.campaign import Campaign, Narrator
from harness.errors import HarnessError, UsageError, WorldError
from harness.live import LiveDisplay, PlainLines, in_words_s, safe
from harness.measure.generator import LocustGenerator
from harness.measure.life import World
from harness.model import CampaignResult, Plan, Slo, Status
from harness.opening import checked, created, parted, resumed, swept, the_world, unfinished
from harness.plan import content_hashes, fit, load_plan, parse_slo, plan_from_json
from harness.recall import judged_again
from harness.report import View, draw, sentence, terminal_table, view
from harness.store import CampaignFolder, campaign_name, remove_parts

DONE, USER_MISTAKE, NOT_MEASURED, INTERRUPTED = 0, 1, 2, 130

MISUSE = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])
"""The command-line library's own usage error, whichever copy of it typer brings along."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How many users does each size of your service sustain, what limits it, and which size to buy?",
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Matrix = Annotated[Path, typer.Argument(help="What is measured.", metavar="[MATRIX]")]
Results = Annotated[Path, typer.Option("--results", help="The folder of all campaigns.")]
CampaignArgument = Annotated[
    Path, typer.Argument(help="A campaign's folder, such as results/latest.", metavar="CAMPAIGN")
]


def main() -> NoReturn:
    """Run the command line; every failure has one place where it becomes words and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        code = app(standalone_mode=False)
    except MISUSE as error:
        if error.format_message():
            err.print(f"error: {safe(error.format_message())}")
        code = USER_MISTAKE
    except HarnessError as error:
        err.print(f"error: {safe(str(error))}")
        code = USER_MISTAKE if isinstance(error, UsageError) else NOT_MEASURED
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted: what was measured is kept, what was started is removed")
        code = INTERRUPTED
    sys.exit(code)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """The first time: remove what was started, draw what was measured. The second time: leave at once.

    Locust dies with us; a container that is left is removed by the next run, or by `harness clean`.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted_again)
    raise KeyboardInterrupt


def _interrupted_again(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"left at once: `make clean`, or the next run, removes what is still there\n")
    os._exit(INTERRUPTED)


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
        resume = unfinished(results, plan, _say)
    name = resume.resolve().name if resume else campaign_name(plan.target.name)
    world = the_world(name)
    plan = checked(plan, world)
    world, placement = parted(world, plan)
    with swept(world, results, _say):
        environment = {**world.host.environment(), "placement": placement}
        folder = resumed(resume, plan, environment) if resume else created(results, name, plan, environment)
        _announce(plan)
        result = _campaign(plan, folder, world)
    _show(result, folder)
    return _exit_code(result)


def _asked(matrix: Path, for_users: int | None) -> Plan:
    plan = load_plan(matrix)
    if for_users is None:
        return plan
    plan = replace(plan, users_limit=for_users, users_required=for_users)
    return replace(plan, hashes=content_hashes(plan))


def _say(text: str) -> None:
    out.print(safe(text), markup=False, soft_wrap=True)


def _announce(plan: Plan) -> None:
    for cell_id, reason in plan.skipped.items():
        out.print(f"{cell_id}: skipped: {safe(reason)}")
    count = len(plan.cells) - len(plan.skipped)
    out.print(
        f"{count} {'size' if count == 1 else 'sizes'} of {plan.target.name}, up to {plan.users_limit} users, "
        f"about {in_words_s(plan_s(plan))} of load"
    )


def _campaign(plan: Plan, folder: CampaignFolder, world: World) -> CampaignResult:
    done = len({cell_id for (cell_id, _), told in folder.story().attempts.items() if told.done})
    with _narrator(plan, done) as narrator:
        return Campaign(plan, folder, world, narrator).run()


@contextlib.contextmanager
def _narrator(plan: Plan, done: int) -> Iterator[Narrator]:
    if out.is_terminal:
        with LiveDisplay(out, plan, done) as display:
            yield display
    else:
        yield PlainLines(lambda line: out.print(safe(line), soft_wrap=True), plan, done)


def _show(result: CampaignResult, folder: CampaignFolder) -> None:
    _answer(view(result))
    out.print(f"report: {_relative(folder.path / 'report.html')}", markup=False)


def _answer(shown: View) -> None:
    """The table, the answer in a sentence, and what its reader should beware of."""
    out.print(terminal_table(shown, out.width if out.is_terminal else None), markup=False, soft_wrap=True)
    out.print()
    for line in (sentence(shown), *(f"beware: {warning}" for warning in shown.warnings)):
        out.print(line, markup=False)


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path


def _exit_code(result: CampaignResult) -> int:
    """`failed` is an answer about a size; `invalid` and a bracket wider than asked for are none, nor is a
    matrix in which no size came up at all.
    """
    measured = [cell for cell in result.cells if cell.status is not Status.SKIPPED]
    spoiled = any(cell.status in (Status.INVALID, Status.RUNNING) or cell.cut_short for cell in measured)
    hopeless = all(cell.status is Status.FAILED for cell in measured)
    return NOT_MEASURED if spoiled or hopeless else DONE


@app.command("plan")
def plan_(matrix: Matrix = Path("matrix.yaml")) -> int:
    """The cells, what will be skipped and why, how long. Starts nothing."""
    plan = load_plan(matrix)
    LocustGenerator().inspect(plan.scenario)
    plan, known = _fitted_if_possible(plan)
    for cell in plan.cells:
        limits = cell.limits
        skipped = f"  skipped: {plan.skipped[cell.id]}" if cell.id in plan.skipped else ""
        size = f"{limits.cpu_cores:g} CPU, {limits.memory_bytes / 2**20:g} MiB"
        out.print(f"{cell.id}  {size}{safe(skipped)}", soft_wrap=True)
    if not known:
        out.print("no engine answers: whether these sizes fit its host is not known yet (make engine)")
    out.print(f"up to {plan.users_limit} users each, about {in_words_s(plan_s(plan))} of load in all")
    return DONE


def _fitted_if_possible(plan: Plan) -> tuple[Plan, bool]:
    try:
        engine = the_world("plan").host.environment()["engine"]
    except WorldError:
        return plan, False
    return fit(plan, engine["cores"], engine["memory_bytes"]), True


@app.command()
def report(campaign: CampaignArgument) -> int:
    """Draw again, from stored facts."""
    folder = CampaignFolder.open(campaign)
    result = judged_again(_stored_plan(folder), folder)
    folder.write_reports(draw(result))
    _show(result, folder)
    return DONE


@app.command()
def judge(
    campaign: CampaignArgument,
    slo: Annotated[list[str], typer.Option(help="Such as p95=500ms, errors=0.5%, p99@/item=2s.")] = [],  # noqa: B006
) -> int:
    """Judge stored facts again, under other SLOs. Starts nothing, changes nothing that is stored."""
    folder = CampaignFolder.open(campaign)
    plan = _stored_plan(folder)
    result = judged_again(replace(plan, slos=_replaced(plan.slos, [parse_slo(text) for text in slo])), folder)
    _answer(view(result))
    return DONE


def _replaced(stored: tuple[Slo, ...], given: list[Slo]) -> tuple[Slo, ...]:
    """The stored SLOs with the given ones in their places, or behind them."""
    keyed: dict[Any, Slo] = {(slo.indicator, slo.request_name): slo for slo in (*stored, *given)}
    return tuple(keyed.values())


def _stored_plan(folder: CampaignFolder) -> Plan:
    return plan_from_json(folder.plan())


@app.command()
def clean(results: Results = Path("results")) -> int:
    """Remove what the harness left: containers and networks, by label, and half-written files."""
    host = the_world("harness clean").host
    with host.reserved():
        removed = host.remove_leftovers() + [str(path) for path in remove_parts(results)]
    for name in removed:
        out.print(f"removed {safe(name)}")
    out.print(f"{len(removed)} removed" if removed else "nothing of ours was left")
    return DONE
