"""Convert what other sizes have shown to the speed that the host has now.

A host that becomes slower lowers what the CPU sustains, at all sizes alike. So a size that was measured while
the host was faster says too much of the next one. The host's *pace*, the CPU time of a fixed piece of work,
tells by how much (see `result.host_speed`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.analyse.means import compute_geometric_mean
from harness.analyse.search.cell_order import find_last_measured
from harness.analyse.search.known_capacities import find_capacity_users
from harness.model import CellResult, Factor, StepResult, Verdict

ELASTICITY = 0.85
"""If the pace changes by a factor f, the CPU time per request changes by f^0.85, before any window is known.

Four kinds of work in Python beside the pace's arithmetic, for a quarter of an hour on a shared virtual
machine: JSON 0.91, SQL 0.87, strings 0.87, a walk through memory 0.62. The windows of the bundled shop gave
0.64.
"""

_NEAR_RATIO = 0.5
"""Windows with at least this share of a size's most users tell the pace that its capacity is of."""


def convert_to_present(steps: Sequence[StepResult], neighbours: Iterable[CellResult]) -> list[CellResult]:
    """Return the neighbours' results as they would be at the speed that the host has now.

    That is the speed in a cell's own `steps`, and before its first one that of the cell measured last. What
    anything but the CPU stops, and what was measured at an unknown speed, stays as it is. So does everything
    if the speed now is unknown.
    """
    results = list(neighbours)
    now_s = _measure_pace_s(steps) or _measure_pace_s(list_recent_steps(results))
    return results if now_s is None else [_convert(result, now_s) for result in results]


def list_recent_steps(results: Iterable[CellResult]) -> tuple[StepResult, ...]:
    """Return the steps of the cell measured last, of those that tell the host's pace; none if none does."""
    last = find_last_measured(result for result in results if _measure_pace_s(result.steps) is not None)
    return () if last is None else last.steps


def _measure_pace_s(steps: Iterable[StepResult]) -> float | None:
    """Return the mean pace of the valid windows with many users; None if it is unknown."""
    known = [step for step in steps if step.verdict is not Verdict.INVALID and step.host.work_s]
    most_users = max((step.users for step in known), default=0)
    paces_s = [step.host.work_s or 0.0 for step in known if step.users >= _NEAR_RATIO * most_users]
    return compute_geometric_mean(paces_s) if paces_s else None


def _convert(result: CellResult, now_s: float) -> CellResult:
    """Return a cell's result with the CPU times, and with the capacity, that it has at the pace `now_s`."""
    result = replace(result, steps=tuple(_convert_step(step, now_s) for step in result.steps))
    users, then_s = find_capacity_users(result), _measure_pace_s(result.steps)
    if users is None or then_s is None or result.limiting_factor is not Factor.CPU:
        return result
    return replace(result, estimate_users=users * (then_s / now_s) ** ELASTICITY)


def _convert_step(step: StepResult, now_s: float) -> StepResult:
    cpu_s, then_s = step.target.cpu_per_request_s, step.host.work_s
    if not cpu_s or not then_s:
        return step
    cpu_per_request_s = cpu_s * (now_s / then_s) ** ELASTICITY
    return replace(step, target=replace(step.target, cpu_per_request_s=cpu_per_request_s))
