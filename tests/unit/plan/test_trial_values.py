"""What a burst and a soak are asked to do, and requirements on them, are read or refused with an example."""

import pytest

from harness.errors import UsageError
from harness.model import MIB, Limits, Requirement
from harness.model.trials import TrialRequirement
from harness.plan import parse_any_requirement, parse_burst_length, parse_factor, parse_soak_length
from harness.plan.schema.units import CPU_MOST_CORES


@pytest.mark.parametrize(
    ("text", "factor"), [("3x", 3.0), ("2.5 x", 2.5), ("×4", 4.0), ("x1.5", 1.5), (" 100X ".lower(), 100.0)]
)
def test_a_factor_is_read_as_it_is_written(text: str, factor: float) -> None:
    assert parse_factor(text) == factor


@pytest.mark.parametrize("text", ["", "3", "x3x", "1x", "0.5x", "101x", "3y", "-3x", "x", "1e2x", "٣x"])
def test_a_text_that_is_no_factor_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_factor(text)
    assert "x" in refused.value.hint


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60.0), ("2m", 120.0), ("1", 1.0), ("1h", 3600.0)])
def test_the_length_of_a_burst_is_read(text: str, seconds: float) -> None:
    assert parse_burst_length(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800.0), ("2h", 7200.0), ("90s", 90.0), ("1d", 86400.0)]
)
def test_the_length_of_a_soak_is_read(text: str, seconds: float) -> None:
    assert parse_soak_length(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0s", "-5s", "61m", "2d", "1e3"])
def test_a_burst_of_no_length_or_of_more_than_an_hour_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--for: "):
        parse_burst_length(text)


@pytest.mark.parametrize("text", ["30s", "25h", "half an hour"])
def test_a_soak_of_less_than_a_minute_or_more_than_a_day_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--for: "):
        parse_soak_length(text)


@pytest.mark.parametrize(
    ("text", "within_s"),
    [
        ("recovers within 60s", 60.0),
        (" Recovers  within 2m ", 120.0),
        ("memory level", None),
        ("memory is level", None),
    ],
)
def test_a_requirement_on_a_trial_is_read(text: str, within_s: float | None) -> None:
    assert parse_any_requirement(text) == TrialRequirement(text.strip(), within_s)


def test_a_requirement_on_a_trial_may_have_the_bounds_of_other_requirements() -> None:
    requirement = parse_any_requirement("memory level at memory <= 64MiB and variant = four")
    assert isinstance(requirement, TrialRequirement)
    assert requirement.max_limits == Limits(CPU_MOST_CORES, 64 * MIB, variant="four")


def test_other_requirements_are_read_as_before() -> None:
    assert isinstance(parse_any_requirement("users >= 4 at cpus <= 1"), Requirement)


@pytest.mark.parametrize(
    "text",
    [
        "recovers",
        "recovers within",
        "recovers within soon",
        "recovers within 2h",
        "recovers in 60s",
        "memory levels",
        "memory level at cpus < 1",
        "memory level at cpus <= 1 and cpus <= 2",
        "fast",
    ],
)
def test_a_text_that_is_none_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_any_requirement(text)
    assert '"recovers within 60s"' in refused.value.hint
