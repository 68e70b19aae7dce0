"""How long a plan will take: a guess for eyes, from the number of steps that its search usually needs."""

import math

from harness.analyse.result.consistency import WORTH_CONFIRMING
from harness.model import Plan, ramp_rate

CONTAINER_S = 5.0
STEPS_PREDICTED = 3.0
"""A pass just below the capacity, a failure just above it, and one step beside them."""


def step_s(plan: Plan, users: int) -> float:
    """Load seconds of one step that settles as soon as it may, coming from no users."""
    timing = plan.timing
    ramp_s = users / ramp_rate(users, plan.spawn_rate)
    return ramp_s + timing.settle_s + timing.window_at_least_s + timing.drain_s


def cell_s(plan: Plan) -> float:
    """Seconds of a cell whose capacity lies half-way up to the users limit."""
    return steps_expected(plan) * step_s(plan, max(1, plan.users_limit // 2)) + CONTAINER_S


def steps_expected(plan: Plan) -> float:
    search = plan.search
    if search.strategy == "predict":
        return STEPS_PREDICTED
    if search.strategy == "ladder":
        return max(1.0, plan.users_limit / search.ladder_users / 2)
    doublings = math.log2(max(2.0, plan.users_limit / search.first_users))
    halvings = math.log2(max(2.0, math.log(2) / math.log1p(search.precision_ratio)))
    return doublings + halvings


def plan_s(plan: Plan) -> float:
    if plan.users_required is not None:
        return _staircase_s(plan)
    return cell_s(plan) * (len(plan.cells) - len(plan.skipped)) + _confirming_s(plan)


def _confirming_s(plan: Plan) -> float:
    """The reference cell once more, at the end."""
    if not plan.search.confirm or len(plan.cells) - len(plan.skipped) < WORTH_CONFIRMING:
        return 0.0
    return step_s(plan, max(1, plan.users_limit // 2)) + CONTAINER_S


def _staircase_s(plan: Plan) -> float:
    """A demand: at most rows + columns - 1 sizes, one step each."""
    limits = [cell.limits for cell in plan.cells if cell.id not in plan.skipped]
    sizes = (
        len({(size.replicas, size.cpu_cores) for size in limits})
        + len({size.memory_bytes for size in limits})
        - 1
    )
    return sizes * (step_s(plan, plan.users_limit) + CONTAINER_S)
