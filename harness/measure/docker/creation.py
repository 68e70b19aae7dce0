"""Create a container as its spec says, put files into it, start it, and find its port."""

import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import IO, Any

from docker.api import APIClient
from docker.errors import APIError
from docker.types import Mount

from harness.errors import (
    EngineError,
    EngineUnavailableError,
    HarnessError,
    TargetStartError,
    UsageError,
)
from harness.measure.docker.cleanup import remove_container
from harness.measure.docker.client import (
    CAMPAIGN_LABEL,
    CELL_LABEL,
    get_docker_message,
    is_local,
    translate_docker_errors,
)
from harness.measure.docker.container_files import build_archives
from harness.measure.docker.container_spec import (
    ContainerSpec,
    build_host_options,
    build_networking_config,
    find_unmet_limits,
)
from harness.measure.docker.file_pages import drop_file_pages, note_folders
from harness.model import ContainerOptions, FailureKind

_FILLED_AT = "/filled"
_PORT_IN_USE = re.compile(r"address already in use|port is already allocated")
_OF_RUNTIME = re.compile(r"\bOCI\b|\bcrun\b|\brunc\b")
"""An error of the program that starts the container's process, with the container's limits."""

_OF_ENGINE = re.compile(
    r"No such (?:container|image)|network|connectivity|iptables|nftables|endpoint|sandbox|ttrpc|transport"
    r"|containerd|netavark|connection refused|context canceled|deadline exceeded|timeout|rpc error|closing"
    r"|\bEOF\b",
    re.IGNORECASE,
)
"""What the engine says if something of its own failed, or if someone removed the container or its network."""

_FULL_DISK = "no space left on device"


def create_container(
    client: APIClient, spec: ContainerSpec, environment: Mapping[str, str]
) -> tuple[str, int]:
    """Create the container; return its id and the Unix time of its creation by the engine's clock."""
    target, options = spec.target, spec.target.options
    with translate_docker_errors(
        "create the container", "`harness clean` removes the containers of earlier runs"
    ):
        created = client.create_container(
            spec.image.reference,
            command=list(target.command) if target.command is not None else None,
            entrypoint=_choose_entrypoint(client, spec),
            name=spec.name,
            environment=dict(environment),
            user=target.user,
            working_dir=options.working_dir,
            hostname=options.hostname,
            domainname=options.domainname,
            tty=options.has_tty,
            stdin_open=options.has_stdin,
            healthcheck=_build_healthcheck(options),
            ports=[target.port] if spec.publishes_port else None,
            labels={CAMPAIGN_LABEL: spec.campaign, CELL_LABEL: spec.cell_id},
            host_config=client.create_host_config(**build_host_options(spec)),
            networking_config=build_networking_config(client, spec),
        )
        if spec.archive:
            client.put_archive(created["Id"], "/", spec.archive)
        for folder, archive in build_archives(target, os.environ, spec.shared_folders):
            client.put_archive(created["Id"], folder, archive)
        facts = client.inspect_container(created["Id"])
    if unmet := find_unmet_limits(facts["HostConfig"], spec.limits):
        warnings = "; ".join(created.get("Warnings") or ["no warning"])
        raise EngineError(
            f"{spec.name}: the engine does not apply {' and '.join(unmet)} ({warnings})",
            "the kernel lacks these cgroup controllers; `docker info` lists what the engine can limit",
        )
    return created["Id"], int(datetime.fromisoformat(facts["Created"]).timestamp())


def fill_volume(client: APIClient, spec: ContainerSpec, volume: str, archive: IO[bytes]) -> None:
    """Unpack an archive in a volume, through a container that is never started."""
    name = f"{volume}-filling"
    with translate_docker_errors(f"fill the volume {volume}"):
        try:
            created = client.create_container(
                spec.image.reference,
                command=["true"],
                name=name,
                labels={CAMPAIGN_LABEL: spec.campaign},
                host_config=client.create_host_config(
                    mounts=[Mount(_FILLED_AT, volume, type="volume", no_copy=True)]
                ),
            )
            client.put_archive(created["Id"], _FILLED_AT, archive)
        finally:
            remove_container(client, name)


def _build_healthcheck(options: ContainerOptions) -> dict[str, Any] | None:
    """Return the check of a container's health for the engine, in nanoseconds; None for the image's own."""
    if not options.has_healthcheck:
        return {"test": ["NONE"]}
    if (check := options.healthcheck) is None:
        return None
    durations = {
        "interval": check.interval_s,
        "timeout": check.timeout_s,
        "start_period": check.start_period_s,
    }
    return {
        **({"test": list(check.test)} if check.test else {}),
        **{key: round(seconds * 1e9) for key, seconds in durations.items() if seconds},
        **({"retries": check.retries} if check.retries else {}),
    }


def _choose_entrypoint(client: APIClient, spec: ContainerSpec) -> list[str] | None:
    """Return the entrypoint for the engine, which takes an empty command for the image's own.

    With an entrypoint beside it, an empty command is empty. So that of the image is named.
    """
    target = spec.target
    if target.entrypoint is not None:
        return list(target.entrypoint)
    if target.command != ():
        return None
    facts = client.inspect_image(spec.image.reference)  # type: ignore[no-untyped-call]
    if entrypoint := (facts.get("Config") or {}).get("Entrypoint"):
        return list(entrypoint)
    raise UsageError(
        f"{target.name}: its command is empty, and its image has no entrypoint, so nothing would run",
        "write a command, or leave `command` out: then the image's own runs",
    )


def start_container(client: APIClient, container_id: str, spec: ContainerSpec) -> None:
    """Start a created container, which has to read its image's files itself (see `file_pages`).

    Raises EngineUnavailableError if the engine failed, EngineError if its port is in use or a limit can't be
    set, and TargetStartError if the target can't be started at this size.
    """
    has_own_pages = True
    if is_local(client):
        with translate_docker_errors("describe the image"):
            has_own_pages = drop_file_pages(client, spec.image.reference)
    with translate_docker_errors("start the container"):
        try:
            client.start(container_id)
        except APIError as error:
            raise explain_failed_start(spec, get_docker_message(error)) from error
    if not has_own_pages:
        with translate_docker_errors("describe the container"):
            note_folders(client, spec.image.reference, container_id)


def explain_failed_start(spec: ContainerSpec, message: str) -> HarnessError:
    """Return the error that the engine's refusal to start a container is.

    What is wrong with the engine or with its host says nothing about the size: it is worth another try.
    """
    host_port = spec.target.host_port
    if _PORT_IN_USE.search(message) and host_port is not None:
        return EngineError(
            f"port {host_port} of {spec.port_access.address} is already in use",
            "choose another `host_port`, or leave it out: the engine then picks a free one",
        )
    if "setting rlimit" in message:
        return EngineError(
            f"{spec.name}: the engine may not set these limits of `ulimits`: {message}",
            "write limits that are not above the engine's own, or drop `ulimits`",
        )
    is_of_engine = _OF_ENGINE.search(message) is not None and _OF_RUNTIME.search(message) is None
    if is_of_engine or _FULL_DISK in message or _PORT_IN_USE.search(message):
        return EngineUnavailableError(f"Docker could not start the container: {message}")
    return TargetStartError(FailureKind.EXITED, message)


def find_published_port(client: APIClient, container_id: str, spec: ContainerSpec) -> int:
    """Return the port on the engine's host; 0 if none is published, or the container has already ended."""
    if spec.target.host_network:
        return spec.target.port
    with translate_docker_errors("inspect the target"):
        networks = client.inspect_container(spec.network_owner or container_id)["NetworkSettings"]
    bindings = (networks.get("Ports") or {}).get(f"{spec.target.port}/tcp")
    return int(bindings[0]["HostPort"]) if bindings else 0
