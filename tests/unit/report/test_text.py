"""Format numbers and texts the same way everywhere."""

from collections.abc import Callable

import pytest

from harness.model import MIB, Limits, Slo
from harness.report.view import text

NOT_A_NUMBER = float("nan")


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (text.format_seconds, 0.2149, "0.21 s"),
        (text.format_seconds, 0.0342, "0.034 s"),
        (text.format_seconds, 12.4, "12 s"),
        (text.format_seconds, 0.0, "0.000 s"),
        (text.format_number, 0.50, "0.5"),
        (text.format_number, 400.0, "400"),
        (text.format_rate, 142.4, "142"),
        (text.format_rate, 8.44, "8.4"),
        (text.format_rate, 0.0, "0.0"),
        (text.format_ratio, 0.613, "61 %"),
        (text.format_ratio, 0.0042, "0.4 %"),
        (text.format_ratio, 0.00001, "< 0.1 %"),
        (text.format_ratio, 0.0, "0 %"),
        (text.format_ratio, 1.0, "100 %"),
        (text.format_limit, 0.3, "30 %"),
        (text.format_limit, 0.1225, "12.25 %"),
        (text.format_milliseconds, 0.4124, "412 ms"),
        (text.format_cores, 0.2441, "0.24"),
        (text.format_mebibytes, 256 * MIB, "256 MiB"),
        (text.format_mebibytes, 9.51 * MIB, "9.5 MiB"),
        (text.format_duration, 0.4, "0 s"),
        (text.format_duration, 59.6, "1 min"),
        (text.format_duration, 90.2, "1 min 30 s"),
        (text.format_duration, 3620, "1 h"),
        (text.format_duration, 3725, "1 h 2 min"),
        (text.format_duration, 86_400, "24 h"),
        (text.format_duration, 30 * 86_400, "30 days"),
        (text.format_count, 12345, "12\u202f345"),
        (text.format_users, 1, "1 user"),
        (text.format_users, 2, "2 users"),
    ],
)
def test_a_number_has_only_the_digits_that_matter(
    write: Callable[[object], str], value: object, text: str
) -> None:
    assert write(value) == text


@pytest.mark.parametrize(
    ("ratio", "limit", "words"),
    [
        (0.043, 0.01, "4.3 %"),
        (0.0104, 0.01, "1.04 %"),
        (0.01, 0.01, "1.0 %"),
        (0.0004, 0.0005, "0.04 %"),
        (0.15001, 0.15, "15.001 %"),
        (0.0, 0.01, "0.0 %"),
        (0.000002, 0.15, "0.0 %"),
    ],
)
def test_a_ratio_is_seen_to_be_on_its_side_of_the_limit(ratio: float, limit: float, words: str) -> None:
    assert text.format_judged_ratio(ratio, limit) == words


def test_decimals_sets_the_number_of_decimals() -> None:
    assert text.format_number(4.0, 1) == "4.0"
    assert text.format_seconds(12.34, 3) == "12.340 s"
    assert text.format_milliseconds(0.0071, 1) == "7.1 ms"
    assert text.format_ratio(0.0, 1) == "0.0 %"
    assert [text.format_change(ratio, 1) for ratio in (0.062, -0.1)] == ["+6.2 %", "-10.0 %"]


@pytest.mark.parametrize(
    "write",
    [
        text.format_number,
        text.format_seconds,
        text.format_rate,
        text.format_ratio,
        text.format_cores,
        text.format_mebibytes,
        text.format_duration,
    ],
)
@pytest.mark.parametrize("value", [None, NOT_A_NUMBER, float("inf")])
def test_no_data_is_a_dash_and_never_a_zero(write: Callable[[object], str], value: float | None) -> None:
    assert write(value) == "–"


@pytest.mark.parametrize(
    ("foreign", "bare"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://example.org\x07link\x1b]8;;\x07", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bPq#0;2\x1b\\after", "after"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\u202egnp.exe\u200b", "gnp.exe"),
        ("nul\x00 and \ufffe", "nul and "),
        ("größer ≥ 400 ✓", "größer ≥ 400 ✓"),
    ],
)
def test_a_foreign_text_is_one_line_of_harmless_characters(foreign: str, bare: str) -> None:
    assert text.clean_text(foreign) == bare


@pytest.mark.parametrize(
    ("slo", "condition"),
    [
        (Slo("p95", 1.0), "p95 of RT ≤ 1 s"),
        (Slo("p99.9", 0.25), "p99.9 of RT ≤ 0.25 s"),
        (Slo("mean", 0.2), "mean RT ≤ 0.2 s"),
        (Slo("errors", 0.005), "error ratio ≤ 0.5 %"),
        (Slo("p99", 2.0, "/item/[id]"), "p99 of RT of /item/[id] ≤ 2 s"),
    ],
)
def test_an_slo_reads_as_a_condition(slo: Slo, condition: str) -> None:
    assert text.format_slo(slo) == condition


def test_a_size_names_both_limits() -> None:
    assert text.format_size(Limits(0.5, 128 * MIB)) == "0.5 CPU / 128 MiB"


def test_a_text_is_cut_at_a_word_and_says_so() -> None:
    assert text.shorten("its CPU quota is used up (throttled)", 26) == "its CPU quota is used up…"
    assert text.shorten("short", 5) == "short"


def test_a_number_stays_with_its_unit() -> None:
    assert (
        text.keep_units_together("take 1 CPU / 96 MiB at 80 %")
        == "take 1\xa0CPU\xa0/\xa096\xa0MiB at 80\xa0%"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(31, "40 s"), (125, "2 min"), (7500, "2 h 05 min"), (47 * 3600, "47 h 00 min"), (1_100_000, "13 days")],
)
def test_an_estimate_is_rounded_to_its_unit(seconds: float, words: str) -> None:
    assert text.format_estimate(seconds) == words


def test_cleaned_lines_keep_their_breaks_and_indents() -> None:
    assert text.clean_lines("error: \x1b[31mred\r\n  try: \x9b2Jthat\u202e") == "error: red\n  try: that"
