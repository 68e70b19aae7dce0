"""Check every page with axe-core, in light and in dark, with everything unfolded."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from harness.analyse.result.comparison import compare_sizes
from harness.analyse.result.growth import add_growth
from harness.model import MachineDifference, Price
from harness.report import (
    build_comparison,
    build_view,
    render_ab,
    render_brief,
    render_comparison,
    render_html,
    render_index,
)
from harness.store import read_comparisons, read_summaries
from tests.browser.pages import open_page, store_comparison, store_two_campaigns, unfold_details
from tests.unit.report import ab_example, example

pytestmark = [pytest.mark.browser, pytest.mark.side_by_side]


def render_priced_report(folder: Path) -> str:
    return render_html(build_view(example.build_campaign(price=Price("EUR", 0.034, 0.004))))


def render_report_with_undecided_sizes(folder: Path) -> str:
    return render_html(build_view(example.build_campaign_with_undecided_sizes()))


def render_running_report(folder: Path) -> str:
    return render_html(build_view(example.build_running_campaign()))


def render_grown_report(folder: Path) -> str:
    return render_html(build_view(add_growth(example.build_campaign(headroom_ratio=0.3), 0.08)))


def render_brief_page(folder: Path) -> str:
    return render_brief(build_view(add_growth(example.build_campaign(headroom_ratio=0.3), 0.08)))


def render_comparison_page(folder: Path) -> str:
    campaign = example.build_campaign()
    differences = compare_sizes(campaign.cells, campaign.cells)
    fewer_cores = MachineDifference("machine.cores", 4, 2)
    view = build_comparison(campaign, campaign, differences, ["target"], [fewer_cores])
    return render_comparison(view, differences)["comparison.html"]


def render_ab_page(folder: Path) -> str:
    return render_ab(ab_example.build_record())["ab.html"]


def render_index_page(folder: Path) -> str:
    store_two_campaigns(folder, "web")
    store_comparison(folder, "web")
    return render_index(read_summaries(folder), read_comparisons(folder))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "render_page",
    [
        render_priced_report,
        render_report_with_undecided_sizes,
        render_running_report,
        render_grown_report,
        render_brief_page,
        render_comparison_page,
        render_ab_page,
        render_index_page,
    ],
)
def test_every_page_passes_all_rules_of_axe(
    browser: Browser, tmp_path: Path, render_page: Callable[[Path], str], scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = open_page(context, render_page(tmp_path), tmp_path).page
    unfold_details(page)
    results = Axe().run(page).response
    context.close()
    assert results["passes"]
    violations = {
        rule["id"]: [node["html"][:200] + node.get("failureSummary", "") for node in rule["nodes"][:3]]
        for rule in results["violations"]
    }
    assert violations == {}
