"""A service of a compose file, with those it depends on, as a target's mapping with its companions.

What can't be honoured is told, as a note where the service still runs and as a fault where it would not be
the same one.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.plan.compose.syntax import dotenv, hard, mount, pair, port_of, slug
from harness.plan.schema.units import memory_bytes, quoted

Values = Mapping[str, Any]

MEANT = frozenset(
    "image build environment env_file command entrypoint user tmpfs ulimits cap_add volumes ports expose "
    "healthcheck depends_on links deploy mem_limit cpus network_mode".split()
)
HARMLESS = frozenset(
    "container_name restart labels logging networks hostname profiles init stop_signal stop_grace_period "
    "platform pull_policy tty stdin_open annotations scale attach cap_drop mem_reservation "
    "memswap_limit cpu_shares oom_score_adj".split()
)
"""What makes no difference to a single fresh container under limits of its own."""

REFUSED = frozenset("privileged devices pid ipc cgroup_parent volumes_from extends provider".split())
"""Without these it would be another service."""

PORTS = {
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
"""Where well-known images listen, by the last part of their names."""

REFERENCE = re.compile(r"\$(?:\$|\{(?P<braced>\w+)(?:(?P<how>:?[-?+])(?P<other>[^}]*))?\}|(?P<plain>\w+))")


@dataclass(slots=True)
class Composed:
    """A target's mapping as target.yaml would have it; what is left out of it, and what forbids it."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def composed(document: object, service: str, folder: Path, environ: Values) -> Composed:
    """`document` is the compose file's content, `folder` its place, `environ` the caller's environment."""
    found = Composed()
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not isinstance(services.get(service), dict):
        names = ", ".join(sorted(map(str, services))) if isinstance(services, dict) else "none"
        found.faults.append(f"has no service {quoted(service)}; its services: {names}")
        return found
    reader = _Reader(folder, {**dotenv(folder / ".env"), **environ}, environ, found)
    order = list(needed(services, service))
    found.values = reader.target(service, services[service])
    beside = {name: reader.companion(name, services[name]) for name in order if name != service}
    if beside:
        found.values["companions"] = beside
    return found


def needed(services: Values, service: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """The service and all that it depends on, each once, what is needed first."""
    seen: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in seen or name in above or not isinstance(services.get(name), dict):
            return
        for other in depends_on(services[name]):
            yield from walk(other, (*above, name))
        seen.add(name)
        yield name

    return walk(service, above)


def depends_on(values: Values) -> list[str]:
    links = [str(link).partition(":")[0] for link in values.get("links") or []]
    return [*map(str, values.get("depends_on") or []), *links]


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    known: Values
    """The caller's environment and, below it, the `.env` file beside the compose file."""
    environ: Values
    found: Composed

    def target(self, name: str, values: Values) -> dict[str, Any]:
        section = self._service(name, values)
        ports = [*map(port_of, values.get("ports") or []), *map(port_of, values.get("expose") or [])]
        if port := next(filter(None, ports), None):
            section["port"] = port
        if values.get("network_mode") == "host":
            section["network"] = "host"
        if command := self._health(values):
            section["ready"] = {"command": command}
        return {"name": slug(name), **section}

    def companion(self, name: str, values: Values) -> dict[str, Any]:
        section = self._service(name, values)
        if command := self._health(values):
            section["ready"] = {"command": command}
        elif port := self._listens(values):
            section["ready"] = {"port": port}
        return section | self._limits(values)

    def _service(self, name: str, values: Values) -> dict[str, Any]:
        self._look_over(name, values)
        section: dict[str, Any] = {}
        if isinstance(values.get("build"), str | dict):
            section["build"] = self._build(values["build"])
        elif "image" in values:
            section["image"] = self._filled(values["image"])
        if environment := self._environment(name, values):
            section["environment"] = environment
        for key in ("command", "entrypoint"):
            if words := self._words(values.get(key)):
                section[key] = words
        if "user" in values:
            section["user"] = self._filled(values["user"])
        section |= {
            key: many
            for key, many in (
                ("tmpfs", self._list(values, "tmpfs")),
                ("capabilities", self._list(values, "cap_add")),
            )
            if many
        }
        if ulimits := values.get("ulimits"):
            section["ulimits"] = {key: hard(most) for key, most in ulimits.items()}
        if files := self._files(name, values):
            section["files"] = files
        return section

    def _look_over(self, name: str, values: Values) -> None:
        for key in values:
            if key in REFUSED and values[key]:
                self.found.faults.append(
                    f"{name}: {key} can't be honoured, and without it this is another service"
                )
            elif key not in MEANT | HARMLESS | REFUSED and not str(key).startswith("x-"):
                self.found.notes.append(f"{name}: {key} is not honoured")

    def _filled(self, value: object) -> str:
        """With every reference replaced by its value."""
        return REFERENCE.sub(lambda match: self._value(match, keep=False), str(value))

    def _kept(self, value: object) -> str:
        """With references to the caller's environment left as references, whose values are never stored."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return REFERENCE.sub(lambda match: self._value(match, keep=True), text)

    def _value(self, match: "re.Match[str]", *, keep: bool) -> str:
        name = match["braced"] or match["plain"]
        if name is None:
            return "$"
        if name in self.environ and keep:
            return f"${{{name}}}"
        if self.known.get(name) or (name in self.known and not (match["how"] or "").startswith(":")):
            return str(self.known[name])
        if match["how"] in (":-", "-"):
            return str(match["other"])
        self.found.notes.append(f"{name} is not set, and counts as empty")
        return ""

    def _environment(self, name: str, values: Values) -> dict[str, str]:
        found: dict[str, str] = {}
        files = values.get("env_file") or []
        for file in [files] if isinstance(files, str | dict) else files:
            path = self.folder / str(file.get("path", "") if isinstance(file, dict) else file)
            if not path.is_file():
                self.found.notes.append(f"{name}: its env_file {path.name} is not there")
            found |= {key: value.replace("${", "$${") for key, value in dotenv(path).items()}
        given = values.get("environment") or {}
        pairs = given.items() if isinstance(given, dict) else (pair(str(each)) for each in given)
        for key, value in pairs:
            if value is not None:
                found[str(key)] = self._kept(value)
            elif key in self.environ:
                found[str(key)] = f"${{{key}}}"
        return found

    def _words(self, value: object) -> list[str]:
        if isinstance(value, str):
            return shlex.split(self._filled(value))
        return [self._filled(word) for word in value] if isinstance(value, list) else []

    def _list(self, values: Values, key: str) -> list[str]:
        given = values.get(key) or []
        return [str(each).partition(":")[0] for each in ([given] if isinstance(given, str) else given)]

    def _build(self, build: str | Values) -> dict[str, Any]:
        if isinstance(build, str):
            return {"context": str(self.folder / self._filled(build))}
        args = build.get("args") or {}
        pairs = args.items() if isinstance(args, dict) else (pair(str(each)) for each in args)
        section = {"context": str(self.folder / self._filled(build.get("context", ".")))}
        if "dockerfile" in build:
            section["dockerfile"] = str(build["dockerfile"])
        filled = {str(key): self._filled(value) for key, value in pairs if value is not None}
        return section | ({"args": filled} if filled else {})

    def _files(self, name: str, values: Values) -> dict[str, str]:
        """Binds, read-only. What is in a volume of its own is as fresh as the container."""
        found = {}
        for volume in values.get("volumes") or []:
            source, inside, is_writable = mount(volume)
            source = self._filled(source)
            if not source.startswith((".", "/", "~")):
                self.found.notes.append(f"{name}: its volume at {inside} begins empty in every container")
                continue
            found[inside] = str((self.folder / Path(source).expanduser()).resolve())
            if is_writable:
                self.found.notes.append(f"{name}: {inside} is mounted read-only")
        return found

    def _health(self, values: Values) -> list[str]:
        test = (values.get("healthcheck") or {}).get("test")
        if isinstance(test, str):
            return ["sh", "-c", self._filled(test)]
        if isinstance(test, list) and test[:1] == ["CMD-SHELL"]:
            return ["sh", "-c", self._filled(" ".join(map(str, test[1:])))]
        return (
            [self._filled(word) for word in test[1:]]
            if isinstance(test, list) and test[:1] == ["CMD"]
            else []
        )

    def _listens(self, values: Values) -> int | None:
        given = [*map(port_of, values.get("ports") or []), *map(port_of, values.get("expose") or [])]
        image = str(values.get("image", "")).rpartition("/")[2].partition(":")[0]
        return next(filter(None, given), PORTS.get(image))

    def _limits(self, values: Values) -> dict[str, Any]:
        """What the compose file gives a companion; nothing where it names only half of it."""
        most = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        cpus, memory = most.get("cpus", values.get("cpus")), most.get("memory", values.get("mem_limit"))
        if cpus is None or memory is None:
            return {}
        return {"limits": {"cpus": float(cpus), "memory": memory_bytes(str(memory).rstrip("bB"))}}
