"""Put into words where the figures of an exported file come from, and what is not known."""

import math
from collections.abc import Collection, Sequence

from harness.model import Factor
from harness.model.deployment import CapacityBasis, Deployment
from harness.model.growth import count_needed_users
from harness.report.view import text

LOOK_EVERY_S = 30.0
"""How old what Kubernetes' autoscaler acts on may be: it looks every 15 s, at readings of every 15 s."""

MEASURED_LIMIT = "the limit that was measured"
MEASURED_MEMORY_LIMIT = "the limit that was measured, without swap"
CPU_BETWEEN_REQUESTS = "as measured, the CPU is there between requests too: instance-based billing"


def write_heading(deployment: Deployment, campaign: str, reserved: Collection[str] = ()) -> str:
    """Return the lines that stand above every exported file; the system sets `reserved` variables itself."""
    result = deployment.result
    size = text.format_size(result.cell.limits)
    lines = [
        f"{deployment.service.name} at {size}, for {text.format_users(deployment.users)}. Made by "
        f"`harness export` from the campaign {campaign}.",
        describe_capacity_basis(deployment),
        describe_safe_load(deployment),
        *_list_gaps(deployment, reserved),
    ]
    return "\n".join(text.clean_text(line) for line in lines)


def describe_capacity_basis(deployment: Deployment) -> str:
    """Return what the size sustains, and how that is known."""
    safe, result = deployment.safe, deployment.result
    capacity, sustained = text.format_users(int(safe.capacity_users)), result.sustained_users or 0
    measured = f"all {text.format_count(sustained)} that were measured"
    tried = "the one that was measured" if sustained == 1 else measured
    if safe.basis is CapacityBasis.MEASURED:
        return f"Capacity: {capacity}, measured: it broke at {text.format_count(result.broken_users)}."
    if result.is_inferred_only:
        more = f" Predicted: {capacity}." if safe.basis is CapacityBasis.PREDICTED else ""
        inferred = "inferred from another size: this size was not measured itself"
        return f"Capacity: at least {text.format_users(sustained)}, {inferred}.{more}"
    if safe.basis is CapacityBasis.PREDICTED:
        used = (
            "the CPU and the memory that it"
            if deployment.replicas_help
            else "the CPU that a service beside it"
        )
        return (
            f"Capacity: about {capacity}, predicted from {used} used. It "
            f"sustained {tried}, so where it breaks is not known."
        )
    known = f"Capacity: at least {text.format_users(sustained)}."
    return f"{known} It never broke, so how much more it sustains is not known."


def describe_safe_load(deployment: Deployment) -> str:
    """Return the users that a replica carries with room to spare, and how many replicas that makes."""
    safe, measured = deployment.safe, deployment.result.cell.limits.replicas
    has_room = count_needed_users(safe.users, safe.headroom_ratio) <= safe.capacity_users
    room = f", with{'' if has_room else 'out'} room for {text.format_limit(safe.headroom_ratio)} more"
    of_all = f" in {measured} replicas" if measured > 1 else ""
    count = text.format_things(deployment.replicas, "replica")
    needed = f"{_say_need(deployment.users)} {count}"
    assumed = f"; {measured} was measured" if measured == 1 else f"; {measured} were measured"
    others = "further ones" if deployment.replicas > measured else "fewer"
    assumed = f"{assumed}, and {others} are taken to carry as many each"
    return (
        f"Safe load: {text.format_users(safe.users)}{of_all}{room if safe.headroom_ratio else ''}. {needed}"
        f"{assumed if deployment.replicas != measured else ''}."
    )


def _say_need(users: int) -> str:
    return f"{text.format_users(users)} {'needs' if users == 1 else 'need'}"


def _list_gaps(deployment: Deployment, reserved: Collection[str]) -> list[str]:
    """Return what the file does not hold: an answer that is final, the image's address, companions."""
    service, gaps = deployment.service, []
    if not deployment.is_complete:
        gaps.append("The campaign is not complete: what it has not measured yet may change this answer.")
    if service.image is None:
        gaps.append("The harness built the image: push it to your registry, and write its name there.")
    if variables := [name for name in service.variables if name not in reserved]:
        gaps.append(f"Not in this file: the variables of target.yaml ({', '.join(variables)}).")
    if service.left_out:
        gaps.append(f"Not in this file: what else target.yaml says ({', '.join(service.left_out)}).")
    if service.companions:
        gaps.append(f"Not in this file: the services that it needs ({', '.join(service.companions)}).")
    if not deployment.replicas_help:
        gaps.append(explain_no_scaling(deployment))
    return gaps


def explain_no_scaling(deployment: Deployment) -> str:
    """Return why more replicas may not make the size carry more."""
    if deployment.result.limiting_factor is Factor.ERRORS:
        return "Errors are the limit: whether further replicas help is not known."
    return "A service that it needs is the limit: further replicas of the target alone do not help."


def explain_cpu_request(deployment: Deployment) -> str:
    """Return where the CPU of the request comes from."""
    use, step = deployment.use, deployment.safe.step
    if use.cpu_cores is None or step is None:
        return _explain_missing(deployment, "its CPU")
    used, replicas = text.format_cores(step.target.cpu_cores), deployment.result.cell.limits.replicas
    of_all = f" in {replicas} replicas" if replicas > 1 else ""
    whole = f"measured: {used} cores at {text.format_count(step.users)}{of_all}"
    return (
        f"a replica uses {text.format_cores(use.cpu_cores)} cores at its {_name_share(deployment)} ({whole})"
    )


def _name_share(deployment: Deployment) -> str:
    return f"safe load of {_format_share(deployment.use.users)} {_name_users(deployment.use.users)}"


def _name_users(users: float) -> str:
    return "user" if users == 1 else "users"


def _format_share(users: float) -> str:
    """Return the users of one replica: `308`, and with a decimal if they are few: `2.5`."""
    return text.format_number(users, 0 if users >= 10 or users == int(users) else 1)


def _explain_missing(deployment: Deployment, what: str) -> str:
    if deployment.safe.step is None:
        return f"not known: this size was not measured itself, and {what} was not counted"
    return f"not known: {what} was not counted"


def explain_memory_request(deployment: Deployment) -> str:
    """Return where the memory of the request comes from, and whether the memory is level."""
    use = deployment.use
    if use.memory_bytes is None:
        return "the limit, because what a replica needs was not counted"
    used = f"{text.format_mebibytes(use.memory_bytes)} at its {_name_share(deployment)}"
    if use.is_memory_level:
        return f"a replica uses {used}, and its memory is level"
    if use.is_memory_level is None:
        return f"the limit: it used {used}, but no step was long enough to show that its memory is level"
    return f"the limit: it used {used}, and its memory still grew"


def choose_memory_request(deployment: Deployment) -> int:
    """Return the bytes to request: what a replica uses if that is level, and otherwise its limit."""
    use, limit_bytes = deployment.use, deployment.limits.memory_bytes
    if use.memory_bytes is None or not use.is_memory_level:
        return limit_bytes
    return min(limit_bytes, math.ceil(use.memory_bytes))


def explain_replicas(deployment: Deployment) -> str:
    """Return why it is this number of replicas."""
    users, share = text.format_users(deployment.users), _format_share(deployment.use.users)
    return f"{users}, {share} for each replica"


def explain_most_replicas(deployment: Deployment) -> str:
    """Return why an autoscaler may start this many replicas."""
    measured = deployment.result.cell.limits.replicas
    were = "1 was" if measured == 1 else f"{measured} were"
    return f"your choice: twice as many as {_say_need(deployment.users)}; {were} measured"


def explain_scaling(deployment: Deployment, look_every_s: float = LOOK_EVERY_S) -> str:
    """Return at which use a replica breaks, and how fast the load may grow while a further one starts.

    `look_every_s` is how long it takes until an autoscaler asks for one.
    """
    ratio = deployment.use.break_ratio
    if ratio is None:
        breaks = "where a replica breaks was not measured"
    else:
        capacity = text.format_users(deployment.result.sustained_users or 0)
        breaks = f"a replica breaks above {text.format_ratio(ratio)} of its CPU limit ({capacity} in all)"
    at = _format_share(deployment.use.scale_at_users)
    users = _name_users(deployment.use.scale_at_users)
    return f"at {at} {users} for each replica; {breaks}; {_explain_growth(deployment, look_every_s)}"


def _explain_growth(deployment: Deployment, look_every_s: float) -> str:
    """Return how many users a minute may be added for each replica while a further one gets ready."""
    safe, ready_after_s = deployment.safe, deployment.ready_after_s
    if ready_after_s is None:
        return "how long a replica takes to be ready is not known"
    capacity_users = safe.capacity_users / deployment.result.cell.limits.replicas
    spare = max(0.0, capacity_users - deployment.use.scale_at_users)
    a_minute = math.floor(round(60 * spare / (ready_after_s + look_every_s), 6))
    source = "" if safe.basis is CapacityBasis.MEASURED else f" ({safe.basis})"
    ready, asked = text.format_seconds(ready_after_s), text.format_duration(look_every_s)
    return (
        f"a replica was ready after {ready}: with {asked} until it is asked for, each replica bears "
        f"{text.format_count(a_minute)} more users a minute{source}"
    )


def explain_concurrency(deployment: Deployment) -> str:
    """Return where the limit on requests at once comes from."""
    return (
        f"a replica serves {text.format_number(deployment.use.in_flight, 1)} requests at once at its "
        f"{_name_share(deployment)} (Little's law), and by chance up to three standard deviations more"
    )


def choose_concurrency(deployment: Deployment) -> int | None:
    """Return how many requests a replica should serve at once at most; None if that is not known.

    Independent arrivals make a number with a Poisson distribution, whose variance is its mean.
    """
    mean = deployment.use.in_flight
    return None if mean is None else max(1, math.ceil(mean + 3 * math.sqrt(mean)))


def explain_sold_size(deployment: Deployment, seller: str, *, is_measured: bool) -> str:
    """Return that an amount was measured, or why it is more than that."""
    if is_measured:
        return MEASURED_LIMIT
    measured = text.format_size(deployment.limits)
    return f"{seller} sells no {measured}: this is the next larger size, which was not measured"


def explain_readiness(deployment: Deployment) -> str:
    """Return how long a container took to be ready."""
    if deployment.ready_after_s is None:
        return "as the harness asked for it; how long it takes is not known"
    return f"as the harness asked for it: ready after {text.format_seconds(deployment.ready_after_s)}"


def explain_settings(deployment: Deployment, reserved: Sequence[str] = ()) -> str:
    """Return which variant sets the variables, and which are left out because the system sets them."""
    explained = f"as the variant {deployment.result.cell.limits.variant or ''} sets them"
    return f"{explained}, without {', '.join(reserved)}: set by the system itself" if reserved else explained
