"""Targets on a Docker engine: the real `TargetHost`."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from docker.api import APIClient

from harness.errors import EngineError
from harness.measure.docker import client as docker_client
from harness.measure.docker import image
from harness.measure.docker.container import DockerTarget, running
from harness.measure.docker.container_spec import Order, unset_variables
from harness.measure.docker.lock import engine_lock
from harness.measure.docker.port_access import LOOPBACK
from harness.measure.docker.readiness import port_is_free
from harness.measure.docker.sidecars import accompanied
from harness.measure.fingerprint import fingerprint
from harness.measure.host.cpu_affinity import Cores
from harness.measure.protocols import Clock, Image, RunningTarget
from harness.model import DEFAULT_ENGINE, SINGLE_PROCESS, Cell, Engine, Limits, Load, Target


class DockerHost:
    """Runs targets for one campaign, whose name all that it starts carries as a label."""

    def __init__(
        self,
        campaign: str,
        clock: Clock,
        client: APIClient | None = None,
        which: Engine = DEFAULT_ENGINE,
    ) -> None:
        self._campaign = campaign
        self._clock = clock
        self._client = client or docker_client.connect(which)
        self._is_another = which != DEFAULT_ENGINE
        self._reach = docker_client.reach_of(which, self._client)
        self._numbers = itertools.count(1)
        self._cores: Cores | None = None

    def keep_to(self, cores: Cores) -> None:
        """Run targets on these cores from now on; their size remains a quota."""
        self._cores = cores

    def check(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        """What would keep the target from being run here, found without starting or building anything."""
        problems = [f"the environment variable {name} is not set" for name in unset_variables(target)]
        services = (target, *(companion.service for companion in target.companions))
        if not docker_client.is_local(self._client):
            problems += self._out_of_reach(services)
        elif target.host_port is not None and not port_is_free(target.host_port):
            problems.append(f"port {target.host_port} is already in use")
        if load.is_remote and self._reach is not None and self._reach.address == LOOPBACK:
            problems.append(
                "workers on other machines can't reach the target on a loopback; "
                "name an address that they can: engine: {host: …, address: 10.0.0.7}"
            )
        for service in services:
            if service.build is None:
                problems += self._unavailable(service)
        return problems

    def prepare(self, target: Target) -> Image:
        return image.prepare(self._client, target, is_another=self._is_another)

    def run(self, cell: Cell, target: Target, image: Image) -> AbstractContextManager[RunningTarget]:
        order = Order(self._name(cell.id), self._campaign, cell.id, cell.limits, target, image, self._cores)
        if self._reach is not None:
            order = replace(order, reach=self._reach)
        return accompanied(self._client, self._clock, order, image.companions)

    def run_beside(
        self, service: Target, limits: Limits, image: Image, content: bytes
    ) -> AbstractContextManager[DockerTarget]:
        """A container that is no target and no target's companion; `content` is unpacked in it first."""
        name = self._name(service.name)
        order = Order(name, self._campaign, service.name, limits, service, image, content=content)
        return running(self._client, self._clock, order)

    def _name(self, what: str) -> str:
        return re.sub(r"[^a-zA-Z0-9_.-]+", "-", f"harness-{self._campaign}-{what}-{next(self._numbers)}")

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        return docker_client.remove_leftovers(self._client, campaign)

    def remove_old_images(self) -> list[str]:
        return docker_client.remove_old_images(self._client)

    def environment(self) -> Mapping[str, Any]:
        return fingerprint(self._client)

    def answers(self) -> bool:
        try:
            with docker_client.engine_asked_to("answer"):
                return bool(self._client.ping())
        except EngineError:
            return False

    def identity(self) -> str:
        with docker_client.engine_asked_to("say who it is"):
            info = self._client.info()
        # cloned hosts share an ID
        return " ".join(str(info.get(key)) for key in ("ID", "Name", "DockerRootDir"))

    def reserved(self) -> AbstractContextManager[None]:
        return engine_lock(self.identity(), self._campaign)

    def close(self) -> None:
        self._client.close()

    def _out_of_reach(self, services: Iterable[Target]) -> Iterator[str]:
        """What another machine's engine can't do for us."""
        if self._reach is None:
            yield (
                "the engine is on another machine, which publishes the target's port on its own loopback; "
                "name its address (engine: {host: …, address: 10.0.0.5}), or reach it by ssh://"
            )
        for service in services:
            if service.files:
                yield f"{service.name}: `files` are not where the engine is; build them into its image"

    def _unavailable(self, target: Target) -> list[str]:
        """An image is looked for where it will be needed: here, else at its registry, by pulling it."""
        try:
            self.prepare(target)
        except EngineError as error:
            return [str(error)]
        return []
