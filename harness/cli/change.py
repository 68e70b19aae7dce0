"""The commands of a pipeline: change measures base and head of a change, comment tells what came of it."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.analyse.result.change import judge_change
from harness.analyse.result.sizing import check_requirement
from harness.campaign import run_campaign
from harness.cli.console import DONE, NOT_MEASURED, NOT_MET, ResultsOption, app, say, show_campaign
from harness.cli.results import compare_folders
from harness.cli.run import MatrixArgument, open_listener
from harness.errors import HarnessError, InputError, PublishError, UsageError
from harness.model import CampaignResult, ChangeVerdict, Difference, Plan, Requirement
from harness.plan import load_plan, parse_ratio, parse_requirement
from harness.plan.base_tree import check_out_base, find_commit, find_repository
from harness.publish import build_comment, choose_host, publish_comment
from harness.report import ChangeView, ComparisonView, build_view, render_change
from harness.store import CampaignFolder, write_text

CHANGE_FILE = "change.md"
_SHOWN_DIGITS = 10
_EXIT_CODES = {
    ChangeVerdict.NOT_MET: NOT_MET,
    ChangeVerdict.LESS: NOT_MET,
    ChangeVerdict.INCONCLUSIVE: NOT_MEASURED,
    ChangeVerdict.NEW: DONE,
    ChangeVerdict.SAME: DONE,
    ChangeVerdict.MORE: DONE,
}


@app.command("change")
def change(
    base: Annotated[
        str,
        typer.Option(
            help="The commit before the change, such as origin/main; it is fetched if this clone lacks it.",
            show_default=False,
        ),
    ],
    matrix: MatrixArgument = Path("matrix.yaml"),
    results: ResultsOption = Path("results"),
    threshold: Annotated[
        str, typer.Option(help="The smallest change of the sustained users that counts.")
    ] = "5%",
    require: Annotated[
        list[str],
        typer.Option(
            help="A requirement on the changed target, as for `harness check`; may be repeated, or hold one "
            "in each line.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
) -> int:
    """Measure the base and the head of a change by the same matrix, compare them, and write change.md.

    The head is this folder as it is. Exit code 3 if a size sustains fewer users or a requirement is not
    met, 2 if inconclusive.
    """
    threshold_ratio = parse_ratio(threshold)
    requirements = [parse_requirement(line) for text in require for line in text.splitlines() if line.strip()]
    unfinished = "Its measurement has not ended. The log of this run says why."
    _write_change(results, ChangeView(base, "HEAD", problems=[unfinished]))
    try:
        view = _measure_change(load_plan(matrix), base, results, threshold_ratio, requirements)
    except HarnessError as error:
        _write_change(results, ChangeView(base, "HEAD", problems=[str(error)]))
        raise
    _write_change(results, view)
    say(f"change: {results / CHANGE_FILE}")
    return _EXIT_CODES[view.verdict] if view.verdict else NOT_MEASURED


def _write_change(results: Path, view: ChangeView) -> None:
    results.mkdir(parents=True, exist_ok=True)
    write_text(results / CHANGE_FILE, render_change(view))


def _measure_change(
    plan: Plan, base: str, results: Path, threshold_ratio: float, requirements: Sequence[Requirement]
) -> ChangeView:
    """Measure base and head, and return what the change does.

    Raises HarnessError if the head could not be measured, or if there is no such base.
    """
    top = find_repository(plan.source)
    before, head = find_commit(top, base), find_commit(top, "HEAD")
    base_folder, base_problem, is_new = _measure_base(plan, before, results)
    say("the head of the change:")
    result, folder = _measure(plan, results)
    differences: tuple[Difference, ...] | None = None
    comparison: ComparisonView | None = None
    problems = [base_problem] if base_problem else []
    if base_folder is not None:
        try:
            _, comparison, differences = compare_folders(base_folder, folder.path, threshold_ratio)
        except UsageError as error:
            problems.append(error.what)
    checks = [check_requirement(result.cells, requirement) for requirement in requirements]
    return ChangeView(
        before[:_SHOWN_DIGITS],
        head[:_SHOWN_DIGITS],
        plan.target.name,
        judge_change(differences, checks, is_new=is_new),
        comparison,
        checks,
        build_view(result),
        problems,
    )


def _measure_base(plan: Plan, commit: str, results: Path) -> tuple[Path | None, str, bool]:
    """Measure the base; return its campaign, or None with the reason, and whether it has no target at all."""
    with check_out_base(plan, commit) as matrix:
        say("the base of the change:")
        try:
            _, folder = _measure(load_plan(matrix), results)
        except InputError as error:
            return None, f"The base has no target that this matrix can measure: {error}", True
        except HarnessError as error:
            return None, f"The base could not be measured: {error.what}", False
    return folder.path, "", False


def _measure(plan: Plan, results: Path) -> tuple[CampaignResult, CampaignFolder]:
    with open_listener() as listener:
        result, folder = run_campaign(plan, results, listener, fresh=True)
    show_campaign(result, folder)
    return result, folder


@app.command("comment")
def comment(
    file: Annotated[
        Path, typer.Argument(help="The text, such as change.md or a campaign's summary.md.", metavar="FILE")
    ] = Path("results") / CHANGE_FILE,
    name: Annotated[
        str, typer.Option(help="What tells this comment from others of the harness on the same change.")
    ] = "capacity",
    page: Annotated[
        str | None, typer.Option(help="The address of the report, to link to.", show_default=False)
    ] = None,
) -> int:
    """Keep one comment on a pull request or merge request up to date; also write GitHub's step summary.

    For pipelines of GitHub and GitLab. Where the token may not comment, as for forks, it says so and ends
    well.
    """
    _check_comment(name, page)
    text = build_comment(_read_text(file), page)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(text)
    host = choose_host(os.environ)
    if isinstance(host, str):
        say(f"no comment: {host}")
        return DONE
    try:
        with host as comments:
            written = publish_comment(comments, name, text)
    except PublishError as error:
        reason = "; a change from a fork gets a token that may not comment" if error.is_forbidden else ""
        say(f"no comment: {error.what}{reason}")
        return DONE
    say(f"comment {'written' if written.is_new else 'updated'}: {written.address}")
    return DONE


def _check_comment(name: str, page: str | None) -> None:
    """Raise UsageError if the name or the address could break the comment's Markdown."""
    if not re.fullmatch(r"[\w. -]{1,60}", name, re.ASCII):
        raise UsageError(
            f"--name {name!r} is not a name", "use letters, digits, blanks, dots and dashes, at most 60"
        )
    if page and not re.fullmatch(r"https?://[^\s()<>\[\]]{1,2000}", page):
        raise UsageError(f"--page {page!r} is not an address", "write https://…")


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{file}: {reason}", "`harness change` writes results/change.md") from None
