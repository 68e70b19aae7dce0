"""The report says how long a size's memory lasts at its highest pass, or that it is not known."""

import math
from dataclasses import replace

import pytest

from harness.model import (
    MIB,
    CellResult,
    CompanionUse,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    ShownMemory,
)
from harness.model.stalls import MemoryShort
from harness.report.view.memory import describe_memory, warn_of_companions, warn_of_memory
from tests.builders import make_result
from tests.unit.analyse.synthetic import make_step


def make_watched_result(
    outlook: MemoryOutlook, growth_mib_a_minute: float, lasts_s: float | None
) -> CellResult:
    growth = growth_mib_a_minute * MIB / 60
    trend = MemoryTrend(outlook, 310.0, 30 * MIB, 154 * MIB, growth, growth, growth, 200.0 * MIB, lasts_s)
    short = replace(trend, observed_s=30.0, outlook=MemoryOutlook.FILLS)
    steps = [
        replace(make_step(400, "PASS", index), memory=each) for index, each in enumerate((short, trend), 1)
    ]
    return replace(make_result(1.0, 400, 420), steps=tuple(steps))


@pytest.mark.parametrize(
    ("growth", "lasts_s", "text"),
    [
        (0.9, 6780.0, "154 MiB of 256 MiB at 400 users, growing by 0.9 MiB a minute: full after 1 h 53 min"),
        (0.0, None, "154 MiB of 256 MiB at 400 users, level"),
        (-3.0, None, "154 MiB of 256 MiB at 400 users, level"),
    ],
)
def test_a_memory_that_lasts_is_described_by_its_longest_step(
    growth: float, lasts_s: float | None, text: str
) -> None:
    result = make_watched_result(MemoryOutlook.LASTS, growth, lasts_s)
    assert describe_memory(result) == text
    assert warn_of_memory(result) == ""


def test_a_memory_that_was_not_watched_long_enough_is_a_warning() -> None:
    result = make_watched_result(MemoryOutlook.UNKNOWN, 30.0, 240.0)
    assert warn_of_memory(result) == (
        "not known how long its memory lasts: 154 MiB of 256 MiB at 400 users, growing by 30.0 MiB a minute: "
        "full after 4 min (watched for 5 min 10 s, which is too short to tell)"
    )


@pytest.mark.parametrize(
    ("lasts", "outcome", "warning"),
    [(True, "and it lasts there", ""), (False, "and passed", "not known how long its memory lasts: ")],
)
def test_a_size_that_was_spared_the_wait_names_the_one_that_waited(
    lasts: bool, outcome: str, warning: str
) -> None:
    result = make_watched_result(MemoryOutlook.UNKNOWN, 0.0, None)
    result = replace(result, shown_memory=ShownMemory(Limits(0.5, 96 * MIB), 271.0, lasts))
    text = (
        "154 MiB of 256 MiB at 400 users, level (watched for 5 min 10 s only, because 0.5 CPU / 96 MiB had "
        f"as much for 4 min 31 s, {outcome})"
    )
    assert describe_memory(result) == text
    assert warn_of_memory(result) == (warning and f"{warning}{text}")


def test_no_growth_is_told_of_a_memory_that_another_size_has_shown_to_last() -> None:
    result = make_watched_result(MemoryOutlook.FILLS, 30.0, 120.0)
    result = replace(result, shown_memory=ShownMemory(Limits(0.5, 96 * MIB), 271.0, lasts=True))
    assert describe_memory(result).startswith("154 MiB of 256 MiB at 400 users (watched for 5 min 10 s only")
    assert warn_of_memory(result) == ""


@pytest.mark.parametrize(
    ("shortage", "counted"),
    [
        (MemoryShort(None, 256 * MIB, 5213.0), "5213 times a second one is read from the disk"),
        (MemoryShort(0.34, 256 * MIB, 0.0), "work waited for memory 34 % of the time"),
    ],
    ids=["by-reads", "by-waiting"],
)
def test_full_memory_whose_pages_are_read_again_and_again_is_a_warning(
    shortage: MemoryShort, counted: str
) -> None:
    result = make_watched_result(MemoryOutlook.UNKNOWN, 0.0, None)
    steps = tuple(
        replace(step, memory=replace(step.memory, shortage=shortage)) for step in result.steps if step.memory
    )
    assert warn_of_memory(replace(result, steps=steps)) == (
        "not known how long its memory lasts: 154 MiB of 256 MiB at 400 users, level (but full: the kernel "
        f"drops pages of files that are needed again, and {counted})"
    )


def test_memory_that_grows_ever_more_slowly_is_described_by_where_it_ends() -> None:
    """Its latest growth alone would fill the limit within the horizon, and is no forecast."""
    result = make_watched_result(MemoryOutlook.LASTS, 2.5, None)
    assert describe_memory(result) == (
        "154 MiB of 256 MiB at 400 users, growing ever more slowly to about 200 MiB"
    )


def test_the_growth_between_two_collections_is_not_told() -> None:
    result = make_watched_result(MemoryOutlook.UNKNOWN, 0.0, None)
    steps = tuple(
        replace(step, memory=replace(step.memory, growth_low=-math.inf, growth_high=math.inf))
        for step in result.steps
        if step.memory
    )
    assert describe_memory(replace(result, steps=steps)) == (
        "154 MiB of 256 MiB at 400 users (watched for 5 min 10 s, which is too short to tell)"
    )


def test_a_companion_whose_memory_will_be_full_is_a_warning() -> None:
    """310 s were watched. 109 MiB are left, which last 327 s at 20 MiB a minute; 409 s at 16, 262 s at 25."""
    low, growth, high = (mib * MIB / 60 for mib in (16, 20, 25))
    filling = MemoryTrend(
        MemoryOutlook.FILLS, 310.0, 0, 915 * MIB, growth, low, high, 0.0, 310 + 109 * MIB / growth
    )
    use = CompanionUse("db", Limits(1.0, 1024 * MIB), 0.1, 0.0, 915 * MIB, filling=filling)
    result = make_watched_result(MemoryOutlook.LASTS, 0.0, None)
    steps = (result.steps[0], replace(result.steps[1], companions=(use,)))
    assert warn_of_companions(replace(result, steps=steps)) == (
        "the memory of its companion db grows by 20.0 MiB a minute at 400 users: "
        "1024 MiB last 11 min (10 min – 12 min)"
    )
    assert warn_of_companions(result) == ""


def test_nothing_is_said_without_counters() -> None:
    result = replace(make_result(1.0, 400, 420), steps=(make_step(400, "PASS"),))
    assert (describe_memory(result), warn_of_memory(result)) == ("", "")
