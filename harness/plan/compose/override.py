"""Merge compose files in their long forms, as the compose specification says: the later one overrides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.plan.compose.syntax import format_scalar

KeyPath = tuple[str, ...]


def merge_models(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overridden by `other`: mappings by key, lists joined, any other value replaced.

    Raises:
        ValueError: a mapping, a list or a scalar would be overridden by a value of another kind.
    """
    return _merge_mappings(base, other, ())


def merge_services(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the service `base` overridden by the service `other`; raise ValueError as `merge_models`."""
    return _merge_mappings(base, other, ("services", "*"))


def _merge_mappings(base: Mapping[str, Any], other: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
    result = dict(base)
    for key, value in other.items():
        result[key] = _merge_values(base[key], value, (*path, key)) if key in base else value
    return result


def _merge_values(base: Any, other: Any, path: KeyPath) -> Any:
    if _is_replaced(base, other, path):
        return other
    if other is None:
        return base
    if isinstance(base, Mapping) and isinstance(other, Mapping):
        return _merge_mappings(base, other, path)
    if isinstance(base, list) and isinstance(other, list):
        return _join_lists(base, other, path)
    if base is not None and isinstance(base, Mapping | list) != isinstance(other, Mapping | list):
        raise ValueError(f"{'.'.join(path)} can't be overridden by a value of another kind")
    return other


def _is_replaced(base: Any, other: Any, path: KeyPath) -> bool:
    """Return True for values that are never merged."""
    match path:
        case ("services", _, "command" | "entrypoint") | ("services", _, "healthcheck", "test"):
            return True
        case ("services", _, "ulimits", _) | ("services", _, "environment" | "labels" | "sysctls", _):
            return True
        case ("services", _, "build", "args", _):
            return True
        case ("services", _, "logging") if isinstance(base, Mapping) and isinstance(other, Mapping):
            return "driver" in base and "driver" in other and base["driver"] != other["driver"]
        case _:
            return False


def _join_lists(base: Sequence[Any], other: Sequence[Any], path: KeyPath) -> list[Any]:
    """Return both lists; of two items that stand for the same thing, the later one replaces the first."""
    find_key = _KEYS.get(path[2]) if len(path) == 3 and path[0] == "services" else None
    if find_key is None:
        return [*base, *(each for each in other if path[2:] != ("extra_hosts",) or each not in base)]
    items = {find_key(each): each for each in base}
    items |= {find_key(each): each for each in other}
    return list(items.values())


def _key_of_port(port: Mapping[str, Any]) -> str:
    return f"{port.get('host_ip', '')}:{port.get('published')}:{port.get('target')}/{port.get('protocol')}"


def _key_of_grant(grant: Mapping[str, Any]) -> str:
    return str(grant.get("target") or grant.get("source"))


def _key_of_pair(text: object) -> str:
    return format_scalar(text).partition("=")[0]


_KEYS: Mapping[str, Callable[[Any], str]] = {
    "ports": _key_of_port,
    "volumes": lambda mount: str(mount.get("target")),
    "secrets": _key_of_grant,
    "configs": _key_of_grant,
    "env_file": lambda file: str(file["path"]),
    **dict.fromkeys(
        ("cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose", "links", "profiles", "tmpfs"),
        _key_of_pair,
    ),
}
"""What an item of a service's list stands for: two items with the same key are one."""


def drop_repetitions(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service without items of its lists that a later item of the same list stands for."""
    return {
        key: list({_KEYS[key](each): each for each in value}.values())
        if key in _KEYS and isinstance(value, list)
        else value
        for key, value in service.items()
    }


def drop_paths(model: Mapping[str, Any], paths: Sequence[KeyPath]) -> dict[str, Any]:
    """Return the model without the values at these paths, which a later file resets or replaces."""
    result = dict(model)
    for path in paths:
        result = _drop_path(result, path)
    return result


def _drop_path(values: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
    if not path or path[0] not in values:
        return dict(values)
    if len(path) == 1:
        return {key: value for key, value in values.items() if key != path[0]}
    child = values[path[0]]
    return {**values, path[0]: _drop_path(child, path[1:])} if isinstance(child, Mapping) else dict(values)
