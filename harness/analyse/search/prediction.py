"""Where a cell's capacity should be: a place to start, never an answer.

In a closed system N = X·(Z + R) (Little's law), and a CPU-bound target makes at most X = cpu_cores / D
(utilisation law). So the CPU seconds per request of one light step say roughly what every CPU size sustains;
the ratio between what was predicted and what was found in finished cells corrects the next prediction; and a
step that failed by its response time gives the saturated X itself.
"""

import math
import statistics
from collections.abc import Callable, Sequence

from harness.analyse.search.belief import Belief, combined, from_share, percentile_slo
from harness.analyse.search.memory_model import users_by_memory
from harness.model import Cell, CellResult, Factor, Slo, Status, StepResult, Verdict

RESPONSE_AT_LIMIT = 0.3
"""The mean response time where the p95 is at its limit, as a share of that limit; corrected by finished
cells.
"""

OF_DEMAND = 0.15
OF_CORRECTED_DEMAND = 0.08
OF_SATURATION = 0.05
OF_NEIGHBOUR = 0.04
OF_DEATH = 0.04
OF_FOOTPRINT = 0.2
"""Standard deviations (of the logarithm) that the kinds of evidence have."""


def predicted(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], slos: Sequence[Slo]
) -> Belief | None:
    """What the cell should sustain, by all the evidence there is; None without any.

    The least of what its CPU, its memory and a death on the way allow: each is a bound to the others.
    """
    limit_s = response_limit_s(slos)
    slo = percentile_slo(slos)
    by_cpu = combined(
        [
            _by_cpu(cell, steps, neighbours, limit_s),
            _from_saturation(steps, limit_s),
            *(from_share(step, slo) for step in steps),
        ]
    )
    by_memory = _from_same_memory(cell, neighbours) or _from_footprint(cell, steps, neighbours)
    known = [belief for belief in (by_cpu, by_memory, _from_death(steps)) if belief is not None]
    return min(known, key=lambda belief: belief.users, default=None)


def _by_cpu(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], limit_s: float
) -> Belief | None:
    """From the same CPU with another memory, else from the demand.

    A saturated step knows its demand better than any lighter one, and has its own say.
    """
    found = _from_same_cpu(cell, neighbours)
    if found is not None or any(_is_saturated(step) for step in steps):
        return found
    return _from_demand(cell, steps, neighbours, limit_s)


def response_limit_s(slos: Sequence[Slo]) -> float:
    """The tightest limit on a response time; one second where there is none."""
    return min((slo.at_most for slo in slos if slo.indicator[0] in "pm"), default=1.0)


def _from_death(steps: Sequence[StepResult]) -> Belief | None:
    """A target that died while users were still arriving sustains fewer than had arrived."""
    deaths = [step.users_reached for step in steps if step.verdict is Verdict.FAIL and step.rule == "died"]
    return Belief(min(deaths) * 0.98, OF_DEATH) if deaths and min(deaths) > 0 else None


def _from_saturation(steps: Sequence[StepResult], limit_s: float) -> Belief | None:
    """A step that failed by its response time shows the saturated throughput; the nearest one counts."""
    failed = [step for step in steps if _is_saturated(step)]
    if not failed:
        return None
    step = min(failed, key=lambda step: step.users)
    mean_s, rps = step.mean_s or 0.0, step.rps or 0.0
    spread = (step.p95_s or mean_s) / mean_s
    mean_at_limit_s = min(limit_s / spread, mean_s)
    return Belief(rps * (_cycle_s(step) + mean_at_limit_s - mean_s), OF_SATURATION)


def _is_saturated(step: StepResult) -> bool:
    return step.verdict is Verdict.FAIL and bool(step.rps and step.mean_s and step.think_s)


def _cycle_s(step: StepResult) -> float:
    """Seconds from one request of a user to the next, by Little's law: thinking, waiting and whatever else
    it does.
    """
    return step.users / (step.rps or math.inf)


def _from_same_cpu(cell: Cell, neighbours: Sequence[CellResult]) -> Belief | None:
    """The same CPU with the nearest other memory: memory changes nothing until it runs out."""
    return _nearest(
        [
            result
            for result in neighbours
            if result.cell.limits.cpu_cores == cell.limits.cpu_cores
            and result.cell.limits.replicas == cell.limits.replicas
        ],
        lambda result: abs(result.cell.limits.memory_bytes - cell.limits.memory_bytes),
    )


def _from_same_memory(cell: Cell, neighbours: Sequence[CellResult]) -> Belief | None:
    """The same memory with the nearest other CPU, where memory was what stopped it."""
    return _nearest(
        [
            result
            for result in neighbours
            if result.cell.limits.memory_bytes == cell.limits.memory_bytes
            and result.cell.limits.replicas == cell.limits.replicas
            and result.limiting_factor is Factor.MEMORY
        ],
        lambda result: abs(result.cell.limits.cpu_cores - cell.limits.cpu_cores),
    )


def _from_footprint(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Belief | None:
    users = users_by_memory(cell, steps, neighbours)
    return None if users is None else Belief(users, OF_FOOTPRINT)


def _nearest(alike: Sequence[CellResult], distance: Callable[[CellResult], float]) -> Belief | None:
    found = [result for result in alike if found_users(result) is not None]
    nearest = min(found, key=distance, default=None)
    users = found_users(nearest) if nearest is not None else None
    return None if users is None else Belief(users, OF_NEIGHBOUR)


def found_users(result: CellResult) -> float | None:
    """A finished cell's capacity as one number; a censored one counts as just above the limit."""
    if result.status is Status.CENSORED and result.sustained_users is not None:
        return result.sustained_users * 1.2
    if result.status is not Status.BRACKETED:
        return None
    ends = (result.sustained_users or 0, result.broken_users or 0)
    return result.estimate_users or math.sqrt(ends[0] * ends[1])


def _from_demand(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], limit_s: float
) -> Belief | None:
    """CPU seconds per request, from the busiest step of this cell or else of any."""
    users = demand_prediction(cell, steps, limit_s)
    if users is None:
        pool = [step for result in neighbours for step in result.steps]
        users = demand_prediction(cell, pool, limit_s)
    ratios = _corrections(neighbours, limit_s)
    if users is None:
        return None
    if not ratios:
        return Belief(users, OF_DEMAND)
    return Belief(users * statistics.median(ratios), OF_CORRECTED_DEMAND)


def demand_prediction(cell: Cell, steps: Sequence[StepResult], limit_s: float) -> float | None:
    """N = (cores / D)·(Z + R at the limit), with D and Z of the busiest valid step; None without one."""
    sound = [step for step in steps if step.cpu_per_request_s and step.rps and step.mean_s is not None]
    sound = [step for step in sound if step.verdict is not Verdict.INVALID]
    if not sound:
        return None
    step = max(sound, key=lambda step: step.cpu_used_cores or 0.0)
    demand_s = step.cpu_per_request_s or math.inf
    pause_s = max(0.0, _cycle_s(step) - (step.mean_s or 0.0))
    return cell.limits.all_cores / demand_s * (pause_s + RESPONSE_AT_LIMIT * limit_s)


def _corrections(neighbours: Sequence[CellResult], limit_s: float) -> list[float]:
    """What was found over what demand predicted, in cells that their CPU stopped."""
    ratios = []
    for result in neighbours:
        predicted = demand_prediction(result.cell, result.steps, limit_s)
        found = (
            found_users(result)
            if result.status is Status.BRACKETED and result.limiting_factor == "cpu"
            else None
        )
        if predicted and found:
            ratios.append(found / predicted)
    return ratios
