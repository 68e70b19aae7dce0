"""Write a compose file's short notations out in their long forms, with absolute paths.

Afterwards a key has one form only, which is also that of `docker compose config`.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.plan.compose.syntax import (
    format_scalar,
    parse_command,
    parse_ports,
    split_host_entry,
    to_list,
    to_mapping,
)

Tree = dict[str, Any]
_REMOTE = re.compile(
    r"[a-z][a-z0-9+.-]*://|git@|github\.com/|docker-image:|oci-layout:|service:", re.IGNORECASE
)
_MAPPINGS = ("environment", "labels", "annotations", "sysctls")
_DRIVE = re.compile(r"[A-Za-z]:(?=[/\\])")
"""The drive of a path on Windows."""
_PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_LISTS = ("tmpfs", "dns", "dns_search", "label_file")
_TEXTS = ("expose", "cap_add", "cap_drop", "group_add", "links", "profiles", "security_opt", "dns_opt")


def canonicalize(document: Tree, folder: Path, home: str) -> Tree:
    """Return a compose file's content in long forms; relative paths are those of `folder`, `~` is `home`.

    Raises:
        ValueError: a value has no form that Compose knows; with its place.
    """
    result = dict(document)
    services = document.get("services") or {}
    result["services"] = {
        name: _canonicalize_service(name, service or {}, folder, home) for name, service in services.items()
    }
    for section in ("secrets", "configs"):
        result[section] = {
            name: _resolve_file(each or {}, folder, home)
            for name, each in (document.get(section) or {}).items()
        }
    for section in ("networks", "volumes"):
        result[section] = {name: dict(each or {}) for name, each in (document.get(section) or {}).items()}
    for volume in result["volumes"].values():
        volume |= _resolve_bind_device(volume, folder, home)
    return result


def _resolve_file(values: Tree, folder: Path, home: str) -> Tree:
    return (
        {**values, "file": resolve_path(values["file"], folder, home)} if "file" in values else dict(values)
    )


def _resolve_bind_device(volume: Tree, folder: Path, home: str) -> Tree:
    """Return the options of a volume that is a folder of the host, with an absolute path."""
    options = volume.get("driver_opts") or {}
    if not {"bind", "rbind"} & {*str(options.get("o", "")).split(",")} or "device" not in options:
        return {}
    return {"driver_opts": {**options, "device": resolve_path(options["device"], folder, home)}}


def resolve_path(path: object, folder: Path, home: str) -> str:
    """Return a path as an absolute one; `~` is `home`."""
    text = str(path)
    if text == "~" or text.startswith("~/"):
        text = home + text[1:]
    return os.path.normpath(folder / text)


def _canonicalize_service(name: str, service: Tree, folder: Path, home: str) -> Tree:
    result = dict(service)
    long_forms: Mapping[str, Callable[[Any], Any]] = {
        **dict.fromkeys(_MAPPINGS, to_mapping),
        **dict.fromkeys(_LISTS, to_list),
        **dict.fromkeys(_TEXTS, lambda value: [format_scalar(each) for each in value]),
        "command": parse_command,
        "entrypoint": parse_command,
        "build": lambda value: _canonicalize_build(value, folder, home),
        "depends_on": _canonicalize_dependencies,
        "env_file": lambda value: [_canonicalize_env_file(each, folder, home) for each in to_list(value)],
        "extends": lambda value: _canonicalize_extends(value, folder, home),
        "extra_hosts": canonicalize_hosts,
        "networks": lambda value: value if isinstance(value, dict) else dict.fromkeys(value),
        "ports": lambda value: [port for each in value for port in parse_ports(each)],
        "volumes": lambda value: [_canonicalize_mount(each, folder, home) for each in value],
        "healthcheck": _canonicalize_healthcheck,
        "secrets": _canonicalize_grants,
        "configs": _canonicalize_grants,
    }
    for key, value in service.items():
        if value is None and key not in ("command", "entrypoint"):
            del result[key]
        elif key in long_forms:
            try:
                result[key] = long_forms[key](value)
            except ValueError as error:
                raise ValueError(f"services.{name}.{key}: {error}") from None
    return result


def is_remote_context(text: str) -> bool:
    """Return True for a build context that is no folder: an image, a repository, another service."""
    return _REMOTE.match(text) is not None


def _canonicalize_build(value: Any, folder: Path, home: str) -> Tree:
    build = {"context": value} if isinstance(value, str) else dict(value)
    if "context" in build:
        context = str(build["context"])
        build["context"] = context if is_remote_context(context) else resolve_path(context, folder, home)
    if "args" in build:
        build["args"] = to_mapping(build["args"])
    if "additional_contexts" in build:
        contexts = to_mapping(build["additional_contexts"])
        build["additional_contexts"] = {
            name: path if is_remote_context(path or "") else resolve_path(path or ".", folder, home)
            for name, path in contexts.items()
        }
    if "extra_hosts" in build:
        build["extra_hosts"] = canonicalize_hosts(build["extra_hosts"])
    if "ssh" in build:
        keys = to_mapping(build["ssh"]).items()
        build["ssh"] = [f"{key}={resolve_path(path, folder, home)}" if path else key for key, path in keys]
    if "secrets" in build:
        build["secrets"] = _canonicalize_grants(to_list(build["secrets"]))
    return build


def _canonicalize_dependencies(value: Any) -> Tree:
    usual = {"condition": "service_started", "required": True}
    if isinstance(value, dict):
        return {name: {**usual, **(each or {})} for name, each in value.items()}
    return {name: dict(usual) for name in value}


def _canonicalize_env_file(value: Any, folder: Path, home: str) -> Tree:
    values = {"path": value} if isinstance(value, str) else value
    if "path" not in values:
        raise ValueError("an entry has no path")
    return {"required": True, **values, "path": resolve_path(values["path"], folder, home)}


def _canonicalize_extends(value: Any, folder: Path, home: str) -> Tree:
    if isinstance(value, str):
        return {"service": value}
    if "service" not in value:
        raise ValueError("names no service")
    return _resolve_file(value, folder, home)


def canonicalize_hosts(value: Any) -> list[str]:
    """Return extra hosts as a list of `name:address`."""
    if isinstance(value, dict):
        return [f"{name}:{str(each).strip('[]')}" for name, given in value.items() for each in to_list(given)]
    return [":".join(split_host_entry(str(each))) for each in value]


def _canonicalize_healthcheck(value: Tree) -> Tree:
    test = value.get("test")
    return {**value, "test": ["CMD-SHELL", test]} if isinstance(test, str) else value


def _canonicalize_grants(value: list[Any]) -> list[Tree]:
    return [{"source": each} if isinstance(each, str) else each for each in value]


def _canonicalize_mount(value: Any, folder: Path, home: str) -> Tree:
    mount = dict(value) if isinstance(value, dict) else _parse_mount(str(value))
    if mount.get("type") == "bind" and "source" in mount and not _DRIVE.match(str(mount["source"])):
        mount["source"] = resolve_path(mount["source"], folder, home)
    if "target" in mount:
        mount["target"] = os.path.normpath(str(mount["target"]))
    return mount


def _parse_mount(text: str) -> Tree:
    """Return the long form of `source:target:options`, or of a target alone."""
    drive = _DRIVE.match(text)
    parts = [drive[0] + each for each in text[2:].split(":")[:1]] if drive else []
    parts += text[2:].split(":")[1:] if drive else text.split(":")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f'"{text}" is not source:target, nor source:target:options')
    if len(parts) == 1:
        return {"type": "volume", "target": text}
    source, target, options = parts[0], parts[1], ",".join(parts[2:]).split(",")
    is_bind = drive is not None or source.startswith((".", "/", "~"))
    mount: Tree = {"type": "bind" if is_bind else "volume", "source": source, "target": target}
    if "ro" in options:
        mount["read_only"] = True
    bind: Tree = {"create_host_path": True} if is_bind else {}
    for option in options:
        if option in ("z", "Z"):
            bind["selinux"] = option
        elif option in _PROPAGATIONS:
            bind["propagation"] = option
    if not is_bind and "nocopy" in options:
        mount["volume"] = {"nocopy": True}
    return mount | ({"bind": bind} if bind else {})
