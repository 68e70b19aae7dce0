"""The memory of a simulated target fills, leaks and is collected as its parameters say."""

import math

import pytest

from bench.simulation.closed_system import ClosedSystem
from bench.simulation.container_run import build_closed_system
from bench.simulation.memory import compute_lasting_bytes
from bench.simulation.model import QUIET, Service, ThinkTime
from harness.model import MIB, Limits

BASE_BYTES = 32 * MIB


def run(service: Service, users: int, until_s: float, memory_mib: int = 512) -> ClosedSystem:
    """Let that many users arrive at the target's start, all at once, and stay until an instant."""
    system = build_closed_system(service, QUIET, ThinkTime(), Limits(1.0, memory_mib * MIB), seed=(1,))
    system.hold(users, float(users))
    system.advance(until_s)
    return system


def test_users_memory_is_there_at_once_without_a_fill_time() -> None:
    assert run(Service(user_bytes=MIB), 10, 0.0).memory_bytes == BASE_BYTES + 10 * MIB


@pytest.mark.parametrize("fill_times", [1, 4])
def test_users_memory_fills_with_its_time_constant(fill_times: int) -> None:
    system = run(Service(user_bytes=MIB, user_fill_s=25.0), 10, 25.0 * fill_times)
    assert system.memory_bytes - BASE_BYTES == pytest.approx(10 * MIB * (1 - math.exp(-fill_times)), abs=1)


def test_users_who_leave_take_what_they_have_filled() -> None:
    """The ten old users have been present for two time constants, the ten new ones for one."""
    system = run(Service(user_bytes=MIB, user_fill_s=25.0), 10, 25.0)
    system.hold(20, 10.0)
    system.advance(50.0)
    old, new = 10 * MIB * (1 - math.exp(-2)), 10 * MIB * (1 - math.exp(-1))
    assert system.memory_bytes - BASE_BYTES == pytest.approx(old + new, abs=1)
    system.hold(10, 10.0)
    assert system.memory_bytes - BASE_BYTES == pytest.approx(old, abs=1)
    system.hold(0, 10.0)
    assert system.memory_bytes == pytest.approx(BASE_BYTES, abs=1)


def test_filling_memory_kills_the_target_long_after_the_last_user_arrived() -> None:
    """40 MiB are left for 50 users of 1 MiB: 80 % are filled after ln 5 = 1.61 time constants, 40.2 s."""
    system = run(Service(user_bytes=MIB, user_fill_s=25.0), 50, 100.0, memory_mib=72)
    assert system.exit is not None
    assert system.exit.is_oom
    assert system.exit.at_s == 41.0
    assert system.memory_bytes == system.memory_peak_bytes == 72 * MIB


def test_a_leak_in_time_needs_no_users() -> None:
    service = Service(leak_second_bytes=MIB / 2)
    assert run(service, 1, 20.0, memory_mib=64).memory_bytes == BASE_BYTES + 10 * MIB
    end = run(service, 1, 100.0, memory_mib=64).exit
    assert end is not None
    assert end.at_s == 65.0, "64 s leak the 32 MiB that are left, and the check is once a second"


def test_a_leak_of_every_request_grows_with_the_answers() -> None:
    system = run(Service(leak_request_bytes=20 * 1024), 20, 100.0)
    assert system.answered_count > 500
    assert system.memory_bytes == BASE_BYTES + system.answered_count * 20 * 1024


def test_a_leak_of_every_request_kills_with_the_answer_that_exceeds_the_limit() -> None:
    system = run(Service(leak_request_bytes=MIB), 20, 100.0, memory_mib=64)
    assert system.exit is not None
    assert system.answered_count == 33


def test_a_garbage_collector_frees_all_with_the_answer_that_fills_it() -> None:
    """Ten answers of 1 MiB fill 9.5 MiB, so nine answers are held at most."""
    service = Service(garbage_request_bytes=MIB, garbage_limit_bytes=19 * MIB // 2)
    system = run(service, 20, 100.0)
    assert system.memory_bytes == BASE_BYTES + system.answered_count % 10 * MIB
    assert system.memory_peak_bytes == BASE_BYTES + 9 * MIB
    assert run(service, 20, 100.0, memory_mib=41).exit is None
    assert run(service, 20, 100.0, memory_mib=40).exit is not None


def test_lasting_memory_counts_filled_users_leaks_and_the_garbage_before_a_collection() -> None:
    """Ten users need 10 MiB; in an hour 60 · 0.5 MiB leak with time, and 7200 · 10 KiB with the answers."""
    service = Service(
        user_bytes=MIB,
        user_fill_s=25.0,
        leak_second_bytes=0.5 * MIB / 60,
        leak_request_bytes=10 * 1024,
        garbage_request_bytes=MIB,
        garbage_limit_bytes=5 * MIB,
    )
    lasting = BASE_BYTES + 10 * MIB + 30 * MIB + 7200 * 10 * 1024 + 4 * MIB
    assert compute_lasting_bytes(service, users=10, rps=2.0, after_s=3600.0) == lasting
