"""The page chooses a size for any users and headroom by the rule of the harness, at once and by keyboard."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from harness.analyse.result.growth import choose_size
from harness.model import CampaignResult, Choice, Factor, Growth, Price, SharedPart
from harness.report import build_view, render_html
from harness.report.view.growth import name_choice
from tests.browser.pages import HOSTILE, OpenPage, open_page
from tests.unit.report import example

pytestmark = [pytest.mark.browser, pytest.mark.side_by_side]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


def open_report(context: BrowserContext, folder: Path, result: CampaignResult) -> OpenPage:
    return open_page(context, render_html(build_view(result)), folder)


def get_growth(result: CampaignResult) -> Growth:
    assert result.growth is not None
    return result.growth


def build_mixed_campaign() -> CampaignResult:
    """Return a campaign with two replicas, a dependency as limit, a named size and a price for it alone."""
    one = example.build_cpu_bound(0.5, 96, (10, 120), (130,))
    two = example.build_cpu_bound(0.5, 96, (10, 225), (240,))
    two = replace(two, cell=replace(two.cell, id="x2", limits=replace(two.cell.limits, replicas=2)))
    waits = replace(example.build_cpu_bound(1.0, 96, (10, 300), (310,)), limiting_factor=Factor.DEPENDENCY)
    waits = replace(waits, cell=replace(waits.cell, size_name="large"))
    price = Price("EUR", by_name={"large": 1.25})
    return example.build_campaign([one, two, waits], price=price, headroom_ratio=0.125)


def build_campaign_with_variants() -> CampaignResult:
    """Return two sizes with two variants each: the one that comes first by its name sustains fewer users."""
    cells = [
        replace(cell, cell=replace(cell.cell, id=f"{cell.cell.id}_{name}", limits=limits))
        for name, passes, fails in (("four", 150, 160), ("one", 120, 130))
        for cores in (0.25, 0.5)
        for cell in [example.build_cpu_bound(cores, 96, (10, round(passes * cores)), (round(fails * cores),))]
        for limits in [replace(cell.cell.limits, variant=name)]
    ]
    return example.build_campaign(cells, headroom_ratio=0.3)


def build_shared_campaign() -> CampaignResult:
    result = example.build_campaign(headroom_ratio=0.3)
    growth = replace(get_growth(result), shared=SharedPart("db", 1234))
    return replace(result, growth=growth)


CAMPAIGNS: dict[str, Callable[[], CampaignResult]] = {
    "without prices": lambda: example.build_campaign(headroom_ratio=0.3),
    "with prices": lambda: example.build_campaign(price=Price("EUR", 0.034, 0.004)),
    "with replicas": build_mixed_campaign,
    "with a shared companion": build_shared_campaign,
    "with variants": build_campaign_with_variants,
    "none is enough": lambda: example.build_campaign([example.build_memory_bound()], headroom_ratio=0.3),
    "undecided": example.build_campaign_with_undecided_sizes,
    "many sizes": lambda: example.build_large_campaign(8, 8),
    "foreign texts": lambda: example.build_campaign_of_foreign_texts(HOSTILE),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_the_page_chooses_as_the_harness_does(context: BrowserContext, tmp_path: Path, name: str) -> None:
    result = CAMPAIGNS[name]()
    growth, draw = get_growth(result), random.Random(7)
    users = {1, *range(1, 420, 3), *(draw.randint(1, 40_000) for _ in range(200))}
    users |= {row.until_users + more for row in growth.steps for more in (0, 1)}
    grid = [(each, parts) for each in sorted(users) for parts in (0, 10_000, 122_500, 300_000, 1_000_000)]
    opened = open_report(context, tmp_path, result)
    shown = opened.page.evaluate(
        """grid => {
            const list = choice =>
                choice && [choice.ground, nameChoice(choice), choice.until, list(choice.instead)];
            return grid.map(([users, headroom]) => list(chooseSize(users, headroom)));
        }""",
        grid,
    )
    assert shown == [list_parts(choose_size(growth, each, parts / 1e6)) for each, parts in grid]
    assert opened.errors == []


def list_parts(choice: Choice | None) -> list[object] | None:
    """Return what the page's script shows of a choice, as JSON has it."""
    if choice is None:
        return None
    return [choice.ground.value, name_choice(choice), choice.until_users, list_parts(choice.instead)]


@pytest.mark.parametrize("name", sorted(CAMPAIGNS.keys() - {"with a shared companion"}))
def test_the_page_names_the_costs_of_the_table(context: BrowserContext, tmp_path: Path, name: str) -> None:
    """The companion is put into a finished campaign, whose table goes on beyond what it allows."""
    view = build_view(CAMPAIGNS[name]())
    assert view.growth is not None
    rows = [(row.until_users, row.cost) for row in view.growth.rows]
    shown = open_report(context, tmp_path, CAMPAIGNS[name]()).page.evaluate(
        "rows => rows.map(([users]) => formatCost(chooseSize(users, growth.headroom)))", rows
    )
    assert [cost or "–" for cost in shown] == [cost for _, cost in rows]


def test_every_ground_has_its_sentence(context: BrowserContext, tmp_path: Path) -> None:
    """Two replicas of a size that sustains 280 users hold 560; with 30 % headroom one holds 215."""
    cell = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    page = open_report(context, tmp_path, example.build_campaign([cell])).page

    def describe(users: int, headroom: int = 0) -> object:
        return page.evaluate(
            "([users, headroom]) => describeChoice(chooseSize(users, headroom), users, headroom)",
            [users, headroom],
        )

    assert str(describe(1)).startswith("For 1 user take 0.5 CPU / 96 MiB")
    assert describe(280) == (
        "For 280 users take 0.5 CPU / 96 MiB, relative cost 1 ×: measured, enough up to 280 users."
    )
    assert describe(280, 300_000) == (
        "For 280 users with 30 % headroom take 0.5 CPU / 96 MiB, relative cost 1 ×: it sustained the users, "
        "but no size keeps the headroom; 2 × 0.5 CPU / 96 MiB would (reasoned, not measured)."
    )
    assert describe(300) == (
        "For 300 users take 2 × 0.5 CPU / 96 MiB, relative cost 2 ×: reasoned, not measured, enough up to "
        "560 users, if nothing that the replicas share is full before."
    )


def test_a_predicted_headroom_and_a_price_are_in_the_sentence(
    context: BrowserContext, tmp_path: Path
) -> None:
    """The shop's CPU quota is used by 80 % at 400 users, so a tenth more is predicted to fit."""
    campaign = example.build_campaign(price=Price("EUR", 0.034, 0.004), headroom_ratio=0.1)
    page = open_report(context, tmp_path, campaign).page
    answer = page.locator("#what-if-answer").inner_text().replace("\u00a0", " ")
    assert answer == (
        "For 400 users with 10 % headroom take 1 CPU / 96 MiB, for 0.0344 EUR an hour: enough up to 400 "
        "users; the users were measured, the headroom is predicted."
    )


def test_where_a_shared_companion_is_full_it_is_named(context: BrowserContext, tmp_path: Path) -> None:
    page = open_report(context, tmp_path, build_shared_campaign()).page
    assert page.evaluate("describeChoice(chooseSize(1235, 0), 1235, 0)") == (
        "For 1235 users no size is known to be enough: db, which all replicas share, is expected to be full "
        "at 1234 users."
    )


def test_the_sliders_move_the_mark_over_the_matrix(context: BrowserContext, tmp_path: Path) -> None:
    opened = open_report(context, tmp_path, example.build_campaign())
    page = opened.page
    taken = page.locator("#matrix td.taken a")
    answer = page.locator("#what-if-answer")
    assert taken.get_attribute("data-cell") == "web-c1.00-m96"
    page.locator("#what-if-users").fill("200")
    assert taken.get_attribute("data-cell") == "web-c0.50-m96"
    assert page.locator("#sizes tr.taken").get_attribute("data-cell") == "web-c0.50-m96"
    expect(answer).to_contain_text("For 200 users take 0.5")
    page.locator("#what-if-headroom").fill("41")
    assert taken.get_attribute("data-cell") == "web-c0.50-m256"
    expect(page.locator("#what-if-headroom-shown")).to_have_text("41 %")
    page.locator("#what-if-users").fill("1000")
    expect(taken.locator(".take")).to_have_text("take 5 of these (reasoned)")
    page.get_by_role("button", name="As asked").click()
    assert taken.get_attribute("data-cell") == "web-c1.00-m96"
    expect(taken.locator(".take")).to_have_text("take this")
    assert opened.errors == []


def test_a_variant_is_marked_in_the_matrix_and_in_its_own(context: BrowserContext, tmp_path: Path) -> None:
    opened = open_report(context, tmp_path, build_campaign_with_variants())
    opened.page.locator("#what-if-headroom").fill("0")
    opened.page.locator("#what-if-users").fill("60")
    taken = opened.page.locator(".matrix td.taken a")
    assert {each.get_attribute("data-cell") for each in taken.all()} == {"web-c0.50-m96_four"}
    assert taken.count() == 2
    assert opened.errors == []


def test_the_sliders_work_by_keyboard(context: BrowserContext, tmp_path: Path) -> None:
    page = open_report(context, tmp_path, example.build_campaign()).page
    page.locator("#what-if-users").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#what-if-answer")).to_contain_text("For 401 users take 3 × 0.25")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#what-if-answer")).to_contain_text("with 1 % headroom")


def test_the_slider_marks_one_of_400_sizes(context: BrowserContext, tmp_path: Path) -> None:
    page = open_report(context, tmp_path, example.build_large_campaign(20, 20)).page
    for users in ("50", "180", "400", "30"):
        page.locator("#what-if-users").fill(users)
        assert page.locator("#matrix td.taken a").count() == 1
        expect(page.locator("#what-if-answer")).to_contain_text(f"For {users} users take")


def test_without_a_script_there_is_a_table_and_no_slider(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = open_report(context, tmp_path, example.build_campaign()).page
    expect(page.locator("#what-if")).to_be_hidden()
    assert page.locator(".growth-table tbody tr").count() > 5
    expect(page.locator(".growth-table")).to_contain_text("reasoned, not measured")
    context.close()


def test_a_campaign_without_an_answer_has_no_slider(context: BrowserContext, tmp_path: Path) -> None:
    opened = open_report(context, tmp_path, example.build_campaign([example.build_failed_size()]))
    assert opened.page.locator("#what-if").count() == 0
    assert opened.errors == []
