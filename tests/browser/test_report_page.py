"""Open the report as a reader does: in a real browser, from a file, without any network."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from harness.analyse.step.time_series import build_series
from harness.model import CampaignResult, Price, Slo
from harness.report import build_view, render_html
from tests.browser.pages import HOSTILE, OpenPage, open_page, unfold_details
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.report import example

pytestmark = [pytest.mark.browser, pytest.mark.side_by_side]


OpenReport = Callable[..., OpenPage]


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[OpenReport]:
    """Provide a function that opens a campaign's report; it passes its options to the browser context."""
    contexts = []

    def open_one(result: CampaignResult, **options: object) -> OpenPage:
        contexts.append(browser.new_context(**options))  # type: ignore[arg-type]
        return open_page(contexts[-1], render_html(build_view(result)), tmp_path)

    yield open_one
    for context in contexts:
        context.close()


def test_the_report_opens_without_errors_and_without_requests(open_report: OpenReport) -> None:
    report = open_report(example.build_campaign())
    assert report.errors == []
    assert [url for url in report.requests if not url.startswith("file:")] == []
    assert len(report.requests) == 1
    sentence = report.page.locator("#sentence").inner_text().replace("\xa0", " ")
    assert sentence.startswith("For 400 users take 1 CPU / 96 MiB")


def test_no_foreign_text_becomes_markup_or_script(open_report: OpenReport) -> None:
    report = open_report(example.build_campaign_of_foreign_texts(HOSTILE))
    unfold_details(report.page)
    report.page.locator("svg[data-chart]").hover()
    assert report.page.evaluate("window.hit") is None
    assert report.page.locator("img").count() == 0
    assert (report.errors, len(report.requests)) == ([], 1)
    assert HOSTILE in report.page.locator("code").first.inner_text()


def test_the_security_policy_blocks_foreign_images_scripts_and_requests(open_report: OpenReport) -> None:
    report = open_report(example.build_campaign())
    report.page.evaluate(
        """() => {
            const image = document.createElement('img');
            image.src = 'http://127.0.0.1:9/x';
            const script = document.createElement('script');
            script.textContent = 'window.hit = 1';
            document.body.append(image, script);
        }"""
    )
    assert report.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'open', () => 'closed')") == "closed"
    assert report.page.evaluate("window.hit") is None
    assert sum("Content Security Policy" in error for error in report.errors) >= 3


def test_hovering_shows_the_nearest_step_and_leaving_shows_the_reason_again(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    panel = page.locator(".panel[data-cell='web-c0.50-m96']")
    chart, readout = panel.locator("svg"), panel.locator(".readout")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    mark = panel.locator("text.mark").nth(2)
    chart.hover(position={"x": box["width"] * float(mark.get_attribute("x") or 0) / 320, "y": 60})
    assert readout.inner_text().startswith("280 users: PASS, ")
    page.mouse.move(0, 0)
    assert readout.inner_text().startswith("CPU: its CPU quota")


def test_the_arrow_keys_read_a_chart_step_by_step(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    panel = page.locator(".panel[data-cell='web-c0.50-m96']")
    panel.locator("svg").focus()
    lines = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        lines.append(panel.locator(".readout").inner_text().split(":")[0])
    assert lines == ["10 users", "160 users", "10 users"]


def test_a_size_is_highlighted_wherever_it_is_drawn(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    page.locator(".key button").nth(1).click()
    highlighted = page.locator("[data-cell].lit")
    cells = {highlighted.nth(index).get_attribute("data-cell") for index in range(highlighted.count())}
    assert cells == {"web-c0.25-m256"}
    assert highlighted.count() >= 5
    assert page.locator(".key button").nth(1).get_attribute("aria-pressed") == "true"


def test_the_filter_hides_rows_and_counts_the_others(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    page.get_by_label("Show only rows with").fill("killed")
    assert page.locator("#sizes tbody tr:visible").count() == 2
    assert page.locator("#filtered").inner_text() == "2 of 9"


def test_the_table_sorts_by_numbers_with_no_data_last_in_both_directions(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    heading = page.locator("#sizes thead th", has_text="Users")
    users = page.locator("#sizes tbody tr td:nth-child(3)")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    ascending = users.all_inner_texts()
    heading.locator("button").click()
    descending = users.all_inner_texts()
    assert (ascending[0], descending[0]) == ("80 – 92", "✓ ≥ 400")
    assert {*ascending[-2:]} == {*descending[-2:]} == {"✕ failed", "∅ none (< 10)"}


def test_a_tile_of_the_matrix_opens_the_steps_of_its_size(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    page.locator("#matrix a[data-cell='web-c1.00-m48']").click()
    details = page.locator("details[id='cell-web-c1.00-m48']")
    expect(details).to_be_in_viewport()
    expect(details).to_contain_text("the target was killed (out of memory)")
    expect(details.locator("table").first).to_be_visible()


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_does_not_scroll_sideways_at_any_width(open_report: OpenReport, width: int) -> None:
    page = open_report(
        example.build_campaign_with_undecided_sizes(), viewport={"width": width, "height": 800}
    ).page
    unfold_details(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_long_names_do_not_make_the_page_scroll_sideways(open_report: OpenReport) -> None:
    name = "locustfile_of_the_team_that_looks_after_the_checkout_and_the_cart.py"
    size = example.build_censored_size()
    size = replace(size, cell=replace(size.cell, size_name=name))
    campaign = example.build_campaign([size], target=name, scenario=f"load/scenarios/{name}")
    page = open_report(campaign, viewport={"width": 390, "height": 800}).page
    unfold_details(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tile_has_enough_contrast_in_light_and_in_dark(open_report: OpenReport, scheme: str) -> None:
    page = open_report(example.build_large_campaign(1, 9), color_scheme=scheme).page
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) == 10
    assert min(ratios) >= 4.5


CONTRAST = """() => {
    const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const luminance = (rgb) => rgb.match(/[0-9.]+/g).slice(0, 3).map(Number).map(channel)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    const tile = document.querySelector('#matrix a');
    return Array.from({ length: 10 }, (_, heat) => {
        tile.className = `tile is-bracketed heat-${heat}`;
        const style = getComputedStyle(tile);
        const both = [style.color, style.backgroundColor].map(luminance);
        const [dark, light] = both.sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    });
}"""


def test_the_report_prints_with_all_steps(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    closed = page.locator("details:not([open], .export)")
    before = closed.count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed.count() == 0
    assert page.pdf().startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert closed.count() == before > 0


def test_the_printed_page_is_light_and_no_table_is_wider_than_the_paper(open_report: OpenReport) -> None:
    """A4 is 794 px wide, and browsers leave a margin of 0.4 inch: 717 px are left."""
    page = open_report(
        example.build_campaign(), color_scheme="dark", viewport={"width": 717, "height": 1040}
    ).page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    widths = page.locator("table").evaluate_all("tables => tables.map((table) => table.scrollWidth)")
    assert max(widths) <= 717


def test_without_a_script_the_page_offers_nothing_that_needs_one(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign(), java_script_enabled=False).page
    expect(page.locator("#filter")).to_be_hidden()
    expect(page.locator("#sizes tbody tr")).to_have_count(9)
    assert page.locator(".panel path.line").count() > 9


def test_a_report_of_400_sizes_shows_and_filters_them_all(open_report: OpenReport) -> None:
    report = open_report(example.build_large_campaign(20, 20))
    assert report.page.locator(".panel").count() == 400
    report.page.get_by_label("Show only rows with").fill("killed")
    assert report.page.locator("#filtered").inner_text() == "0 of 400"
    assert report.errors == []


def test_a_panel_can_be_enlarged(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    panel = page.locator(".panel").first
    before = panel.bounding_box()
    panel.get_by_role("button", name="Enlarge").click()
    after = panel.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 2 * before["width"]


def test_the_cost_chart_shows_every_price_and_highlights_a_size(open_report: OpenReport) -> None:
    report = open_report(example.build_campaign(price=Price("EUR", 0.034, 0.004)))
    page = report.page
    assert page.locator("svg.cost .point").count() == 7
    assert page.locator(".front-list li").count() == 5
    page.locator("#matrix a[data-cell='web-c1.00-m96']").hover()
    assert page.locator("svg.cost .point.lit").count() == 1
    assert "cheapest" in page.locator("#sentence").inner_text()
    assert report.errors == []


def test_a_thick_line_separates_the_sizes_that_sustain_the_users(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    assert page.locator("#matrix td.from-left").count() == 1
    assert page.locator("#matrix td.from-top").count() == 2


def test_a_size_is_drawn_over_time_when_its_details_open(open_report: OpenReport) -> None:
    step = replace(example.build_step(1, 400, 0.2), series=build_series(make_closed_step(400)))
    report = open_report(example.build_campaign([replace(example.build_censored_size(), steps=(step,))]))
    figure = report.page.locator("figure.time")
    expect(figure).to_be_hidden()
    report.page.locator("details.cell > summary").click()
    expect(figure).to_be_visible()
    assert figure.locator("path.series").count() == 9
    assert figure.locator("rect.window").count() == 1
    figure.locator("svg").focus()
    report.page.keyboard.press("ArrowRight")
    expect(figure.locator(".readout")).to_contain_text("Step of 400 users, 1 s after its begin")
    assert report.errors == []


def test_a_time_series_is_zoomed_by_dragging_and_by_keys(open_report: OpenReport) -> None:
    step = replace(example.build_step(1, 400, 0.2), series=build_series(make_closed_step(400)))
    report = open_report(example.build_campaign([replace(example.build_censored_size(), steps=(step,))]))
    page = report.page
    page.locator("details.cell > summary").click()
    chart = page.locator("figure.time svg")
    chart.scroll_into_view_if_needed()
    whole = chart.locator("path.series").nth(1).get_attribute("d")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 50)
    page.mouse.up()
    zoomed = chart.locator("path.series").nth(1).get_attribute("d")
    chart.focus()
    page.keyboard.press("+")
    closer = chart.locator("path.series").nth(1).get_attribute("d")
    page.keyboard.press("Escape")
    assert len({whole, zoomed, closer}) == 3
    assert chart.locator("path.series").nth(1).get_attribute("d") == whole
    assert report.errors == []


def test_the_page_of_a_running_campaign_reloads_unless_details_are_open_or_it_is_paused(
    open_report: OpenReport,
) -> None:
    report = open_report(example.build_running_campaign())
    page = report.page
    page.clock.install()
    page.reload()
    before = len(report.requests)
    page.clock.run_for(11_000)
    expect(page.locator("#refreshing")).to_contain_text("every 10 s")
    assert len(report.requests) == before + 1
    page.locator("details.cell > summary").first.click()
    page.clock.run_for(25_000)
    assert len(report.requests) == before + 1
    page.locator("details.cell > summary").first.click()
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(25_000)
    assert len(report.requests) == before + 1
    assert report.errors == []


def test_a_page_that_was_not_written_for_long_says_so(open_report: OpenReport, tmp_path: Path) -> None:
    """A campaign that was killed leaves its page as one that is still measured."""
    page = open_report(example.build_running_campaign()).page
    expect(page.locator("#refreshing")).to_contain_text("This page reloads every")
    expect(page.locator("#refreshing")).not_to_contain_text("Nothing was written")
    long_ago_s = time.time() - 40 * 60 - 5
    os.utime(tmp_path / "page.html", (long_ago_s, long_ago_s))
    page.reload()
    expect(page.locator("#refreshing")).to_contain_text(
        "Nothing was written here for 40 min: a step is long, or"
    )


@pytest.mark.parametrize(
    ("limit_s", "title", "lines"),
    [
        (0.001, "RT, p95, s; SLO ≤ 0.001 s in red", 3),
        (1000.0, "RT, p95, s; SLO ≤ 1000 s", 2),
        (None, "RT, p95, s", 2),
    ],
    ids=["within", "far above", "without"],
)
def test_the_slo_is_drawn_over_time_unless_it_lies_far_above(
    open_report: OpenReport, limit_s: float | None, title: str, lines: int
) -> None:
    """The limits of CPU and memory are the other two lines."""
    step = replace(example.build_step(1, 400, 0.2), series=build_series(make_closed_step(400)))
    slo = Slo("p99", 1.0) if limit_s is None else Slo("p95", limit_s)
    campaign = example.build_campaign([replace(example.build_censored_size(), steps=(step,))], slos=(slo,))
    report = open_report(campaign)
    report.page.locator("details.cell > summary").click()
    chart = report.page.locator("figure.time svg")
    expect(chart.locator("text.title", has_text="RT")).to_have_text(title)
    expect(chart.locator("path.slo")).to_have_count(lines)
    assert report.errors == []


def test_a_link_opens_a_size_at_an_instant(open_report: OpenReport) -> None:
    step = replace(example.build_step(1, 400, 0.2), series=build_series(make_closed_step(400)))
    report = open_report(example.build_campaign([replace(example.build_censored_size(), steps=(step,))]))
    page = report.page
    page.evaluate("location.hash = '#cell=web-c1.00-m96&t=20'")
    figure = page.locator("figure.time")
    expect(figure).to_be_visible()
    expect(figure.locator(".cursor.on")).to_have_count(1)
    figure.locator("svg").click(position={"x": 300, "y": 40})
    assert re.fullmatch(r"#cell=web-c1.00-m96&t=\d+", page.evaluate("location.hash"))
    for link in (
        "#%E0%A4%A",
        "#cell=unknown&t=5",
        "#cell=&t=",
        "#cell=web-c1.00-m96&t=soon",
        "#t=5",
        "#data",
    ):
        page.evaluate("link => { location.hash = link; }", link)
    assert report.errors == []


def test_a_link_beyond_the_steps_shows_their_last_instants(open_report: OpenReport) -> None:
    step = replace(example.build_step(1, 400, 0.2), series=build_series(make_closed_step(400)))
    report = open_report(example.build_campaign([replace(example.build_censored_size(), steps=(step,))]))
    report.page.evaluate("location.hash = '#cell=web-c1.00-m96&t=99999'")
    cursor = report.page.locator("figure.time .cursor.on")
    expect(cursor).to_have_attribute("transform", "translate(712 0)")
    assert report.errors == []


def test_whole_numbers_are_shown_in_full_and_others_with_three_digits(open_report: OpenReport) -> None:
    page = open_report(example.build_campaign()).page
    shown = page.evaluate("[12345, 9999, 0, 0.012345, 101.26, 12345.6, null].map(formatNumber)")
    assert shown == ["12\u202f345", "9999", "0", "0.0123", "101", "12\u202f300", "–"]
