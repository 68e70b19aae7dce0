"""The fakes' throughput and response times agree with the formulas of queueing theory."""

import pytest

from harness.model import GIB, Cell, ImageSource, Limits, Scenario, Target
from tests.fakes import FakeBackends, Service

TARGET = Target("paper", 8000, ImageSource("paper"))


def hold_users(fakes: FakeBackends, users: int, cores: float = 1.0) -> tuple[float, float]:
    """Hold users for 60 s after a warm-up; return answers per second and the mean response time."""
    cell = Cell("paper", "paper", Limits(cores, GIB))
    with (
        fakes.host.run(cell, TARGET, fakes.host.prepare(TARGET)) as running,
        fakes.generator.start(Scenario(()), running.url) as generator,
    ):
        generator.hold(users, 20)
        fakes.clock.sleep(60)
        generator.close_step()
        fakes.clock.sleep(60)
        latency_s = generator.close_step().requests.latency_s
    return len(latency_s) / 60, float(latency_s.mean())


@pytest.mark.parametrize("users", [10, 30, 40, 44, 60])
def test_slots_with_a_fixed_service_time_reach_the_asymptotes(users: int) -> None:
    """X = min(N/(Z+S), c/S) and R = max(S, N·S/c - Z), with c=4, S=0.1, Z=0.9."""
    fakes = FakeBackends(Service(cpu_s=1e-9, delay_s=0.1, slots=4, law="deterministic"))
    fakes.generator.think_s = (0.9, 0.9)
    rate, mean_s = hold_users(fakes, users)
    assert rate == pytest.approx(min(users / 1.0, 40.0), rel=0.02)
    assert mean_s == pytest.approx(max(0.1, users * 0.1 / 4 - 0.9), rel=0.03)


@pytest.mark.parametrize("cores", [0.25, 0.5, 1.0])
def test_the_saturated_rate_is_the_cpu_limit_divided_by_the_cpu_time_of_a_request(cores: float) -> None:
    rate, _ = hold_users(FakeBackends(Service(cpu_s=0.01)), 400, cores)
    assert rate == pytest.approx(cores / 0.01, rel=0.03)


def test_the_same_seed_gives_the_same_load_and_another_seed_gives_another_load() -> None:
    first, again, other = (hold_users(FakeBackends(seed=seed), 50) for seed in (1, 1, 2))
    assert first == again
    assert first != other
