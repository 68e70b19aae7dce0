"""The command watch, which serves a page that shows a campaign while it runs, and the same page for run."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import DONE, app, say
from harness.store import CampaignFolder
from harness.watch import StateReader, serve_page


@app.command("watch")
def watch(
    campaign: Annotated[
        Path, typer.Argument(help="A campaign's folder; it need not be finished.", metavar="CAMPAIGN")
    ] = Path("results/latest"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of the page; 0 takes a free one.")
    ] = 0,
) -> int:
    """Serve a page on 127.0.0.1 that shows a campaign while it runs, until Ctrl+C.

    The step in progress and how the searches close, from the campaign's folder. Nothing is written there.
    """
    folder = CampaignFolder.open(campaign)
    with contextlib.suppress(KeyboardInterrupt), serve_page(StateReader(folder), port) as page:
        say(f"{folder.name} is shown at {page.url} until Ctrl+C")
        threading.Event().wait()
    return DONE


def build_page_opener(pages: contextlib.ExitStack) -> Callable[[CampaignFolder], None]:
    """Return a function that serves a campaign's page until `pages` is closed, and prints its address."""

    def open_page(folder: CampaignFolder) -> None:
        page = pages.enter_context(serve_page(StateReader(folder), shows_end=True))
        say(f"live page: {page.url}")

    return open_page
