"""Other people's search rules, for comparison: which number of users next, from the verdicts so far.

Read from their sources, written anew. All of them get our ramp, our settling and our verdict on one window of
fixed length; what is compared is the choice of loads, and of when to stop.
"""

import math
from collections.abc import Mapping, Sequence

from harness.analyse.search.prediction import find_response_limit_s
from harness.model import Cell, CellResult, Plan, Step, StepResult, Verdict

_Verdicts = Mapping[int, bool]

_SWEEP_SIZE = 10


def collect_verdicts(plan: Plan, steps: Sequence[StepResult]) -> dict[int, bool]:
    """What held, by users, in the order of measuring.

    They know no "too few requests to tell": what we call INVALID is judged by whatever p95 there is.
    """
    limit_s = find_response_limit_s(plan.slos)
    return {
        step.users: step.verdict is Verdict.PASS
        or (step.verdict is Verdict.INVALID and step.p95_s is not None and step.p95_s <= limit_s)
        for step in steps
    }


def space_loads(first: int, limit: int, ratio: float) -> list[int]:
    """Loads from `first` to `limit`, each about `ratio` times the one before, without repeats."""
    count = math.ceil(math.log(limit / first) / math.log(ratio))
    return sorted({round(first * (limit / first) ** (i / count)) for i in range(count + 1)})


def choose_bisection_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Geometric bisection of 1 … users limit, the limit itself only when all below it holds."""
    known = collect_verdicts(plan, steps)
    users = bisect(known, plan.users_limit, plan.search.precision_ratio)
    return None if users is None else Step(users, plan.timing)


def bisect(known: _Verdicts, limit: int, precision_ratio: float) -> int | None:
    sustained, broken = _find_consistent_ends(known)
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
    """Binary search over a list of loads, restricted to those from the next smaller size's capacity on.

    Theodolite (cau-se/theodolite, `BinarySearch` for the capacity metric under `LowerBoundRestriction`): a
    smaller size that passed nothing leaves no load to test. Sizes are one row of resources, smallest first:
    here the CPUs of one memory.
    """
    loads = space_loads(5, plan.users_limit, 1 + plan.search.precision_ratio)
    smaller = _find_next_smaller(cell, neighbours)
    if smaller is not None:
        loads = [load for load in loads if load >= (_find_highest_pass(smaller.steps) or math.inf)]
    users = search_list(loads, collect_verdicts(plan, steps))
    return None if users is None else Step(users, plan.timing)


def _find_highest_pass(steps: Sequence[StepResult]) -> int | None:
    return max((step.users for step in steps if step.verdict is Verdict.PASS), default=None)


def _find_next_smaller(cell: Cell, neighbours: Sequence[CellResult]) -> CellResult | None:
    """Sizes without any test do not count, as there."""
    row = [
        result
        for result in neighbours
        if result.cell.limits.memory_bytes == cell.limits.memory_bytes
        and result.cell.limits.cpu_cores < cell.limits.cpu_cores
        and result.steps
    ]
    return max(row, key=lambda result: result.cell.limits.cpu_cores, default=None)


def search_list(loads: Sequence[int], known: _Verdicts) -> int | None:
    """The load that the binary search for a capacity tests next, or None when it has ended."""
    lower, upper = 0, len(loads) - 1
    while lower <= upper:
        middle = lower if lower == upper else (lower + upper + 1) // 2
        holds = known.get(loads[middle])
        if holds is None:
            return loads[middle]
        if lower == upper or (holds and middle == upper):
            return None
        lower, upper = (middle + 1, upper) if holds else (lower, middle - 1)
    return None


def choose_aiperf_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Double from 1 until one fails, then halve the gap until it is under the precision.

    AIPerf's `MonotonicSLASearchPlanner` (ai-dynamo/aiperf), one trial a value.
    """
    users = double_then_bisect(collect_verdicts(plan, steps), plan.users_limit, plan.search.precision_ratio)
    return None if users is None else Step(users, plan.timing)


def double_then_bisect(known: _Verdicts, limit: int, precision_ratio: float) -> int | None:
    low, high = _find_consistent_ends(known)
    if high is None:
        return None if low == limit else min(limit, 2 * low) if low else 1
    if low is None or high - low <= 1 or (high - low) / high < precision_ratio:
        return None
    return low + (high - low) // 2


def _find_consistent_ends(known: _Verdicts) -> tuple[int | None, int | None]:
    """The bracket as it is kept while verdicts come in: one that contradicts it changes nothing."""
    low: int | None = None
    high: int | None = None
    for users, holds in known.items():
        if holds and (high is None or users < high):
            low = users if low is None else max(low, users)
        if not holds and (low is None or users > low):
            high = users if high is None else min(high, users)
    return low, high


def choose_guidellm_step(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """One user, then all, then evenly spaced throughputs between both, upwards until one fails.

    guidellm's `sweep` profile (vllm-project/guidellm) with 10 strategies. Its rates are open-loop ones: here
    a rate is the number of users who make it at light load, by Little's law.
    """
    users = sweep(steps, plan.users_limit)
    return None if users is None else Step(users, plan.timing)


def sweep(steps: Sequence[StepResult], limit: int) -> int | None:
    if len(steps) < 2:
        return (1, limit)[len(steps)]
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
