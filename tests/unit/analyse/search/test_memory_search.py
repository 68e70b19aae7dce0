"""A search ends only with a pass whose memory is known to last, or was watched for as long as is allowed."""

from dataclasses import replace

import pytest

from harness.analyse.search.search import choose_next_step
from harness.model import MIB, MemoryOutlook, MemoryTrend, Plan, Step, StepResult
from tests.builders import make_plan
from tests.unit.analyse.synthetic import make_step

PLAN = make_plan((1.0, 96), users_limit=100)
CELL = PLAN.cells[0]


def make_watched_step(
    users: int, outlook: MemoryOutlook, observed_s: float, verdict: str = "PASS", rule: str | None = None
) -> StepResult:
    trend = MemoryTrend(outlook, observed_s, 32 * MIB, 60 * MIB, 1.0, 0.9, 1.1, 61.0 * MIB, 10.0)
    return replace(make_step(users, verdict, rule=rule), memory=trend)


def choose_users(steps: list[StepResult], plan: Plan = PLAN) -> int | None:
    step = choose_next_step(plan, CELL, steps)
    return None if step is None else step.users


@pytest.mark.parametrize(
    ("outlook", "observed_s", "users"),
    [
        (MemoryOutlook.LASTS, 30.0, None),
        (MemoryOutlook.UNKNOWN, 30.0, 100),
        (MemoryOutlook.FILLS, 30.0, 100),
        (MemoryOutlook.UNKNOWN, 310.0, None),
    ],
)
def test_a_pass_at_the_users_limit_ends_the_search_once_its_memory_was_watched(
    outlook: MemoryOutlook, observed_s: float, users: int | None
) -> None:
    assert choose_users([make_watched_step(100, outlook, observed_s)]) == users


def test_the_light_step_is_held_again_if_the_search_ends_with_its_users() -> None:
    light = make_watched_step(10, MemoryOutlook.FILLS, 30.0)
    assert choose_next_step(PLAN, CELL, [light, make_step(11, "FAIL")]) == Step(10, PLAN.timing)


def test_no_step_is_held_again_if_memory_is_not_judged() -> None:
    plan = replace(PLAN, timing=replace(PLAN.timing, steady_at_most_s=0.0))
    assert choose_users([make_watched_step(100, MemoryOutlook.FILLS, 30.0)], plan) is None


def test_a_pass_that_does_not_show_its_memory_counts_for_nothing_once_memory_broke_a_step() -> None:
    """64 of the 968 MiB that 80 users come to need above 32 are there: enough for 5 users."""
    light = make_watched_step(10, MemoryOutlook.FILLS, 30.0)
    failed = make_watched_step(80, MemoryOutlook.FILLS, 310.0, "FAIL", "memory-grows")
    assert failed.memory is not None
    failed = replace(failed, memory=replace(failed.memory, projected_bytes=1000.0 * MIB))
    users = choose_users([light, failed])
    assert users is not None
    assert 3 <= users <= 6
