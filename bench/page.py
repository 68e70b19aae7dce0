"""Measure how long the report's page takes to render, how large it is, and how fast it is in a browser.

`python -m bench.page` renders a page of 25 sizes and one of 1,000, all with full time series, and opens both
in headless Chromium.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from harness.analyse.result.growth import add_growth
from harness.analyse.result.sizing import add_sizing
from harness.analyse.step.time_series import build_series
from harness.model import CampaignResult, CellResult
from harness.report import render_html
from harness.report.view.view import build_view
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.report import example

_CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_SHAPES = ((5, 5), (25, 40))
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one page; times are medians.

    `open_s` is the time from navigation until the page's script has run. `filter_s`, `sort_s`, `details_s`
    and `slide_s` (the slider of users) are the times from an action of the user until the page is drawn
    again.
    """

    sizes: int
    steps: int
    draw_s: float
    page_mb: float
    open_s: float
    filter_s: float
    sort_s: float
    details_s: float
    slide_s: float


def _add_series(cell: CellResult) -> CellResult:
    """Return the cell with a time series for each step, as long as that of a real step with as many users."""
    return replace(
        cell,
        steps=tuple(replace(step, series=build_series(make_closed_step(step.users))) for step in cell.steps),
    )


def _build_campaign(rows: int, columns: int) -> CampaignResult:
    """Build a campaign of ten steps at each size; all sizes share the series of the first."""
    campaign = example.build_large_campaign(rows, columns)
    first = _add_series(campaign.cells[0])
    cells = tuple(_copy_series(first, cell) for cell in campaign.cells)
    return add_growth(add_sizing(replace(campaign, cells=cells)))


def _copy_series(source: CellResult, cell: CellResult) -> CellResult:
    pairs = zip(source.steps, cell.steps, strict=True)
    return replace(cell, steps=tuple(replace(step, series=from_step.series) for from_step, step in pairs))


def _measure_page(browser: Browser, folder: Path, rows: int, columns: int) -> Row:
    """Render the page of a matrix several times, use it in the browser as often, and return the medians."""
    result, file, draw_s = _build_campaign(rows, columns), folder / "report.html", []
    for _ in range(_ROUNDS):
        started_s = time.perf_counter()
        text = render_html(build_view(result))
        draw_s.append(time.perf_counter() - started_s)
    file.write_text(text)
    browser_times_s = [_time_browser(browser, file) for _ in range(_ROUNDS)]
    return Row(
        len(result.cells),
        sum(len(cell.steps) for cell in result.cells),
        statistics.median(draw_s),
        len(text.encode()) / 1e6,
        *(statistics.median(times_s) for times_s in zip(*browser_times_s, strict=True)),
    )


def _time_browser(browser: Browser, file: Path) -> Sequence[float]:
    """Return the seconds of opening the page, of filtering, of sorting, of opening a size's details, and of a
    slider."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    times_s: list[float] = [
        page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000,
        *(page.evaluate(_TIMED % action) / 1000 for action in (_FILTER, _SORT, _DETAILS, _SLIDE)),
    ]
    page.close()
    return times_s


_TIMED = """async () => {
    const begun = performance.now();
    %s
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun;
}"""
_FILTER = """const filter = document.getElementById("filter");
    filter.value = "0.5";
    filter.dispatchEvent(new Event("input"));"""
_SORT = """document.querySelector("#sizes thead th:nth-child(3) button").click();"""
_SLIDE = """const users = document.getElementById("what-if-users");
    users.value = "180";
    users.dispatchEvent(new Event("input"));"""
_DETAILS = """document.querySelector("details.cell").open = true;"""


def _format_table(rows: Sequence[Row]) -> str:
    lines = [
        "| sizes | steps | drawn in | page | open and ready in | filter | sort | a size's details | slider |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        times = (row.open_s, row.filter_s, row.sort_s, row.details_s, row.slide_s)
        texts = " | ".join(f"{time_s:.2f} s" for time_s in times)
        lines.append(f"| {row.sizes} | {row.steps} | {row.draw_s:.2f} s | {row.page_mb:.2f} MB | {texts} |")
    return "\n".join(lines)


def main() -> None:
    """Measure both pages and print a table."""
    argparse.ArgumentParser(prog="bench.page", description=__doc__).parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        print(_format_table([_measure_page(browser, Path(folder), *shape) for shape in _SHAPES]))
        browser.close()


if __name__ == "__main__":
    main()
