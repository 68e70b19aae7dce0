"""Run a target in a private network with its companions, or as replicas behind a balancer."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from docker.api import APIClient

from harness.errors import CompanionStartError, TargetStartError
from harness.measure.docker import load_balancer
from harness.measure.docker.cleanup import remove_network
from harness.measure.docker.client import CAMPAIGN_LABEL, translate_docker_errors
from harness.measure.docker.container import DockerContainer, DockerTarget, run_container
from harness.measure.docker.container_spec import ContainerSpec
from harness.measure.protocols import Clock, Image
from harness.model import Companion

_OUTPUT_CHARACTERS_SHOWN = 2000


@contextlib.contextmanager
def run_with_sidecars(
    client: APIClient, clock: Clock, spec: ContainerSpec, images: Mapping[str, Image]
) -> Iterator[DockerTarget]:
    """Start the target and its companions, yield the target once all are ready, and remove all on exit.

    The companions are started first, in order: each is ready and seeded before the next one starts. `images`
    are the images of the companions and of the balancer, by name.

    Raises:
        TargetStartError: as `run_container` does.
        CompanionStartError: a companion or the balancer can't be brought up, whatever the target's size.
    """
    if not spec.target.companions and spec.limits.replicas == 1:
        with run_container(client, clock, spec) as container:
            yield DockerTarget((container,), container)
        return
    with contextlib.ExitStack() as stack:
        started_s = clock.now_s()
        networked = replace(spec, network=stack.enter_context(_create_network(client, spec)))
        companions = tuple(
            stack.enter_context(_run_companion(client, clock, networked, companion, images[companion.name]))
            for companion in spec.target.companions
        )
        companions_ready_after_s = clock.now_s() - started_s if companions else None
        if spec.limits.replicas == 1:
            container = stack.enter_context(run_container(client, clock, networked, companions))
            yield DockerTarget((container,), container, companions, companions_ready_after_s)
        else:
            replicas = _run_replicas(client, clock, networked, stack)
            balancer = stack.enter_context(_run_balancer(client, clock, networked, images))
            yield DockerTarget(replicas, balancer, (*companions, balancer), companions_ready_after_s)


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
    with _run_companion(client, clock, spec, companion, images[load_balancer.NAME]) as container:
        yield container


@contextlib.contextmanager
def _create_network(client: APIClient, spec: ContainerSpec) -> Iterator[str]:
    """Create a bridge network for one target and remove it on exit; yield its name."""
    with translate_docker_errors("create a network for the target and its companions"):
        client.create_network(spec.name, driver="bridge", labels={CAMPAIGN_LABEL: spec.campaign})
    try:
        yield spec.name
    finally:
        remove_network(client, spec.name, spec.name)


@contextlib.contextmanager
def _run_companion(
    client: APIClient, clock: Clock, spec: ContainerSpec, companion: Companion, image: Image
) -> Iterator[DockerContainer]:
    """Start a companion of the target that `spec` describes, seed it, and remove it on exit."""
    companion_spec = replace(
        spec,
        name=f"{spec.name}-{companion.name}",
        limits=companion.limits,
        target=companion.service,
        image=image,
    )
    with contextlib.ExitStack() as stack:
        try:
            container = stack.enter_context(run_container(client, clock, companion_spec))
            _seed(container, companion)
        except TargetStartError as failure:
            raise CompanionStartError(
                f"the companion {companion.name}: {failure.what}", failure.hint
            ) from None
        yield container


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
