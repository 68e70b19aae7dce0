"""The commands that read stored campaigns: report, judge, compare, size, check."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.analyse.result.change import judge_change
from harness.analyse.result.comparison import (
    compare_sizes,
    find_changed_parts,
    find_doubts,
    find_machine_differences,
    has_changed_variants,
)
from harness.analyse.result.growth import add_growth, assess_growth, choose_size
from harness.analyse.result.host_speed import find_common_speed
from harness.analyse.result.sizing import compute_hour_price, recommend_size
from harness.analyse.result.trial_checks import check_any_requirement
from harness.campaign import rejudge
from harness.cli.ab import open_with_capacities, show_stored_comparison
from harness.cli.console import (
    DONE,
    NOT_MEASURED,
    NOT_MET,
    CampaignArgument,
    app,
    out,
    say,
    show_answer,
    show_campaign,
    show_report_path,
)
from harness.errors import UsageError
from harness.model import (
    CampaignResult,
    CampaignState,
    ChangeVerdict,
    Difference,
    Growth,
    IndicatorKind,
    Plan,
    Rule,
    Sizing,
    Slo,
    is_same_request,
)
from harness.plan import (
    find_price_note,
    parse_any_requirement,
    parse_growth,
    parse_price,
    parse_ratio,
    parse_slo,
    plan_from_json,
)
from harness.report import (
    ComparisonView,
    build_comparison,
    build_view,
    describe_check,
    describe_sizing,
    explain_doubt,
    render_brief,
    render_brief_text,
    render_checks_junit,
    render_comparison,
    render_comparison_table,
    render_growth,
    render_report,
)
from harness.report.view.growth import build_growth_view, describe_replicas
from harness.report.view.rare_requests import list_names, suggest_name
from harness.report.view.text import format_duration, format_slo
from harness.store import CampaignFolder, write_text

CHANGE_CODES = {
    ChangeVerdict.NOT_MET: NOT_MET,
    ChangeVerdict.LESS: NOT_MET,
    ChangeVerdict.INCONCLUSIVE: NOT_MEASURED,
    ChangeVerdict.NEW: DONE,
    ChangeVerdict.SAME: DONE,
    ChangeVerdict.MORE: DONE,
}
"""The exit codes of what a change does to a target."""

_Prices = Annotated[
    str | None,
    typer.Option(
        "--price",
        help='Prices per hour, such as "cpu_hour=0.04 EUR, gib_hour=0.005"; by default those of the matrix.',
    ),
]
_Users = Annotated[int, typer.Option("--users", min=1, help="The users that the size must sustain.")]
_Growth = Annotated[
    str | None,
    typer.Option(
        "--growth",
        help="How fast the users grow, such as 8%/month or 2x/year: shows which size to take from when on.",
        show_default=False,
    ),
]


@app.command("report")
def report(
    campaign: CampaignArgument,
    price: _Prices = None,
    growth: _Growth = None,
    brief: Annotated[
        bool,
        typer.Option("--brief", help="Show what to decide from on one page, and write it as brief.html too."),
    ] = False,
) -> int:
    """Judge a stored campaign again and write its report; a comparison of two versions shows its answer."""
    monthly_ratio = parse_growth(growth) if growth is not None else None
    is_plain = price is None and growth is None and not brief
    if is_plain and show_stored_comparison(CampaignFolder.open(campaign)):
        return DONE
    folder, plan, result = _rejudge_campaign(campaign, price)
    result = write_report(folder, plan, result, monthly_ratio)
    if brief:
        view = build_view(result)
        folder.write_reports({"brief.html": render_brief(view)})
        say(render_brief_text(view))
        show_report_path(folder.path / "brief.html")
        return DONE
    show_campaign(result, folder)
    if monthly_ratio is not None:
        _show_growth(result, result.growth)
    return DONE


def write_report(
    folder: CampaignFolder, plan: Plan, result: CampaignResult, monthly_ratio: float | None
) -> CampaignResult:
    """Write the report of a campaign, and return what it says; once more if the campaign ended meanwhile."""
    if monthly_ratio is not None:
        result = add_growth(result, monthly_ratio)
    folder.write_reports(render_report(result))
    if result.state is CampaignState.RUNNING and folder.read_state() is not CampaignState.RUNNING:
        return write_report(folder, plan, rejudge(plan, folder), monthly_ratio)
    return result


def _show_growth(result: CampaignResult, growth: Growth | None) -> None:
    out.print()
    say(render_growth(build_growth_view(result, growth)))


@app.command("judge")
def judge(
    campaign: CampaignArgument,
    slo: Annotated[
        list[str],
        typer.Option(
            help="An SLO to judge by, such as p95=500ms, errors=0.5% or p99@/item=2s; may be repeated. It "
            "replaces the stored SLO of the same indicator; all other SLOs remain.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
) -> int:
    """Judge a stored campaign by other SLOs and show the answer. Starts nothing and changes no file."""
    folder = open_with_capacities(campaign)
    plan = plan_from_json(folder.read_plan())
    replacements = [parse_slo(text) for text in slo]
    slos = _replace_slos(plan.slos, replacements)
    result = rejudge(replace(plan, slos=slos), folder)
    _refuse_longer_slo(slos, result)
    for replacement in replacements:
        _refuse_unknown_name(replacement, result)
    show_answer(build_view(result))
    return DONE


def _refuse_unknown_name(slo: Slo, result: CampaignResult) -> None:
    """Raise UsageError if the SLO is on a request name that no window of the campaign holds.

    Nothing is refused if no window holds a request at all.
    """
    steps = (step for cell in result.cells for step in cell.steps)
    names = tuple(sorted({stats.name for step in steps for stats in step.by_name}))
    if slo.request_name is None or not names:
        return
    if not any(is_same_request(slo.request_name, name) for name in names):
        raise UsageError(
            f"--slo {slo.indicator}@{slo.request_name}: no window of this campaign holds a request "
            f"named {slo.request_name}{suggest_name(slo.request_name, names)}",
            f"its requests are {list_names(names)}",
        )


def _refuse_longer_slo(slos: Sequence[Slo], result: CampaignResult) -> None:
    """Raise UsageError if no stored window is longer than the slowest response time that an SLO allows."""
    steps = [step for cell in result.cells for step in cell.steps if step.rule is Rule.NO_DATA]
    is_judged = any(step.window_s > 0 for cell in result.cells for step in cell.steps)
    slowest = max((slo for slo in slos if slo.is_response_time), key=lambda slo: slo.at_most, default=None)
    if slowest is None or not steps or is_judged:
        return
    longest_s = max(step.load_s for step in steps)
    raise UsageError(
        f"{format_slo(slowest)} can't be judged: no step was held for so long, the longest for "
        f"{format_duration(longest_s)}",
        f"if milliseconds are meant, write {slowest.indicator}={slowest.at_most:g}ms; otherwise measure "
        "again, with this SLO in the matrix",
    )


def _replace_slos(stored: tuple[Slo, ...], replacements: list[Slo]) -> tuple[Slo, ...]:
    """Return the stored SLOs, each replaced by the last one for the same indicator and request name.

    A replacement without a stored SLO is appended. One on the errors that load adds replaces the one on
    all errors of the same requests.
    """
    added = {slo.request_name for slo in replacements if slo.kind is IndicatorKind.ADDED_ERRORS}
    kept = [slo for slo in stored if slo.kind is not IndicatorKind.ERRORS or slo.request_name not in added]
    keyed: dict[Any, Slo] = {(slo.indicator, slo.request_name): slo for slo in (*kept, *replacements)}
    return tuple(keyed.values())


def _rejudge_campaign(path: Path, price: str | None = None) -> tuple[CampaignFolder, Plan, CampaignResult]:
    """Return a campaign's folder, its plan with these prices, and its answer; None: the plan's own prices."""
    folder, plan = _open_campaign(path)
    if price is not None:
        is_of_list = plan.price is not None and plan.price.has_fixed_sizes
        plan = replace(plan, price=replace(parse_price(price), is_of_list=is_of_list))
        if note := find_price_note(price):
            say(f"note: --price: {note}")
    return folder, plan, rejudge(plan, folder)


def _open_campaign(path: Path) -> tuple[CampaignFolder, Plan]:
    folder = open_with_capacities(path)
    return folder, plan_from_json(folder.read_plan())


@app.command("compare")
def compare(
    base: Annotated[Path, typer.Argument(help="The campaign before the change: its folder.", metavar="BASE")],
    head: Annotated[Path, typer.Argument(help="The campaign after the change: its folder.", metavar="HEAD")],
    threshold: Annotated[
        str, typer.Option(help="The smallest change of the sustained users that counts.")
    ] = "5%",
    force: Annotated[
        bool, typer.Option("--force", help="Compare even if the campaigns are not comparable.")
    ] = False,
    # The former spellings of --threshold and --force; to be removed after the next release.
    least: Annotated[str | None, typer.Option(hidden=True)] = None,
    anyway: Annotated[bool, typer.Option("--anyway", hidden=True)] = False,
) -> int:
    """Compare two campaigns size by size, with uncertainty; exit code 3 if a size sustains fewer users.

    Exit code 2 if none does, and some size is inconclusive.
    """
    threshold_ratio = parse_ratio(least or threshold)
    folder, view, differences = compare_folders(base, head, threshold_ratio, force=force or anyway)
    _show_comparison(view)
    show_report_path(folder.path / "comparison.html")
    return CHANGE_CODES[judge_change(differences, ())]


def compare_folders(
    base: Path, head: Path, threshold_ratio: float, *, force: bool = False
) -> tuple[CampaignFolder, ComparisonView, tuple[Difference, ...]]:
    """Compare two campaigns and write the comparison into the folder of the second, which is returned too.

    Raises UsageError if they are not comparable, unless `force` is True.
    """
    (base_folder, before), (folder, after) = _open_campaign(base), _open_campaign(head)
    base_result, head_result = rejudge(before, base_folder), rejudge(after, folder)
    machine_differences = find_machine_differences(base_result.fingerprint, head_result.fingerprint)
    doubts = find_doubts(before, after, machine_differences)
    if doubts and not force:
        reasons = "; ".join(explain_doubt(doubt) for doubt in doubts)
        raise UsageError(
            f"{base} and {head} are not comparable: {reasons}", "--force compares them nevertheless"
        )
    changed = find_changed_parts(before.hashes, after.hashes)
    images, others = _read_images(base_folder), _read_images(folder)
    if images and others and images != others:
        changed.append("image")
    speed = None  # the pace of one machine says nothing about another
    if not machine_differences:
        is_alike = images == others and "target" not in changed
        is_same_image = bool(images) and is_alike and not has_changed_variants(before, after)
        speed = find_common_speed(base_result.cells, head_result.cells, is_same_image=is_same_image)
    differences = compare_sizes(base_result.cells, head_result.cells, threshold_ratio, speed)
    view = build_comparison(base_result, head_result, differences, changed, doubts)
    folder.write_reports(render_comparison(view, differences))
    return folder, view, differences


def _read_images(folder: CampaignFolder) -> set[str]:
    """Return the digests of the images that a campaign ran."""
    return set(folder.read_log().images.values())


def _show_comparison(view: ComparisonView) -> None:
    out.print(render_comparison_table(view), markup=False, soft_wrap=True)
    out.print()
    say(view.sentence)
    for remark in view.remarks:
        say(remark)
    say(f"Changed between the two: {'; '.join(view.changed) or 'nothing that was recorded'}.")
    for reason in view.doubts:
        say(f"warning: {reason}")


@app.command("size")
def size(
    campaign: CampaignArgument,
    users: _Users,
    headroom: Annotated[str, typer.Option(help="Users to allow for beyond --users, such as 30%.")] = "0%",
    price: _Prices = None,
    growth: _Growth = None,
) -> int:
    """Name the smallest and the cheapest measured size for this many users; exit code 3 if none is enough.

    Exit code 2 if nothing tells whether a size keeps the headroom.
    """
    headroom_ratio = parse_ratio(headroom)
    monthly_ratio = parse_growth(growth) if growth is not None else None
    _, plan, result = _rejudge_campaign(campaign, price)
    sizing = recommend_size(result.cells, users, headroom_ratio, plan.price, plan.slos, result.drift)
    hour_price = compute_hour_price(plan.price, sizing.recommended.cell) if sizing.recommended else None
    for line in describe_sizing(sizing, hour_price, plan.price.currency if plan.price else ""):
        say(line)
    if not headroom_ratio and plan.headroom_ratio:
        asked = f"{100 * plan.headroom_ratio:.4g}%"
        say(f"This leaves no headroom. The campaign's own answer does: --headroom {asked}.")
    grown = assess_growth(result, users, headroom_ratio, monthly_ratio)
    if replicas := describe_replicas(choose_size(grown, users, headroom_ratio), result):
        say(replicas)
    if monthly_ratio is not None:
        _show_growth(result, grown)
    return choose_exit_code(sizing)


def choose_exit_code(sizing: Sizing) -> int:
    """Return the exit code of the answer: inconclusive if nothing tells whether a size keeps the headroom."""
    if not sizing.knows_headroom:
        return NOT_MEASURED
    return DONE if sizing.recommended is not None and sizing.keeps_headroom else NOT_MET


@app.command("check")
def check(
    campaign: CampaignArgument,
    require: Annotated[
        list[str],
        typer.Option(
            help='A requirement, such as "users >= 400 at cpus <= 1 and memory <= 256MiB", "recovers within '
            '60s" or "memory level"; may be repeated.'
        ),
    ],
    junit: Annotated[
        Path | None, typer.Option(help="Also write the outcome as JUnit XML to this file.")
    ] = None,
) -> int:
    """Check requirements, as a gate for CI: exit code 3 if one is not met, 2 if inconclusive."""
    requirements = [parse_any_requirement(text) for text in require]
    _, _, result = _rejudge_campaign(campaign)
    checks = [check_any_requirement(result, requirement) for requirement in requirements]
    for each in checks:
        say(describe_check(each))
    if junit is not None:
        write_text(junit, render_checks_junit(result.target, checks))
    if any(each.is_met is False for each in checks):
        return NOT_MET
    return NOT_MEASURED if any(each.is_met is None for each in checks) else DONE
