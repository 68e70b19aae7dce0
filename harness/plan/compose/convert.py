"""Convert a service of a compose file, with the services that it depends on, into a target's mapping.

A key that can't be honoured becomes a note if the service is the same without it, else a fault.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.plan.compose.syntax import (
    find_hard_limit,
    parse_mount,
    parse_port,
    read_dotenv,
    split_pair,
    to_target_name,
)
from harness.plan.schema.quoting import quote
from harness.plan.schema.units import parse_memory_bytes

_Values = Mapping[str, Any]

_CONVERTED_KEYS = frozenset(
    "image build environment env_file command entrypoint user tmpfs ulimits cap_add volumes ports expose "
    "healthcheck depends_on links deploy mem_limit cpus network_mode".split()
)
_HARMLESS_KEYS = frozenset(
    "container_name restart labels logging networks hostname profiles init stop_signal stop_grace_period "
    "platform pull_policy tty stdin_open annotations scale attach cap_drop mem_reservation "
    "memswap_limit cpu_shares oom_score_adj".split()
)
"""Keys without effect on a single fresh container that has its own limits."""

_REFUSED_KEYS = frozenset("privileged devices pid ipc cgroup_parent volumes_from extends provider".split())
"""Keys that can't be honoured, although the service would be a different one without them."""

_KNOWN_KEYS = _CONVERTED_KEYS | _HARMLESS_KEYS | _REFUSED_KEYS

_KNOWN_PORTS = {
    "postgres": 5432,
    "postgis": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "redis": 6379,
    "valkey": 6379,
    "mongo": 27017,
    "rabbitmq": 5672,
    "memcached": 11211,
    "elasticsearch": 9200,
    "kafka": 9092,
    "nats": 4222,
}
"""The ports of well-known images, by the last part of the image's name."""

_REFERENCE = re.compile(r"\$(?:\$|\{(?P<braced>\w+)(?:(?P<how>:?[-?+])(?P<other>[^}]*))?\}|(?P<plain>\w+))")


@dataclass(slots=True)
class ComposeTarget:
    """A target's mapping as in target.yaml, notes on what it leaves out, and faults that make it useless."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def convert_service(document: object, service: str, folder: Path, environ: _Values) -> ComposeTarget:
    """Convert a service; `document` is the content of the compose file, which lies in `folder`."""
    result = ComposeTarget()
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not isinstance(services.get(service), dict):
        known = ", ".join(sorted(map(str, services))) if isinstance(services, dict) else "none"
        result.faults.append(f"has no service {quote(service)}; its services: {known}")
        return result
    converter = _ServiceConverter(folder, {**read_dotenv(folder / ".env"), **environ}, environ, result)
    names = list(list_services(services, service))
    result.values = converter.convert_target(service, services[service])
    companions = {
        name: converter.convert_companion(name, services[name]) for name in names if name != service
    }
    if companions:
        result.values["companions"] = companions
    return result


def list_services(services: _Values, service: str) -> Iterator[str]:
    """Yield the names of a service and of all services that it depends on, each once, dependencies first."""
    seen: set[str] = set()

    def walk(name: str, dependents: tuple[str, ...]) -> Iterator[str]:
        if name in seen or name in dependents or not isinstance(services.get(name), dict):
            return
        for dependency in _list_dependencies(services[name]):
            yield from walk(dependency, (*dependents, name))
        seen.add(name)
        yield name

    return walk(service, ())


def _list_dependencies(values: _Values) -> list[str]:
    links = [str(link).partition(":")[0] for link in values.get("links") or []]
    return [*map(str, values.get("depends_on") or []), *links]


def _find_port(values: _Values) -> int | None:
    """Return the first port that a service publishes or exposes."""
    ports = [*map(parse_port, values.get("ports") or []), *map(parse_port, values.get("expose") or [])]
    return next(filter(None, ports), None)


def _find_known_port(values: _Values) -> int | None:
    """Return the port of a well-known image."""
    image = str(values.get("image", "")).rpartition("/")[2].partition(":")[0]
    return _KNOWN_PORTS.get(image)


@dataclass(frozen=True, slots=True)
class _ServiceConverter:
    """The converter of a compose file's services; it adds notes and faults to `result`."""

    folder: Path
    variables: _Values
    """The variables of the `.env` file in `folder`, overridden by the caller's environment."""
    environ: _Values
    result: ComposeTarget

    def convert_target(self, name: str, values: _Values) -> dict[str, Any]:
        section = self._convert_common_keys(name, values)
        if port := _find_port(values):
            section["port"] = port
        if values.get("network_mode") == "host":
            section["network"] = "host"
        if command := self._read_healthcheck(values):
            section["ready"] = {"command": command}
        return {"name": to_target_name(name), **section}

    def convert_companion(self, name: str, values: _Values) -> dict[str, Any]:
        section = self._convert_common_keys(name, values)
        if command := self._read_healthcheck(values):
            section["ready"] = {"command": command}
        elif port := _find_port(values) or _find_known_port(values):
            section["ready"] = {"port": port}
        return section | self._read_limits(values)

    def _convert_common_keys(self, name: str, values: _Values) -> dict[str, Any]:
        self._check_keys(name, values)
        section: dict[str, Any] = {}
        if isinstance(values.get("build"), str | dict):
            section["build"] = self._read_build(values["build"])
        elif "image" in values:
            section["image"] = self._resolve(values["image"])
        if environment := self._read_environment(name, values):
            section["environment"] = environment
        for key in ("command", "entrypoint"):
            if arguments := self._read_command(values.get(key)):
                section[key] = arguments
        if "user" in values:
            section["user"] = self._resolve(values["user"])
        if tmpfs := self._read_list(values, "tmpfs"):
            section["tmpfs"] = tmpfs
        if capabilities := self._read_list(values, "cap_add"):
            section["capabilities"] = capabilities
        if ulimits := values.get("ulimits"):
            section["ulimits"] = {key: find_hard_limit(ulimit) for key, ulimit in ulimits.items()}
        if files := self._read_files(name, values):
            section["files"] = files
        return section

    def _check_keys(self, name: str, values: _Values) -> None:
        for key in values:
            if key in _REFUSED_KEYS and values[key]:
                self.result.faults.append(
                    f"{name}: {key} can't be honoured, and the service would be a different one without it"
                )
            elif key not in _KNOWN_KEYS and not str(key).startswith("x-"):
                self.result.notes.append(f"{name}: {key} is not honoured")

    def _resolve(self, value: object) -> str:
        """Return the text with every reference replaced by its value."""
        return _REFERENCE.sub(lambda match: self._look_up(match, keeps_callers=False), str(value))

    def _keep_references(self, value: object) -> str:
        """Return the text with the references replaced, except those to the caller's environment.

        These stay, because the values of the caller's environment are never stored.
        """
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _REFERENCE.sub(lambda match: self._look_up(match, keeps_callers=True), text)

    def _look_up(self, match: re.Match[str], *, keeps_callers: bool) -> str:
        """Return the value of a reference; `keeps_callers`: leave references to the caller's environment."""
        name = match["braced"] or match["plain"]
        if name is None:
            return "$"
        if keeps_callers and name in self.environ:
            return f"${{{name}}}"
        if self.variables.get(name) or (name in self.variables and not (match["how"] or "").startswith(":")):
            return str(self.variables[name])
        if match["how"] in (":-", "-"):
            return str(match["other"])
        self.result.notes.append(f"{name} is not set, and counts as empty")
        return ""

    def _read_environment(self, name: str, values: _Values) -> dict[str, str]:
        environment: dict[str, str] = {}
        files = values.get("env_file") or []
        for file in [files] if isinstance(files, str | dict) else files:
            path = self.folder / str(file.get("path", "") if isinstance(file, dict) else file)
            if not path.is_file():
                self.result.notes.append(f"{name}: its env_file {path.name} is not there")
            environment |= {key: value.replace("${", "$${") for key, value in read_dotenv(path).items()}
        variables = values.get("environment") or {}
        pairs = (
            variables.items()
            if isinstance(variables, dict)
            else (split_pair(str(each)) for each in variables)
        )
        for key, value in pairs:
            if value is not None:
                environment[str(key)] = self._keep_references(value)
            elif key in self.environ:
                environment[str(key)] = f"${{{key}}}"
        return environment

    def _read_command(self, value: object) -> list[str]:
        if isinstance(value, str):
            return shlex.split(self._resolve(value))
        return [self._resolve(word) for word in value] if isinstance(value, list) else []

    def _read_list(self, values: _Values, key: str) -> list[str]:
        items = values.get(key) or []
        return [str(item).partition(":")[0] for item in ([items] if isinstance(items, str) else items)]

    def _read_build(self, build: str | _Values) -> dict[str, Any]:
        if isinstance(build, str):
            return {"context": str(self.folder / self._resolve(build))}
        args = build.get("args") or {}
        pairs = args.items() if isinstance(args, dict) else (split_pair(str(each)) for each in args)
        section = {"context": str(self.folder / self._resolve(build.get("context", ".")))}
        if "dockerfile" in build:
            section["dockerfile"] = str(build["dockerfile"])
        resolved = {str(key): self._resolve(value) for key, value in pairs if value is not None}
        return section | ({"args": resolved} if resolved else {})

    def _read_files(self, name: str, values: _Values) -> dict[str, str]:
        """Return the bind mounts, as files by their path in the container; note what differs from compose."""
        files = {}
        for volume in values.get("volumes") or []:
            source, inside, is_writable = parse_mount(volume)
            source = self._resolve(source)
            if not source.startswith((".", "/", "~")):
                self.result.notes.append(f"{name}: its volume at {inside} begins empty in every container")
                continue
            files[inside] = str((self.folder / Path(source).expanduser()).resolve())
            if is_writable:
                self.result.notes.append(f"{name}: {inside} is mounted read-only")
        return files

    def _read_healthcheck(self, values: _Values) -> list[str]:
        test = (values.get("healthcheck") or {}).get("test")
        if isinstance(test, str):
            return ["sh", "-c", self._resolve(test)]
        if isinstance(test, list) and test[:1] == ["CMD-SHELL"]:
            return ["sh", "-c", self._resolve(" ".join(map(str, test[1:])))]
        if isinstance(test, list) and test[:1] == ["CMD"]:
            return [self._resolve(word) for word in test[1:]]
        return []

    def _read_limits(self, values: _Values) -> dict[str, Any]:
        """Return a companion's limits; nothing unless the compose file has both CPU and memory."""
        limits = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        cpus, memory = limits.get("cpus", values.get("cpus")), limits.get("memory", values.get("mem_limit"))
        if cpus is None or memory is None:
            return {}
        return {"limits": {"cpus": float(cpus), "memory": parse_memory_bytes(str(memory).rstrip("bB"))}}
