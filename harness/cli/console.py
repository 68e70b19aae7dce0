"""Define what all commands share: the application, its outputs, common arguments, exit codes and answers."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness import __version__
from harness.model import CampaignResult
from harness.report import View, build_view, render_index, render_table, write_recommendation
from harness.report.view.text import clean_lines
from harness.report.view.variants import shorten_tunings
from harness.store import CampaignFolder, read_comparisons, read_summaries, write_text

DONE, USER_MISTAKE, NOT_MEASURED, NOT_MET, INTERRUPTED = 0, 1, 2, 3, 130
"""The exit codes. `harness/errors.py` says which errors lead to 1 and 2."""

_INDEX_TITLE = "<title>Campaigns</title>"


class PipedConsole(Console):
    """A console that falls silent once nobody reads it any more, as in `harness run | head -3`.

    Rich itself would end the command, with the exit code of a user's mistake. A campaign goes on.
    """

    def on_broken_pipe(self) -> None:
        """Print nothing from now on, and drop what was not written yet."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
out = PipedConsole(highlight=False)
err = PipedConsole(stderr=True, highlight=False)

ResultsOption = Annotated[
    Path, typer.Option("--results", help="The folder that holds all campaigns.", show_default=True)
]
CampaignArgument = Annotated[
    Path, typer.Argument(help="A campaign's folder, such as results/latest.", metavar="CAMPAIGN")
]


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        out.print(f"harness {__version__}", markup=False)
        raise typer.Exit


@app.callback()
def describe_harness(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Find how many users each size of your service sustains, what limits it, and which size to buy."""


def say(text: str) -> None:
    """Print a text that may contain text from outside, without characters that would control the terminal."""
    out.print(clean_lines(text), markup=False, soft_wrap=True)


def is_on_terminal() -> bool:
    """Return True if a person sees the output in a terminal.

    Rich also calls a pipe a terminal if FORCE_COLOR is set, as in many pipelines.
    """
    return out.is_terminal and out.file.isatty()


def can_redraw() -> bool:
    """Return True if the output is in a terminal that can write over what it shows."""
    return is_on_terminal() and not out.is_dumb_terminal


def show_campaign(result: CampaignResult, folder: CampaignFolder) -> None:
    """Print a campaign's answer, and list it in the index of all campaigns."""
    show_answer(build_view(result))
    write_index(folder.path.parent)
    show_report_path(folder.path / "report.html")


def write_index(results: Path) -> None:
    """Write index.html, which lists all that a folder holds; a page of somebody else stays as it is."""
    path = results / "index.html"
    if _is_foreign_page(path):
        say(f"note: {path} is another page, and is kept; so no page lists the campaigns there")
        return
    write_text(path, render_index(read_summaries(results), read_comparisons(results)))


def _is_foreign_page(path: Path) -> bool:
    """Return True for a file that is no index of campaigns. Raises OSError if it can't be read."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return _INDEX_TITLE not in file.read(4000)  # the title is in the head


def show_answer(view: View) -> None:
    """Print the table, the recommendation and the warnings."""
    out.print(render_table(view, out.width if is_on_terminal() else None), markup=False, soft_wrap=True)
    out.print()
    warnings = (f"warning: {warning}" for warning in view.warnings)
    for line in (write_recommendation(view), *shorten_tunings(view.tunings), *warnings):
        out.print(line, markup=False)


def show_report_path(path: Path) -> None:
    """Print the path of a report, relative to the working folder if the report is inside it."""
    working_folder, resolved = Path.cwd(), path.resolve()
    shown = resolved.relative_to(working_folder) if resolved.is_relative_to(working_folder) else path
    out.print(f"report: {shown}", markup=False, soft_wrap=True)
