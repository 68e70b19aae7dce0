"""Derive how a measured size is deployed: what a replica uses at the safe load, and how many are needed.

CPU is in proportion to the users (utilisation law), and so are the requests that are served at once. Memory
is what the target needs without users and what the users add. Replicas are taken to carry equal shares. That
is measured for as many as the size has, and an assumption beyond.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.model import (
    CampaignResult,
    CampaignState,
    CellResult,
    Factor,
    Limits,
    Margin,
    Status,
    StepResult,
    Target,
    Verdict,
)
from harness.model.deployment import (
    CapacityBasis,
    Deployment,
    ReplicaUse,
    SafeLoad,
    Service,
    build_service,
)
from harness.model.growth import shrink_by_headroom
from harness.model.memory import MemoryOutlook

OUTSIDE_FACTORS = (Factor.DEPENDENCY, Factor.ERRORS)
"""What stops a size, and may stop further replicas of it just as well."""


_MOST_OVER_SAFE = 1.1
"""The tolerance of Kubernetes' autoscaler: with the safe load as its target it acts from here on."""


def add_deployment(campaign: CampaignResult, target: Target) -> CampaignResult:
    """Return the campaign with the deployment of its recommended size for its users, if there is one."""
    sizing = campaign.sizing
    if sizing.recommended is None:
        return campaign
    service = build_service(target, sizing.recommended.cell)
    deployment = plan_deployment(campaign, sizing.recommended, sizing.margin, service, campaign.users_limit)
    return replace(campaign, deployment=deployment)


def plan_deployment(
    campaign: CampaignResult, result: CellResult, margin: Margin | None, service: Service, users: int
) -> Deployment | None:
    """Return how a size is deployed for a number of users; None if it is not known to sustain any."""
    if not result.sustains(1):
        return None
    limits = result.cell.limits
    safe = find_safe_load(result, margin, campaign.headroom_ratio)
    use = _measure_use(result, safe)
    return Deployment(
        result=result,
        service=service,
        limits=Limits(limits.cpu_cores, limits.memory_bytes),
        users=users,
        replicas=_count_replicas(users, safe.users, limits.replicas),
        safe=safe,
        use=use,
        replicas_help=result.limiting_factor not in OUTSIDE_FACTORS
        and (margin is None or margin.companion is None),
        ready_after_s=result.ready_after_s,
        is_complete=campaign.state is CampaignState.COMPLETE,
    )


def find_safe_load(result: CellResult, margin: Margin | None, headroom_ratio: float) -> SafeLoad:
    """Return the load that a size carries with the headroom to spare, at least one user.

    The capacity of a size that broke is the most that it sustained. That of a size that never broke is what
    its margin predicts, or else no more than what it sustained.
    """
    sustained = result.sustained_users or 0
    capacity, basis = float(sustained), CapacityBasis.LOWER_BOUND
    if result.status is Status.BRACKETED:
        basis = CapacityBasis.MEASURED
    elif margin is not None and margin.is_predicted:
        capacity, basis = max(margin.capacity_users, capacity), CapacityBasis.PREDICTED
    users = max(1, min(sustained, shrink_by_headroom(int(capacity), headroom_ratio)))
    passed = _list_passed(result)
    above = [step for step in passed if step.users >= users]
    return SafeLoad(
        users,
        capacity,
        basis,
        headroom_ratio,
        step=min(above, key=lambda step: (step.users, -step.window_s), default=None),
        memory_step=max(passed, key=lambda step: (step.users, step.window_s), default=None),
    )


def _list_passed(result: CellResult) -> list[StepResult]:
    """Return the steps that passed, with the soak if that did."""
    soak = result.soak.step if result.soak is not None else None
    return [step for step in (*result.steps, soak) if step is not None and step.verdict is Verdict.PASS]


def _count_replicas(users: int, safe_users: int, measured_replicas: int) -> int:
    """Return how many replicas carry the users, if `measured_replicas` of them carry `safe_users`."""
    return max(1, -(-users * measured_replicas // safe_users))


def _measure_use(result: CellResult, safe: SafeLoad) -> ReplicaUse:
    limits, step = result.cell.limits, safe.step
    users = safe.users / limits.replicas
    if step is None:
        return ReplicaUse(users, users * _choose_scaling_point(safe, None, limits.cpu_cores))
    share = safe.users / step.users / limits.replicas
    cpu_cores = None if step.target.cpu_cores is None else step.target.cpu_cores * share
    in_flight = _find_in_flight(step)
    return ReplicaUse(
        users,
        users * _choose_scaling_point(safe, cpu_cores, limits.cpu_cores),
        cpu_cores=cpu_cores,
        memory_bytes=_find_memory(result, safe),
        is_memory_level=_judge_memory(safe.memory_step),
        in_flight=None if in_flight is None else in_flight * share,
        break_ratio=_find_break(result),
    )


def _choose_scaling_point(safe: SafeLoad, cpu_cores: float | None, limit_cores: float) -> float:
    """Return at how many times the safe load a further replica is due, at most 1.1.

    It lies midway to the capacity, and midway to the CPU limit, above which no use shows more load.
    """
    ratios = [safe.capacity_users / safe.users]
    if cpu_cores:
        ratios.append(limit_cores / cpu_cores)
    return min(_MOST_OVER_SAFE, (1 + max(1.0, min(ratios))) / 2)


def _find_in_flight(step: StepResult) -> float | None:
    """Return the requests that were under way at once, on average: the users that waited, or rate × time."""
    if step.wait_ratio is not None:
        return step.users * step.wait_ratio
    if step.rps is None or step.latency.mean_s is None:
        return None
    return step.rps * step.latency.mean_s


def _find_memory(result: CellResult, safe: SafeLoad) -> float | None:
    """Return the memory of the fullest replica at the safe load: by a trend what it is expected to reach."""
    longest = safe.memory_step
    if longest is not None and longest.memory is not None:
        start_bytes = _find_start_bytes(result.steps, longest.memory.start_bytes)
        rise_bytes = max(0.0, longest.memory.expected_bytes - start_bytes)
        return start_bytes + rise_bytes * safe.users / longest.users
    peak_bytes = safe.step.target.memory_peak_bytes if safe.step is not None else None
    return None if peak_bytes is None else float(peak_bytes)


def _find_start_bytes(steps: Sequence[StepResult], start_bytes: int) -> int:
    return min([start_bytes, *(step.memory.start_bytes for step in steps if step.memory is not None)])


def _judge_memory(step: StepResult | None) -> bool | None:
    """Return whether the step shows that the memory lasts; None if it was too short to tell."""
    if step is None or step.memory is None or step.memory.outlook is MemoryOutlook.UNKNOWN:
        return None
    return step.memory.outlook is MemoryOutlook.LASTS


def _find_break(result: CellResult) -> float | None:
    """Return the share of the CPU limit at the most users that a size sustained before it broke."""
    if result.status is not Status.BRACKETED or result.cpu_used_cores is None:
        return None
    return result.cpu_used_cores / result.cell.limits.total_cores
