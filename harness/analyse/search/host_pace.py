"""Decide which windows were held while the host was slow, and which of them count.

A slow host lowers what the CPU sustains. So a failure on a slow host says little about the host at its best,
while a pass says as much there. If such a failure is an end of the bracket, it is held once more before the
search ends. If the host is as slow again, it has become slower for good, and both count.
"""

from collections.abc import Iterable, Sequence

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.capacity_estimate import estimate_from_slow_share, find_percentile_slo
from harness.model import CellResult, Rule, Slo, StepResult, Verdict

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

    Return None if the step counts. Only a step that broke an SLO can be superseded: a pass counts at any
    speed, and a target that died is no question of speed.
    """
    if step.rule is not Rule.SLO_BROKEN:
        return None
    same = (other for other in steps if other.users == step.users and other.verdict is not Verdict.INVALID)
    return next((other for other in same if is_slower(step, other)), None)


def drop_superseded_steps(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps of a cell that count, in their order."""
    return [step for step in steps if find_superseding_step(step, steps) is None]


def needs_faster_host(
    steps: Sequence[StepResult], users: int, neighbours: Iterable[CellResult], slos: Sequence[Slo]
) -> bool:
    """Return True if a failure at these users should be held again, because the host was slow.

    The host's best is that of the valid windows so far, in this cell and in its `neighbours`. A number of
    users is held again once, and only if the host at its best might carry it. It is not held again if other
    users of this cell were, and the host was as slow again.
    """
    held = [step for step in steps if step.users == users and _is_valid(step)]
    if len(held) != 1 or held[0].rule is not Rule.SLO_BROKEN:
        return False
    known = [*steps, *(step for each in neighbours for step in each.steps)]
    slow_users = [step.users for step in steps if _find_slowdown(step, known) is not None]
    slowdown = _find_slowdown(held[0], known)
    has_stayed_slow = len(set(slow_users)) < len(slow_users)
    return slowdown is not None and not has_stayed_slow and _might_pass(held[0], slowdown, slos)


def _find_slowdown(step: StepResult, known: Iterable[StepResult]) -> float | None:
    """Return how many times slower the host was than at its best in the known windows.

    None unless the step is valid and the host was more than 10 % slower.
    """
    paces_s = [
        other.host.work_s
        for other in known
        if _is_valid(other) and other.host.work_s is not None and is_slower(step, other)
    ]
    if not paces_s or not _is_valid(step):
        return None
    return (step.host.work_s or 0.0) / min(paces_s)


def _might_pass(step: StepResult, slowdown: float, slos: Sequence[Slo]) -> bool:
    """Return False if a failed step would have failed on a host that is so many times faster too.

    Work that waited for memory is no question of speed. The CPU sustains no more users than in proportion to
    the host's speed. So the share of slow requests tells whether it would sustain these.
    """
    if step.memory is not None and step.memory.slows_requests:
        return False
    shown = estimate_from_slow_share(step, find_percentile_slo(slos))
    return shown is None or shown.users * slowdown >= step.users


def compute_slowdown(held: Iterable[StepResult], steps: Iterable[StepResult]) -> float:
    """Return how many times slower the host was in the windows `held` than in `steps`; 1 if unknown."""
    own_s, all_s = ([each.host.work_s for each in group if each.host.work_s] for group in (held, steps))
    return compute_geometric_mean(own_s) / compute_geometric_mean(all_s) if own_s and all_s else 1.0


def _is_valid(step: StepResult) -> bool:
    return step.verdict is not Verdict.INVALID
