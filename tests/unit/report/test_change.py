"""The comment on a change begins with its verdict, has the noise beside it, and is inert."""

import pytest

from harness.analyse.result.comparison import compare_sizes
from harness.model import MIB, CampaignResult, CellResult, ChangeVerdict, Check, Limits, Requirement
from harness.report import ChangeView, ComparisonView, build_comparison, build_view, render_change
from harness.report.view.ab import build_ab_view
from tests.builders import make_result
from tests.unit.report import ab_example
from tests.unit.report.example import build_campaign

MET = Check(
    Requirement("users >= 300 at cpus <= 1", 300, Limits(1.0, 256 * MIB)), True, make_result(1.0, 340, 350)
)


def compare(base: CellResult, head: CellResult) -> ComparisonView:
    result: CampaignResult = build_campaign()
    return build_comparison(result, result, compare_sizes([base], [head]), [], [])


def test_the_verdict_comes_first_then_requirements_the_table_its_noise_and_the_size_to_take() -> None:
    comparison = compare(make_result(1.0, 340, 350), make_result(1.0, 200, 210))
    view = ChangeView(
        "0123abcd", "4567cdef", "shop", ChangeVerdict.LESS, comparison, [MET], build_view(build_campaign())
    )
    text = render_change(view)
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "### Capacity of shop"
    assert lines[1].startswith("**▼ It sustains fewer users. 1 of 1 sizes sustains less: 1 CPU / 256 MiB")
    assert lines[2].startswith("- met: users &gt;= 300 at cpus &lt;= 1")
    assert lines[3].startswith("| size | before | after |")
    assert "▼ sustains less" in lines[5]
    assert "The noise: a smaller change than in the column “counts from” may be chance." in text
    assert "take " in text
    assert lines[-1] == "Base 0123abcd, head 4567cdef."


def test_campaigns_without_a_common_size_show_no_lack_of_difference() -> None:
    comparison = compare(make_result(1.0, 340, 350), make_result(2.0, 340, 350))
    assert comparison.sentence == "No size is in both campaigns."


@pytest.mark.parametrize("verdict", [None, *ChangeVerdict])
def test_every_verdict_has_words(verdict: ChangeVerdict | None) -> None:
    assert "**" in render_change(ChangeView("a", "b", verdict=verdict)).splitlines()[2]


def test_why_something_was_not_measured_is_quoted_line_by_line_and_inert() -> None:
    problem = "the build failed:\n  RUN <b>false</b> @everyone\x1b[31m"
    text = render_change(ChangeView("main", "HEAD", problems=[problem]))
    assert "**This change was not measured.**" in text
    assert "> the build failed:  \n> RUN &lt;b&gt;false&lt;/b&gt; @\u200beveryone  \n" in text
    assert "Base main, head HEAD." in text


def test_names_that_are_no_valid_text_are_written_without_what_is_not() -> None:
    """A byte that is no UTF-8 comes from the command line as half of a surrogate pair."""
    text = render_change(ChangeView("main\udcff", "HEAD\n### Capacity"))
    assert b"Base main, head HEAD" in text.encode()
    assert sum(line.startswith("###") for line in text.splitlines()) == 1


def test_a_comparison_in_pairs_has_its_sentence_its_measures_and_their_intervals() -> None:
    answer = ab_example.build_record(base="0123abcd", head="4567cdef").answer
    view = ChangeView("0123abcd", "4567cdef", "shop", ChangeVerdict.LESS, pairs=build_ab_view(answer))
    text = render_change(view)
    lines = [line for line in text.splitlines() if line]
    assert lines[1].startswith("**▼ It is worse. The head needs ")
    assert lines[2].startswith(
        "Compared: base 0123abcd and head 4567cdef at 0.5 CPU / 256 MiB with 150 users."
    )
    assert any(line.startswith("| CPU time per request | 4.0") for line in lines)
    assert "is called better or worse in at most 2 % of all comparisons." in text
    assert "counts from" not in text
