"""The commands that only read what is stored: report, judge, compare, size, check."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.analyse.result.comparison import (
    compare_sizes,
    find_changed_parts,
    find_machine_differences,
    find_objections,
)
from harness.analyse.result.sizing import check_requirement, compute_hour_price, recommend_size
from harness.campaign.progress import rejudge
from harness.cli.console import (
    DONE,
    NOT_MEASURED,
    NOT_MET,
    CampaignArgument,
    answer,
    app,
    out,
    relative,
    say,
    show,
)
from harness.errors import UsageError
from harness.model import CampaignResult, Plan, Slo
from harness.plan import parse_price, parse_ratio, parse_requirement, parse_slo, plan_from_json
from harness.report import (
    build_comparison,
    build_view,
    describe_check,
    describe_sizing,
    render_checks_junit,
    render_comparison,
    render_comparison_table,
    render_report,
)
from harness.store import CampaignFolder, write_text

Rates = Annotated[
    str | None,
    typer.Option("--price", help='Such as "cpu_hour=0.04 EUR, gb_hour=0.005"; else as in the matrix.'),
]
Users = Annotated[int, typer.Option("--users", min=1, help="How many users it must sustain.")]


@app.command()
def report(campaign: CampaignArgument, price: Rates = None) -> int:
    """Draw again, from stored facts."""
    folder, _, result = _judged(campaign, price)
    folder.write_reports(render_report(result))
    show(result, folder)
    return DONE


@app.command()
def judge(
    campaign: CampaignArgument,
    slo: Annotated[list[str], typer.Option(help="Such as p95=500ms, errors=0.5%, p99@/item=2s.")] = [],  # noqa: B006
) -> int:
    """Judge stored facts again, under other SLOs. Starts nothing, changes nothing that is stored."""
    folder = CampaignFolder.open(campaign)
    plan = _stored_plan(folder)
    result = rejudge(replace(plan, slos=_replaced(plan.slos, [parse_slo(text) for text in slo])), folder)
    answer(build_view(result))
    return DONE


def _replaced(stored: tuple[Slo, ...], given: list[Slo]) -> tuple[Slo, ...]:
    """The stored SLOs with the given ones in their places, or behind them."""
    keyed: dict[Any, Slo] = {(slo.indicator, slo.request_name): slo for slo in (*stored, *given)}
    return tuple(keyed.values())


def _stored_plan(folder: CampaignFolder) -> Plan:
    return plan_from_json(folder.read_plan())


def _judged(path: Path, price: str | None = None) -> tuple[CampaignFolder, Plan, CampaignResult]:
    folder = CampaignFolder.open(path)
    plan = _stored_plan(folder)
    if price is not None:
        plan = replace(plan, price=parse_price(price))
    return folder, plan, rejudge(plan, folder)


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(help="The campaign before.", metavar="BASE")],
    head: Annotated[Path, typer.Argument(help="The campaign after.", metavar="HEAD")],
    least: Annotated[str, typer.Option(help="The least change that counts.")] = "5%",
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where they are not comparable.")] = False,
) -> int:
    """Two campaigns side by side, with what is really different; exit code 3 when a size sustains less."""
    _, before, base_result = _judged(base)
    folder, after, head_result = _judged(head)
    doubts = find_objections(
        before, after, find_machine_differences(base_result.fingerprint, head_result.fingerprint)
    )
    if doubts and not anyway:
        raise UsageError(
            f"{base} and {head} are not comparable: {'; '.join(doubts)}",
            "--anyway compares them all the same",
        )
    differences = compare_sizes(base_result.cells, head_result.cells, parse_ratio(least))
    changed = find_changed_parts(before.hashes, after.hashes)
    shown = build_comparison(base_result, head_result, differences, changed, doubts)
    folder.write_reports(render_comparison(shown, differences))
    out.print(render_comparison_table(shown), markup=False, soft_wrap=True)
    out.print()
    say(shown.sentence)
    for doubt in shown.doubts:
        say(f"beware: {doubt}")
    out.print(f"report: {relative(folder.path / 'comparison.html')}", markup=False)
    return NOT_MET if shown.has_regression else DONE


@app.command()
def size(
    campaign: CampaignArgument,
    users: Users,
    headroom: Annotated[str, typer.Option(help="So much more than that, such as 30%.")] = "0%",
    price: Rates = None,
) -> int:
    """The smallest and the cheapest measured size for so many users; exit code 3 when none is enough."""
    _, plan, result = _judged(campaign, price)
    found = recommend_size(result.cells, users, parse_ratio(headroom), plan.price)
    hour = compute_hour_price(plan.price, found.take.cell) if found.take else None
    for line in describe_sizing(found, hour, plan.price.currency if plan.price else ""):
        say(line)
    return NOT_MET if found.take is None else DONE


@app.command()
def check(
    campaign: CampaignArgument,
    require: Annotated[
        list[str], typer.Option(help='Such as "users >= 400 at cpus <= 1 and memory <= 256MiB".')
    ],
    junit: Annotated[Path | None, typer.Option(help="Also write the outcome as JUnit XML.")] = None,
) -> int:
    """A gate for CI: exit code 3 when a requirement is not met, 2 when nobody knows."""
    requirements = [parse_requirement(text) for text in require]
    _, _, result = _judged(campaign)
    found = [check_requirement(result.cells, requirement) for requirement in requirements]
    for each in found:
        say(describe_check(each))
    if junit is not None:
        write_text(junit, render_checks_junit(result.target, found))
    if any(each.is_met is False for each in found):
        return NOT_MET
    return NOT_MEASURED if any(each.is_met is None for each in found) else DONE
