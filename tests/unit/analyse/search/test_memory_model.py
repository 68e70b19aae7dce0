"""How many users fit into a memory limit, from the working sets of other steps of the target."""

from dataclasses import replace

import pytest

from harness.analyse.search.memory_model import estimate_users_in_memory
from harness.model import MIB, Cell, CellResult, Limits, Status, StepResult, TargetUse
from tests.unit.analyse.synthetic import CELL, make_step

BASE_MIB, USER_MIB = 32, 0.25


def make_memory_step(users: int, verdict: str = "PASS", mib: float | None = None) -> StepResult:
    used = BASE_MIB + USER_MIB * users if mib is None else mib
    return make_step(users, verdict, target=TargetUse(memory_peak_bytes=round(used * MIB)))


def make_cell(mib: int) -> Cell:
    return replace(CELL, limits=Limits(1.0, mib * MIB))


def test_two_steps_of_one_size_predict_the_users_of_another() -> None:
    large = CellResult(make_cell(256), Status.CENSORED, steps=(make_memory_step(10), make_memory_step(400)))
    assert estimate_users_in_memory(make_cell(48), [], [large]) == pytest.approx(64)
    assert estimate_users_in_memory(make_cell(96), [], [large]) == pytest.approx(256)


def test_the_steps_of_the_cell_itself_count() -> None:
    assert estimate_users_in_memory(
        make_cell(64), [make_memory_step(10), make_memory_step(60)], []
    ) == pytest.approx(128)


def test_a_working_set_at_its_limit_is_ignored() -> None:
    full = CellResult(make_cell(64), Status.BRACKETED, steps=(make_memory_step(200, mib=64),))
    assert estimate_users_in_memory(
        make_cell(128), [make_memory_step(10), make_memory_step(100)], [full]
    ) == pytest.approx(384)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [make_memory_step(10)],
        [make_memory_step(100), make_memory_step(120)],
        [make_memory_step(10, mib=40), make_memory_step(100, mib=41)],
        [make_memory_step(10, mib=60), make_memory_step(100, mib=40)],
        [make_memory_step(10), make_memory_step(100, "FAIL")],
        [replace(make_memory_step(10), target=TargetUse()), make_memory_step(100)],
    ],
)
def test_without_a_clear_rise_nothing_is_predicted(steps: list[StepResult]) -> None:
    assert estimate_users_in_memory(make_cell(256), steps, []) is None


def test_a_size_with_less_memory_than_the_base_is_predicted_one_user() -> None:
    large = CellResult(make_cell(256), Status.CENSORED, steps=(make_memory_step(10), make_memory_step(100)))
    assert estimate_users_in_memory(make_cell(16), [], [large]) == 1.0
