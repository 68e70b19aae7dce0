"""How many Locust processes a number of users needs."""

from dataclasses import replace

import pytest

from harness.analyse.search.worker_count import count_workers
from harness.analyse.step.judge import judge_step
from harness.model import GeneratorUse, Slo, StepResult
from tests.unit.analyse.synthetic import make_closed_step


def make_step(users: int, cores: float | None) -> StepResult:
    return replace(
        judge_step(make_closed_step(), [Slo("p95", 1.0)]), users=users, generator=GeneratorUse(cores=cores)
    )


@pytest.mark.parametrize(
    ("steps", "users", "needed"),
    [
        ([], 10_000, 1),
        ([make_step(10, None)], 10_000, 1),
        ([make_step(10, 0.015)], 10_000, 1),
        ([make_step(100, 0.15)], 400, 1),
        ([make_step(100, 0.15)], 401, 2),
        ([make_step(100, 0.15), make_step(200, 0.5)], 2000, 9),
    ],
    ids=["no step", "no counters", "load too light", "just one", "just two", "the costliest step counts"],
)
def test_each_process_may_use_three_fifths_of_a_core(
    steps: list[StepResult], users: int, needed: int
) -> None:
    assert count_workers(steps, users) == needed
