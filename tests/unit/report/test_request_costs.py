"""Show what requests cost: on the page, on the terminal and in summary.json."""

from dataclasses import replace
from typing import Any

import pytest

from harness.model import CampaignResult, CompanionUse, Factor, Limits
from harness.model.request_costs import CostKind, MixPrediction, RequestCost, RequestCosts
from harness.report import build_summary, build_view, describe_mix, render_html, render_request_costs
from harness.report.view.request_costs import (
    build_request_costs_view,
    format_cpu_time,
    name_requests,
    suggest_proportion,
)
from tests.summary_schema import VALIDATOR
from tests.unit.report import example

LIGHT = RequestCost(CostKind.NAME, ("GET /a",), (0.72,), 5_000, 0.010, 0.0096, 0.0104, 0.41, True)
HEAVY = RequestCost(CostKind.NAME, ("POST /b",), (0.2,), 1_400, 0.0401, 0.038, 0.0422, 0.46, True)
PAIR = RequestCost(
    CostKind.TOGETHER, ("GET /page", "GET /style"), (0.03, 0.03), 420, 0.02, 0.018, 0.022, 0.07, True
)
VAGUE = RequestCost(
    CostKind.NAME, ("GET /rare",), (0.015,), 100, 0.03, 0.0, 0.07, 0.03, False, needed_s=7200.0
)
OTHERS = RequestCost(CostKind.RARE, (None, "GET /once"), (0.004, 0.001), 35, 0.02, 0.015, 0.025, 0.01, True)


def make_costs(**changed: Any) -> RequestCosts:
    cell = example.build_campaign().cells[3]
    costs = RequestCosts(cell, 280, (HEAVY, LIGHT, PAIR, VAGUE, OTHERS), 0.0175, 0.004, 0.02, 1230.0, 400)
    return replace(costs, **changed)


def make_campaign() -> CampaignResult:
    return replace(example.build_campaign(), request_costs=make_costs())


def test_the_terminal_shows_a_row_for_each_name() -> None:
    lines = render_request_costs(build_request_costs_view(make_costs())).splitlines()
    assert lines[0].startswith("What a request costs at ")
    assert lines[2].startswith("An average request costs 17.5 ms of CPU time at 280 users.")
    assert lines[6].split()[:4] == ["POST", "/b", "20", "%"]
    assert "40.1 ms" in lines[6]
    assert "38.0 ms – 42.2 ms" in lines[6]
    assert "10.0 ms" in lines[7]


def test_what_can_not_be_told_says_why() -> None:
    remarks = {row.name: row.remark for row in build_request_costs_view(make_costs()).rows}
    assert remarks["POST /b"] == ""
    assert "these names come together nearly always" in remarks["GET /page, GET /style"]
    assert remarks["GET /rare"] == "unresolved: it would need about 2 h 00 min of such load, not 20 min"
    assert "too few requests" in remarks["requests that failed, GET /once"]


def test_an_unresolved_cost_has_its_interval_and_no_number() -> None:
    rows = {row.name: row for row in build_request_costs_view(make_costs()).rows}
    vague = rows["GET /rare"]
    assert (vague.cpu, vague.interval, vague.cpu_share) == ("–", "0.00 ms – 70.0 ms", "–")
    assert (rows["POST /b"].cpu, rows["POST /b"].cpu_share) == ("40.1 ms", "46 %")


def test_the_answer_says_how_many_costs_are_known() -> None:
    """The load lasted for 1230 s."""
    average = "An average request costs 17.5 ms of CPU time at 280 users."
    some, none, every = (
        build_request_costs_view(make_costs(rows=rows))
        for rows in ((HEAVY, LIGHT, PAIR, VAGUE, OTHERS), (VAGUE,), (HEAVY,))
    )
    assert some.answer == f"{average} 20 min of load could not tell 1 of the 5 costs: they have a dash."
    assert none.answer == (
        f"{average} What each name costs is not known: 20 min of load could not tell them apart."
    )
    assert every.answer == average
    assert (some.is_told, none.is_told) == (True, False)


def test_the_page_folds_a_table_that_tells_nothing() -> None:
    summary = "<summary>The intervals, and how much load it would take</summary>"
    vague = replace(example.build_campaign(), request_costs=make_costs(rows=(VAGUE,)))
    assert summary in render_html(build_view(vague))
    assert summary not in render_html(build_view(make_campaign()))


def test_a_need_of_weeks_is_not_named() -> None:
    hopeless = replace(VAGUE, needed_s=1e9)
    (row,) = build_request_costs_view(make_costs(rows=(hopeless,))).rows
    assert row.remark == "unresolved"


def test_the_notes_say_what_the_costs_stand_on() -> None:
    first, idle = build_request_costs_view(make_costs(rows=(HEAVY,))).notes
    assert first == "CPU time of the target, with its 95 % interval. Shares are those at 280 users."
    assert idle == "Without any request it uses 0.004 cores, 2.0 % of its CPU time at 280 users."
    (_, unknown) = build_request_costs_view(make_costs(rows=(HEAVY,), idle_cores=None)).notes
    assert "is part of these costs" in unknown


def test_costs_that_are_unresolved_have_a_note_on_what_would_resolve_them() -> None:
    notes = build_request_costs_view(make_costs(rows=(VAGUE,))).notes
    assert any("steps.window.at_least" in note and "search.soak" in note for note in notes)


def test_the_notes_say_that_companions_are_left_out() -> None:
    cell = make_costs().result
    database = CompanionUse("database", Limits(1.0, 2**30), 0.2, 0.0, 2**28)
    steps = tuple(replace(step, companions=(database,)) for step in cell.steps)
    notes = build_request_costs_view(make_costs(result=replace(cell, steps=steps))).notes
    assert notes[-1] == "What its companions use is not part of it."


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.00 ms"), (0.00025, "0.25 ms"), (0.0124, "12.4 ms"), (0.412, "412 ms"), (3.2, "3200 ms")],
)
def test_cpu_time_has_about_three_digits(seconds: float, shown: str) -> None:
    assert format_cpu_time(seconds) == shown


def test_of_many_names_the_first_are_named() -> None:
    names = tuple(f"GET /{number}" for number in range(7))
    many = replace(OTHERS, names=names, name_ratios=(0.001,) * 7)
    assert name_requests(many) == "GET /0, GET /1, GET /2, GET /3 and 3 more"


def test_names_of_one_cost_may_be_asked_for_as_they_were_measured() -> None:
    """Requests with which users only begin, such as a login, don't come under the load of all users."""
    assert suggest_proportion(PAIR, 280) == (
        "give them the proportion in which they were measured: GET /page=3, GET /style=3"
    )
    begin = replace(PAIR, name_ratios=(0.0, 0.0))
    assert suggest_proportion(begin, 280) == "leave them out: none of them was asked for at 280 users"


def test_a_mix_is_marked_as_predicted_with_its_users() -> None:
    prediction = MixPrediction(0.025, 0.024, 0.026, 1.43, 280, 196, 188, 205)
    sentence = describe_mix(prediction, make_costs())
    assert sentence.startswith(
        "Predicted: in this mix an average request costs 25.0 ms of CPU time (24.0 ms – 26.0 ms) instead of "
        "17.5 ms."
    )
    assert "196 users (188 – 205) would use as much CPU as its safe load of 280 users does now" in sentence


def test_a_mix_says_why_it_has_no_users() -> None:
    prediction = MixPrediction(0.025, 0.024, 0.026, 1.43, 280)
    memory = describe_mix(replace(prediction, factor=Factor.MEMORY), make_costs())
    assert "is not predicted: memory stops it, and not its CPU." in memory
    assert "not known to sustain any users" in describe_mix(
        replace(prediction, safe_users=None), make_costs()
    )
    assert "can't be converted to users" in describe_mix(prediction, make_costs())


def test_a_mix_with_an_unresolved_cost_says_so() -> None:
    prediction = MixPrediction(0.025, 0.024, 0.026, 1.43, 280, 196, 188, 205, unresolved=(VAGUE,))
    assert describe_mix(prediction, make_costs()).endswith("a cost in it is unresolved: GET /rare.")


def test_the_page_shows_the_costs_of_the_size_to_take() -> None:
    page = render_html(build_view(make_campaign()))
    assert 'id="request-costs-heading"' in page
    assert "<code>POST /b</code>" in page
    assert 'id="request-costs-heading"' not in render_html(build_view(example.build_campaign()))


def test_a_hostile_name_is_only_text() -> None:
    hostile = replace(LIGHT, names=("<script>window.hit = 1</script>\x1b[31m",))
    campaign = replace(example.build_campaign(), request_costs=make_costs(rows=(hostile,)))
    page = render_html(build_view(campaign))
    assert "<script>window.hit" not in page
    assert "&lt;script&gt;window.hit" in page
    assert "\x1b" not in render_request_costs(build_request_costs_view(make_costs(rows=(hostile,))))


def test_the_summary_has_the_costs() -> None:
    summary = build_summary(make_campaign())
    VALIDATOR.validate(summary)
    costs = summary["request_costs"]
    assert (costs["users"], costs["mean_s"], costs["idle_cores"]) == (280, 0.0175, 0.004)
    assert [cost["names"] for cost in costs["requests"]] == [
        ["POST /b"],
        ["GET /a"],
        ["GET /page", "GET /style"],
        ["GET /rare"],
        ["GET /once"],
    ]
    assert costs["requests"][0]["cpu_s"] == 0.0401
    assert costs["requests"][3]["needed_s"] == 7200.0
    assert costs["requests"][4]["failed"]
    assert build_summary(example.build_campaign())["request_costs"] is None
