"""The command ab, which compares two versions of the target in one campaign."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from harness.campaign import ignore_folder
from harness.campaign.ab import AbRequest, run_ab
from harness.campaign.ab_listener import AbListener
from harness.campaign.ab_windows import Pilot
from harness.campaign.stored_ab import rejudge_ab
from harness.cli.console import (
    DONE,
    NOT_MEASURED,
    NOT_MET,
    ResultsOption,
    app,
    out,
    say,
    show_report_path,
    write_index,
)
from harness.cli.watch import build_page_opener
from harness.errors import UsageError
from harness.model.ab import AbAnswer, AbOutcome, AbTest, Pair
from harness.plan import load_plan, parse_ratio
from harness.plan.ab import parse_within_s, plan_ab
from harness.report import render_ab, render_ab_text
from harness.report.view.ab import build_ab_view
from harness.report.view.text import format_change, format_duration, format_ratio
from harness.store import CampaignFolder
from harness.store.ab_log import read_comparison

_BROKEN = (AbOutcome.BASE_BROKE, AbOutcome.BOTH_BROKE)


_Matrix = Annotated[
    Path, typer.Argument(help="The matrix file: the target, its sizes, users and SLOs.", metavar="MATRIX")
]
_Head = Annotated[
    str,
    typer.Option(
        help="The version with the change: an image, or a variant of the matrix; unchanged is the target as "
        "it is."
    ),
]
_Base = Annotated[str, typer.Option(help="The version before the change, named in the same way.")]
_Size = Annotated[
    str | None,
    typer.Option(
        help="The size to compare at: its id, its name, or its limits as in 0.5/256MiB; by default the only "
        "one.",
        show_default=False,
    ),
]
_Users = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The users of every window; by default as many as need three quarters of the CPU, at most those "
        "of the matrix.",
        show_default=False,
    ),
]
_Within = Annotated[str, typer.Option("--for", help="How long it may take.")]
_Least = Annotated[
    str, typer.Option("--difference", help="The smallest change of CPU time per request that counts.")
]
_Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Start a new comparison, also if the last one was interrupted."),
]
_Live = Annotated[
    bool, typer.Option("--live", help="Serve a page on 127.0.0.1 that shows the comparison while it runs.")
]


@app.command("ab")
def ab(
    head: _Head,
    matrix: _Matrix = Path("matrix.yaml"),
    base: _Base = "unchanged",
    size: _Size = None,
    users: _Users = None,
    within: _Within = "10m",
    least: _Least = "5%",
    results: ResultsOption = Path("results"),
    fresh: _Fresh = False,
    live: _Live = False,
) -> int:
    """Compare two versions of the target, in turn on one host: exit code 3 if the head is worse.

    Ends as soon as the answer is clear; exit code 2 if it is still undecided at the end of the time. After
    an interruption the same command goes on with the pairs that are left.
    """
    least_ratio = parse_least(least, "--difference")
    request = AbRequest(base, head, users, parse_within_s(within), least_ratio)
    plan = plan_ab(load_plan(matrix), size, base, head)
    with contextlib.ExitStack() as pages:
        on_folder = build_page_opener(pages) if live else ignore_folder
        answer, folder = run_ab(plan, request, results, AbLines(), fresh=fresh, on_folder=on_folder)
        return show_ab(answer, folder)


def parse_least(text: str, option: str = "--threshold") -> float:
    """Parse the smallest change that counts. Raises UsageError, naming the option, if it is out of range."""
    ratio = parse_ratio(text)
    if not 0 < ratio <= 1:
        hint = "write a change above 0 % and up to 100 %"
        raise UsageError(f"{option}: {text!r} is out of range", hint)
    return ratio


def show_stored_comparison(folder: CampaignFolder) -> bool:
    """Show a stored comparison, and write its files again; return False if the campaign is none."""
    record = rejudge_ab(folder)
    if record is None:
        return False
    folder.write_reports(render_ab(record))
    show_ab(record.answer, folder)
    return True


def open_with_capacities(path: Path) -> CampaignFolder:
    """Open a stored campaign. Raises UsageError if it is a comparison of two versions, which has none."""
    folder = CampaignFolder.open(path)
    if read_comparison(folder) is not None:
        raise UsageError(
            f"{folder.path}: this is a comparison of two versions, which has no capacities",
            "harness report alone shows it; name a campaign of harness run",
        )
    return folder


def show_ab(answer: AbAnswer, folder: CampaignFolder) -> int:
    """Print a comparison and the path of its files, and list it in the index; return the exit code."""
    out.print()
    say(render_ab_text(build_ab_view(answer)))
    write_index(folder.path.parent)
    show_report_path(folder.path / "ab.html")
    if answer.is_worse:
        return NOT_MET
    return NOT_MEASURED if answer.outcome in (AbOutcome.UNDECIDED, *_BROKEN) else DONE


class AbLines(AbListener):
    """Prints a line for each pair."""

    def note(self, text: str) -> None:
        """Print the note."""
        say(f"note: {text}")

    def pilot_finished(self, test: AbTest, pilot: Pilot) -> None:
        """Print what is compared."""
        used = "" if pilot.cpu_ratio is None else f", who use {format_ratio(pilot.cpu_ratio, 0)} of its CPU"
        title = build_ab_view(AbAnswer(test, AbOutcome.UNDECIDED)).title
        say(f"comparing {title}{used}, for up to {format_duration(test.within_s)}")

    def pair_finished(self, pair: Pair, answer: AbAnswer) -> None:
        """Print what the pair shows."""
        say(f"pair {pair.number}: {_describe_pair(pair)}")


def _describe_pair(pair: Pair) -> str:
    """Return the change within a pair, or that it is left out."""
    base, head = pair.base.step, pair.head.step
    if not pair.is_comparable or base is None or head is None:
        return "left out"
    before, after = base.target.cpu_per_request_s, head.target.cpu_per_request_s
    if not before or after is None:
        return "left out"
    return f"CPU time per request {format_change(after / before - 1, 1)} in the head"
