"""What other sizes have shown is converted to the speed that the host has now."""

from dataclasses import replace

import pytest

from harness.analyse.search.prediction import predict_capacity
from harness.analyse.search.present_speed import convert_to_present, list_recent_steps
from harness.model import CellResult, Factor, Slo, StepResult, TargetUse
from tests.builders import make_result
from tests.unit.analyse.synthetic import make_step

FAST_S, SLOW_S = 0.0020, 0.0024
CONVERTED = 0.8564
"""(2.0 / 2.4)^0.85 = exp(0.85 * -0.18232) = exp(-0.15497)."""

SLOS = (Slo("p95", 1.0),)


def make_window(users: int, work_s: float | None, verdict: str = "PASS") -> StepResult:
    target = TargetUse(cpu_cores=0.5, cpu_per_request_s=0.01)
    return make_step(users, verdict, work_s=work_s, target=target)


def make_neighbour(
    *steps: StepResult, cores: float = 1.0, mib: int = 512, factor: Factor = Factor.CPU
) -> CellResult:
    result = make_result(cores, 99, 101, factor=factor, mib=mib)
    return replace(result, estimate_users=100.0, steps=steps)


def get_cpu_per_request_s(step: StepResult) -> float:
    assert step.target.cpu_per_request_s is not None
    return step.target.cpu_per_request_s


def test_a_slower_host_lowers_the_capacity_and_raises_the_cpu_time_of_each_window() -> None:
    neighbour = make_neighbour(make_window(90, FAST_S), make_window(110, SLOW_S))
    [converted] = convert_to_present([make_window(80, SLOW_S)], [neighbour])
    assert [get_cpu_per_request_s(step) for step in converted.steps] == [
        pytest.approx(0.01 / CONVERTED, rel=1e-3),
        pytest.approx(0.01),
    ]
    # The pace of its windows is the geometric mean of 2.0 and 2.4 ms: half of the way, as a logarithm.
    assert converted.estimate_users == pytest.approx(100 * CONVERTED**0.5, rel=1e-3)
    [back] = convert_to_present([make_window(80, FAST_S)], [neighbour])
    assert back.estimate_users == pytest.approx(100 / CONVERTED**0.5, rel=1e-3)


def test_before_a_cells_first_step_the_cell_measured_last_tells_the_speed() -> None:
    first, second = (
        make_neighbour(make_window(90, FAST_S)),
        make_neighbour(make_window(45, SLOW_S), cores=0.5),
    )
    for neighbours in ([first, second], [second, first]):
        converted = {each.cell.id: each.estimate_users for each in convert_to_present([], neighbours)}
        assert converted[first.cell.id] == pytest.approx(100 * CONVERTED, rel=1e-3)
        assert converted[second.cell.id] == 100


def test_a_cell_whose_windows_tell_no_speed_is_passed_over() -> None:
    first, second = (
        make_neighbour(make_window(90, FAST_S)),
        make_neighbour(make_window(45, SLOW_S), cores=0.5),
    )
    died = make_neighbour(make_window(45, None), make_window(20, SLOW_S, "INVALID"), cores=0.25)
    assert list_recent_steps([first, second, died]) == second.steps
    assert list_recent_steps([died]) == ()
    assert convert_to_present([], [died]) == [died]


def test_windows_with_few_users_tell_nothing_of_the_speed() -> None:
    """44 users are less than half of 90."""
    neighbour = make_neighbour(make_window(44, SLOW_S), make_window(90, FAST_S))
    [converted] = convert_to_present([make_window(80, SLOW_S)], [neighbour])
    assert converted.estimate_users == pytest.approx(100 * CONVERTED, rel=1e-3)


def test_what_memory_stops_and_what_has_no_known_speed_stays_as_it_is() -> None:
    own = [make_window(80, SLOW_S)]
    by_memory = make_neighbour(make_window(90, FAST_S), factor=Factor.MEMORY)
    unknown = make_neighbour(make_window(90, None))
    assert convert_to_present(own, [by_memory])[0].estimate_users == 100
    assert convert_to_present(own, [unknown]) == [unknown]
    assert convert_to_present([make_window(80, None)], [unknown]) == [unknown]


def test_a_search_starts_lower_on_a_host_that_has_become_slower() -> None:
    """The size of the same CPU with 512 MiB sustained 100 users; 0.5 CPU were measured last, and slowly."""
    cell = make_result(1.0, mib=256).cell
    same = make_neighbour(make_window(90, FAST_S))
    last = make_neighbour(make_window(45, SLOW_S), cores=0.5)
    estimate = predict_capacity(cell, [], [same, last], SLOS)
    assert estimate is not None
    assert estimate.users == pytest.approx(100 * CONVERTED, rel=1e-3)
