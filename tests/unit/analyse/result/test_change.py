"""The verdict on a change is the worst of its comparison and its requirements."""

import pytest

from harness.analyse.result.change import judge_change
from harness.model import MIB, Change, ChangeVerdict, Check, Difference, Limits, Requirement

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
