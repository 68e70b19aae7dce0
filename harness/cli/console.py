"""What all commands share: the application, its outputs, arguments, exit codes and answers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.progress import safe
from harness.model import CampaignResult
from harness.report import View, build_view, render_index, render_table, write_recommendation
from harness.store import CampaignFolder, read_summaries, write_text

DONE, USER_MISTAKE, NOT_MEASURED, NOT_MET, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How many users does each size of your service sustain, what limits it, and which size to buy?",
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Results = Annotated[Path, typer.Option("--results", help="The folder of all campaigns.")]
CampaignArgument = Annotated[
    Path, typer.Argument(help="A campaign's folder, such as results/latest.", metavar="CAMPAIGN")
]


def say(text: str) -> None:
    """Text with parts from outside, inert."""
    out.print(safe(text), markup=False, soft_wrap=True)


def show(result: CampaignResult, folder: CampaignFolder) -> None:
    answer(build_view(result))
    results = folder.path.parent
    write_text(results / "index.html", render_index(read_summaries(results)))
    out.print(f"report: {relative(folder.path / 'report.html')}", markup=False)


def answer(shown: View) -> None:
    """The table, the answer in a sentence, and what its reader should beware of."""
    out.print(render_table(shown, out.width if out.is_terminal else None), markup=False, soft_wrap=True)
    out.print()
    for line in (write_recommendation(shown), *(f"beware: {warning}" for warning in shown.warnings)):
        out.print(line, markup=False)


def relative(path: Path) -> Path:
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path
