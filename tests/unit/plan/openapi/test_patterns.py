"""A text is made of a pattern that the pattern describes; of one that is not understood nothing is made."""

import re
import time

import pytest

from harness.plan.openapi.patterns import make_matching_text


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[0-9a-f]{24}$", "a" * 24),
        (r"^\d{4}-\d{2}$", "1111-11"),
        (r"^[A-Z]{3}\d+$", "AAA1"),
        (r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "a"),
        (r"^(?:usr|org)_[A-Za-z0-9]{4,8}$", "usr_aaaa"),
        (r"^(?<year>20\d\d)$", "2011"),
        (r"^\+?[1-9]\d{6,14}$", "1111111"),
        (r"^[\w.+-]+@[\w-]+\.[a-z]{2,}$", "a@a.aa"),
        (r"^[^/\s]+$", "a"),
        (r"^[^a-zA-Z0-9]$", "-"),
        (r"^[]x]$", "]"),
        (r"^[x\]-]$", "-"),
        (r"^#[0-9A-F]{6}$", "#AAAAAA"),
        (r"^\S+\s\S+$", "a a"),
        (r"^(a|b)?c{2}|d$", "cc"),
        (r"^\u0041\x42\/$", "AB/"),
        (r"^a{,3}$", "a{,3}"),
        (r".*", "a"),
        (r"^[!-/]$", "-"),
        (r"^[à-ÿ]+$", "à"),
    ],
)
def test_a_text_is_made_that_the_pattern_describes(pattern: str, text: str) -> None:
    assert make_matching_text(pattern) == text
    assert pattern == r"^a{,3}$" or re.search(pattern.replace("?<", "?P<"), text)


@pytest.mark.parametrize(
    ("pattern", "fewest", "most", "text"),
    [
        (r"^[a-z]+$", 5, 9, "aaaaa"),
        (r"^[a-z]{2,4}$", 5, 9, None),
        (r"^[a-z]{8}$", 0, 4, None),
        (r"^a?b?$", 2, 9, "ab"),
        (r"^$", 0, 9, None),
    ],
)
def test_the_text_is_as_long_as_its_bounds_allow(
    pattern: str, fewest: int, most: int, text: str | None
) -> None:
    assert make_matching_text(pattern, fewest, most) == text


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"^(?=.*\d).{8,}$",
            r"^(?!a)b$",
            r"(a)\1",
            r"\p{L}+",
            r"\bword\b",
            "(?i)abc",
            "(a",
            "a)",
            "[a",
            "*",
        ),
        *("", "a\\", "[^\\D]", "a" * 201, "a{1000000}"),
        *("(" * 30 + "a" + ")" * 30, "((a{100}){100}){100}"),
    ],
)
def test_of_a_pattern_that_is_not_understood_nothing_is_made(pattern: str) -> None:
    assert make_matching_text(pattern) is None


def test_a_pattern_that_takes_for_ever_to_match_is_read_at_once() -> None:
    start = time.perf_counter()
    assert make_matching_text(r"^(a+)+(b|b?)*c$") == "ac"
    assert time.perf_counter() - start < 1
