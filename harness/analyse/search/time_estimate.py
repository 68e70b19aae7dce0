"""Estimate how long a plan will take, from the number of steps that its search usually needs."""

import math

from harness.analyse.search.step_timing import find_slow_ramp_s, measures_ramps
from harness.model import FEWEST_CELLS_TO_CHECK_DRIFT, Plan, SearchStrategy, compute_ramp_rate

_CONTAINER_START_S = 5.0

_PREDICTED_STEPS = 3.0
"""Steps of a cell under `predict`: a pass just below the capacity, a failure just above it, and one more."""


def estimate_plan_s(plan: Plan) -> float:
    """Return the seconds that a whole campaign will take, if the first size that is recommended survives."""
    if plan.users_required is not None:
        return _estimate_demand_s(plan) + estimate_soak_s(plan)
    measured_count = len(plan.cells) - len(plan.skipped)
    return estimate_cell_s(plan) * measured_count + _estimate_drift_check_s(plan) + estimate_soak_s(plan)


def estimate_soak_s(plan: Plan) -> float:
    """Return the seconds for holding one size for long at the end; 0 if no size is measured or held so."""
    if not plan.search.soak_s or len(plan.cells) == len(plan.skipped):
        return 0.0
    step_s = estimate_step_s(plan, plan.users_limit) - plan.timing.window_at_least_s
    return step_s + plan.search.soak_s + _CONTAINER_START_S


def estimate_cell_s(plan: Plan) -> float:
    """Return the seconds for one cell; its capacity is taken as half of the users limit."""
    users = max(1, plan.users_limit // 2)
    step_s = estimate_step_s(plan, users)
    return _estimate_step_count(plan) * step_s + _estimate_slow_ramp_s(plan, users) + _CONTAINER_START_S


def _estimate_slow_ramp_s(plan: Plan, users: int) -> float:
    """Return the seconds by which the first ramp of a cell to these users is slower than its other ramps."""
    if not measures_ramps(plan):
        return 0.0
    slow_rate = compute_ramp_rate(users, plan.spawn_rate, ramp_s=find_slow_ramp_s(plan))
    return users / slow_rate - users / compute_ramp_rate(users, plan.spawn_rate)


def estimate_step_s(plan: Plan, users: int, cycle_s: float = 0.0) -> float:
    """Return the load seconds of one step with a ramp from no users, and the shortest settling and window.

    `cycle_s` is the time from one request of a user to its next. A plan doesn't know it, and takes it to be
    short.
    """
    timing = plan.timing.stretch(cycle_s)
    ramp_s = users / compute_ramp_rate(users, plan.spawn_rate, cycle_s)
    return ramp_s + timing.settle_s + timing.window_at_least_s + timing.drain_s


def _estimate_step_count(plan: Plan) -> float:
    search = plan.search
    if search.strategy is SearchStrategy.PREDICT:
        return _PREDICTED_STEPS
    if search.strategy is SearchStrategy.LADDER:
        return max(1.0, plan.users_limit / search.ladder_users / 2)
    doublings = math.log2(max(2.0, plan.users_limit / search.first_users))
    halvings = math.log2(max(2.0, math.log(2) / math.log1p(search.precision_ratio)))
    return doublings + halvings


def _estimate_drift_check_s(plan: Plan) -> float:
    if not plan.search.confirm or len(plan.cells) - len(plan.skipped) < FEWEST_CELLS_TO_CHECK_DRIFT:
        return 0.0
    return estimate_step_s(plan, max(1, plan.users_limit // 2)) + _CONTAINER_START_S


def _estimate_demand_s(plan: Plan) -> float:
    """Return the most seconds that a demand takes: one step for each of rows + columns - 1 sizes."""
    limits = [cell.limits for cell in plan.cells if cell.id not in plan.skipped]
    rows = {(size.replicas, size.cpu_cores) for size in limits}
    columns = {size.memory_bytes for size in limits}
    measured_count = len(rows) + len(columns) - 1
    users = plan.users_limit
    cell_s = estimate_step_s(plan, users) + _estimate_slow_ramp_s(plan, users) + _CONTAINER_START_S
    return measured_count * cell_s
