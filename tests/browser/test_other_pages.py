"""Open the comparison of two campaigns and the index of all in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from harness.analyse.result.comparison import compare_sizes
from harness.model import MachineDifference
from harness.report import build_comparison, render_comparison, render_index
from harness.store import read_summaries
from tests.browser.hostile import HOSTILE
from tests.unit.report import example

pytestmark = pytest.mark.browser


def open_page(browser: Browser, text: str, folder: Path) -> tuple[Page, list[str], list[str]]:
    (folder / "page.html").write_text(text)
    page = browser.new_page(viewport={"width": 400, "height": 800})
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((folder / "page.html").as_uri())
    return page, errors, requests


def test_a_comparison_opens_without_errors_and_fits_a_phone(browser: Browser, tmp_path: Path) -> None:
    campaign = example.build_campaign(campaign=HOSTILE, target=HOSTILE)
    differences = compare_sizes(campaign.cells, campaign.cells)
    machine = MachineDifference("machine.cpu_model", HOSTILE, HOSTILE)
    view = build_comparison(campaign, campaign, differences, [HOSTILE], [machine])
    text = render_comparison(view, differences)["comparison.html"]
    page, errors, requests = open_page(browser, text, tmp_path)
    assert (errors, len(requests)) == ([], 1)
    assert page.evaluate("window.hit") is None
    assert "o difference shown" in page.locator("#sentence").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_an_index_opens_without_errors_and_links_the_reports(browser: Browser, tmp_path: Path) -> None:
    cell = {"cpu_cores": 0.5, "memory_bytes": 1 << 28, "status": "bracketed"}
    for number, users in enumerate((100, 130), start=1):
        (tmp_path / f"2026010{number}-web").mkdir()
        answer: dict[str, object] = {"format": 1, "target": HOSTILE, "state": "complete", "users_limit": 400}
        answer["cells"] = [{**cell, "sustained_users": users, "broken_users": users + 5}]
        (tmp_path / f"2026010{number}-web" / "summary.json").write_text(json.dumps(answer))
    page, errors, requests = open_page(browser, render_index(read_summaries(tmp_path)), tmp_path)
    assert (errors, len(requests)) == ([], 1)
    assert page.evaluate("window.hit") is None
    assert (
        page.locator("a", has_text="20260102-web").first.get_attribute("href") == "20260102-web/report.html"
    )
    assert page.locator("svg path").count() == 1
    box = page.locator("svg.spark").bounding_box()
    assert box is not None
    assert box["height"] < 40
