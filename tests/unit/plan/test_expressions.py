"""Expressions of a size are computed exactly, and anything that is no such expression is refused."""

import contextlib
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import MIB, Limits
from harness.plan.expressions import parse_template

SIZE = Limits(0.5, 256 * MIB, 3)


def fill(text: str, limits: Limits = SIZE) -> str:
    return parse_template(text).fill(limits)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{cpus}", "0.5"),
        ("{memory}", "268435456"),
        ("{memory / MiB}", "256"),
        ("{memory / GiB}", "0.25"),
        ("{memory // KiB}", "262144"),
        ("{replicas}", "3"),
        ("{2 * cpus + 1}", "2"),
        ("{ 2*cpus\n+1 }", "2"),
        ("{1 / 3}", "0.333333"),
        ("{2 / 3}", "0.666667"),
        ("{-cpus}", "-0.5"),
        ("{+cpus}", "0.5"),
        ("{1 / 10000000}", "0"),
        ("{-1 / 10000000}", "0"),
        ("{7 // 2}", "3"),
        ("{-7 // 2}", "-4"),
        ("{7 % 4}", "3"),
        ("{1.5e1}", "15"),
        ("{floor(2.9)}", "2"),
        ("{ceil(2.1)}", "3"),
        ("{round(2.5)}", "3"),
        ("{round(-2.5)}", "-3"),
        ("{min(cpus, 4, 2)}", "0.5"),
        ("{max(1, cpus)}", "1"),
        ("{max(1, floor(cpus * 4)) * (2 + 1)}", "6"),
        ("-Xmx{floor(0.75 * memory / MiB)}m -Xss1m", "-Xmx192m -Xss1m"),
        ("{cpus}{cpus}", "0.50.5"),
        ('{{"workers": {ceil(cpus)}}}', '{"workers": 1}'),
        ("awk '{{print $1}}'", "awk '{print $1}'"),
        ("${TOKEN} {cpus}", "${TOKEN} 0.5"),
        ("$${HOME}", "$${HOME}"),
        ("${WORKERS:-2}", "${WORKERS:-2}"),
    ],
)
def test_a_text_is_filled_with_the_values_of_its_expressions(text: str, value: str) -> None:
    assert fill(text) == value


def test_decimal_cores_are_computed_without_the_errors_of_binary_numbers() -> None:
    """0.29 * 100 is 28.999… in binary numbers, and 0.1 + 0.2 is not 0.3."""
    assert fill("{floor(cpus * 100)}", Limits(0.29, 64 * MIB)) == "29"
    assert fill("{0.1 + 0.2}") == "0.3"
    assert fill("{floor(0.3 / 0.1)}") == "3"


KNOWN = "cpus, memory, replicas, KiB, MiB, GiB, numbers, + - * / // %, min, max, floor, ceil and round"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{2 * cpu}", '"{2 * cpu}": cpu is not known; did you mean "cpus"?'),
        ("{2 *}", '"{2 *}" is not an expression; write one such as {2 * cpus + 1}, or write {{ and }} for'),
        ('{"a": 1}', '"{\\"a\\": 1}" is not an expression; write one such as'),
        ("{}", '"{}" holds no expression; write one such as {cpus}, or write {{ and }} for plain braces'),
        ("{ }", '"{ }" holds no expression'),
        ("{cpus", "{ is half of an expression such as {cpus}; write {{ for a plain {"),
        ("cpus}", "} is half of an expression such as {cpus}; write }} for a plain }"),
        ("{cpus / (replicas - 3)}", '"{cpus / (replicas - 3)}" divides by zero at 0.50 cores and 256MiB'),
        ("{cpus % 0}", '"{cpus % 0}" divides by zero at 0.50 cores and 256MiB'),
        ("{cpus ** 2}", f'"{{cpus ** 2}}": only {KNOWN} are understood'),
        ("{cpus if cpus else 1}", f'"{{cpus if cpus else 1}}": only {KNOWN} are understood'),
        ("{cpus > 1}", f'"{{cpus > 1}}": only {KNOWN} are understood'),
        ("{True}", f'"{{True}}": only {KNOWN} are understood'),
        ("{'a'}", f"\"{{'a'}}\": only {KNOWN} are understood"),
        ("{1j}", f'"{{1j}}": only {KNOWN} are understood'),
        ("{cpus.real}", f'"{{cpus.real}}": only {KNOWN} are understood'),
        ("{floor(cpus, ndigits=1)}", f'"{{floor(cpus, ndigits=1)}}": only {KNOWN} are understood'),
        ("{max(*cpus)}", f'"{{max(*cpus)}}": only {KNOWN} are understood'),
        ("{__import__('os').system('true')}", "are understood"),
        ("{sqrt(cpus)}", '"{sqrt(cpus)}": sqrt is no function that is known; known here: ceil, floor, max, '),
        ("{floor(1, 2)}", '"{floor(1, 2)}": floor takes one number; write floor(cpus)'),
        ("{min(1)}", '"{min(1)}": min takes two numbers or more; write min(cpus, 4)'),
        ("{1e999}", '"{1e999}": a number is too large; write one up to 10^15'),
        ("{1e15 * 10}", '"{1e15 * 10}" is too large; write a number up to 10^15'),
        ("{" + "(" * 150 + ")" * 150 + "}", "has more than 200 characters"),
        ("{" + "(" * 120 + "}", "is not an expression"),
        ("{" + "1+" * 150 + "1}", "has more than 200 characters"),
        ("{1if cpus else 2}", "are understood"),
        ("{open}", '"{open}": open is not known; known here: GiB, KiB, MiB, cpus, memory, replicas'),
    ],
)
def test_what_is_no_expression_of_a_size_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        fill(text)


@given(st.text("{}$ cpus+-*/%().,0123456789eMiBfloormax\"'\\\n:", max_size=60))
def test_any_text_is_filled_or_refused_with_a_sentence(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert fill(text) == text or "{" in text or "}" in text


@given(st.fractions(min_value=-1000, max_value=1000, max_denominator=1000))
def test_a_number_is_written_plainly_and_rounded_to_six_decimals(number: Fraction) -> None:
    written = fill(f"{{{number}}}")
    assert "e" not in written
    assert abs(Fraction(written) - number) <= Fraction(1, 2_000_000)
    assert "." not in written or written[-1] not in "0."
