"""The report's page: how long it takes to draw, how large it is, how soon a browser lets one work with it.

`python -m bench.page` draws 25 and 1,000 sizes with full time series and opens them in headless Chromium.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from harness.analyse.result.sizing import add_sizing
from harness.analyse.step.time_series import build_series
from harness.model import CampaignResult, CellResult
from harness.report import render_html
from harness.report.view.view import build_view
from tests.unit.analyse.synthetic import closed_step
from tests.unit.report import example

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SHAPES = ((5, 5), (25, 40))
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """Medians. `open_s` is until the page's own script is done; then one use of each."""

    sizes: int
    steps: int
    draw_s: float
    size_mb: float
    open_s: float
    filter_s: float
    sort_s: float
    details_s: float


def add_series(cell: CellResult) -> CellResult:
    """Every step with the time series that a real one of so many users has."""
    return replace(
        cell, steps=tuple(replace(step, series=build_series(closed_step(step.users))) for step in cell.steps)
    )


def build_campaign(rows: int, columns: int) -> CampaignResult:
    """Ten steps at each size; the series are computed once and shared between sizes."""
    whole = example.large(rows, columns)
    pattern = add_series(whole.cells[0])
    return add_sizing(
        replace(
            whole,
            cells=tuple(
                replace(
                    cell,
                    steps=tuple(
                        replace(step, series=like.series)
                        for step, like in zip(cell.steps, pattern.steps, strict=True)
                    ),
                )
                for cell in whole.cells
            ),
        )
    )


def measure_page(browser: Browser, folder: Path, rows: int, columns: int) -> Row:
    result, file, times = build_campaign(rows, columns), folder / "report.html", []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        text = render_html(build_view(result))
        times.append(time.perf_counter() - begun)
    file.write_text(text)
    used = [measure_browser(browser, file) for _ in range(ROUNDS)]
    return Row(
        len(result.cells),
        sum(len(cell.steps) for cell in result.cells),
        statistics.median(times),
        len(text.encode()) / 1e6,
        *(statistics.median(column) for column in zip(*used, strict=True)),
    )


def measure_browser(browser: Browser, file: Path) -> Sequence[float]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    found: list[float] = [
        page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000,
        *(page.evaluate(TIMED % act) / 1000 for act in (FILTER, SORT, DETAILS)),
    ]
    page.close()
    return found


TIMED = """async () => {
    const begun = performance.now();
    %s
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun;
}"""
FILTER = """const filter = document.getElementById("filter");
    filter.value = "0.5";
    filter.dispatchEvent(new Event("input"));"""
SORT = """document.querySelector("#sizes thead th:nth-child(3) button").click();"""
DETAILS = """document.querySelector("details.cell").open = true;"""


def format_table(rows: Sequence[Row]) -> str:
    lines = [
        "| sizes | steps | drawn in | page | open and ready in | filter | sort | a size's details |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        uses = " | ".join(f"{value:.2f} s" for value in (row.open_s, row.filter_s, row.sort_s, row.details_s))
        lines.append(f"| {row.sizes} | {row.steps} | {row.draw_s:.2f} s | {row.size_mb:.2f} MB | {uses} |")
    return "\n".join(lines)


def main() -> None:
    argparse.ArgumentParser(prog="bench.page", description=__doc__).parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        print(format_table([measure_page(browser, Path(folder), *shape) for shape in SHAPES]))
        browser.close()


if __name__ == "__main__":
    main()
