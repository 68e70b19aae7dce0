"""Which variant is best at a size, and which larger size the choice saves."""

from dataclasses import replace

from harness.analyse.result.sizing import check_requirement, recommend_size
from harness.analyse.result.tuning import find_tunings
from harness.model import MIB, Factor, Limits, ReferenceCapacity, Requirement, Status
from tests.builders import make_result, make_variant

ONE_HALF, ONE, ONE_TWO = (
    make_variant("one", 0.5, 97, 101),
    make_variant("one", 1.0, 195, 204),
    make_variant("one", 2.0, 400, None, Status.CENSORED),
)
FOUR_HALF, FOUR, FOUR_TWO = (
    make_variant("four", 0.5, 98, 102),
    make_variant("four", 1.0, 390, 405),
    make_variant("four", 2.0, 400, None, Status.CENSORED),
)
CELLS = [ONE_HALF, FOUR_HALF, ONE, FOUR, ONE_TWO, FOUR_TWO]


def test_the_best_variant_saves_the_larger_size_that_the_worst_one_needs() -> None:
    half, one, two = find_tunings(CELLS)
    assert (one.best, one.worst, one.differs, one.instead) == (FOUR, ONE, True, ONE_TWO)
    assert one.limits == Limits(1.0, 256 * MIB)
    assert (half.differs, half.instead) == (False, None)
    assert not two.differs


def test_a_larger_size_counts_by_its_estimate_as_brackets_of_worse_variants_are_coarse() -> None:
    """Whether 350 to 420 users hold 390 is open, and the estimate of 400 tells it."""
    coarse = replace(make_variant("one", 2.0, 350, 420), estimate_users=400.0)
    (tuning, _) = find_tunings([ONE, FOUR, coarse])
    assert tuning.instead is coarse
    lower = replace(coarse, estimate_users=380.0)
    assert find_tunings([ONE, FOUR, lower])[0].instead is None


def test_no_larger_size_is_named_if_none_was_measured() -> None:
    (tuning,) = find_tunings([ONE, FOUR])
    assert tuning.differs
    assert tuning.instead is None


def test_a_size_with_one_answer_has_its_best_variant_and_no_difference() -> None:
    waiting = replace(ONE, status=Status.RUNNING)
    (tuning,) = find_tunings([waiting, FOUR])
    assert (tuning.best, tuning.worst, tuning.differs) == (FOUR, FOUR, False)
    assert find_tunings([waiting]) == ()


def test_a_variant_that_never_came_up_is_the_worst() -> None:
    failed = make_variant("one", 1.0, None, None, Status.FAILED)
    (tuning,) = find_tunings([failed, FOUR])
    assert (tuning.worst, tuning.differs) == (failed, True)


def test_brackets_that_overlap_show_no_difference() -> None:
    (tuning,) = find_tunings([make_variant("one", 1.0, 190, 210), make_variant("two", 1.0, 205, 225)])
    assert not tuning.differs


def test_close_brackets_differ_by_less_than_counts() -> None:
    (tuning,) = find_tunings([make_variant("one", 1.0, 200, 201), make_variant("two", 1.0, 203, 204)])
    assert not tuning.differs


def test_variants_are_compared_at_one_speed_where_both_have_a_capacity_there() -> None:
    """As measured the brackets don't overlap, but the host was slow while the first was measured."""
    slow = replace(
        make_variant("one", 1.0, 200, 205),
        at_reference=ReferenceCapacity(250, 240, 260, 0.2, 0.002, 203, 0.02),
    )
    fast = replace(
        make_variant("two", 1.0, 245, 255),
        at_reference=ReferenceCapacity(251, 241, 261, 0.0, 0.002, 250, 0.02),
    )
    (tuning,) = find_tunings([slow, fast])
    assert not tuning.differs


def test_all_repetitions_of_a_variant_count() -> None:
    again = replace(make_variant("one", 1.0, 380, 395), cell=replace(ONE.cell, id="again", repetition=2))
    (tuning,) = find_tunings([ONE, again, FOUR])
    assert tuning.worst is ONE
    assert not tuning.differs


def test_sizes_without_variants_have_no_tuning() -> None:
    assert find_tunings([make_result(1.0, 90, 95)]) == ()


def test_the_variant_with_the_largest_capacity_of_the_smallest_size_is_recommended() -> None:
    better = make_variant("two", 1.0, 395, 410)
    sizing = recommend_size([*CELLS, better], 350)
    assert sizing.recommended is better
    assert sizing.smallest is better
    assert sizing.next_smaller is FOUR_HALF
    assert not sizing.all_sustain


def test_all_sizes_sustain_the_users_if_each_does_with_some_variant() -> None:
    assert recommend_size([ONE, FOUR, ONE_TWO], 300).all_sustain
    assert not recommend_size([ONE_HALF, FOUR], 300).all_sustain


def test_a_size_is_interpolated_between_sizes_of_one_variant_only() -> None:
    mixed = recommend_size([ONE_HALF, FOUR, FOUR_TWO], 200)
    assert mixed.interpolation is None
    same = recommend_size([FOUR_HALF, FOUR], 200)
    assert same.interpolation is not None
    assert same.interpolation.limits.variant == "four"


def test_a_requirement_holds_for_any_variant_or_for_one() -> None:
    any_variant = Requirement("", 300, Limits(1.0, 256 * MIB))
    assert check_requirement(CELLS, any_variant).decided_by is FOUR
    one = Requirement("", 300, Limits(1.0, 256 * MIB, variant="one"))
    assert check_requirement(CELLS, one).is_met is False


def test_a_variant_says_nothing_about_another() -> None:
    small, large = Limits(0.5, MIB, variant="one"), Limits(1.0, MIB, variant="four")
    assert not large.covers(small)
    assert large.covers(replace(small, variant="four"))
    assert Factor.CPU is ONE.limiting_factor
