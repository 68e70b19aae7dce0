"""Run targets on a Docker engine: the real `TargetHost`."""

import contextlib
import copy
import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from docker.api import APIClient

from harness.errors import EngineError
from harness.measure.docker import cleanup
from harness.measure.docker.client import connect, find_port_access, is_local, translate_docker_errors
from harness.measure.docker.container import DockerContainer, run_container
from harness.measure.docker.container_spec import ContainerSpec, find_unset_variables
from harness.measure.docker.image import prepare_images
from harness.measure.docker.lock import lock_engine
from harness.measure.docker.port_access import LOCAL, is_port_free
from harness.measure.docker.sidecars import run_with_sidecars
from harness.measure.engine_kind import identify_engine
from harness.measure.fingerprint import read_fingerprint
from harness.measure.host.cpu_affinity import Cores
from harness.measure.own_container import NO_HOST_NETWORK, find_own_container, lacks_host_network
from harness.measure.protocols import Clock, Image, RunningTarget
from harness.model import (
    DEFAULT_ENGINE,
    LOOPBACK,
    SINGLE_PROCESS,
    Cell,
    Engine,
    Fingerprint,
    ImageSource,
    Limits,
    Load,
    Target,
)


class DockerHost:
    """An engine that runs targets for one campaign.

    All that it creates carries the campaign's name as a label.
    """

    def __init__(
        self,
        campaign: str,
        clock: Clock,
        client: APIClient | None = None,
        engine: Engine = DEFAULT_ENGINE,
    ) -> None:
        self._campaign = campaign
        self._clock = clock
        self._client = client or connect(engine)
        self._engine = engine
        self._port_access = find_port_access(engine, self._client)
        self._numbers = itertools.count(1)
        self._cores: Cores | None = None
        self._is_shared = False
        self._trusts_open_port = False

    def pin_to_cores(self, cores: Cores) -> None:
        """Run targets only on these cores of the host from now on. A target's CPU limit remains a quota."""
        self._cores = cores

    def on_cores(self, cores: Cores) -> "DockerHost":
        """Return the same engine, which runs targets on these cores while others run on other cores.

        It removes no leftovers of the campaign, because others may be using them.
        """
        host = copy.copy(self)
        host._cores, host._is_shared = cores, True
        return host

    def find_problems(self, target: Target, load: Load = SINGLE_PROCESS) -> list[str]:
        """Find what would keep the target from running here, or the load from reaching it.

        Nothing is started or built; images that are missing are pulled.
        """
        problems = [f"the environment variable {name} is not set" for name in find_unset_variables(target)]
        services = (target, *(companion.service for companion in target.companions))
        if not is_local(self._client):
            problems += self._find_remote_problems(services)
        elif target.host_port is not None and not is_port_free(target.host_port):
            problems.append(f"port {target.host_port} is already in use")
        if self._port_access == LOCAL and lacks_host_network(find_own_container(self._client)):
            problems.append(f"{NO_HOST_NETWORK}; start it with docker run --network host")
        if load.is_remote and self._port_access is not None and self._port_access.address == LOOPBACK:
            problems.append(
                "workers on other machines can't reach the target on a loopback; "
                "name an address that they can reach: engine: {host: …, address: 10.0.0.7}"
            )
        for service in services:
            if isinstance(service.source, ImageSource):
                problems += self._find_image_problems(service)
        return problems

    def prepare(self, target: Target) -> Image:
        """Build, find or pull the target's image and its companions'. Raises EngineError with the output."""
        return prepare_images(self._client, target, self._engine)

    @contextlib.contextmanager
    def run(self, cell: Cell, target: Target, image: Image) -> Iterator[RunningTarget]:
        """Start a fresh target at the cell's size, as `run_with_sidecars` does.

        If an HTTP server behind an open port said all the while that it is unavailable, that of the next
        container is not believed.
        """
        spec = ContainerSpec(
            self._build_name(cell.id), self._campaign, cell.id, cell.limits, target, image, self._cores
        )
        if self._port_access is not None:
            spec = replace(spec, port_access=self._port_access)
        spec = replace(spec, trusts_open_port=self._trusts_open_port)
        with run_with_sidecars(self._client, self._clock, spec, image.companions) as running:
            self._trusts_open_port |= any(replica.is_unavailable for replica in running.replicas)
            yield running

    def run_service(
        self, service: Target, limits: Limits, image: Image, archive: bytes
    ) -> AbstractContextManager[DockerContainer]:
        """Start a container that is neither a target nor a companion, such as a Locust worker.

        `archive` is a tar archive that is unpacked in the container before it starts.
        """
        name = self._build_name(service.name)
        spec = ContainerSpec(name, self._campaign, service.name, limits, service, image, archive=archive)
        return run_container(self._client, self._clock, spec)

    def _build_name(self, purpose: str) -> str:
        return re.sub(r"[^a-zA-Z0-9_.-]+", "-", f"harness-{self._campaign}-{purpose}-{next(self._numbers)}")

    def remove_leftovers(self, campaign: str | None = None) -> list[str]:
        """Remove all containers and networks of a campaign (None: of any); return their names."""
        if self._is_shared:
            return []
        return cleanup.remove_leftovers(self._client, campaign)

    def remove_old_images(self) -> list[str]:
        """Remove targets' images that newer ones replaced and no container uses; return their names."""
        return cleanup.remove_old_images(self._client)

    def read_fingerprint(self) -> Fingerprint:
        return read_fingerprint(self._client)

    def is_answering(self) -> bool:
        """Return True if the engine answers at the moment."""
        try:
            with translate_docker_errors("answer"):
                return bool(self._client.ping())
        except EngineError:
            return False

    def read_identity(self) -> str:
        """Return a text that identifies this engine among all others."""
        with translate_docker_errors("identify itself"):
            return identify_engine(self._client.info(), self._client.version())

    def reserve(self) -> AbstractContextManager[None]:
        """Keep other campaigns off this engine, as `lock_engine` does."""
        return lock_engine(self.read_identity(), self._campaign)

    def close(self) -> None:
        self._client.close()

    def _find_remote_problems(self, services: Iterable[Target]) -> Iterator[str]:
        """Find what would keep the services from running on an engine of another machine."""
        if self._port_access is None:
            yield (
                "the engine is on another machine, which publishes the target's port on its own loopback; "
                "name its address (engine: {host: …, address: 10.0.0.5}), or reach it by ssh://"
            )
        for service in services:
            if service.files:
                yield (
                    f"{service.name}: `files` can't be mounted on an engine of another machine; "
                    "build them into its image"
                )

    def _find_image_problems(self, target: Target) -> list[str]:
        """Find why the image can't be had; it is pulled from its registry if this engine lacks it."""
        try:
            self.prepare(target)
        except EngineError as error:
            return [str(error)]
        return []
