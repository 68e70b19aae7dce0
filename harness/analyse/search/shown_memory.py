"""Tell which memory other sizes have shown to last, so that a size need not be watched for as long again.

What users hold in memory hardly depends on the CPU. So if a size with no more memory was watched for minutes
while as many users or more were there, as much memory lasts at another CPU.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.analyse.search.memory_model import is_memory_failure
from harness.model import (
    Cell,
    CellResult,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    Plan,
    ShownMemory,
    StepResult,
    Verdict,
)


def find_shown_bytes(
    plan: Plan, cell: Cell, users: int, steps: Sequence[StepResult], neighbours: Iterable[CellResult]
) -> int:
    """Return the most memory that other sizes had when they were watched for long enough; 0 if none was.

    Each is of the same variant and has no more memory than the cell. Its step had `users` or more and passed,
    and was held until its memory was known to last, or for as long as a window may wait for this. It shows
    nothing if the cell itself, whose steps are `steps`, ran out of memory at no more users.
    """
    shown = _list_shown(plan, cell, users, steps, neighbours)
    return max((trend.peak_bytes for _, trend in shown), default=0)


def find_shown_memory(plan: Plan, result: CellResult, results: Iterable[CellResult]) -> ShownMemory | None:
    """Return which other size had as much memory as a size at its highest pass, watched for long enough.

    None if the size itself was, if its memory was short, or if no other had as much. A size in which the
    memory was known to last comes first, then the one that was watched for longest.
    """
    trend = result.memory_step.memory if result.memory_step is not None else None
    if trend is None or trend.is_known or trend.shortage is not None:
        return None
    others = (each for each in results if each.cell.id != result.cell.id)
    shown = [
        ShownMemory(limits, other.observed_s, other.outlook is MemoryOutlook.LASTS)
        for limits, other in _list_shown(plan, result.cell, result.sustained_users or 0, result.steps, others)
        if other.peak_bytes >= trend.peak_bytes
    ]
    return max(shown, key=lambda each: (each.lasts, each.observed_s), default=None)


def _list_shown(
    plan: Plan, cell: Cell, users: int, steps: Sequence[StepResult], neighbours: Iterable[CellResult]
) -> Iterator[tuple[Limits, MemoryTrend]]:
    """Yield the limits and the memory of each step of other sizes that shows what `find_shown_bytes` asks."""
    failed_users = min((step.users for step in steps if is_memory_failure(step)), default=math.inf)
    for result in neighbours:
        if _has_no_more_memory(result.cell, cell):
            for step in result.steps:
                is_known = users <= step.users < failed_users and _was_watched(plan, step)
                if is_known and step.memory is not None:
                    yield result.cell.limits, step.memory


def believe_any_memory(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return a cell's steps, in which memory lasts unless it is known to fill, or short."""
    return [_believe(step) if _is_unknown(step) else step for step in steps]


def _is_unknown(step: StepResult) -> bool:
    trend = step.memory
    return trend is not None and not trend.is_known and trend.shortage is None


def _believe(step: StepResult) -> StepResult:
    assert step.memory is not None
    return replace(step, memory=replace(step.memory, outlook=MemoryOutlook.LASTS))


def believe_shown_memory(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> list[StepResult]:
    """Return a cell's steps, in which memory lasts if others have shown as much.

    Their windows did not wait for it, so it may still have been filling.
    """

    def is_shown(step: StepResult) -> bool:
        shown_bytes = find_shown_bytes(plan, cell, step.users, steps, neighbours)
        return step.memory is not None and step.memory.peak_bytes <= shown_bytes

    return [_believe(step) if _is_unknown(step) and is_shown(step) else step for step in steps]


def _has_no_more_memory(other: Cell, cell: Cell) -> bool:
    one, two = other.limits, cell.limits
    is_alike = (other.repetition, one.replicas, one.variant) == (cell.repetition, two.replicas, two.variant)
    return is_alike and one.memory_bytes <= two.memory_bytes


def _was_watched(plan: Plan, step: StepResult) -> bool:
    """Return True if a step passed, and a longer one would show no more of its memory, which is not short."""
    trend = step.memory
    if trend is None or trend.shortage is not None or step.verdict is not Verdict.PASS:
        return False
    return not trend.needs_longer_step(plan.timing.steady_at_most_s)
