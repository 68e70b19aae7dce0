"""Judge a change of a target by its comparison with what was before, and by the requirements on it.

The comparison is one of pairs of windows, or of two campaigns.
"""

from collections.abc import Sequence

from harness.model import Change, ChangeVerdict, Check, Difference
from harness.model.ab import AbAnswer, AbOutcome

_NO_ANSWER = (AbOutcome.UNDECIDED, AbOutcome.BASE_BROKE, AbOutcome.BOTH_BROKE)


def judge_change(
    differences: Sequence[Difference] | None, checks: Sequence[Check], *, is_new: bool = False
) -> ChangeVerdict:
    """Return the worst that the comparison and the requirements say of the changed target.

    `differences` is None if the two could not be compared. With `is_new` there is no target before the
    change, so that only the requirements count.
    """
    changes = {each.change for each in differences or ()}
    outcomes = {each.is_met for each in checks}
    if False in outcomes:
        return ChangeVerdict.NOT_MET
    if Change.LESS in changes:
        return ChangeVerdict.LESS
    if None in outcomes or Change.UNKNOWN in changes:
        return ChangeVerdict.INCONCLUSIVE
    if is_new:
        return ChangeVerdict.NEW
    if not changes & {Change.SAME, Change.MORE}:
        return ChangeVerdict.INCONCLUSIVE
    return ChangeVerdict.MORE if Change.MORE in changes else ChangeVerdict.SAME


def judge_pairs(answer: AbAnswer | None, checks: Sequence[Check], *, is_new: bool = False) -> ChangeVerdict:
    """Return the worst that pairs of windows and the requirements say of the changed target.

    `answer` is None if the two could not be compared. With `is_new` there is no target before the change, so
    that only the requirements count.
    """
    outcomes = {each.is_met for each in checks}
    if False in outcomes:
        return ChangeVerdict.NOT_MET
    if answer is not None and answer.is_worse:
        return ChangeVerdict.LESS
    if None in outcomes:
        return ChangeVerdict.INCONCLUSIVE
    if is_new:
        return ChangeVerdict.NEW
    if answer is None or answer.outcome in _NO_ANSWER:
        return ChangeVerdict.INCONCLUSIVE
    return ChangeVerdict.MORE if answer.outcome is AbOutcome.LESS else ChangeVerdict.SAME
