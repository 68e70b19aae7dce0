"""Check everything before the first load: engines, plan, cores, leftovers of killed campaigns."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.campaign.lanes import check_lanes, find_lanes
from harness.campaign.variant_images import list_image_targets
from harness.errors import EngineError, EngineUnavailableError, UsageError
from harness.measure.docker.host import DockerHost
from harness.measure.docker.stats import DockerProbe
from harness.measure.host.cpu_affinity import plan_placement
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.remote_workers import WorkerPool
from harness.measure.protocols import MonotonicClock, TargetHost
from harness.measure.session import Backends
from harness.model import Engine, EngineWorkers, Fingerprint, Plan
from harness.plan import fit_to_host
from harness.report.view.side_by_side import describe_side_by_side
from harness.store import remove_partial_files

EngineBackends = Mapping[str | None, Backends]
"""The backends of each engine, by the engine's name; the name is None if the campaign has only one."""


def connect_backends(campaign: str, plan: Plan) -> EngineBackends:
    """Connect to all engines of the plan: those of the targets, and those that the load comes from.

    `campaign` is the name that containers get as a label. Raises EngineError, naming the engine, if one does
    not answer.
    """
    backends = {}
    for name, engine in plan.engines.items():
        with _name_engine_in_errors(name):
            backends[name] = _connect_backend(campaign, engine)
    load = plan.load
    if not isinstance(load, EngineWorkers):
        return backends
    hosts = []
    for number, engine in enumerate(load.engines, 1):
        with _name_engine_in_errors(f"engine {number} of load"):
            hosts.append(DockerHost(campaign, MonotonicClock(), engine=engine))
    return {
        name: _use_remote_workers(each, hosts, load.port + index, load.image)
        for index, (name, each) in enumerate(backends.items())
    }


def _connect_backend(campaign: str, engine: Engine) -> Backends:
    clock = MonotonicClock()
    return Backends(DockerHost(campaign, clock, engine=engine), LocustGenerator(), DockerProbe(clock), clock)


def _use_remote_workers(
    backends: Backends, hosts: Sequence[DockerHost], port: int, image: str | None
) -> Backends:
    """Return the backends with a generator whose workers run on these hosts and connect to this port here."""
    pool = WorkerPool(hosts, port, image)
    return replace(backends, generator=LocustGenerator(worker_pool=pool), load_hosts=pool.hosts)


@contextlib.contextmanager
def _name_engine_in_errors(name: str | None) -> Iterator[None]:
    """Put the engine's name in front of the errors that are raised within."""
    try:
        yield
    except EngineError as error:
        raise EngineError(f"{name}: {error.what}" if name else error.what, error.hint) from error


def check_plan(plan: Plan, backends: EngineBackends) -> Plan:
    """Return the plan fitted to the engines' hosts; with several engines every size must fit on each.

    Raises UsageError with all problems that can be found without starting anything.
    """
    first = next(iter(backends.values()))
    first.generator.find_user_classes(plan.scenario, plan.users_limit)
    problems: list[str] = []
    for each in backends.values():
        for target in list_image_targets(plan).values():
            problems += each.host.find_problems(target, plan.load)
        problems += each.generator.find_problems(plan.load)
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))
    fitted = _fit_to_hosts(plan, backends)
    if len(fitted.skipped) == len(fitted.cells):
        raise UsageError(
            "this host can measure none of the sizes: " + "; ".join(sorted(set(fitted.skipped.values()))),
            "add smaller sizes to the matrix, or measure on a larger host",
        )
    return fitted


def fit_to_engines(plan: Plan) -> Plan:
    """Return the plan fitted to the hosts of its engines. Raises EngineError if one does not answer."""
    return _fit_to_hosts(plan, connect_backends("plan", plan))


def count_lanes(
    plan: Plan, connect: Callable[[str, Plan], EngineBackends] = connect_backends
) -> tuple[int, str]:
    """Return how many sizes of the plan may be measured at once, and why only one if it wants more.

    Raises EngineError if an engine does not answer.
    """
    lanes, reason = find_lanes(plan, connect("plan", plan))
    return max(1, len(lanes)), reason


def _fit_to_hosts(plan: Plan, backends: EngineBackends) -> Plan:
    engines = [each.host.read_fingerprint().engine for each in backends.values()]
    cores = min(engine.cores or 0 for engine in engines)
    memory_bytes = min(engine.memory_bytes or 0 for engine in engines)
    return fit_to_host(plan, cores, memory_bytes, is_shared=any(engine.is_local for engine in engines))


def separate_cores(backends: EngineBackends, plan: Plan) -> tuple[EngineBackends, str]:
    """Give generator and targets separate cores if the host has enough.

    Returns the backends to use from now on, and the outcome in words.
    """
    if len(backends) > 1:
        return backends, "cores not separated: the campaign uses several engines"
    ((name, single),) = backends.items()
    limits = [cell.limits for cell in plan.cells]
    placement, outcome = plan_placement(single.host.read_fingerprint(), plan.target, limits, plan.load)
    if placement is None:
        return backends, outcome
    single.host.pin_to_cores(placement.target)
    return {name: replace(single, generator=single.generator.with_cores(placement.generator))}, outcome


def place_workers(
    backends: EngineBackends, plan: Plan, note: Callable[[str], None]
) -> tuple[EngineBackends, str, str]:
    """Return what each worker measures with, on which cores in words, and whether sizes disturb each other.

    Sizes are measured at once if the plan wants it, the host has the cores, and a check shows that they don't
    disturb each other; otherwise one at a time. The last text, which `note` gets too, is empty if the plan
    wants one at a time.
    """
    lanes, outcome = find_lanes(plan, backends)
    if lanes:
        note(f"checking whether {len(lanes)} sizes at once disturb each other; this takes about two minutes")
        check = check_lanes(plan, lanes)
        outcome = describe_side_by_side(check, len(lanes))
        if check is None or not check.is_undisturbed:
            lanes = {}
    elif outcome:
        outcome = f"sizes are measured one at a time: {outcome}"
    if outcome:
        note(outcome)
    if lanes:
        names = "; ".join(str(name) for name in lanes)
        return lanes, f"{len(lanes)} sizes at once, each on cores of its own: {names}", outcome
    single, placement = separate_cores(backends, plan)
    return single, placement, outcome


def build_fingerprint(backends: EngineBackends, placement: str) -> Fingerprint:
    """Return the first engine's fingerprint, with the facts of all engines if there are several.

    `placement` says in words which cores are used.
    """
    first = next(iter(backends.values()))
    fingerprints = {name or "": each.host.read_fingerprint() for name, each in backends.items()}
    return replace(
        next(iter(fingerprints.values())),
        placement=placement,
        load_engines=tuple(host.read_fingerprint().engine for host in first.load_hosts),
        engines={name: each.engine for name, each in fingerprints.items()} if len(backends) > 1 else {},
    )


@contextlib.contextmanager
def clean_engines(backends: EngineBackends, results: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Reserve the engines; remove what killed campaigns left on entry, and what this one left on exit.

    Whether a plan can be measured is checked within: leftovers may still hold the target's port.
    """
    hosts = list_hosts(backends)
    with contextlib.ExitStack() as stack:
        for host in hosts:
            stack.enter_context(host.reserve())
        remove_partial_files(results)
        for host in hosts:
            for name in host.remove_leftovers():
                note(f"removed a leftover: {name}")
        try:
            yield
        finally:
            for host in hosts:
                _remove_own(host, note)


def _remove_own(host: TargetHost, note: Callable[[str], None]) -> None:
    """Remove what this campaign left on an engine; what can't be removed costs no answer, and is noted."""
    try:
        host.remove_leftovers()
    except EngineUnavailableError:
        return  # the campaign has met this error too; the next run removes what is left there
    except EngineError as error:
        note(f"{error.what}; `harness clean`, or the next run, tries again")


def list_hosts(backends: EngineBackends) -> list[TargetHost]:
    """Return the hosts of the targets, then those of the load; an engine of both is listed once."""
    targets = [each.host for each in backends.values()]
    load = {host.read_identity(): host for each in backends.values() for host in each.load_hosts}
    known = {host.read_identity() for host in targets} if load else set()
    return targets + [host for identity, host in load.items() if identity not in known]
