"""The command that exposes campaigns to Prometheus: metrics."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from harness.cli.console import DONE, app, out, say
from harness.errors import StoreError, UsageError
from harness.model import LOOPBACK
from harness.model.metrics import CampaignFigures
from harness.report import build_metrics
from harness.store import FiguresReader


@app.command("metrics")
def metrics(
    campaigns: Annotated[
        list[Path],
        typer.Argument(help="Folders of campaigns; they need not be finished.", metavar="CAMPAIGN"),
    ] = [Path("results/latest")],  # noqa: B006
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 9797,
    once: Annotated[bool, typer.Option("--once", help="Print the metrics instead, and end.")] = False,
) -> int:
    """Expose campaigns to Prometheus on 127.0.0.1 until Ctrl+C. Nothing is written into their folders."""
    collector = CampaignCollector(campaigns)
    if once:
        if problems := [figures.problem for figures in collector.read() if figures.problem]:
            raise StoreError("\n".join(problems))
        registry = CollectorRegistry()
        registry.register(collector)
        text = generate_latest(registry).decode()
        out.print(text.removesuffix("\n"), markup=False, emoji=False, soft_wrap=True)
        return DONE
    with contextlib.suppress(KeyboardInterrupt), serve_metrics(collector, port) as url:
        say(f"metrics at {url} until Ctrl+C")
        threading.Event().wait()
    return DONE


class CampaignCollector(Collector):
    """Reads campaigns each time that Prometheus asks, and does nothing in between."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the campaigns. Raises UsageError if one is none, or if two of them have the same name."""
        self._readers = [FiguresReader(path) for path in paths]
        folders = {reader.find_folder().path for reader in self._readers}
        if len({folder.name for folder in folders}) < len(folders):
            names = ", ".join(sorted(map(str, folders)))
            raise UsageError(f"two campaigns have the same name: {names}", "name one of them")

    def read(self) -> Iterable[CampaignFigures]:
        """Return what is known of each campaign, once if several paths lead to it."""
        found: dict[str, CampaignFigures] = {}
        for reader in self._readers:
            figures = reader.read()
            found.setdefault(figures.campaign, figures)
        return found.values()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all campaigns."""
        return build_metrics(self.read())


@contextlib.contextmanager
def serve_metrics(collector: Collector, port: int) -> Iterator[str]:
    """Serve metrics on 127.0.0.1 until exit, in a thread; yield the address. `port` 0 takes a free one.

    Raises UsageError if the port can't be used.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = start_http_server(port, LOOPBACK, registry)
    except OSError as error:
        raise UsageError(
            f"the port {port} of {LOOPBACK} can't be used: {error.strerror}", "name another one with --port"
        ) from None
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
