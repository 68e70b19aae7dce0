"""Open the comparison of two campaigns and the index of all in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from harness.analyse.result.comparison import compare_sizes
from harness.model import MachineDifference
from harness.report import build_comparison, render_ab, render_comparison, render_index
from harness.store import read_comparisons, read_summaries
from tests.browser.pages import HOSTILE, open_page, store_comparison, store_two_campaigns
from tests.unit.report import ab_example, example

pytestmark = [pytest.mark.browser, pytest.mark.side_by_side]


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    yield context
    context.close()


def test_a_comparison_opens_without_errors_and_fits_a_phone(phone: BrowserContext, tmp_path: Path) -> None:
    campaign = example.build_campaign(campaign=HOSTILE, target=HOSTILE)
    differences = compare_sizes(campaign.cells, campaign.cells)
    other_machine = MachineDifference("machine.cpu_model", HOSTILE, HOSTILE)
    view = build_comparison(campaign, campaign, differences, [HOSTILE], [other_machine])
    opened = open_page(phone, render_comparison(view, differences)["comparison.html"], tmp_path)
    assert (opened.errors, len(opened.requests)) == ([], 1)
    assert opened.page.evaluate("window.hit") is None
    assert "No difference shown" in opened.page.locator("#sentence").inner_text()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400


def test_an_index_opens_without_errors_and_links_the_reports(phone: BrowserContext, tmp_path: Path) -> None:
    store_two_campaigns(tmp_path, HOSTILE)
    store_comparison(tmp_path, HOSTILE)
    html = render_index(read_summaries(tmp_path), read_comparisons(tmp_path))
    opened = open_page(phone, html, tmp_path)
    page = opened.page
    assert (opened.errors, len(opened.requests)) == ([], 1)
    assert page.evaluate("window.hit") is None
    link = page.locator("a", has_text="20260102-web").first
    assert link.get_attribute("href") == "20260102-web/report.html"
    compared = page.locator("a", has_text="20260103-web-ab")
    assert compared.get_attribute("href") == "20260103-web-ab/ab.html"
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator("svg path").count() == 1
    box = page.locator("svg.spark").bounding_box()
    assert box is not None
    assert box["height"] < 40


def test_two_versions_open_without_errors_and_fit_a_phone(phone: BrowserContext, tmp_path: Path) -> None:
    record = ab_example.build_record(base=HOSTILE, head=HOSTILE, target=HOSTILE)
    opened = open_page(phone, render_ab(record)["ab.html"], tmp_path)
    page = opened.page
    assert (opened.errors, len(opened.requests)) == ([], 1)
    assert page.evaluate("window.hit") is None
    assert "more CPU time per request" in page.locator("#sentence").inner_text().replace("\u00a0", " ")
    assert page.locator("svg[role=img] .pair").count() == len(record.pairs)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
