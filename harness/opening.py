"""Before the first load: what the campaign meets, whether it is a new one, and where it goes on."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.analyse.comparable import changed_parts, machine_differences
from harness.errors import EngineGone, UsageError
from harness.measure.clock import MonotonicClock
from harness.measure.docker_host import DockerHost
from harness.measure.generator import LocustGenerator
from harness.measure.life import World
from harness.measure.placement import placed
from harness.measure.usage import DockerProbe
from harness.model import THE_USUAL, Engine, Plan
from harness.plan import fit, plan_to_json
from harness.store import CampaignFolder, remove_parts

Say = Callable[[str], None]


def the_world(campaign: str, engine: Engine = THE_USUAL) -> World:
    clock = MonotonicClock()
    return World(DockerHost(campaign, clock, which=engine), LocustGenerator(), DockerProbe(clock), clock)


def checked(plan: Plan, world: World) -> Plan:
    """The plan fitted to this host, after all that can be known to be wrong without starting anything."""
    world.generator.inspect(plan.scenario)
    problems = world.host.check(plan.target)
    if problems:
        raise UsageError("\n".join(problems))
    engine = world.host.environment()["engine"]
    fitted: Plan = fit(plan, engine["cores"], engine["memory_bytes"], is_shared=engine["local"])
    if len(fitted.skipped) == len(fitted.cells):
        raise UsageError(
            "this host can measure none of the sizes: " + "; ".join(sorted(set(fitted.skipped.values())))
        )
    return fitted


def parted(world: World, plan: Plan) -> tuple[World, str]:
    """The generator off the targets' cores, where this host has cores for both; and that in words."""
    placement, words = placed(world.host.environment(), plan)
    if placement is None:
        return world, words
    world.host.keep_to(placement.target)
    return replace(world, generator=LocustGenerator(placement.generator)), words


@contextlib.contextmanager
def swept(world: World, results: Path, say: Say) -> Iterator[None]:
    """Alone on the engine, without leftovers of killed campaigns before, and without any of ours after."""
    with world.host.reserved():
        remove_parts(results)
        for name in world.host.remove_leftovers():
            say(f"removed a leftover: {name}")
        try:
            yield
        finally:
            with contextlib.suppress(EngineGone):  # the next run sweeps again
                world.host.remove_leftovers()


def created(results: Path, name: str, plan: Plan, environment: Mapping[str, Any]) -> CampaignFolder:
    return CampaignFolder.create(results, name, plan_to_json(plan), environment)


def unfinished(results: Path, plan: Plan, say: Say) -> Path | None:
    """The newest campaign, if it was interrupted and nothing that it asks has changed since."""
    latest = results / "latest"
    if not (latest / "events.jsonl").is_file():
        return None
    folder = CampaignFolder.open(latest)
    if folder.story().ended == "complete":
        return None
    if changed := changes(folder, plan):
        say(f"{folder.name} was interrupted, but {_and(changed)} changed since: a new campaign begins")
        return None
    say(f"going on with {folder.name}, which was interrupted (--fresh begins anew)")
    return folder.path


def changes(folder: CampaignFolder, plan: Plan) -> list[str]:
    return changed_parts(folder.plan().get("hashes", {}), plan.hashes)


def resumed(path: Path, plan: Plan, environment: Mapping[str, Any]) -> CampaignFolder:
    """The stored campaign, ready to go on. Raises UsageError where its numbers would not belong together."""
    folder = CampaignFolder.open(path)
    if changed := changes(folder, plan):
        raise UsageError(
            f"{path}: {_and(changed)} changed since this campaign began",
            "run with --fresh for a new campaign, or restore what it was",
        )
    if moved := machine_differences(folder.environment(), environment):
        raise UsageError(
            f"{path}: this is another machine than the one that the campaign began on: {'; '.join(moved)}",
            "go on there, or run with --fresh for a new campaign here",
        )
    folder.resumed()
    return folder


def _and(things: list[str]) -> str:
    return " and ".join(things)
