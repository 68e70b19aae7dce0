"""Check every page with axe-core, in light and in dark, with everything unfolded."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from harness.analyse.result.comparison import compare_sizes
from harness.model import MachineDifference, Price
from harness.report import build_comparison, build_view, render_comparison, render_html, render_index
from harness.store import read_summaries
from tests.unit.report import example

pytestmark = pytest.mark.browser

FEWER_CORES = MachineDifference("machine.cores", 4, 2)
UNFOLD = "all => all.forEach(one => one.open = true)"


def report(folder: Path) -> str:
    return render_html(build_view(example.build_campaign(price=Price("EUR", 0.034, 0.004))))


def doubtful(folder: Path) -> str:
    return render_html(build_view(example.build_campaign_with_undecided_sizes()))


def running(folder: Path) -> str:
    return render_html(build_view(example.build_running_campaign()))


def compared_page(folder: Path) -> str:
    campaign = example.build_campaign()
    differences = compare_sizes(campaign.cells, campaign.cells)
    view = build_comparison(campaign, campaign, differences, ["target"], [FEWER_CORES])
    return render_comparison(view, differences)["comparison.html"]


def index(folder: Path) -> str:
    cell = {"cpu_cores": 0.5, "memory_bytes": 1 << 28, "status": "bracketed"}
    for number, users in enumerate((100, 130), start=1):
        (folder / f"2026010{number}-web").mkdir()
        answer: dict[str, object] = {"format": 1, "target": "web", "state": "complete", "users_limit": 400}
        answer["cells"] = [{**cell, "sustained_users": users, "broken_users": users + 5}]
        (folder / f"2026010{number}-web" / "summary.json").write_text(json.dumps(answer))
    return render_index(read_summaries(folder))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("made", [report, doubtful, running, compared_page, index])
def test_every_page_passes_all_rules_of_axe(
    browser: Browser, tmp_path: Path, made: Callable[[Path], str], scheme: str
) -> None:
    file = tmp_path / "page.html"
    file.write_text(made(tmp_path))
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(file.as_uri())
    page.locator("details").evaluate_all(UNFOLD)
    found = Axe().run(page).response
    page.close()
    assert found["passes"]
    broken = {
        rule["id"]: [node["html"][:200] + node.get("failureSummary", "") for node in rule["nodes"][:3]]
        for rule in found["violations"]
    }
    assert broken == {}
