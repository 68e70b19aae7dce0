"""Numbers with units mean what Docker and the field mean by them, exactly."""

# ruff: noqa: E501 - a message stays one line, as people see it

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import GIB, MIB
from harness.plan.schema import units

POWERS = "(Docker's meaning: powers of two)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, 512 * MIB) for text in ("512MiB", "512mib", "512 MiB", "512m", "512M", "0.5g", "0.5GiB")],
        *[(text, 512 * MIB) for text in ("524288k", "524288KiB", "536870912", "536870912b", 536870912)],
        *[(text, GIB) for text in ("1GiB", "1G", "1g", "1024m")],
        *[("6m", 6 * MIB), ("1t", 1024 * GIB)],
    ],
)
def test_an_amount_of_memory_has_dockers_meaning(text: str, expected: float) -> None:
    assert units.parse_memory_bytes(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("512 mb", f'"512 mb" is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}'),
        ("100MB", f'"100MB" is not an amount of memory; write 100MiB or 100m {POWERS}'),
        ("2GB", f'"2GB" is not an amount of memory; write 2GiB or 2g {POWERS}'),
        ("512Mi", f'"512Mi" is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}'),
        ("much", f'"much" is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}'),
        ("-5m", f'"-5m" is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}'),
        (True, f"true is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}"),
        (None, f"null is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}"),
        ([], f"a list is not an amount of memory; write 512MiB, 512m or 0.5g {POWERS}"),
        ("5MiB", f'"5MiB" is less than Docker\'s minimum of 6MiB; write 512MiB, 512m or 0.5g {POWERS}'),
        (
            512,
            f"512 is less than Docker's minimum of 6MiB (512 without a unit is bytes); write 512MiB, 512m or 0.5g {POWERS}",
        ),
        ("0.3g", '"0.3g" is not a whole number of MiB; write 307MiB'),
        (10**15, f"1000000000000000 is more than any machine has; write 512MiB, 512m or 0.5g {POWERS}"),
    ],
)
def test_an_amount_of_memory_with_two_meanings_or_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        units.parse_memory_bytes(text)


@given(st.integers(6, 10**6), st.sampled_from(["MiB", "m", "M", " mib"]))
def test_any_whole_number_of_mib_is_read_exactly(number: int, unit: str) -> None:
    assert units.parse_memory_bytes(f"{number}{unit}") == number * MIB


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("500m", '"500m" is not a number of cores; write 0.5'),
        ("0.5", '"0.5" is not a number of cores; write 0.5'),
        ("two", '"two" is not a number of cores; write a plain number such as 0.5'),
        (True, "true is not a number of cores; write a plain number such as 0.5"),
        (0, "0 cores is out of range; write a number from 0.01 to 4096"),
        (0.009, "0.009 cores is out of range; write a number from 0.01 to 4096"),
        (-1, "-1 cores is out of range; write a number from 0.01 to 4096"),
        (0.333333, "0.333333 is finer than the kernel's CPU quota; write at most 5 decimals"),
    ],
)
def test_cores_are_plain_numbers_that_a_quota_can_express(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        units.parse_cores(value)


@given(st.integers(1000, 10**7))
def test_any_quota_in_microseconds_is_read_exactly_and_has_its_own_text(microseconds: int) -> None:
    cores = units.parse_cores(float(Decimal(microseconds) / 100_000))
    assert Decimal(units.format_cores(cores)) == Decimal(microseconds) / 100_000
    assert len(units.format_cores(cores).partition(".")[2]) >= 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("250ms", 0.25),
        ("1s", 1.0),
        ("1.5s", 1.5),
        (3, 3.0),
        (0.1, 0.1),
        ("2m", 120.0),
        ("0s", 0.0),
        ("1 min", 60.0),
    ],
)
def test_a_duration_without_a_unit_is_in_seconds(value: object, expected: float) -> None:
    assert units.parse_duration_s(value) == expected


@pytest.mark.parametrize("value", ["1h30", "", "s", "-1s", -1, 3601, "61m", True, None, {}, "1e3s"])
def test_other_durations_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write"):
        units.parse_duration_s(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("90m", 5400), ("1h", 3600), ("1.5H", 5400), ("2d", 172_800), ("30d", 2_592_000), ("60s", 60), (60, 60)],
)
def test_a_horizon_may_be_in_hours_or_days(value: object, expected: float) -> None:
    assert units.parse_horizon_s(value) == expected


@pytest.mark.parametrize("value", ["59s", "31d", "1w", "1h30m", "0s", "", True, None, []])
def test_other_horizons_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write"):
        units.parse_horizon_s(value)


@pytest.mark.parametrize(
    ("value", "expected"), [("1%", 0.01), (0.01, 0.01), ("0.5%", 0.005), (0, 0.0), ("100%", 1.0)]
)
def test_a_ratio_is_a_percentage_or_a_number_below_one(value: object, expected: float) -> None:
    assert units.parse_ratio(value) == expected


@pytest.mark.parametrize("value", [1, 1.5, "1", -0.1, "1001%", "x", True, None, []])
def test_a_ratio_that_could_mean_two_things_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write"):
        units.parse_ratio(value)
