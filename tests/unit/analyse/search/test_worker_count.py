"""How many Locust processes there have to be."""

from dataclasses import replace

import pytest

from harness.analyse.search.worker_count import count_workers
from harness.analyse.step.judge import judge_step
from harness.model import GeneratorUse, Slo, StepResult
from tests.unit.analyse.synthetic import make_closed_step


def step(users: int, cores: float | None) -> StepResult:
    return replace(
        judge_step(make_closed_step(), [Slo("p95", 1.0)]), users=users, generator=GeneratorUse(cores=cores)
    )


@pytest.mark.parametrize(
    ("steps", "users", "needed"),
    [
        ([], 10_000, 1),
        ([step(10, None)], 10_000, 1),
        ([step(10, 0.015)], 10_000, 1),
        ([step(100, 0.15)], 400, 1),
        ([step(100, 0.15)], 401, 2),
        ([step(100, 0.15), step(200, 0.5)], 2000, 9),
    ],
    ids=["nothing known", "no counters", "too light to tell", "just one", "just two", "the dearest counts"],
)
def test_a_generator_is_filled_to_three_fifths_of_its_cores(
    steps: list[StepResult], users: int, needed: int
) -> None:
    assert count_workers(steps, users) == needed
