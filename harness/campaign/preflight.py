"""Before the first load: what the campaign meets, whether it is a new one, and where it goes on."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.analyse.result.comparison import find_changed_parts, find_machine_differences
from harness.errors import EngineError, EngineGone, UsageError
from harness.measure.docker.host import DockerHost
from harness.measure.docker.stats import DockerProbe
from harness.measure.host.cpu_affinity import plan_placement
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.remote_workers import WorkerPool
from harness.measure.protocols import MonotonicClock, TargetHost
from harness.measure.session import Backends
from harness.model import DEFAULT_ENGINE, Engine, EngineFacts, EngineWorkers, Fingerprint, Plan
from harness.plan import fit_to_host, plan_to_json
from harness.store import CampaignFolder, remove_partial_files

Say = Callable[[str], None]


Worlds = Mapping[str, Backends]
"""One for each engine, by its name; a single one has none."""


def the_world(campaign: str, engine: Engine = DEFAULT_ENGINE) -> Backends:
    clock = MonotonicClock()
    return Backends(DockerHost(campaign, clock, engine=engine), LocustGenerator(), DockerProbe(clock), clock)


def loaded_from(world: Backends, hosts: Sequence[DockerHost], port: int, image: str | None) -> Backends:
    """The world with its load coming from these engines."""
    engines = WorkerPool(hosts, port, image)
    return replace(world, generator=LocustGenerator(engines=engines), load_hosts=engines.hosts)


def connect_backends(campaign: str, plan: Plan) -> Worlds:
    """Raises EngineError, naming the engine, where one does not answer."""
    found = {}
    for name, engine in plan.engines.items():
        with naming_engine(name):
            found[name] = the_world(campaign, engine)
    load = plan.load
    if not isinstance(load, EngineWorkers):
        return found
    hosts = []
    for number, engine in enumerate(load.engines, 1):
        with naming_engine(f"engine {number} of load"):
            hosts.append(DockerHost(campaign, MonotonicClock(), engine=engine))
    return {
        name: loaded_from(world, hosts, load.port + index, load.image)
        for index, (name, world) in enumerate(found.items())
    }


@contextlib.contextmanager
def naming_engine(name: str) -> Iterator[None]:
    """An engine that does not answer is named."""
    try:
        yield
    except EngineError as error:
        raise EngineError(f"{name}: {error.what}" if name else error.what, error.hint) from error


def check_plan(plan: Plan, worlds: Worlds) -> Plan:
    """The plan fitted to its engines' hosts, after all that can be found wrong without starting anything.

    With several, every size must fit on each.
    """
    first = next(iter(worlds.values()))
    first.generator.find_user_classes(plan.scenario)
    problems = list(
        dict.fromkeys(
            said
            for world in worlds.values()
            for said in (
                *world.host.find_problems(plan.target, plan.load),
                *world.generator.find_problems(plan.load),
            )
        )
    )
    if problems:
        raise UsageError("\n".join(problems))
    fitted = fitted_to([world.host.read_fingerprint().engine for world in worlds.values()], plan)
    if len(fitted.skipped) == len(fitted.cells):
        raise UsageError(
            "this host can measure none of the sizes: " + "; ".join(sorted(set(fitted.skipped.values())))
        )
    return fitted


def fitted_to(engines: Sequence[EngineFacts], plan: Plan) -> Plan:
    cores = min(engine.cores or 0 for engine in engines)
    memory_bytes = min(engine.memory_bytes or 0 for engine in engines)
    return fit_to_host(plan, cores, memory_bytes, is_shared=any(engine.is_local for engine in engines))


def separate_cores(worlds: Worlds, plan: Plan) -> tuple[Worlds, str]:
    """The generator off the targets' cores, where this host has cores for both; and that in words."""
    if len(worlds) > 1:
        return worlds, "cores not separated: the campaign uses several engines"
    ((name, world),) = worlds.items()
    placement, words = plan_placement(
        world.host.read_fingerprint(), plan.target, [cell.limits for cell in plan.cells], plan.load
    )
    if placement is None:
        return worlds, words
    world.host.pin_to_cores(placement.target)
    return {name: replace(world, generator=world.generator.with_cores(placement.generator))}, words


def build_fingerprint(worlds: Worlds, placement: str) -> Fingerprint:
    """Read the first engine's fingerprint, and the facts of all engines if there are several."""
    first = next(iter(worlds.values()))
    fingerprints = {name: world.host.read_fingerprint() for name, world in worlds.items()}
    return replace(
        next(iter(fingerprints.values())),
        placement=placement,
        load_engines=tuple(host.read_fingerprint().engine for host in first.load_hosts),
        engines={name: each.engine for name, each in fingerprints.items()} if len(worlds) > 1 else {},
    )


@contextlib.contextmanager
def clean_engines(worlds: Worlds, results: Path, say: Say) -> Iterator[None]:
    """Alone on the engines, without leftovers of killed campaigns before, and without any of ours after."""
    hosts = distinct_hosts(worlds)
    with contextlib.ExitStack() as stack:
        for host in hosts:
            stack.enter_context(host.reserve())
        remove_partial_files(results)
        for host in hosts:
            for name in host.remove_leftovers():
                say(f"removed a leftover: {name}")
        try:
            yield
        finally:
            for host in hosts:
                with contextlib.suppress(EngineGone):  # the next run sweeps again
                    host.remove_leftovers()


def distinct_hosts(worlds: Worlds) -> list[TargetHost]:
    """The targets' engines, and those of the load that are none of them."""
    targets = [world.host for world in worlds.values()]
    load = {host.read_identity(): host for world in worlds.values() for host in world.load_hosts}
    known = {host.read_identity() for host in targets} if load else set()
    return targets + [host for identity, host in load.items() if identity not in known]


def create_campaign(results: Path, name: str, plan: Plan, fingerprint: Fingerprint) -> CampaignFolder:
    return CampaignFolder.create(results, name, plan_to_json(plan), fingerprint)


def find_unfinished(results: Path, plan: Plan, say: Say) -> Path | None:
    """The newest campaign, if it was interrupted and nothing that it asks has changed since."""
    latest = results / "latest"
    if not (latest / "events.jsonl").is_file():
        return None
    folder = CampaignFolder.open(latest)
    if folder.read_log().state == "complete":
        return None
    if changed := changes(folder, plan):
        say(f"{folder.name} was interrupted, but {_and(changed)} changed since: a new campaign begins")
        return None
    say(f"going on with {folder.name}, which was interrupted (--fresh begins anew)")
    return folder.path


def changes(folder: CampaignFolder, plan: Plan) -> list[str]:
    return find_changed_parts(folder.read_plan().get("hashes", {}), plan.hashes)


def reopen_campaign(path: Path, plan: Plan, fingerprint: Fingerprint) -> CampaignFolder:
    """The stored campaign, ready to go on. Raises UsageError where its numbers would not belong together."""
    folder = CampaignFolder.open(path)
    if changed := changes(folder, plan):
        raise UsageError(
            f"{path}: {_and(changed)} changed since this campaign began",
            "run with --fresh for a new campaign, or restore what it was",
        )
    if moved := find_machine_differences(folder.read_fingerprint(), fingerprint):
        raise UsageError(
            f"{path}: this is another machine than the one that the campaign began on: {'; '.join(moved)}",
            "go on there, or run with --fresh for a new campaign here",
        )
    folder.mark_resumed()
    return folder


def _and(things: list[str]) -> str:
    return " and ".join(things)
