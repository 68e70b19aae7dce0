"""Estimate how long a plan will take, and what the time goes into.

The constants are means of stored campaigns of November 2026 (docs/benchmarks.md, "Where the time goes").
"""

import math
from dataclasses import astuple, dataclass

from harness.analyse.search.step_timing import find_slow_ramp_s, measures_ramps
from harness.model import FEWEST_CELLS_TO_CHECK_DRIFT, Plan, SearchStrategy, compute_ramp_rate

_CONTAINER_S = 2.0
"""To remove a container and start the next one, with Locust; as much again for each companion."""

_CONTAINERS_PER_STEP = 0.8
"""A container is kept after a step that passed."""

_LATER_RAMP_RATIO = 0.75
"""The share of a whole ramp that a later step of a size takes: some go on with the users that are there."""

_SETTLED_RATIO = 0.75
"""The share of the settle time that a step settles on average: many have settled before it is over."""

_PRECISE_CELLS = 3
"""The cells around the decision: the smallest that sustains the users, and the next smaller ones."""

_COARSE_PRECISION_RATIO = 0.1
_COARSE_STEPS = 2.1
"""Steps of a cell under `predict` with this precision; each halving of the precision needs one more."""

_LONG_WINDOW_PRECISION_RATIO = 0.0175
"""With this precision windows are as long as they may be; with twice this, half-way between their bounds."""

LANES_CHECK_S = 120.0
"""The check whether several sizes at once disturb each other."""

_MEMORY_WAIT_RATIO = 0.4
"""The share of `steady_at_most_s` that a cell's windows wait in all until its memory is known to last, if no
other cell shows that.
"""


@dataclass(frozen=True, slots=True)
class TimeEstimate:
    """The seconds that a plan will take, by what they go into.

    `window_s` includes the drains. `memory_s` is the time in which a window only waits until the target's
    memory is known to last. `container_s` is the time without load, and `soak_s` all of the soak at the end.
    """

    ramp_s: float = 0.0
    settle_s: float = 0.0
    window_s: float = 0.0
    memory_s: float = 0.0
    container_s: float = 0.0
    soak_s: float = 0.0

    @property
    def total_s(self) -> float:
        """The sum of all parts."""
        return float(sum(astuple(self)))

    def add(self, other: "TimeEstimate", times: float = 1.0) -> "TimeEstimate":
        """Return the sum of both, the other so many `times`."""
        both = zip(astuple(self), astuple(other), strict=True)
        return TimeEstimate(*(own_s + times * other_s for own_s, other_s in both))


def estimate_plan(plan: Plan, at_once: int | None = None, finished: int = 0) -> TimeEstimate:
    """Return how long a whole campaign will take, if the first size that is recommended survives its soak.

    `at_once` sizes are measured at the same time, by default one on each engine; so many are `finished`.
    """
    count = len(plan.cells) - len(plan.skipped)
    if plan.users_required is not None:
        count = _count_demand_cells(plan)
    checks = _estimate_drift_check(plan).add(TimeEstimate(soak_s=estimate_soak_s(plan)))
    times = math.ceil(max(0, count - finished) / (at_once or len(plan.engines)))
    return checks.add(estimate_cell(plan), times)


def estimate_lanes(plan: Plan, count: int) -> TimeEstimate:
    """Return how long it will take with so many sizes at once on one engine, if the check allows it."""
    return estimate_plan(plan, count).add(TimeEstimate(window_s=LANES_CHECK_S))


def estimate_soak_s(plan: Plan) -> float:
    """Return the seconds for holding one size for long at the end; 0 if no size is measured or held so."""
    if not plan.search.soak_s or len(plan.cells) == len(plan.skipped):
        return 0.0
    step_s = estimate_step_s(plan, plan.users_limit) - plan.timing.window_at_least_s
    return step_s + plan.search.soak_s + _estimate_container_s(plan)


def estimate_cell(plan: Plan) -> TimeEstimate:
    """Return how long a cell takes on average: those around the decision need more precision than others.

    The capacity is taken as half of the users limit. For a demand a cell is one step at the users limit.
    """
    if plan.users_required is not None:
        return _estimate_demand_cell(plan)
    count = max(1, len(plan.cells) - len(plan.skipped))
    precise = min(count, _PRECISE_CELLS) / count
    parts = ((precise, plan.search.precision_ratio), (1 - precise, plan.search.coarse_ratio))
    total = TimeEstimate(memory_s=_count_waiting_cells(plan, count) / count * _estimate_memory_wait_s(plan))
    for share, precision_ratio in parts:
        steps = _estimate_step_count(plan, precision_ratio)
        window_s = estimate_window_s(plan, precision_ratio)
        total = total.add(_estimate_steps(plan, max(1, plan.users_limit // 2), steps, window_s), share)
    return total


def _estimate_demand_cell(plan: Plan) -> TimeEstimate:
    window_s = estimate_window_s(plan, plan.search.precision_ratio)
    waiting = TimeEstimate(memory_s=_estimate_memory_wait_s(plan))
    return _estimate_steps(plan, plan.users_limit, 1.0, window_s).add(waiting)


def _count_waiting_cells(plan: Plan, count: int) -> int:
    """Return how many of the cells wait for their memory: those around the decision, and one of each memory.

    That one shows the others how much lasts.
    """
    if plan.search.is_equally_precise:
        return count
    limits = (cell.limits for cell in plan.cells if cell.id not in plan.skipped)
    memories = {(each.memory_bytes, each.replicas, each.variant) for each in limits}
    return min(count, max(_PRECISE_CELLS, len(memories)))


def _estimate_memory_wait_s(plan: Plan) -> float:
    window_s = estimate_window_s(plan, plan.search.precision_ratio)
    return _MEMORY_WAIT_RATIO * max(0.0, plan.timing.steady_at_most_s - window_s)


def _estimate_steps(plan: Plan, users: int, count: float, window_s: float) -> TimeEstimate:
    """Return how long so many steps of a cell take at these users, the first one with a slow ramp."""
    first_ramp_s = users / compute_ramp_rate(users, plan.spawn_rate, ramp_s=_find_first_ramp_s(plan, users))
    later_ramp_s = _LATER_RAMP_RATIO * users / compute_ramp_rate(users, plan.spawn_rate)
    timing = plan.timing
    return TimeEstimate(
        ramp_s=first_ramp_s + (count - 1) * later_ramp_s,
        settle_s=count * _SETTLED_RATIO * timing.settle_s,
        window_s=count * (window_s + timing.drain_s),
        container_s=max(1.0, _CONTAINERS_PER_STEP * count) * _estimate_container_s(plan),
    )


def estimate_window_s(plan: Plan, precision_ratio: float) -> float:
    """Return the mean length of a search's windows: the finer the precision, the nearer to the longest."""
    shortest_s, longest_s = plan.timing.window_at_least_s, plan.timing.window_at_most_s
    share = min(1.0, _LONG_WINDOW_PRECISION_RATIO / precision_ratio)
    return shortest_s + share * (longest_s - shortest_s)


def estimate_step_s(plan: Plan, users: int, cycle_s: float = 0.0) -> float:
    """Return the load seconds of one step with a ramp from no users, and the shortest settling and window.

    `cycle_s` is the time from one request of a user to its next. A plan doesn't know it, and takes it to be
    short.
    """
    timing = plan.timing.stretch(cycle_s)
    ramp_s = users / compute_ramp_rate(users, plan.spawn_rate, cycle_s)
    return ramp_s + timing.settle_s + timing.window_at_least_s + timing.drain_s


def _find_first_ramp_s(plan: Plan, users: int) -> float:
    return find_slow_ramp_s(plan, users) if measures_ramps(plan) else 0.0


def _estimate_container_s(plan: Plan) -> float:
    return _CONTAINER_S * (1 + len(plan.target.companions))


def _estimate_step_count(plan: Plan, precision_ratio: float) -> float:
    search = plan.search
    if search.strategy is SearchStrategy.PREDICT:
        return _COARSE_STEPS + max(0.0, math.log2(_COARSE_PRECISION_RATIO / precision_ratio))
    if search.strategy is SearchStrategy.LADDER:
        return max(1.0, plan.users_limit / search.ladder_users / 2)
    doublings = math.log2(max(2.0, plan.users_limit / search.first_users))
    halvings = math.log2(max(2.0, math.log(2) / math.log1p(precision_ratio)))
    return doublings + halvings


def _estimate_drift_check(plan: Plan) -> TimeEstimate:
    """Return how long the drift check takes: one step at half of the users limit, in a fresh container."""
    is_small = len(plan.cells) - len(plan.skipped) < FEWEST_CELLS_TO_CHECK_DRIFT
    if not plan.search.confirm or is_small or plan.users_required is not None:
        return TimeEstimate()
    users = max(1, plan.users_limit // 2)
    return TimeEstimate(
        ramp_s=users / compute_ramp_rate(users, plan.spawn_rate),
        settle_s=_SETTLED_RATIO * plan.timing.settle_s,
        window_s=estimate_window_s(plan, plan.search.precision_ratio) + plan.timing.drain_s,
        container_s=_estimate_container_s(plan),
    )


def _count_demand_cells(plan: Plan) -> int:
    """Return the most sizes that a demand measures: rows + columns - 1 of each variant and repetition."""
    cells = [cell for cell in plan.cells if cell.id not in plan.skipped]
    rows = {(cell.limits.replicas, cell.limits.cpu_cores) for cell in cells}
    columns = {cell.limits.memory_bytes for cell in cells}
    searches = {(cell.limits.variant, cell.repetition) for cell in cells}
    return max(0, len(rows) + len(columns) - 1) * len(searches)
