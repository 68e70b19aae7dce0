"""Show no more than was measured: an open bracket has no upper end, and no data is no zero."""

from dataclasses import replace

import pytest

from harness.model import MIB, CampaignState, CellResult, CompanionUse, HostUse, Limits, Settling, Status
from harness.model.stalls import Stalls
from harness.report import build_view, render_html
from harness.report.view import cell_text
from harness.report.view.cells import CellView, select_decisive_steps
from harness.report.view.steps import build_step_view
from tests.unit.report import example


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (example.build_censored_size(), "≥ 400"),
        (example.build_cpu_bound(0.5, 96, (142,), (151,)), "142 – 151"),
        (example.build_size_without_capacity(), "none (< 10)"),
        (example.build_failed_size(), "failed"),
        (example.build_invalid_size(), "invalid"),
        (example.build_skipped_size(), "skipped"),
        (example.build_running_size(), "≥ 80"),
        (example.build_cell(1.0, 64, Status.RUNNING), "not begun"),
        (example.build_cell(1.0, 64, Status.RUNNING, [example.build_step(1, 10, 1.0)]), "no answer yet"),
        (example.build_cell(1.0, 64, Status.INFERRED, broken_users=400), "< 400"),
    ],
)
def test_a_bracket_shows_what_is_known_of_the_capacity(result: CellResult, text: str) -> None:
    assert cell_text.format_bracket(result) == text


def show_cell(result: CellResult) -> CellView:
    """Return the view of the only cell of a campaign."""
    return build_view(example.build_campaign([result])).cells[0]


def test_an_invalid_size_shows_no_numbers_of_a_lighter_step() -> None:
    cell = show_cell(replace(example.build_invalid_size(), rps=4.0, p95_s=0.01))
    assert (cell.rps, cell.p95, cell.cpu_used, cell.memory_peak, cell.heat) == ("–", "–", "–", "–", None)


def test_a_measured_zero_is_shown_as_zero() -> None:
    cell = build_view(
        example.build_campaign(
            [replace(example.build_censored_size(), error_ratio=0.0, throttled_ratio=None)]
        )
    ).cells[0]
    assert (cell.error_ratio, cell.throttled) == ("0 %", "–")


def test_heat_grows_with_the_sustained_users_and_is_absent_where_unknown() -> None:
    heats = [cell.heat for cell in build_view(example.build_campaign_with_undecided_sizes()).cells]
    assert heats == [None, 3, 3, 0, 6, None, 2, 9, None]


def test_exactly_one_size_is_recommended() -> None:
    assert [cell.size for cell in build_view(example.build_campaign()).cells if cell.is_recommended] == [
        "1 CPU / 96 MiB"
    ]


def test_progress_counts_the_sizes_that_have_an_answer() -> None:
    assert build_view(example.build_running_campaign()).progress == (
        "5 of 9 sizes have their answer; 0.5 CPU / 256 MiB has 2 steps so far"
    )
    assert build_view(example.build_campaign()).progress == ""
    checking = example.build_campaign(example.NINE_SIZES[4:6], state=CampaignState.RUNNING)
    assert build_view(checking).progress == "every size has its answer; the checks at the end are left"


def test_the_decisive_steps_are_both_ends_of_the_bracket() -> None:
    cell = show_cell(example.build_cpu_bound(0.5, 96, (10, 280), (294, 320)))
    assert [(step.users, step.verdict) for step in select_decisive_steps(cell)] == [
        (280, "PASS"),
        (294, "FAIL"),
    ]


def test_a_step_that_does_not_count_is_no_end_of_the_bracket() -> None:
    """The 294 users were held again after the failure that counts, on a slower host."""
    result = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    again = replace(result.steps[-1], index=4)
    cell = show_cell(replace(result, steps=(*result.steps, again), superseded_steps=(4,)))
    assert [step.result.index for step in select_decisive_steps(cell)] == [2, 3]


def test_invalid_steps_are_counted_and_enter_no_other_figure() -> None:
    facts = {
        fact.label: fact.value
        for fact in build_view(example.build_campaign([example.build_invalid_size()])).trust
    }
    assert facts["Generator loop lag"] == "0.004 s"
    assert facts["Steps"] == "1 PASS, 1 INVALID"


def test_a_size_shows_its_numbers_with_units_and_shares() -> None:
    cell = show_cell(example.build_cpu_bound(0.25, 96, (10, 80, 139), (146, 160)))
    assert (cell.rps, cell.p95, cell.error_ratio, cell.throttled) == ("50.0", "0.73 s", "0 %", "93 %")
    assert (cell.cpu_used, cell.cpu_share) == ("0.25", "100 %")
    assert (cell.memory_peak, cell.memory_share) == ("52 MiB", "54 %")
    assert (cell.estimate, cell.ready_after, cell.load) == ("142 (139–146)", "1.40 s", "4 min 40 s")


def test_a_step_lists_its_most_frequent_errors_first_and_each_request_name() -> None:
    (step,) = show_cell(example.build_size_without_capacity()).steps
    assert (step.verdict, step.rule, step.reason) == ("FAIL", "errors", "errors 18.0 % > 1 %")
    assert step.errors[0] == ("HTTP 503 Service Unavailable", "61")
    assert [name.name for name in step.by_name] == [name for name, _, _ in example.REQUEST_NAMES]
    assert (step.by_name[0].p95, step.window, step.requests) == ("0.015 s", "40 s", "159")


def test_a_companion_is_shown_with_its_shares_and_in_the_trust_section() -> None:
    use = CompanionUse("db", Limits(0.5, 128 * MIB), 0.1, 0.03, 64 * MIB, Stalls(0.02, 0.0, 0.8))
    step = example.build_step(1, 400, 1.0, companions=(use,))
    cell = replace(example.build_censored_size(), steps=(step,), companions_ready_after_s=2.5)
    view = build_view(example.build_campaign([cell]))
    (companion,) = view.cells[0].steps[0].companions
    assert (companion.size, companion.cpu_used, companion.cpu_share) == ("0.5 CPU / 128 MiB", "0.10", "20 %")
    assert (companion.throttled, companion.memory_peak, companion.memory_share) == ("3.0 %", "64 MiB", "50 %")
    assert companion.waits == "core 2.0 %, disk 80 %"
    (fact,) = (fact for fact in view.trust if fact.label == "Companions")
    assert (fact.value, fact.note.endswith("ready and seeded after 2.50 s at most")) == ("db", True)


@pytest.mark.parametrize(
    ("stalls", "waits"),
    [
        (Stalls(), "–"),
        (Stalls(0.009, 0.0, 0.0), "nothing"),
        (Stalls(0.009, None, 0.0), "–"),
        (Stalls(0.63, 0.34, 0.02), "core 63 %, memory 34 %, disk 2.0 %"),
        (Stalls(0.0, None, 0.8), "disk 80 %"),
    ],
)
def test_a_step_says_for_what_its_work_waited(stalls: Stalls, waits: str) -> None:
    step = example.build_step(1, 400, 1.2)
    assert build_step_view(replace(step, target=replace(step.target, stalls=stalls))).waits == waits


def test_the_trust_section_shows_the_worst_window() -> None:
    steps = (
        example.build_step(1, 10, 1.0, settling=Settling(5.0), host=HostUse(0.01, 0.2, 0.05, 0.010)),
        example.build_step(
            2, 400, 1.0, settling=Settling(8.0, was_warm=False), host=HostUse(0.0, work_s=0.011)
        ),
    )
    trust = build_view(example.build_campaign([replace(example.build_censored_size(), steps=steps)])).trust
    values = {fact.label: fact.value for fact in trust}
    assert values["Settling and warm-up"] == "5 – 8 s"
    assert (values["Steal"], values["Other programs"], values["Port proxy"]) == (
        "1.0 %",
        "0.20 cores",
        "0.05 cores",
    )
    assert (values["Host's pace"], values["CPU per request"]) == ("10 %", "5.0 – 5.0 ms")
    assert (values["Requests a window"], values["Generator CPU"]) == ("160 – 6382", "20 %")
    (warm_up,) = (fact for fact in trust if fact.label == "Settling and warm-up")
    assert warm_up.note.endswith("in 1 of 2 steps it still got faster when the window began")


def test_the_machine_is_listed_with_plain_labels() -> None:
    facts = {fact.label: fact.value for fact in build_view(example.build_campaign()).fingerprint}
    assert (facts["memory"], facts["Engine"], facts["cores"]) == ("8 GiB", "docker 26.1.5", "2")
    assert "virtualisation" not in facts


def test_a_limit_on_the_response_time_is_a_line_in_the_charts() -> None:
    view = build_view(example.build_campaign())
    assert view.slos == ("p95 of RT ≤ 1 s", "error ratio ≤ 1 %", "throughput shortfall ≤ 15 %")
    assert view.rt_limits == (("p95 of RT ≤ 1 s", 1.0),)


def test_a_line_separates_a_size_from_the_next_one_over_places_without_a_size() -> None:
    """Four sizes lie in three rows and three columns; only 1 CPU / 512 MiB sustains 400 users."""
    cells = [
        example.build_cpu_bound(1.0, 96, (139,), (146,)),
        example.build_cpu_bound(0.5, 256, (139,), (146,)),
        example.build_cpu_bound(0.25, 512, (139,), (146,)),
        example.build_censored_size(1.0, 512),
    ]
    grid = build_view(example.build_campaign(cells)).grid
    assert grid.borders == {((1.0, 1), 512 * MIB): ("left", "top")}
    alone = build_view(example.build_campaign([cells[1], cells[3]])).grid
    assert alone.borders == {}


def test_a_step_that_was_held_again_on_a_faster_host_says_that_it_does_not_count() -> None:
    result = example.build_cpu_bound(0.5, 96, (80, 142), (151,))
    cell = show_cell(replace(result, superseded_steps=(2,)))
    superseded = [step.users for step in cell.steps if "does not count" in step.reason]
    assert superseded == [142]


def test_only_a_campaign_on_a_slow_host_has_a_column_for_its_best_speed() -> None:
    page, quiet = (
        render_html(build_view(campaign))
        for campaign in (
            example.build_campaign(),
            example.build_campaign([example.build_cpu_bound(0.5, 96, (142,), (151,))]),
        )
    )
    assert "315 (303–327)" in page
    assert "Measured while requests took 9 % more CPU time than with the host at its best" in page
    assert "Best speed</th>" in page
    assert "Best speed</th>" not in quiet
