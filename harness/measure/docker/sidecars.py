"""Run a target in a private network with its companions, or as replicas behind a balancer."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from docker.api import APIClient

from harness.errors import CompanionStartError, TargetStartError
from harness.measure.docker import load_balancer
from harness.measure.docker.cleanup import remove_network, remove_volume
from harness.measure.docker.client import CAMPAIGN_LABEL, translate_docker_errors
from harness.measure.docker.container import DockerContainer, DockerTarget, run_container
from harness.measure.docker.container_files import find_shared_folders, name_volume, open_folder_archive
from harness.measure.docker.container_spec import ContainerSpec
from harness.measure.docker.creation import fill_volume
from harness.measure.docker.readiness import probe_network
from harness.measure.protocols import Clock, Image
from harness.model import Companion, FailureKind, Target, TcpProbe

_OUTPUT_CHARACTERS_SHOWN = 2000
_ANSWER_WITHIN_S = 1.0


@contextlib.contextmanager
def run_with_sidecars(
    client: APIClient, clock: Clock, spec: ContainerSpec, images: Mapping[str, Image]
) -> Iterator[DockerTarget]:
    """Start the target and its companions, yield the target once all are ready, and remove all on exit.

    The companions are started first, in order: each is ready and seeded, or has ended if it is a job, before
    the next one starts. `images` are the images of the companions and of the balancer, by name.

    Raises:
        TargetStartError: as `run_container` does.
        CompanionStartError: a companion or the balancer can't be brought up, whatever the target's size.
    """
    with contextlib.ExitStack() as stack:
        started_s = clock.now_s()
        spec = replace(spec, group=spec.name, network_owner=_name_network_owner(spec, spec.target))
        for volume in _list_shared_volumes(spec.target):
            stack.enter_context(_create_volume(client, spec, volume))
        spec = replace(spec, shared_folders=_copy_shared_folders(client, spec, stack))
        if _needs_network(spec):
            spec = replace(spec, network=stack.enter_context(_create_network(client, spec)))
        companions: list[DockerContainer] = []
        jobs: list[DockerContainer] = []
        for companion in spec.target.companions:
            image = images[companion.name]
            running = _run_companion(client, clock, spec, companion, image, companions)
            (jobs if companion.is_job else companions).append(stack.enter_context(running))
        _check_port_is_unused(spec, companions)
        ready_after_s = clock.now_s() - started_s if spec.target.companions else None
        if spec.limits.replicas == 1:
            entrance = stack.enter_context(run_container(client, clock, spec, companions))
            replicas: tuple[DockerContainer, ...] = (entrance,)
        else:
            replicas = _run_replicas(client, clock, spec, stack)
            entrance = stack.enter_context(_run_balancer(client, clock, spec, images))
            companions.append(entrance)
        yield DockerTarget(replicas, entrance, tuple(companions), ready_after_s, tuple(jobs))


def _needs_network(spec: ContainerSpec) -> bool:
    """Return True if the target needs a private network: for others, or to be known by its names."""
    target = spec.target
    has_names = bool(target.options.aliases) and not target.host_network
    return bool(target.companions) or spec.limits.replicas > 1 or has_names


def _list_shared_volumes(target: Target) -> list[str]:
    """Return the names of the volumes that the target and its companions share, each once."""
    services = (target, *(companion.service for companion in target.companions))
    names = (name for service in services for name in service.options.volumes.values())
    return list(dict.fromkeys(name for name in names if name))


def _find_network_owner(target: Target, service: Target) -> str | None:
    """Return the companion whose network the service uses, also through another one; None: its own."""
    owners = {each.name: each.service.options.network_of for each in target.companions}
    owner = service.options.network_of
    while owner is not None and owners[owner] is not None:
        owner = owners[owner]
    return owner


def _name_network_owner(spec: ContainerSpec, service: Target) -> str | None:
    """Return the name of the container whose network the service uses."""
    owner = _find_network_owner(spec.target, service)
    return f"{spec.name}-{owner}" if owner is not None else None


def _check_port_is_unused(spec: ContainerSpec, companions: Sequence[DockerContainer]) -> None:
    """Raise CompanionStartError if something else answers at the target's port in a shared network."""
    owner = _find_network_owner(spec.target, spec.target)
    for container in companions:
        if container.name == owner and probe_network(TcpProbe(), container.port, _ANSWER_WITHIN_S) is None:
            raise CompanionStartError(
                f"port {spec.target.port} already answers in the network of {owner}, before the target is "
                "started: something else would be measured",
                "name the service that listens there as the target, or give one of the two another port",
            )


def add_network_members(target: Target, service: Target) -> Target:
    """Return the companion's service with the names of those that share its network.

    If the target is one of them, the target's port is published on the companion's container.
    """
    services = (target, *(companion.service for companion in target.companions))
    members = [each for each in services if _find_network_owner(target, each) == service.name]
    if not members:
        return service
    names = (name for member in members for name in (member.name, *member.options.aliases))
    options = replace(service.options, aliases=(*service.options.aliases, *names))
    if members[0] is not target:
        return replace(service, options=options)
    return replace(service, options=options, port=target.port, host_port=target.host_port)


def _run_replicas(
    client: APIClient, clock: Clock, spec: ContainerSpec, stack: contextlib.ExitStack
) -> tuple[DockerContainer, ...]:
    """Start the target's replicas one after the other; `stack` removes them."""
    names = load_balancer.name_replicas(spec.target, spec.limits)
    specs = [
        replace(
            spec,
            name=f"{spec.name}-{number}",
            limits=replace(spec.limits, replicas=1),
            target=replace(spec.target, name=name, host_port=None),
        )
        for number, name in enumerate(names, 1)
    ]
    return tuple(stack.enter_context(run_container(client, clock, each)) for each in specs)


@contextlib.contextmanager
def _run_balancer(
    client: APIClient, clock: Clock, spec: ContainerSpec, images: Mapping[str, Image]
) -> Iterator[DockerContainer]:
    balancer = spec.target.balancer
    assert balancer is not None, "the plan gives a balancer to every target with replicas"
    names = load_balancer.name_replicas(spec.target, spec.limits)
    service = load_balancer.build_balancer(spec.target, balancer)
    companion = Companion(load_balancer.with_configuration(service, balancer, names), balancer.limits)
    with _run_companion(client, clock, spec, companion, images[load_balancer.NAME], ()) as container:
        yield container


@contextlib.contextmanager
def _create_network(client: APIClient, spec: ContainerSpec) -> Iterator[str]:
    """Create a bridge network for one target and remove it on exit; yield its name."""
    with translate_docker_errors(
        "create a network for the target and its companions",
        "`docker network prune` removes networks that no container uses: an engine has addresses for some 30",
    ):
        client.create_network(spec.name, driver="bridge", labels={CAMPAIGN_LABEL: spec.campaign})
    try:
        yield spec.name
    finally:
        remove_network(client, spec.name, spec.name)


def _copy_shared_folders(
    client: APIClient, spec: ContainerSpec, stack: contextlib.ExitStack
) -> dict[Path, str]:
    """Copy each folder that several containers see into one volume, and return the volumes' names."""
    volumes = {}
    for number, folder in enumerate(find_shared_folders(spec.target), 1):
        name = f"copy-{number}"
        stack.enter_context(_create_volume(client, spec, name))
        volumes[folder] = name_volume(spec.group, name)
        with open_folder_archive(folder) as archive:
            fill_volume(client, spec, volumes[folder], archive)
    return volumes


@contextlib.contextmanager
def _create_volume(client: APIClient, spec: ContainerSpec, name: str) -> Iterator[None]:
    """Create a volume that the containers of one run share, and remove it on exit."""
    full_name = name_volume(spec.group, name)
    with translate_docker_errors(f"create the volume {name}"):
        client.create_volume(full_name, labels={CAMPAIGN_LABEL: spec.campaign})
    try:
        yield
    finally:
        remove_volume(client, full_name)


@contextlib.contextmanager
def _run_companion(
    client: APIClient,
    clock: Clock,
    spec: ContainerSpec,
    companion: Companion,
    image: Image,
    earlier: Sequence[DockerContainer],
) -> Iterator[DockerContainer]:
    """Start a companion of the target that `spec` describes, seed it, and remove it on exit.

    The wait for it ends if one of the `earlier` companions dies.
    """
    companion_spec = replace(
        spec,
        name=f"{spec.name}-{companion.name}",
        limits=companion.limits,
        target=add_network_members(spec.target, companion.service),
        image=image,
        network_owner=_name_network_owner(spec, companion.service),
    )
    with contextlib.ExitStack() as stack:
        try:
            container = stack.enter_context(run_container(client, clock, companion_spec, earlier))
            _seed(container, companion)
        except TargetStartError as failure:
            raise _build_error(companion, failure) from None
        yield container


def _build_error(companion: Companion, failure: TargetStartError) -> CompanionStartError:
    kind = "job" if companion.is_job else "companion"
    hint = failure.hint
    if failure.kind is FailureKind.OOM:
        hint = f"give it more memory: companions: {{{companion.name}: {{limits: …}}}}"
    return CompanionStartError(f"the {kind} {companion.name}: {failure.what}", hint)


def _seed(container: DockerContainer, companion: Companion) -> None:
    if companion.seed is None:
        return
    code, output = container.run_command(companion.seed)
    if code != 0:
        shown = output[-_OUTPUT_CHARACTERS_SHOWN:]
        raise CompanionStartError(
            f"the companion {companion.name}: its seed {companion.seed[0]} ended with {code}\n{shown}",
            "try the command in a container of its image",
        )
