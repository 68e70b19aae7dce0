"""Tell whether a soak that broke a size in one of two campaigns shows that it sustains less there."""

import math
from collections.abc import Sequence

from harness.analyse.result.significance import MIN_CHANGE_RATIO
from harness.model import CellResult, Factor, HostSpeed, Verdict
from harness.model.cell_evidence import BrokeInSoak


def is_soak_untold(
    results: Sequence[CellResult], others: Sequence[CellResult], speed: HostSpeed | None
) -> bool:
    """Return True if a soak that broke a size does not tell whether it sustains less than in the others.

    `speed` is the common speed of both campaigns; None if it is unknown.
    """
    return _broke_in_soak_alone(results, others) or _broke_on_slower_host(results, others, speed)


def _broke_in_soak_alone(results: Sequence[CellResult], others: Sequence[CellResult]) -> bool:
    """Return True if a size broke in a soak at users that it sustained in the other campaign, without a soak.

    Whether it would have survived one there is unknown.
    """
    broken_users = [each.evidence.users for each in results if isinstance(each.evidence, BrokeInSoak)]
    was_soaked = any(each.soak is not None and each.soak.verdict is not Verdict.INVALID for each in others)
    return bool(broken_users) and not was_soaked and all(each.sustains(min(broken_users)) for each in others)


def _broke_on_slower_host(
    results: Sequence[CellResult], others: Sequence[CellResult], speed: HostSpeed | None
) -> bool:
    """Return True if the CPU broke a size in its soak, and the host's speed alone explains it.

    The host was slower than where the size survived, by as much as a difference that would count.
    """
    broken = [each for each in results if isinstance(each.evidence, BrokeInSoak)]
    paces_s = [_read_soak_pace_s(each) for each in broken if each.limiting_factor is Factor.CPU]
    others_s = [_read_soak_pace_s(each) for each in others if not isinstance(each.evidence, BrokeInSoak)]
    if speed is None or not paces_s or not others_s or None in (*paces_s, *others_s):
        return False
    slowdown = min(filter(None, paces_s)) / max(filter(None, others_s))
    return speed.elasticity * math.log(slowdown) >= math.log1p(MIN_CHANGE_RATIO)


def _read_soak_pace_s(result: CellResult) -> float | None:
    step = None if result.soak is None else result.soak.step
    return None if step is None else step.host.work_s
