"""Find the bracket of a cell: the highest pass below every failure, and the lowest failure."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.host_pace import drop_superseded_steps
from harness.analyse.search.summed_evidence import is_outvoted_by_more, is_sustained_by_sum
from harness.model import StepResult, Verdict
from harness.model.task_evidence import TasksRaised

_FAILURES_BEFORE_STRIDES = 3
"""After so many numbers of users that failed since a pass, the strides double."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """The highest number of users that passed, and the lowest that failed; None if no step did.

    If both are known, `sustained_users < broken_users`.
    """

    sustained_users: int | None
    broken_users: int | None

    def is_narrow(self, precision_ratio: float) -> bool:
        """Return True if both ends are known, and differ by at most the precision or by a single user."""
        low, high = self.sustained_users, self.broken_users
        return low is not None and high is not None and high <= max(low * (1 + precision_ratio), low + 1)

    def contains(self, users: int) -> bool:
        """Return True if it is open whether so many users are sustained."""
        return (self.sustained_users or 0) < users < (self.broken_users or math.inf)

    def compute_middle(self) -> int:
        """Return the geometric mean of both ends as a whole number strictly between them.

        Both ends must be known, and at least 2 users apart.
        """
        assert self.sustained_users is not None
        assert self.broken_users is not None
        mean = round(compute_geometric_mean([self.sustained_users, self.broken_users]))
        return min(max(mean, self.sustained_users + 1), self.broken_users - 1)


def find_bracket(steps: Sequence[StepResult]) -> Bracket:
    """Return the bracket of one cell's steps, ignoring INVALID steps and every pass at or above a failure.

    A window on a slow host is ignored if the same users were held while the host was faster. Steps at one
    number of users count together (see `is_sustained_by_sum`), and more users may outvote a failure (see
    `is_outvoted_by_more`).
    """
    valid = [step for step in drop_superseded_steps(steps) if step.verdict is not Verdict.INVALID]
    loads = sorted({step.users for step in valid})
    held = {users: is_sustained_by_sum([step for step in valid if step.users == users]) for users in loads}
    failed = (users for users in loads if not held[users])
    broken = next((users for users in failed if not is_outvoted_by_more(valid, users)), None)
    passes = [users for users in loads if held[users] and (broken is None or users < broken)]
    return Bracket(max(passes, default=None), broken)


def bound_by_failures(bracket: Bracket, steps: Sequence[StepResult], precision_ratio: float) -> int | None:
    """Return the most users to try after three failures since a pass; None if there were fewer.

    What predicts the capacity is then too high. Each further failure doubles the stride below the lowest one,
    as far as the middle of the bracket (an exponential search: Bentley and Yao, Information Processing
    Letters 5, 1976). `bracket` is that of the search; None also if an end of it is unknown.
    """
    since_pass = itertools.takewhile(lambda step: step.verdict is not Verdict.PASS, reversed(steps))
    count = len({step.users for step in since_pass if step.verdict is Verdict.FAIL})
    is_open = bracket.sustained_users is None or bracket.broken_users is None
    if count < _FAILURES_BEFORE_STRIDES or is_open or bracket.is_narrow(0.0):
        return None
    stride_ratio = precision_ratio * 2.0 ** (count - _FAILURES_BEFORE_STRIDES + 1)
    return max(bracket.compute_middle(), math.floor((bracket.broken_users or 0) / (1 + stride_ratio)))


def find_inconclusive_step(steps: Sequence[StepResult], users_limit: float = math.inf) -> StepResult | None:
    """Return the last step with the most users whose window held too few requests for a verdict.

    Return None if a step has passed, or if every such step lies at or above the lowest failure or the users
    limit. The step is not repeated, because the same users would make as few requests again. The search goes
    on above it as if it had passed, because more users make more requests. It is never an end of a bracket.
    """
    bracket = find_bracket(steps)
    if bracket.sustained_users is not None:
        return None
    below = users_limit if bracket.broken_users is None else bracket.broken_users
    inconclusive = [step for step in steps if step.rule.lacks_requests and step.users < below]
    return max(reversed(inconclusive), key=lambda step: step.users, default=None)


def is_invalid_twice(steps: Sequence[StepResult]) -> bool:
    """Return True if the last two steps were INVALID at the same number of users: no third try is made."""
    return (
        len(steps) >= 2
        and all(step.verdict is Verdict.INVALID for step in steps[-2:])
        and steps[-1].users == steps[-2].users
    )


def is_scenario_broken(step: StepResult) -> bool:
    """Return True if the step is invalid by exceptions in the scenario that no chance explains.

    A repetition would show them again. By chance as many come in one of forty steps at most.
    """
    evidence = step.judgement.evidence
    ratio = evidence.tasks.unexplained_ratio if isinstance(evidence, TasksRaised) else None
    if not isinstance(evidence, TasksRaised) or ratio is None:
        return False
    least, _ = compute_wilson_interval(ratio, max(evidence.tasks.ended, evidence.tasks.raised))
    return least >= evidence.allowed_ratio
