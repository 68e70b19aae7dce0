"""The verdict on a change is the worst of its comparison and its requirements."""

import pytest

from harness.analyse.result.change import judge_change, judge_pairs
from harness.model import MIB, Change, ChangeVerdict, Check, Difference, Limits, Requirement
from harness.model.ab import AbAnswer, AbOutcome, AbTest, Estimate, Measure

LIMITS = Limits(1.0, 256 * MIB)


def make_check(is_met: bool | None) -> Check:
    return Check(Requirement("users >= 1", 1, LIMITS), is_met, None)


@pytest.mark.parametrize(
    ("changes", "outcomes", "verdict"),
    [
        ([Change.SAME, Change.SAME], [], ChangeVerdict.SAME),
        ([Change.SAME, Change.MORE], [True], ChangeVerdict.MORE),
        ([Change.MORE, Change.LESS], [True], ChangeVerdict.LESS),
        ([Change.SAME], [True, False], ChangeVerdict.NOT_MET),
        ([Change.LESS], [False], ChangeVerdict.NOT_MET),
        ([Change.LESS, Change.UNKNOWN], [None], ChangeVerdict.LESS),
        ([Change.MORE, Change.UNKNOWN], [], ChangeVerdict.INCONCLUSIVE),
        ([Change.MORE], [True, None], ChangeVerdict.INCONCLUSIVE),
        ([Change.ADDED, Change.REMOVED], [], ChangeVerdict.INCONCLUSIVE),
        ([], [True], ChangeVerdict.INCONCLUSIVE),
        (None, [True], ChangeVerdict.INCONCLUSIVE),
    ],
)
def test_the_worst_counts(
    changes: list[Change] | None, outcomes: list[bool | None], verdict: ChangeVerdict
) -> None:
    differences = None if changes is None else [Difference(LIMITS, (), (), change) for change in changes]
    assert judge_change(differences, [make_check(outcome) for outcome in outcomes]) is verdict


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], ChangeVerdict.NEW),
        ([True], ChangeVerdict.NEW),
        ([None], ChangeVerdict.INCONCLUSIVE),
        ([False], ChangeVerdict.NOT_MET),
    ],
)
def test_without_a_target_before_the_change_only_requirements_count(
    outcomes: list[bool | None], verdict: ChangeVerdict
) -> None:
    assert judge_change(None, [make_check(outcome) for outcome in outcomes], is_new=True) is verdict


@pytest.mark.parametrize(
    ("outcome", "outcomes", "verdict"),
    [
        (AbOutcome.SAME, [], ChangeVerdict.SAME),
        (AbOutcome.LESS, [True], ChangeVerdict.MORE),
        (AbOutcome.HEAD_BROKE, [True], ChangeVerdict.LESS),
        (AbOutcome.HEAD_BROKE, [None], ChangeVerdict.LESS),
        (AbOutcome.HEAD_BROKE, [False], ChangeVerdict.NOT_MET),
        (AbOutcome.SAME, [None], ChangeVerdict.INCONCLUSIVE),
        (AbOutcome.UNDECIDED, [True], ChangeVerdict.INCONCLUSIVE),
        (AbOutcome.BASE_BROKE, [], ChangeVerdict.INCONCLUSIVE),
        (AbOutcome.BOTH_BROKE, [], ChangeVerdict.INCONCLUSIVE),
        (None, [True], ChangeVerdict.INCONCLUSIVE),
    ],
)
def test_pairs_of_windows_give_a_verdict_too(
    outcome: AbOutcome | None, outcomes: list[bool | None], verdict: ChangeVerdict
) -> None:
    answer = None if outcome is None else AbAnswer(AbTest("a", "b", LIMITS, users=10), outcome)
    assert judge_pairs(answer, [make_check(each) for each in outcomes]) is verdict


def test_a_longer_response_time_alone_makes_a_change_worse() -> None:
    slower = Estimate(Measure.P95, 0.2, 0.4, 1.0, 0.5, 1.5, 0.998, Change.MORE)
    answer = AbAnswer(AbTest("a", "b", LIMITS, users=10), AbOutcome.SAME, (slower,))
    assert judge_pairs(answer, []) is ChangeVerdict.LESS


def test_without_a_base_only_the_requirements_count_in_pairs_too() -> None:
    assert judge_pairs(None, [make_check(True)], is_new=True) is ChangeVerdict.NEW
    assert judge_pairs(None, [make_check(False)], is_new=True) is ChangeVerdict.NOT_MET
