"""Find the services that a service of a compose file depends on, in the order in which they start."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from harness.plan.compose.names import find_network_owner, list_shared_namespaces
from harness.plan.compose.service_keys import read_replicas
from harness.plan.compose.volumes_from import list_origins

_Values = Mapping[str, Any]


def list_services(services: _Values, service: str, also: Sequence[str] = ()) -> Iterator[str]:
    """Yield the names of a service and of all services that it depends on, each once, dependencies first.

    It depends on those in `also` too. A service of which the file wants no container is left out.
    """
    seen: set[str] = set()

    def walk(name: str, dependents: tuple[str, ...]) -> Iterator[str]:
        if name in seen or name in dependents or not isinstance(services.get(name), dict):
            return
        if dependents and read_replicas(services[name]) == 0:
            return
        for dependency in [*list_dependencies(services, name), *(() if dependents else sorted(also))]:
            yield from walk(dependency, (*dependents, name))
        seen.add(name)
        yield name

    return walk(service, ())


def list_dependencies(services: _Values, name: str) -> list[str]:
    """Return the services that a service itself depends on, in whatever way, sorted by name."""
    values = services[name]
    links = [str(link).partition(":")[0] for link in values.get("links") or []]
    owner = find_network_owner(services, values)
    shared = [*([] if owner is None else [owner]), *list_shared_namespaces(values)]
    origins = [origin.service for origin in list_origins(services, values) if origin.service is not None]
    return sorted({*map(str, values.get("depends_on") or []), *links, *shared, *origins})


def list_optional_dependencies(services: _Values, name: str, profiles: Collection[str]) -> list[str]:
    """Return what a service depends on only if it is there, and is not: its profile is not switched on."""
    conditions = services[name].get("depends_on")
    if not isinstance(conditions, dict):
        return []
    return [
        dependency
        for dependency, condition in conditions.items()
        if is_optional(condition)
        and dependency in services
        and not is_switched_on(services[dependency], profiles)
    ]


def is_optional(condition: Any) -> bool:
    """Return True for a dependency that need not be there."""
    return isinstance(condition, Mapping) and condition.get("required", True) in (False, "false")


def is_switched_on(values: _Values | None, profiles: Collection[str]) -> bool:
    """Return True for a service of no profile, or of one of these; `*` stands for all."""
    own = (values or {}).get("profiles")
    return not own or not {"*", *own}.isdisjoint(profiles)


def find_cycle(services: _Values, names: Sequence[str]) -> list[str]:
    """Return services of which each depends on the next, and the last one on the first; empty without any."""
    free: set[str] = set()

    def walk(name: str, dependents: tuple[str, ...]) -> list[str]:
        if name in dependents:
            return list(dependents[dependents.index(name) :])
        if name in free or name not in names:
            return []
        for dependency in list_dependencies(services, name):
            if cycle := walk(dependency, (*dependents, name)):
                return cycle
        free.add(name)
        return []

    return next((cycle for name in names if (cycle := walk(name, ()))), [])
