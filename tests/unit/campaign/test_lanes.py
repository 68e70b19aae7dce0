"""Several sizes are measured at once only if the host has the cores, and a check shows no harm."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.simulation.backends import simulate_backends
from bench.simulation.model import Noise, Service
from harness.campaign.lane_sizes import LaneSizes
from harness.campaign.lanes import Lanes, check_lanes, find_lanes
from harness.campaign.preflight import count_lanes, place_workers
from harness.campaign.scheduler import Scheduler
from harness.campaign.session import CampaignSession
from harness.errors import EngineUnavailableError
from harness.measure.session import Backends
from harness.model import LocalWorkers, Plan, Status
from harness.plan import plan_to_json
from harness.report.view.side_by_side import describe_side_by_side
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends
from tests.fakes import Service as FakeService
from tests.unit.campaign.fake_campaign import FakeCampaign, RecordingListener

SIXTEEN = [frozenset([core]) for core in range(16)]
UNLIKE = tuple((cores, mib) for cores in (0.5, 1.0, 2.0) for mib in (64, 128, 256))
STEADY = Service(cpu_s=0.02, law="deterministic")
"""Its requests all cost the same, so that chance changes little between two windows."""

NINE = tuple((cores, mib) for cores in (0.25, 0.5, 1.0) for mib in (64, 128, 256))


def connect() -> dict[str | None, Backends]:
    fake = FakeBackends()
    fake.host.kernel = "6.1"
    return {None: fake.to_backends()}


def simulate_lanes(count: int, first: Noise | None = None, most_cores: Sequence[float] = ()) -> Lanes:
    """Return lanes on simulated backends; the first one has this noise, or none."""
    noises = [first or Noise(), *[Noise()] * (count - 1)]
    most = most_cores or [math.inf] * count
    return {
        f"cores {number}": replace(simulate_backends(STEADY, noise, seed=number), most_cores=most[number])
        for number, noise in enumerate(noises)
    }


def test_a_plan_measures_one_size_at_a_time_unless_it_says_otherwise() -> None:
    assert find_lanes(make_plan(*NINE), connect(), SIXTEEN) == ({}, "")


def test_as_many_sizes_as_the_cores_allow_and_no_more_than_half_of_all() -> None:
    """Five sizes of 1 CPU fit 16 cores, and nine sizes are enough for four lanes."""
    lanes, _ = find_lanes(replace(make_plan(*NINE), parallel=None), connect(), SIXTEEN)
    assert list(lanes) == ["cores 1,2,3", "cores 4,5,6", "cores 7,8,9", "cores 10,11,12"]
    lanes, _ = find_lanes(replace(make_plan(*NINE), parallel=9), connect(), SIXTEEN)
    assert len(lanes) == 5


def test_lanes_are_packed_by_the_quotas_of_their_sizes() -> None:
    """Nine sizes on four lanes: 2, 2, 1 and 0.5 CPU need 4 + 4 + 3 + 3 of 15 cores (see split_lanes)."""
    plan = replace(make_plan(*UNLIKE), parallel=None)
    lanes, _ = find_lanes(plan, connect(), SIXTEEN)
    assert list(lanes) == ["cores 1,2,3,4", "cores 5,6,7,8", "cores 9,10,11", "cores 12,13,14"]
    assert [lane.most_cores for lane in lanes.values()] == [2, 2, 1, 1]


def test_each_lane_of_a_demand_holds_the_largest_size() -> None:
    """Which sizes are measured is not known before; 15 cores hold three lanes of 2 CPU, each of 4 cores."""
    plan = replace(make_plan(*UNLIKE), parallel=None, users_required=100)
    lanes, _ = find_lanes(plan, connect(), SIXTEEN)
    assert [lane.most_cores for lane in lanes.values()] == [2, 2, 2]


def test_two_cores_measure_one_size_at_a_time_by_themselves_and_two_small_ones_if_they_are_told() -> None:
    two = SIXTEEN[:2]
    lanes, reason = find_lanes(replace(make_plan(*NINE), parallel=None), connect(), two)
    assert (lanes, "too few for two sizes of up to 1 CPU" in reason) == ({}, True)
    small = make_plan((0.25, 64), (0.5, 64), (0.25, 128), (0.5, 128))
    assert find_lanes(replace(small, parallel=None), connect(), two)[0] == {}
    assert list(find_lanes(replace(small, parallel=2), connect(), two)[0]) == ["cores 0", "cores 1"]


def test_a_plan_tells_before_it_starts_why_it_measures_one_size_at_a_time() -> None:
    plan = replace(make_plan(*NINE), parallel=4, load=LocalWorkers(2))
    count, reason = count_lanes(plan, lambda _campaign, _plan: connect())
    assert (count, reason) == (1, "the load does not come from one Locust process")
    assert count_lanes(make_plan(*NINE), lambda _campaign, _plan: connect()) == (1, "")


def test_memory_limits_how_many_sizes_run_at_once() -> None:
    """Of 8 GiB a fifth is kept. 6.4 GiB hold three sizes of 2 GiB, and one of 4 GiB."""
    sizes = ((0.25, 2048), (0.5, 2048), (1.0, 2048))
    assert len(find_lanes(replace(make_plan(*sizes), parallel=5), connect(), SIXTEEN)[0]) == 3
    large = replace(make_plan(*sizes, (1.0, 4096)), parallel=5)
    assert find_lanes(large, connect(), SIXTEEN)[0] == {}


def change_target(plan: Plan, **changes: object) -> Plan:
    return replace(plan, target=replace(plan.target, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "backends", "reason"),
    [
        (change_target(make_plan(*NINE), host_port=80), connect(), "a port or a network for itself"),
        (change_target(make_plan(*NINE), host_network=True), connect(), "a port or a network for itself"),
        (replace(make_plan(*NINE), load=LocalWorkers(2)), connect(), "one Locust process"),
        (make_plan(*NINE), {None: FakeBackends().to_backends()}, "not run on this kernel"),
        (make_plan(*NINE), {"a": FakeBackends().to_backends(), "b": FakeBackends().to_backends()}, "several"),
    ],
)
def test_what_can_not_be_shared_is_measured_one_at_a_time(
    plan: Plan, backends: Mapping[str | None, Backends], reason: str
) -> None:
    lanes, why = find_lanes(replace(plan, parallel=4), backends, SIXTEEN)
    assert lanes == {}
    assert reason in why


def test_why_sizes_are_measured_one_at_a_time_is_noted() -> None:
    notes: list[str] = []
    backends = connect()
    plan = replace(make_plan(*NINE), parallel=4, load=LocalWorkers(2))
    workers, placement, outcome = place_workers(backends, plan, notes.append)
    assert list(workers) == [None]
    assert notes == [outcome]
    assert outcome.startswith("sizes are measured one at a time: the load does not come from one")
    assert "sizes at once" not in placement


def test_lanes_that_do_not_disturb_each_other_are_used() -> None:
    check = check_lanes(make_plan(*NINE), simulate_lanes(3))
    assert check is not None
    assert (check.cell.id, check.lanes) == ("web-c1.00-m256", 3)
    assert check.is_undisturbed
    assert "3 sizes are measured at once; they don't disturb each other" in describe_side_by_side(check, 3)


def test_a_size_whose_requests_do_not_cost_the_same_beside_others_is_found() -> None:
    """A request costs ever less of the first lane's CPU, by far more than 2 % from one window to the next."""
    check = check_lanes(make_plan(*NINE), simulate_lanes(2, Noise(cold_ratio=0.2, warm_cpu_s=100.0)))
    assert check is not None
    assert not check.cpu.is_small
    assert not check.is_undisturbed
    assert "so they are measured one at a time" in describe_side_by_side(check, 2)


def test_small_lanes_hold_a_size_of_their_own_in_the_check() -> None:
    """The lane for up to 1 CPU holds its first size, with half of the users of 2 CPU."""
    check = check_lanes(make_plan(*UNLIKE), simulate_lanes(3, most_cores=(2.0, 2.0, 1.0)))
    assert check is not None
    assert check.cell.id == "web-c2.00-m256"
    assert [other.id for other in check.others] == ["web-c2.00-m256", "web-c1.00-m256"]
    assert check.is_undisturbed
    assert "beside 2 CPU / 256 MiB, 1 CPU / 256 MiB: " in describe_side_by_side(check, 3)


def test_a_target_that_does_not_start_tells_nothing() -> None:
    assert check_lanes(make_plan((1.0, 8), (0.5, 8)), simulate_lanes(2)) is None
    assert "could not be told" in describe_side_by_side(None, 2)


def test_sizes_on_lanes_take_less_time_than_one_after_the_other(tmp_path: Path) -> None:
    """Each lane has a simulated clock of its own; the campaign takes as long as the slowest lane."""
    plan = make_plan((0.25, 128), (0.5, 128), (0.25, 256), (0.5, 256))
    folder = CampaignFolder.create(
        tmp_path, "one", plan_to_json(plan), FakeBackends().host.read_fingerprint()
    )
    fakes = {f"cores {number}": FakeBackends(FakeService(), seed=number) for number in range(2)}
    started_s = fakes["cores 0"].clock.now_s()
    lanes: dict[str | None, Backends] = {name: fake.to_backends() for name, fake in fakes.items()}
    answer = Scheduler(plan, folder, lanes, RecordingListener()).run()
    assert {cell.status for cell in answer.cells} <= {Status.BRACKETED, Status.CENSORED}
    spent_s = [fake.clock.now_s() - started_s for fake in fakes.values()]
    assert max(spent_s) < 0.7 * sum(spent_s)
    assert len(answer.engine_comparisons) == 1


def test_each_size_is_measured_on_a_lane_that_has_its_cores_and_the_reference_on_all(tmp_path: Path) -> None:
    """Only the first lane may measure 1 CPU, so the reference is the largest of the other sizes."""
    plan = make_plan((0.25, 128), (0.5, 128), (1.0, 128), (0.5, 256), (1.0, 256))
    folder = CampaignFolder.create(
        tmp_path, "one", plan_to_json(plan), FakeBackends().host.read_fingerprint()
    )
    lanes: dict[str | None, Backends] = {
        f"cores {number}": replace(FakeBackends(FakeService(), seed=number).to_backends(), most_cores=most)
        for number, most in enumerate((1.0, 0.5))
    }
    answer = Scheduler(plan, folder, lanes, RecordingListener()).run()
    engines = {cell.cell.id: cell.engine for cell in answer.cells}
    assert {engines["web-c1.00-m128"], engines["web-c1.00-m256"]} == {"cores 0"}
    assert {cell.status for cell in answer.cells} <= {Status.BRACKETED, Status.CENSORED}
    (comparison,) = answer.engine_comparisons
    assert comparison.cell.id == "web-c0.50-m256"


def test_small_sizes_are_left_to_small_lanes_while_there_are_large_ones() -> None:
    plan = make_plan((0.5, 128), (1.0, 128), (0.5, 256), (1.0, 256))
    sizes = LaneSizes(plan, {"cores 0": 1.0, "cores 1": 0.5})
    large, small = ["web-c1.00-m128", "web-c1.00-m256"], ["web-c0.50-m128", "web-c0.50-m256"]
    assert [sorted(cell.id for cell in group) for group in sizes.group_cells("cores 0")] == [large, small]
    assert [sorted(cell.id for cell in group) for group in sizes.group_cells("cores 1")] == [small]
    assert sorted(cell.id for cell in sizes.list_shared()) == small
    assert sizes.choose_first("cores 1").id == "web-c0.50-m256"
    assert [cell.id for cell in sizes.find_stranded(plan.cells, ["cores 1"])] == large


def test_a_campaign_ends_when_the_only_lane_for_a_size_is_lost(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.5, 256), (1.0, 256)), FakeService())
    lanes: dict[str | None, float] = {"cores 0": 1.0, "cores 1": 0.5, "cores 2": 0.5}
    session = CampaignSession(campaign.plan, campaign.folder, campaign.listener, lanes)
    session.lose_engine("cores 2", EngineUnavailableError("no answer"))
    with pytest.raises(EngineUnavailableError):
        session.lose_engine("cores 0", EngineUnavailableError("no answer"))
