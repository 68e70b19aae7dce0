"""Show prices in the recommendation, the tables and the chart; show nothing about money without prices."""

import json

import pytest

from harness.model import CampaignResult, Price
from harness.report import (
    build_summary,
    build_view,
    render_csv,
    render_html,
    render_markdown,
    render_table,
    write_recommendation,
)
from harness.report.html.cost_chart import build_cost_chart
from harness.report.view.text import format_money
from tests.summary_schema import VALIDATOR
from tests.unit.report import example

RATES = Price("EUR", cpu_hour=0.034, gib_hour=0.004)


def build_priced_campaign() -> CampaignResult:
    return example.build_campaign(price=RATES)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [(0.034375, "0.0344 EUR"), (0, "0.00 EUR"), (12.5, "12.50 EUR"), (1234.5, "1234.50 EUR"), (None, "–")],
)
def test_money_has_three_significant_digits(value: float | None, sentence: str) -> None:
    assert format_money(value, "EUR") == sentence


def test_the_recommendation_names_the_price() -> None:
    sentence = write_recommendation(build_view(build_priced_campaign()))
    assert sentence.startswith(
        "For 400 users take 1 CPU / 96 MiB, for 0.0344 EUR an hour the cheapest that is enough: it sustained"
    )


def test_the_recommendation_names_the_smallest_size_if_it_is_not_the_cheapest() -> None:
    dear_memory = Price("EUR", cpu_hour=0.0001, gib_hour=1)
    smaller, cheaper = example.build_censored_size(0.5, 256), example.build_censored_size(1.0, 96)
    cells = [smaller, cheaper, example.build_size_without_capacity()]
    sentence = write_recommendation(build_view(example.build_campaign(cells, price=dear_memory)))
    assert sentence.startswith("For 400 users take 1 CPU / 96 MiB")
    assert "the cheapest that is enough (the smallest is 0.5 CPU / 256 MiB): it sustained" in sentence


def test_every_table_shows_the_prices() -> None:
    view = build_view(build_priced_campaign())
    assert "0.0344 EUR" in render_table(view, 200)
    assert "| price an hour | per 100 users |" in render_markdown(view)
    assert "≤ 0.00859 EUR" in render_markdown(view)
    assert "price_hour_per_100_users" in render_csv(build_priced_campaign())


def test_the_summary_has_the_prices_and_follows_its_schema() -> None:
    summary = json.loads(json.dumps(build_summary(build_priced_campaign())))
    VALIDATOR.validate(summary)
    assert summary["currency"] == "EUR"
    assert summary["cells"][7]["price_hour"] == pytest.approx(0.034375)
    assert [cell["on_price_front"] for cell in summary["cells"]].count(True) == 5


def test_the_chart_shows_every_size_that_sustains_users() -> None:
    chart = build_cost_chart(build_view(build_priced_campaign()))
    assert chart is not None
    assert len(chart.points) == 7
    assert [point.label for point in chart.points if point.is_on_front][-1] == "1 CPU / 96 MiB"
    assert 'class="front"' in render_html(build_view(build_priced_campaign()))


def test_without_prices_no_report_mentions_money() -> None:
    view = build_view(example.build_campaign())
    assert build_cost_chart(view) is None
    for text in (render_html(view), render_markdown(view), write_recommendation(view)):
        assert "an hour" not in text
    assert build_summary(example.build_campaign())["currency"] is None
