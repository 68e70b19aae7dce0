"""Find the names and addresses by which the services of a compose file reach each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_Values = Mapping[str, Any]

_HOST_KEY = re.compile(r"HOST|ADDR|SERVER|URL|URI|ENDPOINT|BROKER|NODE", re.IGNORECASE)
"""Variables whose value is probably a host's name."""

_ENDS = r"(?![\w.-])"
"""A name ends here."""


def find_aliases(services: _Values, name: str, names: Sequence[str], project: str = "") -> list[str]:
    """Return the further names of a service: its container's, those in networks, and those of links.

    `names` are the services that are started. A name that Compose gives a container by itself, after the
    `project`, is one of them if a service mentions it.
    """
    values = services[name]
    usual = f"{project}-{name}-1"
    mentioned = any(count_mentions(services[each], usual) for each in names)
    aliases = [str(values["container_name"])] if values.get("container_name") else []
    aliases += [usual] if mentioned and not aliases and project else []
    for network in (values.get("networks") or {}).values():
        aliases += map(str, (network or {}).get("aliases") or [])
    for other in names:
        for link in services[other].get("links") or []:
            linked, _, alias = str(link).partition(":")
            aliases += [alias] if linked == name and alias else []
    return [each for each in dict.fromkeys(aliases) if each != name]


def find_ambiguous_names(services: _Values, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each name that leads to several services here, and to one of them elsewhere, with these services.

    Here all services are in one network. Elsewhere they have networks that they don't share, or the name is
    that of a link, which only one service knows.
    """
    holders: dict[str, list[str]] = {}
    for name in names:
        for each in (name, *find_aliases(services, name, names)):
            holders.setdefault(each, []).append(name)
    links = [str(link) for name in names for link in services[name].get("links") or []]
    linked = {link.partition(":")[2] for link in links}
    for each, owners in holders.items():
        shared = set.intersection(*(set(services[name].get("networks") or ("default",)) for name in owners))
        if len(owners) > 1 and (each in linked or not shared):
            yield each, owners


def find_network_owner(services: _Values, values: _Values) -> str | None:
    """Return the service whose network another one uses; None if it has its own.

    Its name may be that of a container, which is None if the file describes no such container.
    """
    kind, _, owner = str(values.get("network_mode", "")).partition(":")
    if kind == "container":
        return find_service_of_container(services, owner)
    return owner if kind == "service" else None


def list_shared_namespaces(values: _Values) -> list[str]:
    """Return the services whose network, processes, memory or name a service shares."""
    kinds = ("network_mode", "ipc", "pid", "uts", "cgroup")
    texts = [str(values.get(kind) or "") for kind in kinds]
    return [text.removeprefix("service:") for text in texts if text.startswith("service:")]


def find_service_of_container(services: _Values, container: str) -> str | None:
    """Return the service whose container has the name; None if the file describes no such container."""
    return next((name for name, each in services.items() if each.get("container_name") == container), None)


def find_outer_service(services: _Values, name: str) -> _Values:
    """Return the service whose network another one uses, also through a third; itself if it has its own."""
    seen = [name]
    while True:
        values: _Values = services[seen[-1]]
        owner = find_network_owner(services, values)
        if owner is None or owner in seen or owner not in services:
            return values
        seen.append(owner)


def list_fixed_addresses(values: _Values) -> Iterator[tuple[str, str]]:
    """Yield the addresses that the file gives a service, each with its key."""
    for network in (values.get("networks") or {}).values():
        for key in ("ipv4_address", "ipv6_address"):
            if address := (network or {}).get(key):
                yield key, str(address)


def count_mentions(values: _Values, address: str) -> int:
    """Return how often a service mentions an address; 10.0.0.1 is not mentioned by 10.0.0.10."""
    return len(re.findall(rf"(?<![\w.]){re.escape(address)}(?![\w.])", str(values)))


def find_named_host(values: _Values, host: str) -> str | None:
    """Return where a service names another one as a host: a variable, or `command`; None if nowhere."""
    for key, text in sorted((values.get("environment") or {}).items()):
        if text is not None and (_names_host(str(text), host) or _lists_host(key, str(text), host)):
            return str(key)
    words = [str(word) for key in ("entrypoint", "command") for word in values.get(key) or []]
    option = rf"(?:^|\s)(?:-h|--?[\w-]*(?:host|server|addr)[\w-]*)[ =]{re.escape(host)}{_ENDS}"
    command = " ".join(words)
    return "command" if _names_host(command, host) or re.search(option, command) else None


def _lists_host(key: str, text: str, host: str) -> bool:
    """Return True for a variable such as DB_HOST whose value is the name, or a list with it."""
    return _HOST_KEY.search(key) is not None and host in re.split(r"[,;\s]+", text)


def _names_host(text: str, host: str) -> bool:
    """Return True for `db:5432`, `http://db/`, `postgres://u:p@db/x`, `u:p@tcp(db:1)/x` and `Host=db;Port=1`.

    The host is `db` in these examples.
    """
    name = re.escape(host)
    patterns = (
        rf"//{name}{_ENDS}(?![^/\s]*@)",
        rf"@(?:\w+\()?{name}{_ENDS}",
        rf"""(?:^|[\s,;|=("']){name}:[0-9]""",
        rf"(?i:\b(?:host|hostname|server|data source|addr|address|endpoint))\s*=\s*(?:tcp:)?{name}{_ENDS}",
    )
    return any(re.search(pattern, text) for pattern in patterns)
