"""Which sizes are searched precisely: those around the decision which size to take."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.analyse.result.decision import add_asked_precision, choose_precise_step, find_precision
from harness.model import (
    CampaignResult,
    CampaignState,
    CellResult,
    Plan,
    Price,
    SearchStrategy,
    Status,
    StepResult,
    TargetUse,
)
from tests.builders import make_plan, make_result, make_variant
from tests.unit.analyse.synthetic import make_step

PRECISE, COARSE, WORSE = 0.05, 0.10, 0.20


def make_sustaining(cores: float, mib: int = 256) -> CellResult:
    """Make a size that sustains all 400 users of the campaign."""
    return make_result(cores, 400, None, Status.CENSORED, None, mib)


def make_too_small(cores: float, mib: int = 256) -> CellResult:
    return make_result(cores, 200, 210, mib=mib)


def find(plan: Plan, cores: float, mib: int, *known: CellResult) -> float:
    """Return the precision of a size by what is known of other sizes."""
    return find_precision(plan, make_result(cores, mib=mib).cell, known)


@pytest.mark.parametrize(
    ("cores", "mib", "known", "precision_ratio"),
    [
        (1.0, 256, (), PRECISE),
        (0.5, 256, (make_sustaining(1.0),), PRECISE),
        (0.25, 256, (make_sustaining(1.0), make_too_small(0.5)), COARSE),
        (0.5, 96, (make_too_small(0.5),), COARSE),
        (0.5, 96, (make_too_small(0.5), make_sustaining(1.0), make_sustaining(1.0, 96)), PRECISE),
        (0.25, 96, (make_sustaining(1.0, 96), make_too_small(0.5, 96)), COARSE),
        (1.0, 96, (make_sustaining(0.5),), COARSE),
        (1.0, 96, (make_too_small(0.5), make_sustaining(1.0)), PRECISE),
        (0.5, 256, (replace(make_too_small(1.0), status=Status.RUNNING),), COARSE),
        (0.5, 256, (replace(make_result(1.0), status=Status.RUNNING),), PRECISE),
        (0.5, 256, (make_result(1.0, None, 1, Status.NONE),), COARSE),
        (0.5, 256, (make_result(1.0, None, None, Status.FAILED),), COARSE),
        (0.5, 256, (make_result(1.0, None, None, Status.INVALID),), PRECISE),
    ],
    ids=[
        "nothing is known",
        "the larger size sustains the users",
        "there is a larger size that doesn't",
        "with more memory it doesn't either",
        "next below the size to take, although more memory with less CPU is too little",
        "another size lies between it and the size to take",
        "dearer than the size to take",
        "cheaper than the size to take, and no larger size is too small",
        "the larger size is still searched, but has failed",
        "the larger size is still searched, and has not failed",
        "the larger size sustains no user",
        "the larger size never came up",
        "nothing is known of the larger size",
    ],
)
def test_a_size_is_searched_precisely_unless_the_decision_lies_elsewhere(
    cores: float, mib: int, known: Sequence[CellResult], precision_ratio: float
) -> None:
    assert find(make_plan(), cores, mib, *known) == precision_ratio


def test_what_is_dearer_is_told_by_the_prices() -> None:
    """With memory dearer than CPU, 1 CPU / 96 MiB costs less than 0.5 CPU / 256 MiB."""
    plan, known = make_plan(), make_sustaining(0.5)
    assert find(plan, 1.0, 96, known) == COARSE
    dear_memory = replace(plan, price=Price(cpu_hour=0.01, gib_hour=1.0))
    assert find(dear_memory, 1.0, 96, known) == PRECISE


def test_a_size_that_just_sustains_the_users_is_not_taken() -> None:
    """Half a core of which 0.49 is used sustains 400 users, but not 30 % more."""
    use = TargetUse(cpu_cores=0.49, cpu_per_request_s=0.49 / 160)
    step = make_step(400, "PASS", rps=160.0, mean_s=0.1, think_s=2.4, target=use)
    tight = replace(make_sustaining(0.5), steps=(step,))
    plan = make_plan()
    assert find(plan, 1.0, 96, tight) == COARSE
    assert find(replace(plan, headroom_ratio=0.3), 1.0, 96, tight) == PRECISE


def test_all_sizes_are_precise_if_elsewhere_is_the_same() -> None:
    plan = make_plan()
    same = replace(plan, search=replace(plan.search, elsewhere_ratio=0.05))
    finer = replace(plan, search=replace(plan.search, elsewhere_ratio=0.01))
    assert find(same, 0.25, 96, make_too_small(1.0)) == PRECISE
    assert find(finer, 0.25, 96, make_too_small(1.0)) == PRECISE


def test_a_search_for_the_demand_decides_with_every_size() -> None:
    plan = replace(make_plan(), users_required=400)
    assert find(plan, 0.25, 96, make_too_small(1.0)) == PRECISE


def test_another_repetition_and_another_number_of_replicas_tell_nothing() -> None:
    large = make_too_small(1.0)
    again = replace(large, cell=replace(large.cell, repetition=2))
    single = replace(large, cell=replace(large.cell, limits=replace(large.cell.limits, replicas=1)))
    cell = make_result(0.5).cell
    assert find_precision(make_plan(), cell, [again]) == PRECISE
    pair = replace(cell, limits=replace(cell.limits, replicas=2))
    assert find_precision(make_plan(), pair, [single]) == PRECISE


def test_a_search_ends_as_soon_as_its_size_is_known_as_precisely_as_it_must() -> None:
    """100 to 109 users are a bracket of 9 %."""
    plan, cell = make_plan(), make_result(0.5).cell
    steps = [make_step(100, "PASS"), make_step(109, "FAIL", 2, rule="died")]
    assert choose_precise_step(plan, cell, steps, [make_too_small(1.0)]) is None
    step = choose_precise_step(plan, cell, steps, [make_sustaining(1.0)])
    assert step is not None
    assert 100 < step.users < 109
    assert step.choose_precision(plan.search) == PRECISE
    coarse = choose_precise_step(plan, cell, steps[:1], [make_too_small(1.0)])
    assert coarse is not None
    assert coarse.choose_precision(plan.search) == COARSE


def test_every_size_of_an_answer_knows_the_precision_that_was_asked_of_it() -> None:
    cells = (make_sustaining(1.0), make_too_small(0.5), make_too_small(0.25), make_too_small(0.5, 96))
    plan = make_plan()
    result = CampaignResult("one", "web", CampaignState.COMPLETE, "", 400, plan.slos, cells)
    asked = [cell.asked_precision_ratio for cell in add_asked_precision(result, plan).cells]
    assert asked == [PRECISE, PRECISE, COARSE, COARSE]


# Variants of one size

FOUR = make_variant("four", 1.0, 390, 405)


@pytest.mark.parametrize(("broken_users", "precision_ratio"), [(371, WORSE), (372, PRECISE)])
def test_a_variant_that_sustains_less_than_another_by_5_percent_needs_no_precision(
    broken_users: int, precision_ratio: float
) -> None:
    """371 users are less than 390 by 5 % (371 x 1.05 = 389.55), 372 are not (390.6)."""
    one = make_variant("one", 1.0, 300, broken_users)
    assert find_precision(make_plan(), one.cell, [FOUR, one]) == precision_ratio
    step = choose_precise_step(make_plan(), one.cell, [make_step(broken_users, "FAIL")], [FOUR])
    assert step is not None
    assert step.precision_ratio == precision_ratio


def test_only_another_variant_of_the_same_size_and_repetition_makes_one_worse() -> None:
    one, plan = make_variant("one", 1.0, 190, 200), make_plan()
    again = replace(FOUR, cell=replace(FOUR.cell, repetition=2))
    larger = make_variant("four", 2.0, 390, 405)
    for other in (again, larger, replace(FOUR, status=Status.RUNNING)):
        assert find_precision(plan, one.cell, [other, one]) == PRECISE


def test_a_worse_variant_is_precise_where_all_sizes_are_or_where_a_demand_is_asked_for() -> None:
    one, plan = make_variant("one", 1.0, 190, 200), make_plan()
    same = replace(plan, search=replace(plan.search, elsewhere_ratio=0.05))
    assert find_precision(same, one.cell, [FOUR, one]) == PRECISE
    assert find_precision(replace(plan, users_required=400), one.cell, [FOUR, one]) == PRECISE


def make_pairs(second_users: int) -> list[CellResult]:
    """Make 2 CPUs that sustain 400 users, or `second_users` with another variant, and 1 CPU of the first."""
    return [
        make_variant("four", 2.0, 400, 400),
        make_variant("one", 2.0, second_users, second_users),
        make_variant("four", 1.0, 200, 200),
    ]


@pytest.mark.parametrize(
    ("second_users", "passed", "users", "precision_ratio"),
    [(320, (), 146, WORSE), (320, (146,), 175, WORSE), (360, (), 159, WORSE), (320, (170,), 190, WORSE)],
    ids=["four fifths", "four fifths, after a pass", "nine tenths", "a pass shows that it is no four fifths"],
)
def test_a_variant_that_was_worse_at_another_size_starts_with_a_coarse_bracket(
    second_users: int, passed: Sequence[int], users: int, precision_ratio: float
) -> None:
    """A bracket of 20 % must lie below 200 / 1.05 = 190.5 users.

    At 320 of 400 users the estimate is 160, and the bracket reaches from 146 to 175. At 360 it is 180, and
    the bracket would reach to 197. So it ends at 190, the most that shows that the variant is worse by 5 %,
    and starts at 190 / 1.2 = 158.3. After a pass at 170 the failure at 190 is all that is missing.
    """
    steps = [make_step(each, "PASS") for each in passed]
    one = make_variant("one", 1.0, None, None).cell
    step = choose_precise_step(make_plan(), one, steps, make_pairs(second_users))
    assert step is not None
    assert (step.users, step.precision_ratio) == (users, precision_ratio)
    assert (step.draws_curve, step.is_quick, step.shown_bytes) == (False, True, one.limits.memory_bytes)


def test_a_search_without_prediction_expects_nothing_of_a_variant() -> None:
    plan, steps = make_plan(), list[StepResult]()
    bisect = replace(plan, search=replace(plan.search, strategy=SearchStrategy.BISECT))
    step = choose_precise_step(bisect, make_variant("one", 1.0, None, None).cell, steps, make_pairs(320))
    assert step is not None
    assert step.precision_ratio == COARSE
