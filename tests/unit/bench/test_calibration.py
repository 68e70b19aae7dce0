"""The calibration target without its container, the calculated capacities, and the comparison's table."""

import ast
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.calibration import calculation, cost
from bench.calibration.calculation import Queue, Simulation
from bench.calibration.experiments import EXPERIMENTS, Experiment, find_experiment
from bench.calibration.question import build_question
from bench.calibration.table import Row, format_table
from harness.model import (
    MIB,
    EndReason,
    GeneratorSample,
    HostSample,
    Limits,
    Requests,
    StepFacts,
    TargetSample,
)
from harness.plan import load_plan
from targets.calibration.calibration.__main__ import service
from targets.calibration.calibration.cpu import burn
from targets.calibration.calibration.memory import Holdings
from targets.calibration.calibration.serve import Request, read
from targets.calibration.calibration.slots import Slots
from tests.examples import count_examples

CONSTANT_THINK_S = (0.9, 0.9)
LIMITS = Limits(0.5, 96 * MIB)

ARRIVALS = st.lists(st.floats(0, 1), min_size=1, max_size=60).map(
    lambda gaps: np.cumsum(gaps).tolist(),
)


@given(ARRIVALS, st.integers(1, 5))
def test_never_more_requests_are_in_service_than_there_are_slots(arrived_s: list[float], slots: int) -> None:
    queue = Slots(slots, 0.7)
    done_s = [queue.book(now_s) for now_s in arrived_s]
    begun_s = [ended_s - 0.7 for ended_s in done_s]
    for now_s in begun_s:
        middle_s = now_s + 0.35
        assert sum(begun <= middle_s < done for begun, done in zip(begun_s, done_s, strict=True)) <= slots


@given(ARRIVALS, st.integers(1, 5))
def test_requests_leave_the_slots_in_the_order_of_their_arrival(arrived_s: list[float], slots: int) -> None:
    queue = Slots(slots, 0.7)
    done_s = [queue.book(now_s) for now_s in arrived_s]
    assert done_s == sorted(done_s)


def test_slots_with_waiting_requests_lose_no_time_between_two() -> None:
    slots = Slots(4, 0.1)
    assert [slots.book(0.0) for _ in range(4000)][-1] == pytest.approx(100.0)


def test_a_burn_uses_exactly_its_cpu_time() -> None:
    before_s = time.thread_time()
    burn(0.02)
    assert 0.02 <= time.thread_time() - before_s < 0.025


def test_a_user_costs_one_block_whatever_the_number_of_requests() -> None:
    holdings = Holdings(8192, idle_s=60)
    for now_s, user in enumerate("abaab"):
        holdings.hold(user, now_s)
    assert len(holdings) == 2


def test_only_users_idle_for_too_long_lose_their_block() -> None:
    holdings = Holdings(8192, idle_s=60)
    holdings.hold("idle", 0)
    holdings.hold("busy", 0)
    holdings.hold("busy", 50)
    holdings.hold("new", 61)
    assert len(holdings) == 2


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Request("/", None, False)),
        (b"GET / HTTP/1.1\r\nCOOKIE: a=1; user=7\r\n\r\n", Request("/", "7", False)),
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", Request("/healthz", None, True)),
        (b"GET / HTTP/1.0\r\n\r\n", Request("/", None, True)),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", None),
        (b"GET /\r\n\r\n", None),
        (b"\r\n\r\n", None),
    ],
)
def test_a_request_is_read_from_its_head(head: bytes, request_: Request | None) -> None:
    assert read(head) == request_


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="none of slots, cpu, memory"):
        service({"MODE": "disk"})


def test_the_calculation_imports_nothing_of_the_harness() -> None:
    tree = ast.parse(Path(str(calculation.__file__)).read_text())
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not {name for name in imported if name.partition(".")[0] in ("harness", "bench")}


@pytest.fixture
def quick_calculation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculation, "REQUESTS", 2000)


@pytest.mark.usefixtures("quick_calculation")
class TestCalculation:
    def test_with_constant_times_the_simulation_agrees_with_the_formula(self) -> None:
        queue = Queue(4, 0.1, CONSTANT_THINK_S)
        assert queue.compute_users_at_mean(0.2) == pytest.approx(44)
        assert queue.find_users_at_p95(0.2) == pytest.approx(44, abs=0.01)

    @pytest.mark.parametrize("users", [1, 20, 39, 41, 60])
    def test_response_times_follow_the_bottleneck_law(self, users: int) -> None:
        times_s = Simulation(Queue(4, 0.1, CONSTANT_THINK_S), users).simulate_response_times_s()
        assert np.mean(times_s) == pytest.approx(max(0.1, users * 0.1 / 4 - 0.9), rel=0.02)

    @pytest.mark.parametrize("cores", [0.25, 0.5, 1.0, 1.5])
    def test_a_saturated_quota_serves_its_cores_over_the_cpu_time_per_request(self, cores: float) -> None:
        queue = Queue(2, 0.01, (1, 4), cores)
        users = round(queue.compute_users_at_mean(1.0))
        times_s = Simulation(queue, users).simulate_response_times_s()
        assert users / (np.mean(times_s) + 2.5) == pytest.approx(cores / 0.01, rel=0.02)

    def test_heavy_requests_change_no_throughput_but_the_slowest_answers(self) -> None:
        """Three requests of 0.02 s and one of 0.08 s are 0.035 s on average: 14.3 a second with 0.5 cores."""
        even, mixed = (Queue(2, 0.035, (0.3, 0.7), 0.5, heavy) for heavy in (0, 4))
        times_s = Simulation(mixed, 30).simulate_response_times_s()
        assert 30 / (np.mean(times_s) + 0.5) == pytest.approx(0.5 / 0.035, rel=0.03)
        assert mixed.find_users_at_p95(1.0) < 0.97 * even.find_users_at_p95(1.0)

    def test_a_quota_of_one_core_for_each_server_changes_nothing(self) -> None:
        free, full = Queue(2, 0.01, (1, 2)), Queue(2, 0.01, (1, 2), cores=2)
        times_s = Simulation(free, 150).simulate_response_times_s()
        assert times_s == pytest.approx(Simulation(full, 150).simulate_response_times_s())

    def test_varying_think_times_allow_fewer_users_than_the_formula(self) -> None:
        queue = Queue(8, 0.2, (1, 4))
        assert 0.9 < queue.find_users_at_p95(1.0) / queue.compute_users_at_mean(1.0) < 0.98

    @settings(max_examples=count_examples(8))
    @given(st.integers(1, 4), st.floats(0.2, 1.0), st.floats(0.05, 0.5), st.sampled_from([None, 0.5, 1.0]))
    def test_a_tighter_limit_never_allows_more_users(
        self, servers: int, limit_s: float, less_s: float, cores: float | None
    ) -> None:
        queue = Queue(servers, 0.1, (0.5, 1.5), cores)
        assert (
            queue.find_users_at_p95(limit_s - min(less_s, limit_s / 2))
            <= queue.find_users_at_p95(limit_s) + 0.5
        )

    def test_a_service_time_above_the_limit_allows_no_user(self) -> None:
        assert Queue(1, 0.5, (1, 2)).find_users_at_p95(0.4) == 0.0

    def test_the_memory_above_the_base_is_divided_among_the_users(self) -> None:
        question = {"mode": "memory", "memory_bytes": 64.0, "base_bytes": 14.0, "held_bytes": 0.5}
        assert calculation.answer_question(question)["users"] == 100


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_the_matrix_of_every_experiment_is_valid(experiment: Experiment, tmp_path: Path) -> None:
    plan = load_plan(experiment.write_matrix(tmp_path))
    assert plan.target.name == experiment.name
    assert {slo.indicator for slo in plan.slos} == {"p95", "errors"}
    assert len(plan.cells) == len(experiment.cpus) * len(experiment.memory_mib)


def test_a_question_has_no_number_of_users() -> None:
    steps = [make_facts(users=77)]
    questions = [build_question(experiment, LIMITS, steps) for experiment in EXPERIMENTS]
    assert not [key for question in questions for key in question if "user" in key]
    assert not [value for question in questions for value in question.values() if value == 77]


def test_the_cpu_time_per_request_is_measured_in_saturated_windows_only() -> None:
    busy, idle = make_facts(cores=0.5, rps=40), make_facts(cores=0.1, rps=20)
    assert cost.measure_cpu_per_request_s([idle, busy], 0.5) == pytest.approx(0.5 / 40, rel=0.01)
    assert cost.measure_cpu_per_request_s([idle], 0.5) is None


def test_the_base_is_the_working_set_without_what_users_hold() -> None:
    steps = [make_facts(users=30, memory_mib=12 + 15), make_facts(users=10, memory_mib=12 + 5)]
    assert cost.measure_base_bytes(steps, MIB // 2) == 12 * MIB
    assert cost.measure_base_bytes([], MIB // 2) is None


def test_cores_that_neither_target_nor_generator_used_are_foreign() -> None:
    quiet, disturbed = make_facts(cores=0.5, host_cores=0.7), make_facts(cores=0.5, host_cores=1.9)
    assert cost.measure_foreign_cores([quiet, disturbed]) == pytest.approx(1.3)
    assert cost.measure_foreign_cores([]) is None


def test_the_table_has_the_error_of_every_size_and_the_worst_of_all() -> None:
    question = build_question(find_experiment("slots-shop"), LIMITS, [])
    rows = [
        Row(make_cell("a", 98, 102, 99.0), question, {"users": 100.0, "formula": 110.0}),
        Row(make_cell("b", 100, 105, None), question, {"users": 110.0, "formula": 120.0}),
        Row(make_cell("c", None, None, None, "failed"), None, None, 0.9),
    ]
    assert format_table(rows).splitlines()[2:] == [
        "| a | 98 – 102 | 99.0 | 100.0 | -1.0% | 110.0 | 200.00 ms | target | – | 90 s |",
        "| b | 100 – 105 | 102.5 | 110.0 | -6.8% | 120.0 | 200.00 ms | target | – | 90 s |",
        "| c | failed | – | – | – | – | – | – | 0.90 cores | 90 s |",
        "",
        "Of 3 sizes 2 were bracketed. Error: median 3.9% (promised 3%), worst 6.8% (promised 8%). "
        "1 of 2 brackets contain the calculated capacity. At 1 of the sizes, other programs used more than "
        "0.3 cores of the host, which may explain the errors there: measure these sizes again on a quiet "
        "machine.",
    ]


def make_facts(
    users: int = 10, cores: float = 0.5, rps: float = 40, memory_mib: float = 20, host_cores: float = 0.7
) -> StepFacts:
    """Return a step of 20 s at a steady rate after a ramp of 10 s; the generator uses a tenth of a core."""
    start_s = np.arange(0, 30, 1 / rps)
    return StepFacts(
        index=1,
        life=1,
        users=users,
        spawn_rate=1,
        ramp_from_s=0,
        settle_from_s=5,
        window_from_s=10,
        window_to_s=30,
        ended_s=31,
        end_reason=EndReason.HELD,
        requests=Requests(names=("GET /",), start_s=start_s, latency_s=np.full(len(start_s), 0.01)),
        target=tuple(
            TargetSample(at, cores * at, 0, 0, 0.0, math.floor(memory_mib * MIB), None, 0, 0)
            for at in range(31)
        ),
        host=tuple(HostSample(at, (host_cores * at / 2,) * 2, 0.0, 0, 0.0, 0, 0, 0, 0) for at in range(31)),
        generator=tuple(GeneratorSample(at, 0.1 * at, 0, 0.0, users, 0) for at in range(31)),
    )


def make_cell(
    id_: str, sustained: int | None, broken: int | None, estimate: float | None, status: str = "bracketed"
) -> dict[str, object]:
    return {
        "id": id_,
        "status": status,
        "sustained_users": sustained,
        "broken_users": broken,
        "estimate_users": estimate,
        "limiting_factor": "target" if broken else None,
        "load_s": 90.0,
    }
