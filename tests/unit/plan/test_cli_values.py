"""Requirements and prices on the command line are read, or refused with an example."""

import re

import pytest

from harness.errors import UsageError
from harness.model import MIB, Limits, Price
from harness.plan import find_price_note, parse_growth, parse_price, parse_requirement
from harness.plan.schema.units import CPU_MOST_CORES, MEMORY_MOST_BYTES


@pytest.mark.parametrize(
    ("text", "users", "most"),
    [
        ("users >= 400", 400, Limits(CPU_MOST_CORES, MEMORY_MOST_BYTES)),
        ("users>=400 at cpus <= 1 and memory <= 256MiB", 400, Limits(1, 256 * MIB)),
        (" USERS >= 4 at memory <= 1 g ", 4, Limits(CPU_MOST_CORES, 1024 * MIB)),
        ("users >= 40 at memory <= 64m AND cpus<=0.5", 40, Limits(0.5, 64 * MIB)),
        ("users >= 4 at variant = per-CPU", 4, Limits(CPU_MOST_CORES, MEMORY_MOST_BYTES, variant="per-CPU")),
        ("users >= 4 at cpus <= 1 and Variant=4", 4, Limits(1, MEMORY_MOST_BYTES, variant="4")),
    ],
)
def test_a_requirement_is_read_as_it_is_written(text: str, users: int, most: Limits) -> None:
    requirement = parse_requirement(text)
    assert (requirement.users, requirement.max_limits, requirement.text) == (users, most, text.strip())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "400",
        "users > 400",
        "users >= 400 at",
        "users >= 4 at cpus < 1",
        "users >= 4 at cpus <= 1 and cpus <= 2",
        "users >= 4 at memory <= 4 apples",
        "users >= 4 at cpus <= 1.2.3",
        "users >= 4 at variant = a and variant = b",
        "users >= 4 at variant <= 4",
        "users >= 4 at variant = a_b",
        "users >= 4 at cpus <= 99999",
    ],
)
def test_a_text_that_is_no_requirement_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_requirement(text)
    assert "users >= 400 at cpus <= 1" in refused.value.hint


@pytest.mark.parametrize(
    ("cpus", "words"),
    [
        ("2 cores", '"2 cores" is not a number of cores; write a plain number such as 0.5'),
        ("500m", '"500m" is not a number of cores; write 0.5'),
        ("1.2.3", '"1.2.3" is not a number of cores'),
        ("0.001", "0.001 cores is out of range"),
    ],
)
def test_a_wrong_number_of_cores_is_refused_with_what_to_write(cpus: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_requirement(f"users >= 4 at cpus <= {cpus}")
    assert words in refused.value.what


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("cpu_hour=0.04 EUR, gib_hour=0.005", Price("EUR", 0.04, 0.005)),
        ("gib_hour=0.005", Price("", None, 0.005)),
        ("gb_hour=0.005", Price("", None, 0.005)),
        (" cpu_hour = 4$ , gib_hour = 0.5 $ ", Price("$", 4, 0.5)),
    ],
)
def test_a_price_is_read_as_it_is_written(text: str, price: Price) -> None:
    assert parse_price(text) == price


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0.04",
        "cpu_hour=1,cpu_hour=2",
        "gb_hour=1, gib_hour=1",
        "cpu_hour=1 EUR, gib_hour=1 USD",
        "cpu_hour=-1",
        "disk=1",
    ],
)
def test_a_text_that_is_no_price_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_price(text)
    assert "gib_hour=0.005" in str(refused.value)


def test_the_old_key_of_the_memory_price_gets_a_note() -> None:
    assert (
        find_price_note("cpu_hour=1, gb_hour=1")
        == "gb_hour is an old name (the price is per GiB): write gib_hour"
    )
    assert find_price_note("cpu_hour=1, gib_hour=1") is None


@pytest.mark.parametrize(
    ("text", "monthly_ratio"),
    [
        ("8%/month", 0.08),
        ("8 % / month", 0.08),
        ("+8% per month", 0.08),
        ("8% a month", 0.08),
        ("0.08/Months", 0.08),
        ("100%/year", 2 ** (1 / 12) - 1),
        ("2x/year", 2 ** (1 / 12) - 1),
        ("1.5 × per quarter", 1.5 ** (1 / 3) - 1),
        ("33.1%/quarter", 0.1),
        ("1%/week", 1.01 ** (365.25 / 12 / 7) - 1),
    ],
)
def test_a_growth_is_read_as_it_is_written(text: str, monthly_ratio: float) -> None:
    assert parse_growth(text) == pytest.approx(monthly_ratio)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8%",
        "fast",
        "8%/decade",
        "-8%/month",
        "8/month",
        "0%/month",
        "%/month",
        "1x/year",
        "0.5x/year",
        "12x/year",
    ],
)
def test_a_text_that_is_no_growth_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_growth(text)
    assert re.search("8%/month|8%|leave --growth out|ratio", str(refused.value))
