"""A comparison of two versions in words, in Markdown and in JSON."""

import json
import math
import re
from dataclasses import replace

import pytest

from harness.model import MIB, Limits
from harness.model.ab import AbAnswer, AbOutcome, AbTest, Estimate, Held, Measure
from harness.model.decisions import Change
from harness.report import render_ab, render_ab_text
from harness.report.view.ab import build_ab_view, describe_outcome

TEST = AbTest("web:1", "web:2", Limits(0.5, 256 * MIB), users=150, within_s=600.0, least_ratio=0.05)
CPU = Estimate(Measure.CPU, 0.004, 0.004212, 0.053, 0.039, 0.067, 0.984, Change.MORE)
P95 = Estimate(Measure.P95, 0.21, 0.26, 0.238, 0.101, 0.39, 0.998, Change.MORE)
ERRORS = Estimate(Measure.ERRORS, 0.0, 0.012, 0.012, -0.001, 0.025, 0.998, Change.UNKNOWN)
MORE = AbAnswer(TEST, AbOutcome.MORE, (CPU,), pairs=10, spent_s=512.0, is_over=True)


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
    assert not any("As measured" in each for each in build_ab_view(MORE).remarks)


def test_the_same_image_twice_says_so() -> None:
    view = build_ab_view(replace(MORE, test=replace(TEST, is_same_image=True)))
    assert any("the same image with the same settings" in remark for remark in view.remarks)


def test_names_of_versions_are_harmless_in_every_file() -> None:
    test = replace(TEST, base="web:1\x1b[31m", head="a|b<script>")
    files = render_ab(replace(MORE, test=test))
    assert "\x1b" not in files["ab.md"]
    assert "a|b" not in files["ab.md"]
    assert "<script>" not in files["ab.md"]
    assert json.loads(files["ab.json"])["base"] == "web:1"


def test_the_document_has_no_number_that_json_lacks() -> None:
    infinite = replace(CPU, low=-1.0, high=math.inf, kind=Change.UNKNOWN)
    answer = AbAnswer(TEST, AbOutcome.UNDECIDED, (infinite,), pairs=2, is_over=True)
    document = json.loads(render_ab(answer)["ab.json"])
    assert document["measures"][0]["high"] is None
    assert (document["outcome"], document["worse"], document["over"]) == ("undecided", False, True)
    assert "can't tell anything yet" in document["sentence"]
