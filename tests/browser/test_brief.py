"""The brief prints on one side of A4, whatever the campaign, and loads nothing."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from harness.analyse.result.growth import add_growth
from harness.model import CampaignResult, Price
from harness.report import View, build_view, render_brief
from tests.browser.pages import HOSTILE, open_page
from tests.unit.report import example

pytestmark = [pytest.mark.browser, pytest.mark.side_by_side]


def build_full_view(result: CampaignResult) -> View:
    """Return the campaign's view with more warnings than fit."""
    warning = "The campaign drifted: sizes measured late may look larger than they are. " * 5
    return replace(build_view(result), warnings=(warning,) * 12)


def build_plain_view() -> View:
    return build_view(example.build_campaign())


def build_priced_view() -> View:
    priced = example.build_campaign(price=Price("EUR", 0.034, 0.004), headroom_ratio=0.3)
    return build_full_view(add_growth(priced, 0.08))


def build_largest_matrix() -> View:
    sizes = example.build_large_campaign(7, 8).cells
    priced = example.build_campaign(
        (*sizes, example.build_censored_size(9.0, 512)), price=Price("EUR", 0.034, 0.004), headroom_ratio=0.3
    )
    return build_full_view(add_growth(priced, 0.08))


def build_view_of_400_sizes() -> View:
    return build_full_view(example.build_large_campaign(20, 20))


def build_running_view() -> View:
    return build_full_view(example.build_running_campaign())


def build_view_without_an_answer() -> View:
    return build_view(example.build_campaign([example.build_failed_size()]))


def build_foreign_view() -> View:
    return build_full_view(example.build_campaign_of_foreign_texts(HOSTILE * 20))


@pytest.mark.parametrize(
    "build",
    [
        build_plain_view,
        build_priced_view,
        build_largest_matrix,
        build_view_of_400_sizes,
        build_running_view,
        build_view_without_an_answer,
        build_foreign_view,
    ],
)
def test_the_brief_is_one_printed_page(browser: Browser, tmp_path: Path, build: Callable[[], View]) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    opened = open_page(context, render_brief(build()), tmp_path)
    assert (opened.errors, len(opened.requests)) == ([], 1)
    assert opened.page.evaluate("window.hit") is None
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400
    printed = opened.page.pdf(prefer_css_page_size=True)
    context.close()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
