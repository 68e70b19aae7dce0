"""Choose the next number of users by the rules of other tools, to compare them with the harness's search.

The rules were read in the tools' sources and implemented anew. All of them use the harness's ramp, settling
and verdict, on a window of fixed length; only the choice of the next load, and of when to stop, differs. A
load is a number of users.
"""

import math
from collections.abc import Mapping, Sequence

from harness.analyse.search.usable_cpu import find_response_limit_s
from harness.model import Cell, CellResult, Plan, Step, StepResult, Verdict

_Verdicts = Mapping[int, bool]

_SWEEP_SIZE = 10
"""The number of loads in guidellm's sweep."""


def _collect_verdicts(plan: Plan, steps: Sequence[StepResult]) -> dict[int, bool]:
    """Return whether each number of users passed, in the order of measuring.

    The other tools know no INVALID verdict: an INVALID step passes if its p95 is within the limit.
    """
    limit_s = find_response_limit_s(plan.slos)
    return {
        step.users: step.verdict is Verdict.PASS
        or (
            step.verdict is Verdict.INVALID
            and step.latency.p95_s is not None
            and step.latency.p95_s <= limit_s
        )
        for step in steps
    }


def space_loads(first: int, limit: int, ratio: float) -> list[int]:
    """Return loads from `first` to `limit`, each about `ratio` times the one before, without repeats."""
    count = math.ceil(math.log(limit / first) / math.log(ratio))
    return sorted({round(first * (limit / first) ** (i / count)) for i in range(count + 1)})


def choose_bisection_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Bisect 1 … users limit geometrically; the limit itself is tested only if all loads below it passed."""
    verdicts = _collect_verdicts(plan, steps)
    users = bisect(verdicts, plan.users_limit, plan.search.precision_ratio)
    return None if users is None else Step(users, plan.timing)


def bisect(verdicts: _Verdicts, limit: int, precision_ratio: float) -> int | None:
    """Return the load that a geometric bisection of 1 … limit tests next; None when it has ended."""
    sustained, broken = _find_consistent_ends(verdicts)
    low, high = sustained or 1, broken or limit
    if sustained == limit or broken == 1:
        return None
    if high > max(low * (1 + precision_ratio), low + 1):
        return min(max(round(math.sqrt(low * high)), low + 1), high - 1)
    if broken is None:
        return limit
    return None if sustained is not None else 1


def choose_theodolite_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Search a list of loads, from the next smaller size's capacity on, by bisection.

    This is Theodolite (cau-se/theodolite, `BinarySearch` for the capacity metric under
    `LowerBoundRestriction`): if a smaller size passed nothing, no load is left to test. Its sizes are one row
    of resources, smallest first; here they are the CPUs of one memory.
    """
    loads = space_loads(5, plan.users_limit, 1 + plan.search.precision_ratio)
    smaller = _find_next_smaller(cell, neighbours)
    if smaller is not None:
        loads = [load for load in loads if load >= (_find_highest_pass(smaller.steps) or math.inf)]
    users = search_list(loads, _collect_verdicts(plan, steps))
    return None if users is None else Step(users, plan.timing)


def _find_highest_pass(steps: Sequence[StepResult]) -> int | None:
    return max((step.users for step in steps if step.verdict is Verdict.PASS), default=None)


def _find_next_smaller(cell: Cell, neighbours: Sequence[CellResult]) -> CellResult | None:
    """Find the next smaller CPU with the same memory; sizes without a step do not count, as in Theodolite."""
    row = [
        result
        for result in neighbours
        if result.cell.limits.memory_bytes == cell.limits.memory_bytes
        and result.cell.limits.cpu_cores < cell.limits.cpu_cores
        and result.steps
    ]
    return max(row, key=lambda result: result.cell.limits.cpu_cores, default=None)


def search_list(loads: Sequence[int], verdicts: _Verdicts) -> int | None:
    """Return the load of a rising list that a binary search tests next; None when it has ended."""
    lower, upper = 0, len(loads) - 1
    while lower <= upper:
        middle = lower if lower == upper else (lower + upper + 1) // 2
        is_passed = verdicts.get(loads[middle])
        if is_passed is None:
            return loads[middle]
        if lower == upper or (is_passed and middle == upper):
            return None
        lower, upper = (middle + 1, upper) if is_passed else (lower, middle - 1)
    return None


def choose_aiperf_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Double the load from 1 until one fails, then halve the gap until it is below the precision.

    This is AIPerf's `MonotonicSLASearchPlanner` (ai-dynamo/aiperf) with one trial for each load.
    """
    users = double_then_bisect(_collect_verdicts(plan, steps), plan.users_limit, plan.search.precision_ratio)
    return None if users is None else Step(users, plan.timing)


def double_then_bisect(verdicts: _Verdicts, limit: int, precision_ratio: float) -> int | None:
    """Return the load that doubling and then halving the gap tests next; None when it has ended."""
    low, high = _find_consistent_ends(verdicts)
    if high is None:
        return None if low == limit else min(limit, 2 * low) if low else 1
    if low is None or high - low <= 1 or (high - low) / high < precision_ratio:
        return None
    return low + (high - low) // 2


def _find_consistent_ends(verdicts: _Verdicts) -> tuple[int | None, int | None]:
    """Return the highest pass and the lowest failure; a verdict that contradicts earlier ones is ignored."""
    low: int | None = None
    high: int | None = None
    for users, is_passed in verdicts.items():
        if is_passed and (high is None or users < high):
            low = users if low is None else max(low, users)
        if not is_passed and (low is None or users > low):
            high = users if high is None else min(high, users)
    return low, high


def choose_guidellm_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Test one user, then the limit, then evenly spaced throughputs between both, upwards until one fails.

    This is guidellm's `sweep` profile (vllm-project/guidellm) of 10 loads. In guidellm a load is a rate of
    requests; here it is the number of users who make this rate at light load, by Little's law.
    """
    users = sweep(steps, plan.users_limit)
    return None if users is None else Step(users, plan.timing)


def sweep(steps: Sequence[StepResult], limit: int) -> int | None:
    """Return the load that a sweep tests next; None when it has ended."""
    if len(steps) < 2:
        return limit if steps else 1
    slowest, fastest = steps[0].rps, steps[1].rps
    if steps[1].verdict is Verdict.PASS or not slowest or not fastest:
        return None
    if any(step.verdict is not Verdict.PASS for step in steps[2:]):
        return None
    levels = [
        max(1, min(limit, round((slowest + (fastest - slowest) * i / (_SWEEP_SIZE - 2)) / slowest)))
        for i in range(1, _SWEEP_SIZE - 1)
    ]
    rest = levels[len(steps) - 2 :]
    return rest[0] if rest else None
