"""Write the pictures of the docs and docs/sample from a campaign: `make screenshots CAMPAIGN=folder`.

The page is judged and written again by this version of the harness; the campaign's folder is only read.
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from harness.campaign import rejudge
from harness.plan import plan_from_json
from harness.report import build_view, render_html
from harness.store import CampaignFolder

ROOT = Path(__file__).parents[1]
_CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_MOST_BYTES = 1_000_000
_WIDTH, _HEIGHT = 1280, 1180

SECTIONS = {"report.png": None, "curves.png": "section[aria-labelledby=curves-heading] .overview"}
"""Each picture, and the part of the page that it shows; None for the head of the page."""


def write_sample(campaign: Path, docs: Path) -> Path:
    """Write the campaign's page into docs/sample and return its file. Exits if it is too large to commit."""
    folder = CampaignFolder.open(campaign)
    text = render_html(build_view(rejudge(plan_from_json(folder.read_plan()), folder)))
    if len(text.encode()) > _MOST_BYTES:
        sys.exit(f"{campaign}: its page is larger than {_MOST_BYTES / 1e6:g} MB; take one with fewer steps")
    file = docs / "sample" / "report.html"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def take_pictures(file: Path, docs: Path) -> None:
    """Open the page in Chromium and write each picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light")
        page.goto(file.resolve().as_uri())
        for name, section in SECTIONS.items():
            _take_picture(page, docs / name, section)
        browser.close()


def _take_picture(page: Page, picture: Path, section: str | None) -> None:
    if section is None:
        page.screenshot(path=picture)
    else:
        page.locator(section).first.screenshot(path=picture)


def main() -> None:
    """Read the campaign's folder from the command line and write the sample and the pictures."""
    parser = argparse.ArgumentParser(prog="tools.screenshots", description=__doc__)
    parser.add_argument("campaign", type=Path, help="the folder of a campaign, such as results/latest")
    campaign = parser.parse_args().campaign
    docs = ROOT / "docs"
    take_pictures(write_sample(campaign, docs), docs)


if __name__ == "__main__":
    main()
