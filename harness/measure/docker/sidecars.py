"""A private network with a target's companions in it, or its replicas, all as fresh as the target itself."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from docker.api import APIClient

from harness.errors import CompanionFailed, TargetFailed
from harness.measure.docker import load_balancer
from harness.measure.docker.client import CAMPAIGN_LABEL, already_gone, engine_asked_to
from harness.measure.docker.container import DockerTarget, running
from harness.measure.docker.container_spec import Order
from harness.measure.protocols import Clock, Image
from harness.model import Companion


@contextlib.contextmanager
def accompanied(
    client: APIClient, clock: Clock, order: Order, images: Mapping[str, Image]
) -> Iterator[DockerTarget]:
    """The target among its companions, each ready and seeded before the next; all gone afterwards.

    Raises CompanionFailed where one of them does not come up, which says nothing about the target's size.
    """
    companions = order.target.companions
    if not companions and order.limits.replicas == 1:
        with running(client, clock, order) as target:
            yield target
        return
    with contextlib.ExitStack() as stack:
        begun_s = clock.now_s()
        network = stack.enter_context(private_network(client, order))
        placed = replace(order, network=network)
        beside = [
            stack.enter_context(_companion(client, clock, placed, each, images[each.name]))
            for each in companions
        ]
        ready_after_s = clock.now_s() - begun_s
        if order.limits.replicas == 1:
            target = stack.enter_context(running(client, clock, placed, beside))
        else:
            target = stack.enter_context(
                replicated(client, clock, placed, beside, images[load_balancer.NAME])
            )
        target.companions_ready_after_s = ready_after_s if companions else None
        yield target


@contextlib.contextmanager
def replicated(
    client: APIClient, clock: Clock, order: Order, beside: Sequence[DockerTarget], image: Image
) -> Iterator[DockerTarget]:
    """Several containers of the target behind a balancer, which counts as its last companion.

    The first of them stands for all.
    """
    wanted = order.target.balancer
    assert wanted is not None, "the plan gives a balancer to whatever has replicas"
    one, names = replace(order.limits, replicas=1), load_balancer.replica_names(order.target, order.limits)
    service = load_balancer.told(load_balancer.balancer(order.target, wanted), wanted, names)
    with contextlib.ExitStack() as stack:
        replicas = [
            stack.enter_context(
                running(
                    client,
                    clock,
                    replace(
                        order,
                        name=f"{order.name}-{number}",
                        limits=one,
                        target=replace(order.target, name=name, host_port=None),
                    ),
                )
            )
            for number, name in enumerate(names, 1)
        ]
        front = stack.enter_context(
            _companion(client, clock, order, Companion(service, wanted.limits), image)
        )
        first = replicas[0]
        first.replicas, first.companions = tuple(replicas), (*beside, front)
        first.ready_after_s = max(each.ready_after_s for each in replicas)
        yield first


@contextlib.contextmanager
def private_network(client: APIClient, order: Order) -> Iterator[str]:
    """A bridge of this container life's own, by its name."""
    with engine_asked_to("create a network for the target and its companions"):
        client.create_network(order.name, driver="bridge", labels={CAMPAIGN_LABEL: order.campaign})
    try:
        yield order.name
    finally:
        with engine_asked_to(f"remove the network {order.name}"), already_gone():
            client.remove_network(order.name)


@contextlib.contextmanager
def _companion(
    client: APIClient, clock: Clock, order: Order, companion: Companion, image: Image
) -> Iterator[DockerTarget]:
    own = replace(
        order,
        name=f"{order.name}-{companion.name}",
        limits=companion.limits,
        target=companion.service,
        image=image,
    )
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(running(client, clock, own))
            _seed(started, companion)
        except TargetFailed as failure:
            raise CompanionFailed(f"the companion {companion.name}: {failure.what}", failure.hint) from None
        yield started


def _seed(started: DockerTarget, companion: Companion) -> None:
    if companion.seed is None:
        return
    code, said = started.run_inside(companion.seed)
    if code != 0:
        raise CompanionFailed(
            f"the companion {companion.name}: its seed {companion.seed[0]} ended with {code}\n{said[-2000:]}",
            "try the command in a container of its image",
        )
