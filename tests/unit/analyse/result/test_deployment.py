"""What a size is deployed with follows from what it used, by hand-computed figures."""

from dataclasses import replace
from typing import Any

import pytest

from harness.analyse.result.deployment import add_deployment, find_safe_load, plan_deployment
from harness.analyse.result.sizing import add_sizing
from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    Cell,
    CellResult,
    Factor,
    ImageSource,
    Judgement,
    Latency,
    Limits,
    Margin,
    MemoryOutlook,
    MemoryTrend,
    Rule,
    Soak,
    Status,
    StepResult,
    Target,
    TargetUse,
)
from harness.model.deployment import CapacityBasis, Deployment, Service, build_service
from harness.model.evidence import SlosHold
from harness.model.variants import Variant

PASSED = Judgement(Rule.SLOS_HOLD, SlosHold(()))
SERVICE = Service("web", "shop:1", 8000)


def make_trend(peak_mib: int, outlook: MemoryOutlook = MemoryOutlook.LASTS) -> MemoryTrend:
    return MemoryTrend(outlook, 60.0, 50 * MIB, peak_mib * MIB, 0.0, 0.0, 0.0, peak_mib * MIB, None)


def make_step(users: int, **changes: Any) -> StepResult:
    """Make a passed step: 3 millicores and half a MiB for each user, a tenth of whom wait."""
    step = StepResult(
        index=1,
        life=1,
        users=users,
        judgement=PASSED,
        window_s=20.0,
        load_s=30.0,
        requests=100,
        target=TargetUse(cpu_cores=0.003 * users, memory_peak_bytes=90 * MIB),
        wait_ratio=0.1,
        memory=make_trend(50 + users // 2),
    )
    return replace(step, **changes)


def make_size(*steps: StepResult, status: Status = Status.BRACKETED, **changes: Any) -> CellResult:
    """Make a size of half a core that sustained the users of its last step."""
    users = steps[-1].users if steps else None
    size = CellResult(
        Cell("web-c0.50-m256", "web", Limits(0.5, 256 * MIB)),
        status,
        users,
        None if status is not Status.BRACKETED or users is None else users + 10,
        limiting_factor=Factor.CPU if status is Status.BRACKETED else None,
        cpu_used_cores=steps[-1].target.cpu_cores if steps else None,
        ready_after_s=10.0,
        steps=steps,
    )
    return replace(size, **changes)


def deploy(
    size: CellResult, users: int = 400, margin: Margin | None = None, headroom: float = 0.3
) -> Deployment:
    campaign = CampaignResult(
        "c", "web", CampaignState.COMPLETE, "", 400, (), (size,), headroom_ratio=headroom
    )
    deployment = plan_deployment(campaign, size, margin, SERVICE, users)
    assert deployment is not None
    return deployment


def test_the_safe_load_of_a_size_that_broke_leaves_the_headroom() -> None:
    deployment = deploy(make_size(make_step(10), make_step(130)))
    assert deployment.safe.users == 100  # 130 / 1.3
    assert deployment.safe.basis is CapacityBasis.MEASURED
    assert deployment.replicas == 4  # 400 / 100


def test_the_use_at_the_safe_load_is_in_proportion_to_that_of_the_next_larger_step() -> None:
    use = deploy(make_size(make_step(10), make_step(130))).use
    assert use.cpu_cores == pytest.approx(0.3)  # 0.39 at 130
    assert use.in_flight == pytest.approx(10)  # 13 at 130
    assert use.memory_bytes == pytest.approx(100 * MIB)  # 50, and 65 more at 130
    assert use.break_ratio == pytest.approx(0.78)  # 0.39 of 0.5
    assert use.scale_at_users == pytest.approx(110)


def test_the_smallest_step_above_the_safe_load_shows_the_cpu_and_the_largest_the_memory() -> None:
    near, far = make_step(104), make_step(130, target=TargetUse(cpu_cores=0.5, memory_peak_bytes=200 * MIB))
    deployment = deploy(make_size(make_step(10), near, far))
    assert deployment.safe.step is near
    assert deployment.safe.memory_step is far
    assert deployment.use.cpu_cores == pytest.approx(0.3)


def test_a_soak_that_passed_shows_more_of_the_memory_than_a_short_window() -> None:
    soak = Soak(130, make_step(130, window_s=300.0, memory=make_trend(180)), PASSED)
    use = deploy(make_size(make_step(10), make_step(130), soak=soak)).use
    assert use.memory_bytes == pytest.approx(150 * MIB)  # 50, and 130 more at 130


@pytest.mark.parametrize(
    ("outlook", "is_level"),
    [(MemoryOutlook.LASTS, True), (MemoryOutlook.FILLS, False), (MemoryOutlook.UNKNOWN, None)],
)
def test_whether_the_memory_is_level_is_known_only_if_a_step_shows_it(
    outlook: MemoryOutlook, is_level: bool | None
) -> None:
    size = make_size(make_step(130, memory=make_trend(115, outlook)))
    assert deploy(size).use.is_memory_level is is_level


def test_without_a_trend_the_peak_is_the_memory_and_its_level_is_unknown() -> None:
    use = deploy(make_size(make_step(130, memory=None))).use
    assert use.memory_bytes == 90 * MIB
    assert use.is_memory_level is None


def test_a_size_that_never_broke_has_its_capacity_predicted_and_no_break() -> None:
    size = make_size(make_step(400), status=Status.CENSORED)
    margin = Margin(650.0, True, 0.3, 0.3, 0.99, 0.9)
    deployment = deploy(size, margin=margin)
    assert deployment.safe.basis is CapacityBasis.PREDICTED
    assert deployment.safe.users == 400  # 650 / 1.3 is more, but no more was measured
    assert deployment.replicas == 1
    assert deployment.use.break_ratio is None


@pytest.mark.parametrize(("capacity_users", "safe_users", "replicas"), [(519.99, 399, 2), (520.0, 400, 1)])
def test_a_safe_load_needs_no_user_more_than_is_predicted(
    capacity_users: float, safe_users: int, replicas: int
) -> None:
    """400 users with 30 % more are 520: a size that sustains 519 does not keep that room."""
    size = make_size(make_step(400), status=Status.CENSORED)
    deployment = deploy(size, margin=Margin(capacity_users, True, 0.3, 0.3, 0.99, 0.5))
    assert (deployment.safe.users, deployment.replicas) == (safe_users, replicas)


def test_nothing_is_predicted_beyond_what_was_sustained_without_a_margin() -> None:
    deployment = deploy(make_size(make_step(390), status=Status.CENSORED))
    assert deployment.safe.basis is CapacityBasis.LOWER_BOUND
    assert deployment.safe.users == 300
    assert deployment.replicas == 2


def test_replicas_share_the_load_that_all_of_them_carried() -> None:
    step = make_step(260)
    size = make_size(step, cell=Cell("web", "web", Limits(0.5, 256 * MIB, 2)))
    deployment = deploy(size, users=500)
    assert deployment.safe.users == 200
    assert deployment.use.users == 100
    assert deployment.use.cpu_cores == pytest.approx(0.3)  # 0.78 at 260 in two
    assert deployment.replicas == 5  # 500 / 100
    assert deployment.limits == Limits(0.5, 256 * MIB)


def test_without_headroom_a_further_replica_is_due_at_the_capacity() -> None:
    use = deploy(make_size(make_step(130)), headroom=0.0).use
    assert use.users == use.scale_at_users == 130


def test_a_further_replica_is_due_before_the_cpu_is_full() -> None:
    step = make_step(400, target=TargetUse(cpu_cores=0.48))
    margin = Margin(600.0, True, None, None, 0.9, 0.9)
    use = deploy(make_size(step, status=Status.CENSORED), margin=margin).use
    assert use.scale_at_users == pytest.approx(400 * (1 + 0.5 / 0.48) / 2)
    full = make_step(400, target=TargetUse(cpu_cores=0.5))
    use = deploy(make_size(full, status=Status.CENSORED), margin=margin).use
    assert use.scale_at_users == 400


def test_a_size_that_was_inferred_has_no_step_and_nothing_is_known_of_its_use() -> None:
    size = make_size(status=Status.INFERRED, sustained_users=400)
    deployment = deploy(size)
    assert deployment.safe.step is None
    assert (deployment.use.cpu_cores, deployment.use.memory_bytes, deployment.use.in_flight) == (None,) * 3


def test_a_step_without_counters_tells_nothing() -> None:
    step = make_step(130, target=TargetUse(), wait_ratio=None, memory=None)
    use = deploy(make_size(step)).use
    assert (use.cpu_cores, use.memory_bytes, use.in_flight, use.break_ratio) == (None,) * 4


def test_without_the_users_time_little_s_law_counts_rate_times_response_time() -> None:
    step = make_step(130, wait_ratio=None, rps=65.0, latency=Latency(mean_s=0.2))
    assert deploy(make_size(step)).use.in_flight == pytest.approx(10)  # 65 · 0.2 = 13 at 130


@pytest.mark.parametrize("factor", [Factor.DEPENDENCY, Factor.ERRORS])
def test_replicas_may_not_help_against_what_lies_outside_of_the_target(factor: Factor) -> None:
    assert not deploy(make_size(make_step(130), limiting_factor=factor)).replicas_help
    assert deploy(make_size(make_step(130), limiting_factor=Factor.MEMORY)).replicas_help


@pytest.mark.parametrize("status", [Status.NONE, Status.FAILED, Status.INVALID, Status.SKIPPED])
def test_a_size_that_sustains_nothing_is_not_deployed(status: Status) -> None:
    size = make_size(status=status)
    campaign = CampaignResult("c", "web", CampaignState.COMPLETE, "", 400, (), (size,))
    assert plan_deployment(campaign, size, None, SERVICE, 400) is None


def test_a_variant_starts_with_what_it_sets_and_no_secret() -> None:
    target = Target("web", 8000, ImageSource("shop:1"), environment={"TOKEN": "secret", "WORKERS": "1"})
    variant = Variant(environment={"WORKERS": "4", "KEY": "${KEY}"}, command=("serve",), image="shop:2")
    cell = Cell("web", "web", Limits(0.5, 256 * MIB, variant="four"), variant=variant)
    service = build_service(target, cell)
    assert (service.image, service.command, service.settings) == ("shop:2", ("serve",), {"WORKERS": "4"})
    assert service.variables == ("TOKEN", "KEY")


def test_one_user_is_the_least_safe_load() -> None:
    assert find_safe_load(make_size(make_step(1)), None, 0.3).users == 1


def test_a_campaign_deploys_the_size_that_it_recommends() -> None:
    enough = make_size(make_step(400), status=Status.CENSORED)
    campaign = CampaignResult("c", "web", CampaignState.COMPLETE, "", 400, (), (enough,))
    target = Target("web", 8000, ImageSource("shop:1"), environment={"TOKEN": "secret"})
    deployed = add_deployment(add_sizing(campaign), target).deployment
    assert deployed is not None
    assert deployed.result is enough
    assert deployed.service == Service("web", "shop:1", 8000, variables=("TOKEN",))
    too_small = make_size(make_step(130))
    unfinished = replace(campaign, state=CampaignState.INTERRUPTED)
    later = add_deployment(add_sizing(unfinished), target).deployment
    assert later is not None
    assert (deployed.is_complete, later.is_complete) == (True, False)
    nothing = replace(campaign, cells=(too_small,))
    assert add_deployment(add_sizing(nothing), target).deployment is None
