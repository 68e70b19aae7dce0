"""Find the mounts of a service, with those that it takes from other services by `volumes_from`."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.plan.compose.names import find_service_of_container

_Values = Mapping[str, Any]


class VolumesOrigin(NamedTuple):
    """A service whose volumes another one has too; None for a container that the file does not describe."""

    service: str | None
    is_read_only: bool
    text: str


def list_origins(services: _Values, values: _Values) -> list[VolumesOrigin]:
    """Return the services that a service takes volumes from, in the order of the file."""
    origins = []
    for text in values.get("volumes_from") or []:
        is_container = str(text).startswith("container:")
        name, _, mode = str(text).removeprefix("container:").partition(":")
        service = find_service_of_container(services, name) if is_container else name
        origins.append(VolumesOrigin(service, mode == "ro", str(text)))
    return origins


def collect_mounts(services: _Values, name: str, takers: tuple[str, ...] = ()) -> list[_Values]:
    """Return the mounts of a service. At one place its own go before those that it takes from others.

    Folders in memory are not taken, as Docker does it. `takers` are the services that led here.
    """
    mounts: dict[str, _Values] = {}
    for origin in list_origins(services, services[name]):
        service = origin.service
        if service is None or service not in services or service in (*takers, name):
            continue
        for mount in collect_mounts(services, service, (*takers, name)):
            if mount.get("type") != "tmpfs":
                given = {"read_only": True} if origin.is_read_only else {}
                mounts[str(mount.get("target"))] = {**mount, **given}
    mounts |= {str(mount.get("target")): mount for mount in _list_own_mounts(services, name)}
    return list(mounts.values())


def _list_own_mounts(services: _Values, name: str) -> list[_Values]:
    """Return the mounts that a service has itself; nameless volumes get a name if others take them."""
    mounts: list[_Values] = services[name].get("volumes") or []
    takers = (each for each in services.values() if isinstance(each, Mapping))
    if not any(origin.service == name for each in takers for origin in list_origins(services, each)):
        return mounts
    return [
        {**mount, "source": name + re.sub(r"\W+", ".", str(mount.get("target")), flags=re.ASCII)}
        if mount.get("type") == "volume" and not mount.get("source")
        else mount
        for mount in mounts
    ]
