"""How many users fit into a memory limit, from what others of the same target took."""

from dataclasses import replace

import pytest

from harness.analyse.search.memory_model import estimate_users_in_memory
from harness.model import MIB, Cell, CellResult, Limits, Status, StepResult, TargetUse
from tests.unit.analyse.synthetic import CELL, make_step

BASE_MIB, USER_MIB = 32, 0.25


def step(users: int, verdict: str = "PASS", mib: float | None = None) -> StepResult:
    used = BASE_MIB + USER_MIB * users if mib is None else mib
    return make_step(users, verdict, target=TargetUse(memory_peak_bytes=round(used * MIB)))


def sized(mib: int) -> Cell:
    return replace(CELL, limits=Limits(1.0, mib * MIB))


def test_two_steps_of_one_size_say_what_another_holds() -> None:
    large = CellResult(sized(256), Status.CENSORED, steps=(step(10), step(400)))
    assert estimate_users_in_memory(sized(48), [], [large]) == pytest.approx(64)
    assert estimate_users_in_memory(sized(96), [], [large]) == pytest.approx(256)


def test_the_cells_own_steps_count_too() -> None:
    assert estimate_users_in_memory(sized(64), [step(10), step(60)], []) == pytest.approx(128)


def test_a_working_set_held_down_by_its_limit_does_not_bend_the_line() -> None:
    full = CellResult(sized(64), Status.BRACKETED, steps=(step(200, mib=64),))
    assert estimate_users_in_memory(sized(128), [step(10), step(100)], [full]) == pytest.approx(384)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [step(10)],
        [step(100), step(120)],
        [step(10, mib=40), step(100, mib=41)],
        [step(10, mib=60), step(100, mib=40)],
        [step(10), step(100, "FAIL")],
        [replace(step(10), target=TargetUse()), step(100)],
    ],
)
def test_without_a_clear_rise_nothing_is_predicted(steps: list[StepResult]) -> None:
    assert estimate_users_in_memory(sized(256), steps, []) is None


def test_a_size_below_the_base_sustains_one_at_best() -> None:
    large = CellResult(sized(256), Status.CENSORED, steps=(step(10), step(100)))
    assert estimate_users_in_memory(sized(16), [], [large]) == 1.0
