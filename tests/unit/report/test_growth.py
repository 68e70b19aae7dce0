"""Say what to take as users grow: on the page, for its script, and on the terminal."""

import json
import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analyse.result.growth import add_growth, assess_growth, choose_size
from harness.analyse.result.sizing import recommend_size
from harness.model import CampaignResult, Ground, Price, Soak, Status
from harness.model.evidence import NeverBroke
from harness.plan import parse_growth
from harness.report import build_view, render_growth, render_html
from harness.report.html.growth_chart import build_growth_chart
from harness.report.view.growth import build_growth_view, describe_replicas
from tests.builders import make_result
from tests.examples import count_examples
from tests.unit.report import example
from tests.unit.report.strategies import draw_campaign

RATES = Price("EUR", cpu_hour=0.034, gib_hour=0.004)


def test_the_table_names_the_smallest_size_for_each_number_of_users() -> None:
    """139, 141, 280, 283 and 400 users were sustained; 2 × 0.5 CPU with 280 each hold 560."""
    growth = build_view(example.build_campaign()).growth
    assert growth is not None
    assert [(row.users, row.size, row.ground) for row in growth.rows[:6]] == [
        ("1 – 139", "0.25 CPU / 96 MiB", "measured"),
        ("140 – 141", "0.25 CPU / 256 MiB", "measured"),
        ("142 – 280", "0.5 CPU / 96 MiB", "measured"),
        ("281 – 283", "0.5 CPU / 256 MiB", "measured"),
        ("284 – 400", "1 CPU / 96 MiB", "measured"),
        ("401 – 560", "2 × 0.5 CPU / 96 MiB", "reasoned"),
    ]
    assert growth.rows[5].known_by == "reasoned, not measured"
    assert "share the users only if nothing stops them that all of them use" in " ".join(growth.notes)


def test_costs_are_relative_without_prices() -> None:
    """A core counts as 8 GiB: with 48, 96 and 256 MiB a quarter of it is 0.256, 0.262 and 0.281 cores."""
    growth = build_view(example.build_campaign()).growth
    assert growth is not None
    assert growth.cost_heading == "Relative cost"
    assert [row.cost for row in growth.rows[:3]] == ["1 ×", "1.1 ×", "2 ×"]


def test_costs_are_prices_where_the_matrix_has_them() -> None:
    """An hour of 1 CPU / 96 MiB costs 0.034 and 0.004 · 96 / 1024."""
    growth = build_view(example.build_campaign(price=RATES)).growth
    assert growth is not None
    assert growth.cost_heading == "Price an hour"
    assert next(row.cost for row in growth.rows if row.size == "1 CPU / 96 MiB") == "0.0344 EUR"


def test_a_growth_puts_months_on_the_table() -> None:
    """400 users growing by 8 % a month are 401 within the first month, 561 (1.4 times) after 4.4."""
    grown = add_growth(example.build_campaign(), 0.08)
    growth = build_view(grown).growth
    assert growth is not None
    assert growth.title == "As you grow, growing by 8 % a month from 400 users"
    assert [row.month for row in growth.rows[:7]] == ["–", "–", "–", "–", "now", "month 1", "month 5"]
    assert growth.month_marks[0][1] == "6 months"
    assert '<th scope="col">From</th>' in render_html(build_view(grown))


def test_a_growth_of_many_times_a_month_is_no_percentage() -> None:
    """1000 % a week are 11 times as many, and 11^(365.25 / 12 / 7) = 33,744 times in a month."""
    growth = build_view(add_growth(example.build_campaign(), parse_growth("1000%/week"))).growth
    assert growth is not None
    assert re.fullmatch(r"As you grow, growing 33\u202f744-fold a month from 400 users", growth.title)
    twice = build_view(add_growth(example.build_campaign(), parse_growth("2x/month"))).growth
    assert twice is not None
    assert twice.title == "As you grow, growing by 100 % a month from 400 users"


def test_replicas_are_mentioned_only_where_no_measured_size_is_enough() -> None:
    result = example.build_campaign(price=RATES)
    assert result.growth is not None
    assert describe_replicas(choose_size(result.growth, 400, 0.0), result) == ""
    assert describe_replicas(choose_size(result.growth, 500, 0.0), result) == (
        "Reasoned, not measured: 2 × 0.5 CPU / 96 MiB, for 0.0348 EUR an hour, would hold up to 560 users, "
        "if nothing that the replicas share is full before."
    )


def test_a_size_that_was_inferred_is_not_called_measured_until_its_soak_confirms_it() -> None:
    taken = example.build_censored_size(1.0, 96)
    inferred = replace(taken, status=Status.INFERRED, steps=())
    growth = build_view(example.build_campaign((inferred,))).growth
    assert growth is not None
    assert growth.rows[0].known_by == "inferred from another size"
    assert growth.data["options"][0]["inferred"] is True
    soak = Soak(400, taken.steps[-1], taken.steps[-1].judgement)
    growth = build_view(example.build_campaign((replace(inferred, soak=soak),))).growth
    assert growth is not None
    assert growth.rows[0].known_by == "measured"
    assert growth.data["options"][0]["inferred"] is False


def test_a_row_of_one_number_of_users_names_it_once() -> None:
    single = replace(example.build_censored_size(1.0, 96), sustained_users=1)
    growth = build_view(example.build_campaign((single,), users_limit=1)).growth
    assert growth is not None
    assert [row.users for row in growth.rows] == ["1", "2", "3", "4"]


def test_a_campaign_without_an_answer_says_so() -> None:
    nothing = example.build_campaign([example.build_failed_size(), example.build_size_without_capacity()])
    assert build_growth_view(nothing) is None
    assert "No size is known to sustain any users" in render_growth(None)
    page = render_html(build_view(nothing))
    assert "No size is known to sustain any users" in page
    assert 'id="what-if"' not in page


def test_the_data_of_the_script_is_finite_json() -> None:
    page = render_html(build_view(example.build_campaign(price=RATES, headroom_ratio=0.3)))
    source = page.split('id="growth-data">')[1].split("</script>")[0]

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(source, parse_constant=refuse)
    assert (data["users"], data["headroom"], data["shared"]) == (400, 300_000, None)
    assert [option["users"] for option in data["options"]] == [139, 141, 280, 283, 80, 400, 400]


def test_a_name_can_not_end_the_script() -> None:
    hostile = "</script><script>window.hit = 1</script>"
    page = render_html(build_view(example.build_campaign_of_foreign_texts(hostile)))
    data = json.loads(page.split('id="growth-data">')[1].split("</script>")[0])
    assert data["options"][0]["name"] == hostile


def test_the_picture_is_full_where_it_was_measured_and_dotted_beyond() -> None:
    view = build_view(example.build_campaign())
    chart = build_growth_chart(view.growth, "")
    assert chart is not None
    assert [ground for ground, _ in chart.paths] == ["measured", "reasoned"]
    assert chart.beyond_x == chart.now_x
    assert chart.paths[0][1].count("M") == 5
    assert build_growth_chart(None, "") is None


def test_a_single_user_is_called_so() -> None:
    cell = example.build_cell(
        0.5, 96, Status.CENSORED, [example.build_step(1, 1, 0.5)], sustained_users=1, evidence=NeverBroke()
    )
    growth = build_view(example.build_campaign([cell], users_limit=1)).growth
    assert growth is not None
    assert growth.notes[0] == "Up to 1 user a size that was measured is enough."
    assert "No more than 1 user was tried: a higher users.limit" in " ".join(growth.notes)


def test_the_terminal_shows_the_table_and_its_notes() -> None:
    lines = render_growth(build_view(add_growth(example.build_campaign(), 0.08)).growth).splitlines()
    assert lines[0] == "As you grow, growing by 8 % a month from 400 users"
    assert re.split(r"  +", lines[2].strip()) == ["users", "from", "take", "relative cost", "known by"]
    assert lines[8].split()[:4] == ["284", "–", "400", "now"]
    (beyond,) = [line for line in lines if line.startswith("Beyond the measurements")]
    assert "A row of replicas has what the last of its users need" in beyond


@settings(max_examples=count_examples(20))
@given(draw_campaign(), st.integers(400, 500), st.integers(0, 200))
def test_the_choice_is_the_recommended_size_wherever_one_was_measured(
    result: CampaignResult, users: int, percent: int
) -> None:
    sizing = recommend_size(result.cells, users, percent / 100, result.price, result.slos)
    choice = choose_size(assess_growth(result, users, percent / 100), users, percent / 100)
    if sizing.recommended is None:
        assert choice is None or choice.ground is Ground.REASONED
    elif sizing.keeps_headroom:
        assert choice is not None
        assert choice.ground in (Ground.MEASURED, Ground.PREDICTED)
        assert choice.option.result.cell.limits == sizing.recommended.cell.limits
    else:
        assert choice is not None
        assert choice.ground is Ground.TIGHT


def test_the_name_of_a_size_follows_its_limits() -> None:
    named = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    named = replace(named, cell=replace(named.cell, size_name="small"))
    growth = build_view(example.build_campaign([named])).growth
    assert growth is not None
    assert [row.size for row in growth.rows][:2] == [
        "0.5 CPU / 96 MiB (small)",
        "2 × 0.5 CPU / 96 MiB (small)",
    ]


def test_a_size_of_one_user_is_enough_for_none_with_headroom() -> None:
    """One user with 30 % more is two users at least, and it breaks at two."""
    size = make_result(low=1, high=2)
    campaign = example.build_campaign([size])
    growth = build_growth_view(campaign, assess_growth(campaign, 1, 0.3))
    assert growth is not None
    assert growth.notes[0] == "No size that was measured is enough for any users, with 30 % headroom."
    assert growth.rows[0].known_by == "measured, without the headroom"
