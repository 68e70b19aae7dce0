"""Watch a running campaign in a real browser: the step grows, the bracket closes, and the end is shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from harness.model import Purpose
from harness.model.live import LiveHead
from harness.watch import LivePage, StateReader, serve_page
from tests.browser.pages import HOSTILE, OpenPage
from tests.unit.watch.live_campaign import (
    LARGE,
    SMALL,
    StoredCampaign,
    make_campaign,
    make_comparison,
)

pytestmark = [pytest.mark.browser, pytest.mark.side_by_side]

SMALL_SIZE = "0.5 CPU / 256 MiB"


@pytest.fixture
def stored(tmp_path: Path) -> StoredCampaign:
    stored = StoredCampaign(tmp_path)
    stored.start_step(190)
    stored.add_points(1, 2, 3, phase="ramp")
    return stored


@pytest.fixture
def served(stored: StoredCampaign) -> Iterator[LivePage]:
    with serve_page(StateReader(stored.folder)) as served:
        yield served


@pytest.fixture
def opened(browser: Browser, served: LivePage) -> Iterator[OpenPage]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield open_served(context.new_page(), served)
    context.close()


def open_served(page: Page, served: LivePage) -> OpenPage:
    opened = OpenPage(page)
    page.on("console", lambda message: opened.errors.append(message.text))
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.goto(served.url)
    return opened


def find_chart(page: Page, title: str) -> str:
    """Return the path of the first line of a chart."""
    chart = page.locator(".chart", has=page.locator("h4", has_text=title))
    return chart.locator("path.line:not(.light)").first.get_attribute("d") or ""


def test_the_step_grows_and_its_numbers_are_shown(opened: OpenPage, stored: StoredCampaign) -> None:
    """Each point adds one place to each line: three points have two pieces of line, five have four."""
    page = opened.page
    expect(page.locator("h1")).to_have_text("Measuring web")
    expect(page.locator(".step h3")).to_have_text(SMALL_SIZE)
    expect(page.locator(".doing")).to_have_text("search: ramp at 190 users, 3 s since the step began")
    assert find_chart(page, "CPU").count("L") == 2
    stored.add_points(4, 5)
    expect(page.locator(".doing")).to_have_text("search: window at 190 users, 5 s since the step began")
    for title in ("users", "RPS", "response time", "CPU", "memory", "wait"):
        assert find_chart(page, title).count("L") == 4, title
    for text in (
        "190 of 190",
        "63.5",
        "0.55 s, limit 1 s",
        "0.45 of 0.5 cores (90 %)",
        "64 of 256 MiB (25 %)",
    ):
        expect(page.locator(".charts")).to_contain_text(text)
    assert page.locator(".chart .band").count() == 6
    assert opened.errors == []


def test_the_bracket_closes_on_the_axis_of_users(opened: OpenPage, stored: StoredCampaign) -> None:
    """The axis lies from 8 to 392 and ends at the most users held, 200: 184 are at 361.28, 190 at 372.8."""
    row = opened.page.locator("#sizes tr").first
    expect(row).to_contain_text("sustains 184, breaks at 200: 8.7 % apart")
    expect(row.locator(".part")).to_have_attribute("d", "M361.28 12H392")
    expect(row.locator(".mark")).to_have_count(3)
    expect(row.locator(".now")).to_have_attribute("x", "372.8")
    expect(opened.page.locator("#limit")).to_have_text("200")
    expect(opened.page.locator("#sizes tr").nth(1)).to_contain_text("waiting")
    expect(opened.page.locator("#verdicts li")).to_contain_text("184 users PASS: p95 0.61 s ≤ 1 s")
    narrower = make_campaign("sustains 190, breaks at 200: 5.3 % apart")
    stored.writer.end_step(SMALL)
    stored.writer.write_campaign(narrower)
    expect(row).to_contain_text("5.3 % apart")
    expect(row.locator(".now")).to_have_count(0)
    expect(opened.page.locator("#idle")).to_be_visible()
    assert opened.errors == []


def test_a_size_at_its_first_step_does_not_wait(opened: OpenPage, stored: StoredCampaign) -> None:
    row = opened.page.locator("#sizes tr").nth(1)
    expect(row).to_contain_text("waiting")
    stored.writer.start_step(LARGE, LiveHead("2026-11-26T12:20:00", 10))
    expect(row).to_contain_text("no verdict yet")


def test_the_end_is_shown_with_a_link_to_the_report(opened: OpenPage, stored: StoredCampaign) -> None:
    page = opened.page
    expect(page.locator("#report")).to_be_hidden()
    stored.finish()
    expect(page.locator("#state")).to_contain_text("The campaign is complete. Take 0.5 CPU / 256 MiB")
    expect(page.locator("h1")).to_have_text("Measured: web")
    page.locator("#report a").click()
    expect(page).to_have_title("The report")
    assert opened.errors == []


@pytest.fixture
def compared(tmp_path: Path) -> StoredCampaign:
    """Store a comparison with a window in progress."""
    stored = StoredCampaign(tmp_path / "compared", make_comparison())
    stored.start_step(120, Purpose.AB)
    stored.add_points(1, 2, phase="ramp")
    return stored


def test_a_comparison_shows_its_pairs_and_its_answer(browser: Browser, compared: StoredCampaign) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    with serve_page(StateReader(compared.folder)) as served:
        opened = open_served(context.new_page(), served)
        page = opened.page
        expect(page.locator("h1")).to_have_text("Comparing two versions of web")
        expect(page.locator("#state")).to_contain_text("2 pairs of windows are held. Undecided: 1 pair")
        expect(page.locator("#pairs tr")).to_have_count(2)
        expect(page.locator("#pairs tr").first).to_have_text("14.02 ms4.33 ms+7.7 %counts")
        expect(page.locator("#search-section")).to_be_hidden()
        expect(page.locator(".step h3")).to_have_text(f"{SMALL_SIZE} (base)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert Axe().run(page).response["violations"] == []
        compared.finish_comparison()
        expect(page.locator("#state")).to_contain_text("The comparison is complete: base web:1 and head")
        expect(page.locator("#state")).to_contain_text("The head needs 7.1 % more CPU time per request.")
        expect(page.locator("#pairs-section")).to_be_hidden()
        page.locator("#report a").click()
        expect(page).to_have_title("Two versions")
    assert opened.errors == []
    context.close()


def test_foreign_texts_of_a_comparison_run_nothing(browser: Browser, tmp_path: Path) -> None:
    stored = StoredCampaign(tmp_path, make_comparison(title=HOSTILE))
    context = browser.new_context()
    with serve_page(StateReader(stored.folder)) as served:
        opened = open_served(context.new_page(), served)
        expect(opened.page.locator("#state")).to_contain_text(HOSTILE)
        stored.finish_comparison(base=HOSTILE, sentence=HOSTILE)
        expect(opened.page.locator("#state")).to_contain_text(f"base {HOSTILE} and head")
        assert opened.page.evaluate("window.hit") is None
    assert opened.errors == []
    context.close()


def test_it_loads_nothing_from_elsewhere(opened: OpenPage, served: LivePage) -> None:
    expect(opened.page.locator(".doing")).to_be_visible()
    assert {url.removeprefix(served.url) for url in opened.requests} <= {"", "state.json", "favicon.ico"}


def test_a_server_that_is_gone_is_told(browser: Browser, stored: StoredCampaign) -> None:
    context = browser.new_context()
    with serve_page(StateReader(stored.folder)) as served:
        page = open_served(context.new_page(), served).page
        expect(page.locator(".doing")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("does not answer")
    context.close()


def test_foreign_texts_run_nothing_and_load_nothing(browser: Browser, tmp_path: Path) -> None:
    stored = StoredCampaign(tmp_path, make_campaign(outcome=HOSTILE, target=HOSTILE))
    stored.start_step()
    stored.add_points(1, phase=HOSTILE)
    context = browser.new_context()
    with serve_page(StateReader(stored.folder)) as served:
        opened = open_served(context.new_page(), served)
        expect(opened.page.locator("#sizes tr").first).to_contain_text(HOSTILE)
        expect(opened.page.locator("h1")).to_contain_text(HOSTILE)
        expect(opened.page.locator(".doing")).to_contain_text(HOSTILE)
        assert opened.page.evaluate("window.hit") is None
    assert opened.errors == []
    assert all(url.startswith(served.url) for url in opened.requests)
    context.close()


def test_it_fits_a_phone(browser: Browser, served: LivePage) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    page = open_served(context.new_page(), served).page
    expect(page.locator(".doing")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_passes_all_rules_of_axe(browser: Browser, served: LivePage, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = open_served(context.new_page(), served).page
    expect(page.locator(".doing")).to_be_visible()
    violations = Axe().run(page).response["violations"]
    context.close()
    assert {rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]] for rule in violations} == {}
