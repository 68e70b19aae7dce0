"""The host's speed in words: within a campaign, and between two."""

from dataclasses import replace

from harness.model import Change, Difference, Factor, ReferenceCapacity
from harness.report.view.speed import describe_slowdown, explain_speed, format_reference
from tests.builders import make_result

SIZE = make_result(1.0, 217, 228)


def measured_when_slower(slowdown_ratio: float) -> ReferenceCapacity:
    users = 222 * (1 + slowdown_ratio)
    return ReferenceCapacity(users, 0.96 * users, 1.04 * users, slowdown_ratio, 0.002, 222, 0.02)


def test_a_size_measured_on_a_slow_host_says_so_and_what_it_sustains_at_the_hosts_best() -> None:
    slow = replace(SIZE, at_reference=measured_when_slower(0.12))
    assert format_reference(slow) == "249 (239–259)"
    assert describe_slowdown(slow) == (
        "measured while requests took 12 % more CPU time than with the host at its best, "
        "which would let it sustain about 249 (239–259) users"
    )


def test_a_size_measured_at_the_hosts_best_and_one_without_a_pace_say_nothing() -> None:
    assert describe_slowdown(replace(SIZE, at_reference=measured_when_slower(0.01))) == ""
    assert describe_slowdown(SIZE) == ""
    assert format_reference(SIZE) == ""


def differ(slowdown_ratio: float | None, factor: Factor = Factor.CPU) -> Difference:
    cells = (replace(SIZE, limiting_factor=factor),)
    reference_ratio = None if slowdown_ratio is None else 1.0
    return Difference(SIZE.cell.limits, cells, cells, Change.SAME, 0.9, reference_ratio, slowdown_ratio, 0.1)


def test_a_comparison_says_how_the_hosts_speed_differs() -> None:
    (slower,) = explain_speed([differ(0.12), differ(0.10), differ(0.14)])
    assert slower.startswith("The host was 12 % slower in the second campaign, by a fixed piece of work.")
    (faster,) = explain_speed([differ(-0.05)])
    assert "5 % faster" in faster
    (alike,) = explain_speed([differ(0.01)])
    assert "as fast in the second campaign as in the first" in alike


def test_a_comparison_says_which_sizes_are_compared_as_measured() -> None:
    (unknown,) = explain_speed([differ(None)])
    assert "as measured" in unknown
    assert list(explain_speed([differ(None, Factor.MEMORY)])) == []


def test_a_host_whose_speed_moved_differently_for_each_size_is_not_said_to_be_as_fast() -> None:
    """The median of -6, 0 and +12 % would say so."""
    (moved,) = explain_speed([differ(-0.06), differ(0.0), differ(0.12)])
    assert moved.startswith(
        "The host's speed differed from size to size: a fixed piece of work took -6.0 % to +12 % longer in "
        "the second campaign. Sizes that the CPU stops"
    )
    (alike,) = explain_speed([differ(-0.04), differ(0.0), differ(0.05)])
    assert alike.startswith("The host was as fast in the second campaign as in the first, by a fixed piece")
