"""A comparison of two versions in words, in Markdown and in JSON."""

import json
import math
import re
from dataclasses import replace

import pytest

from harness.analyse.result.ab import measure_changes
from harness.model import MIB, Limits, Rule, TargetUse
from harness.model.ab import (
    AbAnswer,
    AbOutcome,
    AbRecord,
    AbTest,
    AbWindows,
    Estimate,
    Held,
    Measure,
    Pace,
    Pair,
)
from harness.model.decisions import Change
from harness.report import render_ab, render_ab_text
from harness.report.html.ab_page import VALUES_BOTTOM, VALUES_TOP, build_ab_chart
from harness.report.view.ab import build_ab_view, describe_outcome
from harness.report.view.ab_pairs import PairState, build_pair_rows, list_troubles
from tests.unit.analyse.synthetic import make_step
from tests.unit.report import ab_example

TEST = AbTest("web:1", "web:2", Limits(0.5, 256 * MIB), users=150, within_s=600.0, least_ratio=0.05)
CPU = Estimate(Measure.CPU, 0.004, 0.004212, 0.053, 0.039, 0.067, 0.984, Change.MORE)
P95 = Estimate(Measure.P95, 0.21, 0.26, 0.238, 0.101, 0.39, 0.998, Change.MORE)
ERRORS = Estimate(Measure.ERRORS, 0.0, 0.012, 0.012, -0.001, 0.025, 0.998, Change.UNKNOWN)
MORE = AbAnswer(TEST, AbOutcome.MORE, (CPU,), pairs=10, spent_s=512.0, is_over=True)


def record(answer: AbAnswer, *pairs: Pair) -> AbRecord:
    return AbRecord(
        "shop",
        "20261126-101500-shop-ab",
        "2026-11-26T10:15:00+00:00",
        answer,
        pairs,
        measure_changes(pairs),
        AbWindows(3.0, 15.0, 2.5, 0.74),
    )


def hold(cpu_s: float | None, rule: str = "slos") -> Held:
    verdict = "PASS" if rule == "slos" else Rule(rule).verdict
    return Held(
        make_step(
            150,
            verdict,
            rule=rule,
            p95_s=0.2,
            rps=60.0,
            target=TargetUse(cpu_cores=0.3, cpu_per_request_s=cpu_s),
        )
    )


def change_cpu(change: float, low: float, high: float, outcome: AbOutcome, **more: object) -> AbAnswer:
    estimate = replace(CPU, change=change, low=low, high=high)
    return replace(MORE, outcome=outcome, estimates=(estimate,), **more)  # type: ignore[arg-type]


UNDECIDED = change_cpu(0.02, -0.02, 0.06, AbOutcome.UNDECIDED, needed_s=300.0, spent_s=590.0)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            MORE,
            "The head needs 5.3 % more CPU time per request (3.9 % to 6.7 %), by 10 pairs of windows.",
        ),
        (
            change_cpu(-0.10, -0.13, -0.07, AbOutcome.LESS),
            "The head needs 10.0 % less CPU time per request (7.0 % to 13.0 %), by 10 pairs of windows.",
        ),
        (
            change_cpu(-0.004, -0.02, 0.012, AbOutcome.SAME),
            "No difference as large as 5.0 % in CPU time per request: the head needs 0.4 % less "
            "(-1.2 % to +2.0 %), by 10 pairs of windows.",
        ),
        (
            UNDECIDED,
            "Undecided: the change of CPU time per request is -2.0 % to +6.0 %, by 10 pairs of windows, so "
            "5.0 % may be there or not; it would probably need 5 min more: --for 16m.",
        ),
        (
            replace(UNDECIDED, is_over=False),
            "Undecided: the change of CPU time per request is -2.0 % to +6.0 %, by 10 pairs of windows, so "
            "5.0 % may be there or not.",
        ),
        (
            replace(UNDECIDED, needed_s=None),
            "Undecided: the change of CPU time per request is -2.0 % to +6.0 %, by 10 pairs of windows, so "
            "5.0 % may be there or not. The pairs differ too much for an answer in reasonable time.",
        ),
        (
            AbAnswer(TEST, AbOutcome.UNDECIDED, pairs=1),
            "Undecided: 1 pair of windows can't tell anything yet.",
        ),
        (
            AbAnswer(TEST, AbOutcome.HEAD_BROKE, broken=Held(failure="exit code 1\n\x1b[31mTraceback")),
            "The head breaks with 150 users: exit code 1 Traceback.",
        ),
    ],
    ids=lambda value: value.outcome if isinstance(value, AbAnswer) else "",
)
def test_the_answer_is_one_sentence(answer: AbAnswer, sentence: str) -> None:
    assert describe_outcome(answer) == sentence


def test_a_need_beyond_an_hour_names_no_option() -> None:
    sentence = describe_outcome(replace(UNDECIDED, needed_s=7200.0))
    assert sentence.endswith("it would probably need 2 h 00 min more.")


def test_the_table_has_both_versions_the_change_and_its_interval() -> None:
    answer = replace(MORE, estimates=(CPU, P95, ERRORS), left_out=2)
    text = render_ab_text(build_ab_view(answer))
    row = next(line for line in text.splitlines() if line.startswith("CPU time per request"))
    assert re.split(r" {2,}", row)[1:] == ["4.00 ms", "4.21 ms", "+5.3 %", "+3.9 % to +6.7 %", "more"]
    assert "-0.1 points to +2.5 points" in text
    assert "P95 of RT changed too: +23.8 % (+10.1 % to +39.0 %)." in text
    assert "2 of 12 pairs were left out" in text
    assert "It took 8 min 32 s." in text


def test_a_change_at_one_pace_says_what_was_measured() -> None:
    """4.212 / 4 ms is the change of 5.3 % itself; 4.1 / 4 ms is 2.5 %."""
    other = replace(MORE, estimates=(replace(CPU, head=0.0041),))
    (remark, _) = build_ab_view(other).remarks
    assert remark.startswith("As measured the CPU time per request changed by +2.5 %.")
    assert remark.endswith("so the change above is at one pace of the host.")
    (by_locust, _) = build_ab_view(replace(other, pace=Pace.LOCUST)).remarks
    assert by_locust.endswith("at one pace of the host, by Locust's own CPU time per request.")
    assert not any("As measured" in each for each in build_ab_view(MORE).remarks)


def test_the_same_image_twice_says_so() -> None:
    view = build_ab_view(replace(MORE, test=replace(TEST, is_same_image=True)))
    assert any("the same image with the same settings" in remark for remark in view.remarks)


def test_names_of_versions_are_harmless_in_every_file() -> None:
    test = replace(TEST, base="web:1\x1b[31m", head="a|b<script>")
    files = render_ab(record(replace(MORE, test=test)))
    assert "\x1b" not in files["ab.md"]
    assert "a|b" not in files["ab.md"]
    assert "<script>" not in files["ab.md"] + files["ab.html"]
    assert "\x1b" not in files["ab.html"]
    assert json.loads(files["ab.json"])["base"] == "web:1"


def test_the_document_has_no_number_that_json_lacks() -> None:
    infinite = replace(CPU, low=-1.0, high=math.inf, kind=Change.UNKNOWN)
    answer = AbAnswer(TEST, AbOutcome.UNDECIDED, (infinite,), pairs=2, is_over=True)
    document = json.loads(render_ab(record(answer))["ab.json"])
    assert document["measures"][0]["high"] is None
    assert (document["outcome"], document["worse"], document["over"]) == ("undecided", False, True)
    assert "can't tell anything yet" in document["sentence"]


SOUND = Pair(1, hold(0.004), hold(0.0042), 60.0)
NOISY_HEAD = Pair(2, hold(0.004), hold(0.0044, "foreign-load"), 110.0)
NOISY_BOTH = Pair(3, hold(0.004, "steal"), hold(0.0041, "steal"), 160.0)
BROKEN_HEAD = Pair(4, hold(0.004), Held(failure="exit code 1"), 200.0)
PAIRS = (SOUND, NOISY_HEAD, NOISY_BOTH, BROKEN_HEAD)


def test_the_pairs_in_words_say_which_count_and_what_changed() -> None:
    """0.0042 / 0.004 is 5 % more; the second pair's windows come in the order head, base."""
    rows = build_pair_rows(record(MORE, *PAIRS))
    assert [row.state for row in rows] == [
        PairState.COUNTS,
        PairState.ONE_DISTURBED,
        PairState.BOTH_DISTURBED,
        PairState.LEFT_OUT,
    ]
    assert [row.change for row in rows] == ["+5.0 %", "+10.0 %", "+2.5 %", "–"]
    assert [[window.side for window in row.windows] for row in rows[:2]] == [
        ["base", "head"],
        ["head", "base"],
    ]
    assert rows[0].windows[0].cpu == "4.00 ms"
    assert {rows[3].windows[0].cpu, rows[3].windows[0].locust, rows[3].windows[0].pace} == {"–"}


def test_what_was_disturbed_names_the_window_and_the_fate_of_its_pair() -> None:
    head, both_base, both_head, broken = list_troubles(PAIRS)
    assert head.startswith("Pair 2, head: ")
    assert head.endswith("; the pair counts for the CPU time alone.")
    assert both_base.startswith("Pair 3, base: ")
    assert both_head.endswith("; the other window was disturbed too, so the pair counts.")
    assert broken == "Pair 4, head: exit code 1; the pair is left out."
    assert list_troubles([NOISY_HEAD] * 20)[12:] == ["8 more windows were disturbed."]


def test_the_chart_has_every_pair_and_holds_every_value() -> None:
    chart = build_ab_chart(record(MORE, *PAIRS))
    assert chart is not None
    assert [mark.x for mark in chart.marks] == sorted(mark.x for mark in chart.marks)
    assert chart.marks[3].head_y is None
    assert chart.marks[3].change_y is None
    base_y, head_y = chart.marks[0].base_y, chart.marks[0].head_y
    assert base_y is not None
    assert head_y is not None
    assert VALUES_TOP < head_y < base_y < VALUES_BOTTOM
    assert chart.answer is not None
    assert chart.answer.high_y is not None
    assert chart.answer.high_y < chart.answer.y < chart.zero_y
    assert chart.least_y[0] < chart.zero_y < chart.least_y[1]
    assert chart.summary.endswith("in 3 pairs that count, from +2.5 % to +10.0 %")


def test_a_page_without_any_window_says_so() -> None:
    undecided = AbAnswer(TEST, AbOutcome.UNDECIDED)
    broken = replace(BROKEN_HEAD, base=Held(failure="exit code 1"))
    assert "No window has a CPU time per request yet." in render_ab(record(undecided))["ab.html"]
    assert build_ab_chart(record(undecided, broken)) is None


def test_the_page_says_the_answer_how_windows_were_held_and_loads_nothing() -> None:
    page = render_ab(record(MORE, *PAIRS))["ab.html"].replace("\u00a0", " ")
    assert "The head needs 5.3 % more CPU time per request (3.9 % to 6.7 %)" in page
    assert "they settle for 3 s, and then 15 s count" in page
    assert "Pair 4, head: exit code 1" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page


def test_the_example_of_a_page_is_decided_by_its_last_pair() -> None:
    """All ten count, the third for the CPU time alone: it was disturbed in its head."""
    example = ab_example.build_record()
    assert (example.answer.outcome, example.answer.pairs, example.answer.left_out) == (AbOutcome.MORE, 10, 0)
    assert example.answer.spent_s == example.pairs[-1].ended_s
