"""What the verdicts so far say of a cell: the highest pass below every failure, and the lowest failure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import StepResult, Verdict


@dataclass(frozen=True, slots=True)
class Bracket:
    """Both ends measured, or None where there is none yet. `sustained_users < broken_users` always holds."""

    sustained_users: int | None
    broken_users: int | None

    def narrow(self, precision_ratio: float) -> bool:
        """Whether both ends are known and no whole number between them would be news."""
        low, high = self.sustained_users, self.broken_users
        return low is not None and high is not None and high <= max(low * (1 + precision_ratio), low + 1)

    def middle(self) -> int:
        """The geometric mean of both ends, strictly between them.

        Both must be known and more than 1 apart.
        """
        assert self.sustained_users is not None
        assert self.broken_users is not None
        mean = round(math.sqrt(self.sustained_users * self.broken_users))
        return min(max(mean, self.sustained_users + 1), self.broken_users - 1)


def bracket(steps: Sequence[StepResult]) -> Bracket:
    broken = min((step.users for step in steps if step.verdict is Verdict.FAIL), default=None)
    passes = [step.users for step in steps if step.verdict is Verdict.PASS]
    sustained = max((users for users in passes if broken is None or users < broken), default=None)
    return Bracket(sustained, broken)


def spoiled_twice(steps: Sequence[StepResult]) -> bool:
    """Whether the last two steps were INVALID at the same number of users: asking a third time would not
    help.
    """
    return (
        len(steps) >= 2
        and all(step.verdict is Verdict.INVALID for step in steps[-2:])
        and steps[-1].users == steps[-2].users
    )
