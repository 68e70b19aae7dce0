"""The commands of a pipeline: change measures base and head of a change, comment tells what came of it."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.analyse.result.change import judge_change, judge_pairs
from harness.analyse.result.sizing import check_requirement
from harness.campaign import run_campaign
from harness.cli.ab import parse_least
from harness.cli.change_pairs import PairsAsked, check_size, compare_in_pairs
from harness.cli.console import DONE, NOT_MEASURED, ResultsOption, app, say, show_campaign
from harness.cli.results import CHANGE_CODES, compare_folders
from harness.cli.run import MatrixArgument, open_listener
from harness.errors import HarnessError, InputError, PublishError, UsageError
from harness.model import CampaignResult, Difference, Plan, Requirement
from harness.model.ab import AbAnswer, Side
from harness.plan import load_plan, parse_requirement
from harness.plan.ab import parse_within_s
from harness.plan.base_tree import check_out_base, find_commit, find_repository
from harness.publish import build_comment, choose_host, publish_comment
from harness.report import ChangeView, ComparisonView, build_view, render_change
from harness.report.view.ab import build_ab_view
from harness.store import CampaignFolder, write_text

CHANGE_FILE = "change.md"
_SHOWN_DIGITS = 10
_NO_TARGET = "The base has no target that this matrix can measure: {}"


class Method(StrEnum):
    """How base and head are compared."""

    PAIRS = "pairs"
    CAMPAIGNS = "campaigns"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of a change. The smallest change that counts is that of `pairs`, also by campaigns."""

    by: Method
    pairs: PairsAsked
    requirements: Sequence[Requirement]


_Base = Annotated[
    str,
    typer.Option(
        help="The commit before the change, such as origin/main; it is fetched if this clone lacks it.",
        show_default=False,
    ),
]
_Threshold = Annotated[
    str,
    typer.Option(
        help="The smallest change that counts: of the CPU time per request, or by campaigns of the users."
    ),
]
_By = Annotated[
    Method,
    typer.Option(help="Compare by pairs of windows at one size, in turn, or by two campaigns at every size."),
]
_Size = Annotated[
    str | None,
    typer.Option(
        help="The size that pairs compare at, such as 0.5/256MiB; by default the size to take.",
        show_default=False,
    ),
]
_Within = Annotated[str, typer.Option("--for", help="How long the pairs may take.")]
_Require = Annotated[
    list[str],
    typer.Option(
        help="A requirement on the changed target, as for `harness check`; may be repeated, or hold one "
        "in each line.",
        show_default=False,
    ),
]


@app.command("change")
def change(
    base: _Base,
    matrix: MatrixArgument = Path("matrix.yaml"),
    results: ResultsOption = Path("results"),
    threshold: _Threshold = "5%",
    by: _By = Method.PAIRS,
    size: _Size = None,
    within: _Within = "10m",
    require: _Require = [],  # noqa: B006
) -> int:
    """Measure the head of a change, compare it with its base by the same matrix, and write change.md.

    The head is this folder as it is. Exit code 3 if it is worse than the base or a requirement is not met,
    2 if inconclusive.
    """
    requirements = [parse_requirement(line) for text in require for line in text.splitlines() if line.strip()]
    asked = _Asked(by, PairsAsked(size, parse_within_s(within), parse_least(threshold)), requirements)
    unfinished = "Its measurement has not ended. The log of this run says why."
    _write_change(results, ChangeView(base, "HEAD", problems=[unfinished]))
    try:
        view = _measure_change(load_plan(matrix), base, results, asked)
    except HarnessError as error:
        _write_change(results, ChangeView(base, "HEAD", problems=[str(error)]))
        raise
    _write_change(results, view)
    say(f"change: {results / CHANGE_FILE}")
    return CHANGE_CODES[view.verdict] if view.verdict else NOT_MEASURED


def _write_change(results: Path, view: ChangeView) -> None:
    results.mkdir(parents=True, exist_ok=True)
    write_text(results / CHANGE_FILE, render_change(view))


def _measure_change(plan: Plan, base: str, results: Path, asked: _Asked) -> ChangeView:
    """Measure the head and compare it with the base; return what the change does.

    Raises HarnessError if the head could not be measured, or if there is no such base.
    """
    top = find_repository(plan.source)
    before, head = find_commit(top, base), find_commit(top, "HEAD")
    unjudged = ChangeView(before[:_SHOWN_DIGITS], head[:_SHOWN_DIGITS], plan.target.name)
    if asked.by is Method.PAIRS:
        check_size(plan, asked.pairs)
        return _compare_by_pairs(plan, before, results, asked, unjudged)
    return _compare_by_campaigns(plan, before, results, asked, unjudged)


def _compare_by_pairs(
    plan: Plan, commit: str, results: Path, asked: _Asked, unjudged: ChangeView
) -> ChangeView:
    """Measure the head, hold it and the base in turn, and return what the change does."""
    say("the head of the change:")
    result, _ = _measure(plan, results)
    answer: AbAnswer | None = None
    problem, is_new = "", False
    with check_out_base(plan, commit) as matrix:
        try:
            base = load_plan(matrix)
            names = {Side.BASE: unjudged.base, Side.HEAD: unjudged.head}
            answer = compare_in_pairs(plan, base, names, asked.pairs, result, results)
        except InputError as error:
            problem, is_new = _NO_TARGET.format(error), True
        except HarnessError as error:
            problem = f"Base and head could not be compared: {error.what}"
    checks = [check_requirement(result.cells, requirement) for requirement in asked.requirements]
    return replace(
        unjudged,
        verdict=judge_pairs(answer, checks, is_new=is_new),
        pairs=None if answer is None else build_ab_view(answer),
        checks=checks,
        answer=build_view(result),
        problems=[problem] if problem else [],
    )


def _compare_by_campaigns(
    plan: Plan, commit: str, results: Path, asked: _Asked, unjudged: ChangeView
) -> ChangeView:
    """Measure the base and the head, each in a campaign, and return what the change does."""
    base_folder, base_problem, is_new = _measure_base(plan, commit, results)
    say("the head of the change:")
    result, folder = _measure(plan, results)
    differences: tuple[Difference, ...] | None = None
    comparison: ComparisonView | None = None
    problems = [base_problem] if base_problem else []
    if base_folder is not None:
        try:
            _, comparison, differences = compare_folders(base_folder, folder.path, asked.pairs.least_ratio)
        except UsageError as error:
            problems.append(error.what)
    checks = [check_requirement(result.cells, requirement) for requirement in asked.requirements]
    return replace(
        unjudged,
        verdict=judge_change(differences, checks, is_new=is_new),
        comparison=comparison,
        checks=checks,
        answer=build_view(result),
        problems=problems,
    )


def _measure_base(plan: Plan, commit: str, results: Path) -> tuple[Path | None, str, bool]:
    """Measure the base; return its campaign, or None with the reason, and whether it has no target at all."""
    with check_out_base(plan, commit) as matrix:
        say("the base of the change:")
        try:
            _, folder = _measure(load_plan(matrix), results)
        except InputError as error:
            return None, _NO_TARGET.format(error), True
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
