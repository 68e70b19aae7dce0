"""A variant is searched by what another variant of its size sustains."""

from collections.abc import Sequence

import pytest

from harness.analyse.result.decision import choose_precise_step, find_precision
from harness.analyse.result.rival import Rival, find_rival
from harness.model import CellResult, Status, StepResult
from tests.builders import make_plan, make_variant
from tests.unit.analyse.synthetic import make_step

FIRST = make_variant("one", 1.0, 200, 210)
"""200 / 1.05 = 190.5 and 210 x 1.05 = 220.5: from 190 to 221 users a variant is alike."""

LEAST, MOST = 190, 221
ALIKE = MOST / LEAST - 1
SECOND = make_variant("two", 1.0, None, None, Status.RUNNING).cell
OF_ONE_RATIO = [make_variant("one", 2.0, 400, 420), make_variant("two", 2.0, 400, 420)]


def choose(steps: Sequence[StepResult], *others: CellResult) -> tuple[int, float | None] | None:
    """Return the users and the precision of the second variant's next step; None if it needs none."""
    step = choose_precise_step(make_plan(), SECOND, steps, [FIRST, *others])
    return None if step is None else (step.users, step.precision_ratio)


def test_a_variant_of_unknown_worth_is_first_held_where_a_failure_shows_that_it_is_worse() -> None:
    assert choose([]) == (LEAST, 0.10)
    failed = [make_step(LEAST, "FAIL", rule="died")]
    step = choose(failed)
    assert step is not None
    assert step[0] < LEAST
    assert step[1] == 0.20


def test_a_variant_that_is_expected_to_be_alike_is_held_at_both_ends_and_no_more() -> None:
    """The estimate is sqrt(200 x 210) = 204.9, with a deviation of 0.08 + 0.15 x ln 2 = 0.184.

    The shares of Student's t below 190 and 221 users are 0.360 and 0.639, so the capacity lies below 221
    with a probability of (0.639 - 0.360) / (1 - 0.360) = 0.44.
    """
    passed = make_step(LEAST, "PASS")
    assert choose([passed], *OF_ONE_RATIO) == (MOST, 0.10)
    assert choose([passed, make_step(MOST, "FAIL", 2, rule="died")], *OF_ONE_RATIO) is None


@pytest.mark.parametrize(
    ("low", "high", "precision_ratio"),
    [(190, 221, ALIKE), (200, 210, ALIKE), (189, 221, 0.05), (190, 222, 0.05), (150, 190, 0.20)],
)
def test_a_variant_that_is_neither_better_nor_worse_by_5_percent_needs_no_precision(
    low: int, high: int, precision_ratio: float
) -> None:
    second = make_variant("two", 1.0, low, high)
    assert find_precision(make_plan(), second.cell, [FIRST, second]) == pytest.approx(precision_ratio)


def test_a_variant_that_passes_above_the_other_one_is_searched_as_any() -> None:
    step = choose([make_step(MOST, "PASS")])
    assert step is not None
    assert step[0] > MOST
    assert step[1] == 0.05


def test_the_rival_is_the_best_other_variant_of_the_size_that_has_an_answer() -> None:
    others = [
        make_variant("three", 1.0, 250, 260),
        make_variant("four", 1.0, 300, None, Status.RUNNING),
        make_variant("five", 2.0, 500, 510),
        make_variant("two", 1.0, 400, 420),
    ]
    assert find_rival(SECOND, [FIRST, *others]) == Rival(250, 260)
    assert find_rival(SECOND, others[1:]) is None
