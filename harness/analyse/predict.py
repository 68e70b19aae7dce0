"""Where a cell's capacity should be: a place to start, never an answer.

In a closed system N = X·(Z + R) (Little's law), and a CPU-bound target makes at most X = cpu_cores / D
(utilisation law). So the CPU seconds per request of one light step say roughly what every CPU size sustains;
the ratio between what was predicted and what was found in finished cells corrects the next prediction; and a
step that failed by its response time gives the saturated X itself.
"""

import math
import statistics
from collections.abc import Sequence

from harness.model import Cell, CellResult, Slo, Status, StepResult, Verdict

RESPONSE_AT_LIMIT = 0.3
"""The mean response time where the p95 is at its limit, as a share of that limit; corrected by finished
cells.
"""


def predicted_users(
    cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult], slos: Sequence[Slo]
) -> float | None:
    """The users that the cell should sustain, by the best evidence there is; None without any."""
    limit_s = response_limit_s(slos)
    return (
        _from_death(steps)
        or _from_saturation(steps, limit_s)
        or _from_same_cpu(cell, neighbours)
        or _from_demand(cell, steps, neighbours, limit_s)
    )


def response_limit_s(slos: Sequence[Slo]) -> float:
    """The tightest limit on a response time; one second where there is none."""
    return min((slo.at_most for slo in slos if slo.indicator[0] in "pm"), default=1.0)


def _from_death(steps: Sequence[StepResult]) -> float | None:
    """A target that died while users were still arriving sustains fewer than had arrived."""
    deaths = [step.users_reached for step in steps if step.verdict is Verdict.FAIL and step.rule == "died"]
    return min(deaths) * 0.95 if deaths and min(deaths) > 0 else None


def _from_saturation(steps: Sequence[StepResult], limit_s: float) -> float | None:
    """A step that failed by its response time shows the saturated throughput; the nearest one counts."""
    failed = [
        step for step in steps if step.verdict is Verdict.FAIL and step.rps and step.mean_s and step.think_s
    ]
    if not failed:
        return None
    step = min(failed, key=lambda step: step.users)
    mean_s, rps = step.mean_s or 0.0, step.rps or 0.0
    spread = (step.p95_s or mean_s) / mean_s
    mean_at_limit_s = min(limit_s / spread, mean_s)
    return rps * (_cycle_s(step) + mean_at_limit_s - mean_s)


def _cycle_s(step: StepResult) -> float:
    """Seconds from one request of a user to the next, by Little's law: thinking, waiting and whatever else
    it does.
    """
    return step.users / (step.rps or math.inf)


def _from_same_cpu(cell: Cell, neighbours: Sequence[CellResult]) -> float | None:
    """The same CPU with the nearest other memory: memory changes nothing until it runs out."""
    alike = [
        result
        for result in neighbours
        if result.cell.limits.cpu_cores == cell.limits.cpu_cores and found_users(result) is not None
    ]
    if not alike:
        return None
    nearest = min(alike, key=lambda result: abs(result.cell.limits.memory_bytes - cell.limits.memory_bytes))
    return found_users(nearest)


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
) -> float | None:
    """CPU seconds per request, from the busiest step of this cell or else of any."""
    own = demand_prediction(cell, steps, limit_s)
    if own is None:
        pool = [step for result in neighbours for step in result.steps]
        own = demand_prediction(cell, pool, limit_s)
    return None if own is None else own * _correction(neighbours, limit_s)


def demand_prediction(cell: Cell, steps: Sequence[StepResult], limit_s: float) -> float | None:
    """N = (cpu_cores / D)·(Z + R at the limit), with D and Z of the busiest valid step; None without one."""
    sound = [step for step in steps if step.cpu_per_request_s and step.rps and step.mean_s is not None]
    sound = [step for step in sound if step.verdict is not Verdict.INVALID]
    if not sound:
        return None
    step = max(sound, key=lambda step: step.cpu_used_cores or 0.0)
    demand_s = step.cpu_per_request_s or math.inf
    pause_s = max(0.0, _cycle_s(step) - (step.mean_s or 0.0))
    return cell.limits.cpu_cores / demand_s * (pause_s + RESPONSE_AT_LIMIT * limit_s)


def _correction(neighbours: Sequence[CellResult], limit_s: float) -> float:
    """What was found over what demand predicted, in cells that their CPU stopped; 1 without any."""
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
    return statistics.median(ratios) if ratios else 1.0
