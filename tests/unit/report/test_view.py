"""The view model: open is not exact, no data is not zero, invalid is not an answer."""

from dataclasses import replace

import pytest

from harness.model import CellResult, Status
from harness.report import build_view
from harness.report.view import cell_text
from harness.report.view.cells import select_decisive_steps
from tests.unit.report import example


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (example.censored(), "≥ 400"),
        (example.by_cpu(0.5, 96, (142,), (151,)), "142 – 151"),
        (example.none(), "none (< 10)"),
        (example.failed(), "failed"),
        (example.invalid(), "invalid"),
        (example.skipped(), "skipped"),
        (example.running(), "≥ 80"),
        (example.cell(1.0, 64, Status.RUNNING), "waiting"),
        (example.cell(1.0, 64, Status.INFERRED, broken_users=400), "< 400"),
    ],
)
def test_a_capacity_is_written_as_what_is_known_of_it(result: CellResult, text: str) -> None:
    assert cell_text.format_bracket(result) == text


def test_an_invalid_size_shows_no_numbers_of_a_lighter_step() -> None:
    cell = build_view(example.campaign([replace(example.invalid(), rps=4.0, p95_s=0.01)])).cells[0]
    assert (cell.rps, cell.p95, cell.cpu_used, cell.memory_peak, cell.heat) == ("–", "–", "–", "–", None)


def test_a_measured_zero_is_not_no_data() -> None:
    cell = build_view(
        example.campaign([replace(example.censored(), error_ratio=0.0, throttled_ratio=None)])
    ).cells[0]
    assert (cell.error_ratio, cell.throttled) == ("0 %", "–")


def test_heat_grows_with_the_sustained_users_and_is_absent_where_unknown() -> None:
    heats = [cell.heat for cell in build_view(example.with_doubt()).cells]
    assert heats == [None, 3, 3, 0, 6, None, 2, 9, None]


def test_exactly_one_size_is_taken() -> None:
    assert [cell.size for cell in build_view(example.campaign()).cells if cell.is_taken] == ["1 CPU / 96 MiB"]


def test_progress_counts_the_sizes_that_have_an_answer() -> None:
    assert build_view(example.half_way()).progress == (
        "5 of 9 sizes have their answer; 0.5 CPU / 256 MiB has 2 steps so far"
    )
    assert build_view(example.campaign()).progress == ""


def test_the_decisive_steps_are_both_ends_of_the_bracket() -> None:
    cell = build_view(example.campaign([example.by_cpu(0.5, 96, (10, 280), (294, 320))])).cells[0]
    assert [(step.users, step.verdict) for step in select_decisive_steps(cell)] == [
        (280, "PASS"),
        (294, "FAIL"),
    ]


def test_invalid_steps_enter_no_figure_of_trust() -> None:
    facts = {fact.label: fact.value for fact in build_view(example.campaign([example.invalid()])).trust}
    assert facts["Generator loop lag"] == "0.004 s"
    assert facts["Steps"] == "1 PASS, 1 INVALID"
