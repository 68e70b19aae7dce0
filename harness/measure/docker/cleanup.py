"""Remove what the harness creates on an engine: containers, networks, volumes, replaced images."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from docker.api import APIClient
from docker.errors import APIError

from harness.measure.docker.client import (
    CAMPAIGN_LABEL,
    TARGET_LABEL,
    get_docker_message,
    translate_docker_errors,
)

_SHORT_ID = 12
_NO_TAG = "<none>:<none>"
"""What older engines list for an image whose tag another image has taken."""

_HAS_ENDPOINTS = "active endpoints"


def remove_leftovers(client: APIClient, campaign: str | None) -> list[str]:
    """Remove containers, networks and volumes of a campaign (None: of any), whatever their state.

    Returns their names in order.
    """
    label = CAMPAIGN_LABEL if campaign is None else f"{CAMPAIGN_LABEL}={campaign}"
    with translate_docker_errors("list the containers, networks and volumes of the harness"):
        containers = client.containers(all=True, filters={"label": label})
        networks = client.networks(filters={"label": label})
        volumes = client.volumes(filters={"label": label})["Volumes"] or []
    for container in containers:
        remove_container(client, container["Id"])
    for network in networks:
        remove_network(client, network["Id"], network["Name"])
    for volume in volumes:
        remove_volume(client, volume["Name"])
    return sorted(
        [_name_container(container) for container in containers]
        + [each["Name"] for each in (*networks, *volumes)]
    )


def _name_container(container: Mapping[str, Any]) -> str:
    """Return a container's name, or its id if it has none left, as one whose removal was cut short."""
    names = container.get("Names") or [container["Id"][:_SHORT_ID]]
    return str(names[0]).lstrip("/")


def remove_old_images(client: APIClient) -> list[str]:
    """Remove the images that were built for targets, except the newest of each target and those in use.

    Returns their names in order, and the ids of those that have lost their name.
    """
    with translate_docker_errors("list the images that were built for targets"):
        images = client.images(filters={"label": TARGET_LABEL})
    newest: set[str] = set()
    removed = []
    for image in sorted(images, key=lambda image: image["Created"], reverse=True):
        tags = [tag for tag in image["RepoTags"] or [] if tag != _NO_TAG]
        if not tags and _remove_image(client, image["Id"]):
            removed.append(image["Id"])
        for tag in tags:
            name = tag.rpartition(":")[0]
            if name in newest and _remove_image(client, tag):
                removed.append(tag)
            newest.add(name)
    return sorted(removed)


def _remove_image(client: APIClient, tag: str) -> bool:
    """Remove an image; return False if it is in use or already gone."""
    with translate_docker_errors(f"remove the image {tag}"):
        try:
            client.remove_image(tag)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise
            return False
    return True


def remove_container(client: APIClient, name: str) -> bool:
    """Remove a container with its anonymous volumes, running or not; return False if there is none."""
    with translate_docker_errors(f"remove the container {name}"), _ignore_missing():
        client.remove_container(name, force=True, v=True)
        return True
    return False


def remove_network(client: APIClient, network: str, name: str) -> None:
    """Remove a network by its id or name, if there is one; an error's text calls it `name`.

    What others have connected to it is disconnected: the network is the harness's own.
    """
    with translate_docker_errors(f"remove the network {name}"), _ignore_missing():
        try:
            client.remove_network(network)
        except APIError as error:
            if _HAS_ENDPOINTS not in get_docker_message(error):
                raise
            _disconnect_all(client, network)
            client.remove_network(network)


def _disconnect_all(client: APIClient, network: str) -> None:
    endpoints = client.inspect_network(network).get("Containers") or {}
    for endpoint in endpoints.values():
        with _ignore_missing():
            client.disconnect_container_from_network(endpoint["Name"], network, force=True)


def remove_volume(client: APIClient, name: str) -> None:
    """Remove a named volume, if there is one."""
    with translate_docker_errors(f"remove the volume {name}"), _ignore_missing():
        client.remove_volume(name)


@contextlib.contextmanager
def _ignore_missing() -> Iterator[None]:
    """Ignore the engine's refusal to remove what is gone already, or what it is removing at the moment."""
    try:
        yield
    except APIError as error:
        is_in_progress = error.status_code == 409 and "already in progress" in get_docker_message(error)
        if error.status_code != 404 and not is_in_progress:
            raise
