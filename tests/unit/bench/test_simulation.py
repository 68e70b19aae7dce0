"""The simulation obeys the queueing laws by which real measurements are checked, and the protocols."""

import itertools
import math

import numpy as np
import pytest

from bench.search.ground_truth import DEFAULT_SLOS, find_ground_truth
from bench.search.trial import Strategy, build_grid, build_plan
from bench.simulation.backends import (
    SimulatedClock,
    SimulatedHost,
    SimulatedLoadGenerator,
    SimulatedProbe,
    simulate_backends,
)
from bench.simulation.closed_system import ClosedSystem
from bench.simulation.container_run import build_closed_system, compute_host_speed
from bench.simulation.model import QUIET, USUAL, Law, Noise, RequestKind, Service, ThinkTime
from bench.simulation.random_streams import (
    create_generator,
    draw_cpu_times,
    draw_pauses,
    draw_run_speed,
)
from harness.analyse.step.judge import judge_step
from harness.analyse.step.littles_law import compute_unexplained_ratio
from harness.analyse.step.window import cut_window
from harness.errors import TargetStartError
from harness.measure.protocols import Clock, LoadGenerator, TargetHost, UsageProbe
from harness.measure.session import Backends, open_session
from harness.measure.step import StepSpec, hold_step
from harness.model import MIB, Cell, EndReason, Limits, Plan, Slo, Step, StepFacts, Timing, Verdict

SHORT = Timing(settle_s=5, window_at_least_s=20, window_at_most_s=20)
LIMITS = Limits(1.0, 512 * MIB)
STEADY_THINK = ThinkTime(0.9, 0.9)


def measure_step(
    service: Service,
    users: int,
    cpu_cores: float = 1.0,
    noise: Noise = QUIET,
    seed: int = 1,
    memory_mib: int = 512,
) -> StepFacts:
    """Measure one step with the harness's own code and return its facts."""
    cell = build_grid([cpu_cores], [memory_mib])[0]
    plan = build_plan(Strategy("one step"), [cell])
    return hold(simulate_backends(service, noise, seed=seed), plan, cell, users)


def hold(backends: Backends, plan: Plan, cell: Cell, users: int) -> StepFacts:
    """Measure a step in a container run of its own."""
    image = backends.host.prepare(plan.target)
    request = StepSpec(1, Step(users, SHORT), 50.0, lambda facts: False, lambda sample: None)
    with open_session(backends, plan.target, plan.scenario, plan.load, cell, image, 1) as session:
        return hold_step(session, request)


def run(
    service: Service, users: int, seconds: float, limits: Limits = LIMITS, think: ThinkTime | None = None
) -> tuple[ClosedSystem, np.ndarray]:
    """Return a system after a warm-up of 100 s and `seconds` more, with the response times of the latter."""
    system = build_closed_system(service, QUIET, think or ThinkTime(), limits, seed=(7,))
    system.hold(users, 50.0)
    system.advance(100.0)
    system.take_ended()
    system.advance(100.0 + seconds)
    return system, np.array(system.take_ended().latency_s)


@pytest.mark.parametrize("users", [10, 50, 90])
@pytest.mark.parametrize("service", [Service(), Service(slots=4, delay_s=0.05), Service(law="lognormal")])
def test_littles_law_holds_exactly(service: Service, users: int) -> None:
    window = cut_window(measure_step(service, users))
    assert window is not None
    assert compute_unexplained_ratio(window) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("cpu_cores", [0.25, 1.0, 2.0, 4.0])
def test_cpu_used_is_demand_times_throughput(cpu_cores: float) -> None:
    service = Service(law="deterministic", cpu_s=0.02)
    system, latency_s = run(service, 30, 1000.0, Limits(cpu_cores, 512 * MIB))
    answered = system.processor.cpu_s / service.cpu_s
    assert answered == pytest.approx(len(latency_s) * 1100 / 1000, rel=0.02)


def test_a_saturated_quota_is_spent_and_throttles_in_every_period() -> None:
    system, latency_s = run(Service(law="deterministic"), 90, 500.0)
    cpu = system.processor
    assert len(latency_s) / 500 == pytest.approx(1 / 0.05, rel=0.005)
    assert cpu.cpu_s == pytest.approx(600, rel=0.01)
    assert cpu.throttled_periods / cpu.periods > 0.99
    assert cpu.throttled_s == pytest.approx(0.75 * 600, rel=0.02), (
        "four cores spend the quota of one core in a quarter of a period"
    )


def test_a_light_load_is_not_throttled_and_idle_periods_do_not_count() -> None:
    system, _ = run(Service(law="deterministic", cpu_s=0.005), 2, 500.0)
    cpu = system.processor
    assert cpu.throttled_periods == 0
    assert cpu.periods < 0.5 * 6000


def test_throttling_grows_with_the_load() -> None:
    ratios = []
    for users in (10, 30, 45, 60):
        cpu = run(Service(), users, 300.0)[0].processor
        ratios.append(cpu.throttled_periods / cpu.periods)
    assert ratios == sorted(ratios)


@pytest.mark.parametrize("users", [10, 30, 40, 44, 60])
def test_slots_have_the_throughput_and_response_time_of_the_bottleneck_law(users: int) -> None:
    """Check X = min(N/(Z+S), c/S) and R = max(S, N·S/c − Z) for constant S and Z."""
    service = Service(cpu_s=0, slots=4, delay_s=0.1)
    _, latency_s = run(service, users, 1000.0, think=STEADY_THINK)
    assert len(latency_s) / 1000 == pytest.approx(min(users / 1.0, 40.0), rel=0.001)
    assert latency_s.mean() == pytest.approx(max(0.1, users * 0.1 / 4 - 0.9), rel=0.02)


def test_the_ground_truth_of_slots_is_the_calculated_capacity() -> None:
    service = Service(cpu_s=0, slots=4, delay_s=0.1)
    truth = find_ground_truth(service, STEADY_THINK, LIMITS, slos=(Slo("p95", 0.2 + 1e-6),), fine_s=200.0)
    assert truth.users == 44


def test_the_mean_response_time_of_a_shared_cpu_depends_only_on_the_mean_cpu_time() -> None:
    """Check the theorem of BCMP for a closed network of a delay and a shared processor."""
    laws: tuple[Law, ...] = ("exponential", "lognormal", "deterministic")
    services = [Service(law=law, cpu_cv=1.5, parallel_cores=1) for law in laws]
    means_s = [run(service, 45, 6000.0, Limits(2.0, 512 * MIB))[1].mean() for service in services]
    exact_s = compute_mean_response_s(45, think_s=2.5, service_s=0.05)
    assert means_s == pytest.approx([exact_s] * 3, rel=0.05)


def compute_mean_response_s(users: int, think_s: float, service_s: float) -> float:
    """Return the mean response time by exact mean value analysis (Reiser and Lavenberg, 1980)."""
    queue = response_s = 0.0
    for n in range(1, users + 1):
        response_s = service_s * (1 + queue)
        queue = n * response_s / (think_s + response_s)
    return response_s


def test_first_come_first_served_answers_in_the_order_of_arrival() -> None:
    system = build_closed_system(Service(slots=1), QUIET, ThinkTime(), LIMITS, seed=(3,))
    system.hold(80, 50.0)
    system.advance(200.0)
    ended = system.take_ended()
    assert ended.start_s == sorted(ended.start_s)


def test_pauses_of_the_target_raise_the_slow_share() -> None:
    without, pausing = (
        np.mean(run(service, 30, 2000.0)[1] > 1.0)
        for service in (Service(), Service(pause_s=0.8, pause_every_s=5.0))
    )
    assert pausing > without + 0.02


def test_the_same_seed_gives_the_same_facts() -> None:
    one, same, other = (measure_step(Service(), 40, noise=USUAL, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(one.requests.latency_s, same.requests.latency_s)
    assert one.target == same.target
    assert not np.array_equal(one.requests.latency_s[:50], other.requests.latency_s[:50])


def test_a_container_run_does_not_depend_on_the_runs_of_other_cells_before() -> None:
    service, cells = Service(), build_grid([1.0, 2.0])
    plan = build_plan(Strategy("one step"), cells)
    latencies = []
    for order in ([cells[1]], list(cells)):
        backends = simulate_backends(service, Noise(run_speed_sd=0.03), seed=4)
        facts = [hold(backends, plan, cell, 20) for cell in order]
        latencies.append(facts[-1].requests.latency_s)
    assert latencies[0] == pytest.approx(latencies[1], abs=1e-6)


def test_container_runs_differ_in_speed_by_the_given_spread() -> None:
    noise = Noise(run_speed_sd=0.03)
    speeds = [draw_run_speed(noise, create_generator(seed, 0)) for seed in range(400)]
    assert np.log(speeds).std() == pytest.approx(0.03, rel=0.15)


def test_a_cold_target_is_slower_at_first_and_a_small_one_warms_up_later() -> None:
    noise = Noise(cold_ratio=0.3, warm_cpu_s=5.0)

    def compare_early_to_late(cpu_cores: float) -> float:
        facts = measure_step(Service(law="deterministic"), round(30 * cpu_cores), cpu_cores, noise)
        early = facts.requests.start_s < facts.requests.start_s.min() + 15
        return float(facts.requests.latency_s[early].mean() / facts.requests.latency_s[~early].mean())

    assert compare_early_to_late(4.0) > 1.2
    assert compare_early_to_late(1.0) > compare_early_to_late(4.0)


def test_users_arrive_once_a_second_and_send_a_request_at_once() -> None:
    facts = measure_step(Service(cpu_s=0.001), 30)
    assert facts.spawn_rate == 3
    first = np.sort(facts.requests.start_s)[:9] - facts.ramp_from_s
    assert first == pytest.approx([0.0] * 3 + [1.0] * 3 + [2.0] * 3)
    assert facts.generator[-1].users == 30


def test_users_who_left_end_no_more_requests() -> None:
    system = build_closed_system(Service(), QUIET, ThinkTime(), LIMITS, seed=(1,))
    system.hold(60, 50.0)
    system.advance(60.0)
    system.hold(20, 50.0)
    assert system.reached_users == len(system.users) == 20
    assert set(system.in_flight) <= set(system.users)
    system.take_ended()
    system.advance(160.0)
    assert len(system.take_ended().start_s) / 100 == pytest.approx(20 / 2.55, rel=0.1)


def test_too_many_users_for_the_memory_kill_the_target() -> None:
    service = Service(base_bytes=32 * MIB, user_bytes=MIB)
    facts = measure_step(service, 40, memory_mib=64)
    assert facts.end_reason is EndReason.TARGET_DIED
    assert [event.kind for event in facts.events] == ["oom", "die"]
    result = judge_step(facts, DEFAULT_SLOS)
    assert result.verdict is Verdict.FAIL
    assert result.target.is_out_of_memory
    assert 32 < result.users_reached <= 36
    assert measure_step(service, 32, memory_mib=64).end_reason is EndReason.HELD


def test_a_target_larger_than_its_memory_does_not_start() -> None:
    with pytest.raises(TargetStartError, match="out of memory"):
        measure_step(Service(base_bytes=128 * MIB), 1, memory_mib=64)


def test_samples_of_the_target_come_every_second_and_pages_every_half_second() -> None:
    facts = measure_step(Service(), 20)
    assert np.diff([sample.at_s for sample in facts.target]) == pytest.approx(1.0)
    assert np.diff([sample.at_s for sample in facts.generator])[:-1] == pytest.approx(0.5)
    assert all(
        one.cpu_s <= two.cpu_s and one.periods <= two.periods for one, two in itertools.pairwise(facts.target)
    )


def test_requests_in_flight_at_the_end_are_reported_as_unfinished() -> None:
    facts = measure_step(Service(), 90)
    assert len(facts.requests.unfinished_start_s) == facts.generator[-1].in_flight > 0


def test_simulated_time_passes_only_by_sleeping() -> None:
    clock = simulate_backends(Service()).clock
    clock.sleep(3.0)
    assert clock.now_s() == 3.0


def test_the_simulation_implements_the_protocols() -> None:
    """Assign every part to its protocol, so that mypy checks it."""
    clock = SimulatedClock()
    host: TargetHost = SimulatedHost(clock, Service(), QUIET, ThinkTime(), 0, {})
    generator: LoadGenerator = SimulatedLoadGenerator(clock)
    probe: UsageProbe = SimulatedProbe()
    protocol_clock: Clock = clock
    assert Backends(host, generator, probe, protocol_clock).clock is clock


def test_cpu_times_have_the_mean_and_the_variation_of_their_law() -> None:
    variations: dict[Law, float] = {
        "exponential": 1.0,
        "lognormal": 2.0,
        "uniform": 0.5 / math.sqrt(3),
        "deterministic": 0.0,
        "bimodal": math.sqrt(0.05 * 20**2 + 0.95 - 1.95**2) / 1.95,
    }
    for law, variation in variations.items():
        service = Service(law=law, cpu_cv=2.0)
        times_s = np.array(list(itertools.islice(draw_cpu_times(service, create_generator(1)), 200_000)))
        assert times_s.mean() == pytest.approx(service.cpu_s, rel=0.02)
        assert times_s.std() / times_s.mean() == pytest.approx(variation, rel=0.1)


def test_a_service_without_pauses_never_pauses() -> None:
    assert next(draw_pauses(Service(), create_generator(1))) == (math.inf, 0.0)


def test_the_hosts_piece_of_work_takes_longer_when_the_host_drifts_to_a_lower_speed() -> None:
    noise = Noise(drift_ratio=0.1, drift_period_s=4)
    assert [compute_host_speed(noise, at_s, 0.25) for at_s in range(4)] == pytest.approx([1.1, 1, 0.9, 1])
    drifting = measure_step(Service(), 5, noise=noise)
    works_s = [sample.work_s for sample in drifting.host if sample.work_s is not None]
    assert min(works_s) < 0.002 < max(works_s)
    assert all(0.002 / 1.1 <= work_s <= 0.002 / 0.9 for work_s in works_s)


def test_the_hosts_piece_of_work_does_not_see_the_speed_of_a_run_or_of_a_cold_target() -> None:
    own = measure_step(Service(), 5, noise=Noise(run_speed_sd=0.2, cold_ratio=0.5))
    assert {sample.work_s for sample in own.host} == {0.002}


def test_pauses_and_the_gaps_between_them_keep_to_their_bounds() -> None:
    service = Service(pause_s=0.5, pause_at_most_s=2.0, pause_every_s=20.0, pause_every_at_most_s=40.0)
    gaps_s, lengths_s = zip(*itertools.islice(draw_pauses(service, create_generator(1)), 5000), strict=True)
    assert np.mean(gaps_s) == pytest.approx(30.0, rel=0.02)
    assert np.mean(lengths_s) == pytest.approx(1.25, rel=0.02)
    assert min(gaps_s) >= 20
    assert max(gaps_s) <= 40
    assert min(lengths_s) >= 0.5
    assert max(lengths_s) <= 2


def test_paced_users_send_a_request_every_period_whatever_it_takes() -> None:
    """With 20 users every 2 s, 10 requests a second are sent, and the service of 50 ms is half used."""
    system, latency_s = run(Service(), 20, 2000.0, think=ThinkTime(2.0, 2.0, "pacing"))
    assert len(latency_s) / 2000 == pytest.approx(10.0, rel=0.005)
    assert system.processor.cpu_s / system.now_s == pytest.approx(0.5, rel=0.05)


def test_exponential_think_times_have_the_mean_of_their_bounds() -> None:
    """A user's cycle is 8 s of thinking and about 1 ms of service."""
    _, latency_s = run(Service(cpu_s=0.001), 20, 4000.0, think=ThinkTime(8.0, 8.0, "exponential"))
    assert len(latency_s) / 4000 == pytest.approx(20 / 8, rel=0.03)


def test_exponential_delays_have_the_mean_of_the_constant_ones() -> None:
    """Check p95 = mean · ln 20 without a queue."""
    _, latency_s = run(Service(cpu_s=0, delay_s=0.3, delay_law="exponential"), 20, 4000.0)
    assert latency_s.mean() == pytest.approx(0.3, rel=0.03)
    assert np.quantile(latency_s, 0.95) == pytest.approx(0.3 * math.log(20), rel=0.05)


def test_every_kind_of_request_has_its_name_its_share_and_its_cost() -> None:
    """The checkout is 3 % of the requests; of 20 ms each it takes 5 times, and alone the delay of 200 ms."""
    kinds = (RequestKind("GET /", 0.97, 1.0, 0.0), RequestKind("POST /checkout", 0.03, 5.0, 1.0))
    service = Service(cpu_s=0.02, law="deterministic", delay_s=0.2, kinds=kinds, parallel_cores=1)
    facts = measure_step(service, 3, cpu_cores=2.0)
    assert facts.requests.names == ("GET /", "POST /checkout")
    system = build_closed_system(service, QUIET, ThinkTime(), Limits(2.0, 512 * MIB), seed=(2,))
    system.hold(1, 1.0)
    system.advance(20_000.0)
    ended = system.take_ended()
    latency_s, name = np.array(ended.latency_s), np.array(ended.name)
    assert name.mean() == pytest.approx(0.03, rel=0.15)
    assert latency_s[name == 0] == pytest.approx(0.02)
    assert latency_s[name == 1] == pytest.approx(0.1 + 0.2)
