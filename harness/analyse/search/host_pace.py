"""Decide which windows were held while the host was slow, and which of them count.

A slow host lowers what the CPU sustains. So a failure on a slow host says little about the host at its best,
while a pass says as much there. Such a failure is held once more before it counts. If the host is as slow
again, it has become slower for good, and both count.
"""

from collections.abc import Iterable, Sequence

from harness.model import CellResult, Rule, StepResult, Verdict

_SLOWER_RATIO = 0.10
"""A window is slow if the fixed piece of work took this much longer than in the window it is compared with.

The pace of a window of 20 s is known to about 5 % on a host whose cores change speed from second to second.
"""


def is_slower(step: StepResult, other: StepResult) -> bool:
    """Return True if the host was more than 10 % slower in `step` than in `other`; False if unknown."""
    pace_s, other_s = step.host.work_s, other.host.work_s
    return pace_s is not None and other_s is not None and pace_s > (1 + _SLOWER_RATIO) * other_s


def find_superseding_step(step: StepResult, steps: Iterable[StepResult]) -> StepResult | None:
    """Return the window that counts instead of `step`: the same users, held while the host was faster.

    Return None if the step counts. Only a step that passed or broke an SLO can be superseded: a target that
    died is no question of speed.
    """
    if step.rule not in (Rule.SLOS_HOLD, Rule.SLO_BROKEN):
        return None
    same = (other for other in steps if other.users == step.users and other.verdict is not Verdict.INVALID)
    return next((other for other in same if is_slower(step, other)), None)


def drop_superseded_steps(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps of a cell that count, in their order."""
    return [step for step in steps if find_superseding_step(step, steps) is None]


def needs_faster_host(steps: Sequence[StepResult], neighbours: Iterable[CellResult]) -> bool:
    """Return True if a cell's last step broke an SLO on a slow host and should be held again.

    The host's best is that of the valid windows so far, in this cell and in its `neighbours`. A step is held
    again once. It is not held again if an earlier one of this cell was, and the host was as slow again.
    """
    if not steps or steps[-1].rule is not Rule.SLO_BROKEN:
        return False
    known = [*steps, *(step for each in neighbours for step in each.steps)]
    slow_users = [step.users for step in steps if _is_slow(step, known)]
    held_count = sum(step.users == steps[-1].users and _is_valid(step) for step in steps)
    return held_count == 1 and _is_slow(steps[-1], known) and len(set(slow_users)) == len(slow_users)


def _is_slow(step: StepResult, known: Iterable[StepResult]) -> bool:
    """Return True if the step is valid, and any known window was held while the host was faster."""
    return _is_valid(step) and any(_is_valid(other) and is_slower(step, other) for other in known)


def _is_valid(step: StepResult) -> bool:
    return step.verdict is not Verdict.INVALID
