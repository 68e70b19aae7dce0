"""One page has what a manager decides from, and says where the measurements don't tell."""

from dataclasses import replace

import pytest

from harness.analyse.result.growth import add_growth
from harness.model import MIB, CampaignResult, Margin, MemoryOutlook, MemoryTrend, Price
from harness.report import build_view, render_brief, render_brief_text
from harness.report.view.brief import Brief, build_brief, keep_whole_sentences
from tests.unit.report import example


def build(result: CampaignResult) -> Brief:
    return build_brief(build_view(result))


def get_figures(brief: Brief) -> dict[str, tuple[str, str]]:
    return {fact.label: (fact.value, fact.note) for fact in brief.figures}


def test_the_price_is_that_of_an_hour_and_of_a_month() -> None:
    """An hour of 1 CPU / 96 MiB costs 0.034375 EUR: 730 of them 25.09 EUR, and 400 users four hundredths."""
    figures = get_figures(build(example.build_campaign(price=Price("EUR", 0.034, 0.004))))
    assert figures["Size"] == ("1 CPU / 96 MiB", "sustains ≥ 400 users")
    assert figures["Price"] == (
        "0.0344 EUR an hour",
        "25.09 EUR a month of 730 hours; ≤ 0.00859 EUR an hour for 100 users",
    )


@pytest.mark.parametrize(
    ("longest", "kept"), [(26, "Take 0.5 CPU. It held. No."), (25, "Take 0.5 CPU. It held.")]
)
def test_an_answer_that_is_too_long_ends_with_a_whole_sentence(longest: int, kept: str) -> None:
    """The three sentences are 26 characters long: 13 + 9 + 4, with the spaces before them."""
    assert keep_whole_sentences("Take 0.5 CPU. It held. No.", longest) == kept
    assert keep_whole_sentences("Take 0.5 CPU and more", 10) == "Take 0.5…"


def test_without_prices_the_cost_is_relative() -> None:
    """1 CPU / 96 MiB is 1.012 cores, the smallest size 0.256."""
    value, note = get_figures(build(example.build_campaign()))["Relative cost"]
    assert value == "4 ×"
    assert "there are no prices" in note


def test_the_margin_says_whether_it_is_predicted() -> None:
    result = example.build_campaign()
    spare = Margin(800.0, True, 0.46, 0.7, 0.999, 0.99)
    sizing = replace(result.sizing, needed=520, margin=spare)
    brief = build(replace(result, sizing=sizing))
    assert get_figures(brief)["Margin"] == (
        "46 % of its CPU and 70 % of its memory spare",
        "at 400 users; room for 30 % more: expected to sustain 800 users (predicted)",
    )
    assert get_figures(brief)["How sure"] == ("over 99 %", "that another run sustains 400 users")
    assert any("The margin is predicted" in caveat for caveat in brief.caveats)
    unknown = replace(spare, spare_cpu_ratio=None, spare_memory_ratio=None)
    nothing = get_figures(build(replace(result, sizing=replace(sizing, margin=unknown))))
    assert nothing["Margin"][0] == "not known"
    without = get_figures(build(replace(result, sizing=replace(sizing, keeps_headroom=False))))
    assert "NO room for 30 % more" in without["Margin"][1]


def test_memory_that_grows_all_the_time_is_a_caveat() -> None:
    """1 MiB a minute fills the 41 MiB that are left of 96 MiB after the 5 minutes of the window."""
    growth = MIB / 60
    trend = MemoryTrend(
        MemoryOutlook.LASTS, 300.0, 50 * MIB, 55 * MIB, growth, growth, growth, 96.0 * MIB, 46 * 60.0
    )
    size = example.build_censored_size(1.0, 96)
    size = replace(size, steps=(*size.steps[:-1], replace(size.steps[-1], memory=trend)))
    caveat = "Its memory grows by 1.0 MiB a minute at 400 users: 96 MiB last 46 min."
    assert caveat in build(example.build_campaign([size])).caveats
    assert caveat not in build(example.build_campaign([example.build_censored_size(1.0, 96)])).caveats


def test_where_no_size_is_enough_the_page_says_so() -> None:
    brief = build(example.build_campaign([example.build_cpu_bound(0.5, 96, (10, 245), (257,))]))
    figures = get_figures(brief)
    assert figures["Size"] == ("none of these", "the best is 0.5 CPU / 96 MiB with 245 users")
    assert figures["Price"] == ("–", "no measured size is enough")
    assert figures["Margin"] == ("–", "no measured size is enough")
    assert [row.size for row in brief.growth][:2] == ["0.5 CPU / 96 MiB", "2 × 0.5 CPU / 96 MiB"]


def test_where_nothing_sustains_any_user_there_is_no_growth() -> None:
    result = example.build_campaign([example.build_failed_size(), example.build_size_without_capacity()])
    brief = build(result)
    assert get_figures(brief)["Size"][1] == "none sustains any number of users that was measured"
    assert brief.growth == ()
    assert "As you grow" not in render_brief(build_view(result))
    assert "As you grow" not in render_brief_text(build_view(result))


def test_an_unfinished_campaign_is_called_that_first() -> None:
    brief = build(example.build_running_campaign())
    assert brief.caveats[0].startswith("The campaign is not complete: 5 of 9")
    assert get_figures(brief)["Size"] == ("none so far", "the best is 0.5 CPU / 96 MiB with 280 users")


def test_many_caveats_are_cut_and_counted() -> None:
    view = build_view(example.build_campaign())
    brief = build_brief(replace(view, warnings=tuple(f"Warning {number}." for number in range(20))))
    assert len(brief.caveats) == 6
    assert brief.caveats[0] == "Warning 0."
    assert brief.caveats[-2].startswith("It holds for this machine")
    assert brief.caveats[-1].endswith(" more in report.html.")


def test_a_matrix_that_does_not_fit_is_left_out() -> None:
    large = build_view(example.build_large_campaign(20, 20))
    assert not build_brief(large).has_matrix
    assert 'class="matrix"' not in render_brief(large)
    assert 'class="matrix"' in render_brief(build_view(example.build_large_campaign(5, 5)))


def test_the_text_fits_a_terminal_page_and_marks_the_size_to_take() -> None:
    lines = render_brief_text(build_view(add_growth(example.build_campaign(), 0.08))).splitlines()
    assert len(lines) <= 60
    assert lines[0] == "web: which size for 400 users? (web-20260101-120000)"
    row = next(line for line in lines if line.startswith("1 CPU") and "≥" in line)
    assert "→ ≥ 400" in row
    assert "month 5" in "\n".join(lines)


def test_the_rows_around_the_campaigns_users_are_shown() -> None:
    """Rows end at 139, 141, 280, 283, 400 and 560 users: two before that of 400, then the rest."""
    brief = build(example.build_campaign())
    assert [row.users for row in brief.growth[:4]] == ["142 – 280", "281 – 283", "284 – 400", "401 – 560"]
    assert len(brief.growth) == 6
